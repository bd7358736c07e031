// A recorded request as one line of JSON for its owner to look at. What clients sent is in it, so control characters are written as escapes.
import { printableJson } from '../core/index.ts';
import type { RecordedRequest, SegmentMeta } from '../recording/index.ts';
import { type OutputTensor, valueFromTensor } from '../tensor/index.ts';

export function recordedRequestJson(meta: SegmentMeta, { signature, inputs }: RecordedRequest): string {
  const tensors = Array.from(inputs, ([name, tensor]) => [name, shownTensor(valueFromTensor(tensor))]);
  // Without a prototype, so that an input of any name is one key.
  return printableJson(
    JSON.stringify({ ...meta, signature, inputs: Object.assign(Object.create(null), Object.fromEntries(tensors)) }),
  );
}

/** A string that is no text is written as base64, an integer beyond 2^53 in digits, and what is not finite by its name. */
function shownTensor({ dtype, shape, data }: OutputTensor): object {
  return { dtype, shape, data: Array.from(data as Iterable<number | bigint | Buffer>, shownValue) };
}

function shownValue(value: number | bigint | Buffer): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  const text = value.toString('utf8');
  return Buffer.from(text, 'utf8').equals(value) ? text : { b64: value.toString('base64') };
}
