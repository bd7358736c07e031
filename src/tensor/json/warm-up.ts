// Runs the decoder on made-up bodies so that V8 has compiled its loops before the first client comes. Without it the first large body
// makes V8 replace the running loop in mid-flight (OSR), and on Node 20 the decoder then stays about a fifth slower for good.

import type { DType } from '../dtype.ts';
import { defaultJsonLimits } from './limits.ts';
import { PredictDecoder } from './predict-decoder.ts';

const rounds = 250;
/** Small against a body, so that the cut at the end of a chunk is met too. */
const chunkBytes = 701;

/** Numbers as clients write them: short, long, with an exponent, negative, whole. */
const forms: readonly ((seed: number) => string)[] = [
  (seed) => (seed / 997).toFixed(7),
  (seed) => String(-seed / 997),
  (seed) => (seed * 1e-9).toExponential(5),
  (seed) => String(seed),
];

function body(form: (seed: number) => string, gap: string): Buffer {
  const triple = (seed: number) => `[${[seed, seed + 7, seed + 11].map((n) => form((n * 31) % 1000)).join(`,${gap}`)}]`;
  const rows = Array.from({ length: 40 }, (_, row) => `[${triple(row)},${gap}${triple(row + 3)}]`);
  return Buffer.from(`{"instances":${gap}[${rows.join(`,${gap}`)}]}`);
}

/** Takes about a tenth of a second, once; the result is only the compiled code. */
export function warmUpDecoder(): void {
  const bodies = ['', ' '].flatMap((gap) => forms.map((form) => body(form, gap)));
  const whole = ['', ' '].map((gap) => body(forms[3], gap));
  for (let round = 0; round < rounds; round++) {
    for (const one of bodies) decode(one, 'DT_FLOAT');
    for (const one of whole) decode(one, 'DT_INT32');
  }
}

function decode(bytes: Buffer, dtype: DType): void {
  const signature = { name: '', methodName: '', inputs: [{ alias: 'x', tensorName: 'x:0', dtype, shape: null }], outputs: [] };
  const decoder = new PredictDecoder({
    limits: defaultJsonLimits,
    sizeHint: bytes.length,
    shapes: 'compat',
    allowNonFinite: false,
    signature: () => signature,
    hasChoice: false,
    rules: undefined,
  });
  for (let at = 0; at < bytes.length; at += chunkBytes) decoder.push(bytes.subarray(at, at + chunkBytes));
  decoder.finish();
}
