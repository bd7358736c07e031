// Rounding, against references that share no code with it: Number() for doubles, exact integers for everything narrower.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bfloat16Bits,
  bfloat16Format,
  bfloat16Value,
  compareDecimal,
  doubleForNarrow,
  float32Format,
  halfBits,
  halfFormat,
  halfValue,
  roundTwoPart,
} from './decimal.ts';
import { defaultJsonLimits } from './limits.ts';
import { PredictDecoder } from './predict-decoder.ts';

/** The exact value of a decimal as a fraction. */
function exact(text: string): readonly [bigint, bigint] {
  const [mantissa, exponent = '0'] = text.toLowerCase().split('e');
  const [whole, fraction = ''] = mantissa.split('.');
  const power = Number(exponent) - fraction.length;
  const digits = BigInt(whole.replace('-', '') + fraction) * (mantissa.startsWith('-') ? -1n : 1n);
  return power >= 0 ? [digits * 10n ** BigInt(power), 1n] : [digits, 10n ** BigInt(-power)];
}

/** The nearest float32 to a decimal, ties to even, by exact integers: a reference that is slow and plain. */
function referenceFloat32(text: string): number {
  const [top, bottom] = exact(text);
  const negative = top < 0n;
  const size = negative ? -top : top;
  if (size === 0n) return text.startsWith('-') ? -0 : 0;
  // Find the unit so that size / unit lies in [2^23, 2^24), but never below the smallest float32.
  let unit = -149;
  const quotient = (e: number): bigint => (e >= 0 ? size / (bottom << BigInt(e)) : (size << BigInt(-e)) / bottom);
  while (quotient(unit) >= 2n ** 24n) unit++;
  const scaledTop = unit >= 0 ? size : size << BigInt(-unit);
  const scaledBottom = unit >= 0 ? bottom << BigInt(unit) : bottom;
  const floor = scaledTop / scaledBottom;
  const rest = (scaledTop - floor * scaledBottom) * 2n;
  const up = rest > scaledBottom || (rest === scaledBottom && floor % 2n === 1n);
  const value = Number(up ? floor + 1n : floor) * 2 ** unit;
  return negative ? -value : value;
}

function decodeFloat32(numbers: readonly string[]): Float32Array {
  const spec = { alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT', shape: null } as const;
  const signature = { name: 'serving_default', methodName: '', inputs: [spec], outputs: [] };
  const decoder = new PredictDecoder({
    limits: defaultJsonLimits,
    sizeHint: 0,
    shapes: 'strict',
    allowNonFinite: false,
    hasChoice: false,
    signature: () => signature,
  });
  decoder.push(Buffer.from(`{"instances":[${numbers.join(',')}]}`));
  const { bytes } = decoder.finish().tensors[0];
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

const single = new Float32Array(1);
const word = new Uint32Array(single.buffer);

/** The exact decimal expansion of a double that is a multiple of 2^-200. */
function expand(value: number): string {
  const scaled = BigInt(value * 2 ** 200);
  const digits = (scaled < 0n ? -scaled : scaled) * 5n ** 200n;
  const text = digits.toString().padStart(201, '0');
  return `${value < 0 ? '-' : ''}${text.slice(0, -200)}.${text.slice(-200)}`.replace(/0+$/, '').replace(/\.$/, '');
}

describe('float32 decoding', () => {
  const anyText = fc.oneof(
    fc
      .tuple(fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.integer({ min: -60, max: 8 }))
      .map(([digits, exponent]) => `${digits}e${exponent}`),
    fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 17n }), fc.integer({ min: 1, max: 20 })).map(([digits, point]) => {
      const text = digits.toString().padStart(point + 1, '0');
      return `${text.slice(0, -point)}.${text.slice(-point)}`;
    }),
    fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => String(value)),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e38, max: 1e38 }).map(String),
  );

  it('gives the nearest float32 of every decimal', () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 1, maxLength: 20 }), (numbers) => {
        const decoded = decodeFloat32(numbers);
        numbers.forEach((text, index) => {
          expect(decoded[index], text).toBe(referenceFloat32(text));
        });
      }),
      { numRuns: 1500 },
    );
  });

  it('decides decimals that lie a hair beside the middle of two float32', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0x2e800000, max: 0x7f000000 }),
        fc.constantFrom('', '1', '0000000000000001'),
        fc.boolean(),
        (bits, tail, below) => {
          word[0] = bits;
          const low = single[0];
          word[0] = bits + 1;
          const middle = (low + single[0]) / 2;
          const expanded = expand(middle);
          let text = expanded.includes('.') || tail === '' ? `${expanded}${tail}` : `${expanded}.${tail}`;
          if (below && tail !== '')
            text =
              expanded.replace(/[1-9](?=\.?0*$)/, (digit) => String(Number(digit) - 1)) + (expanded.includes('.') ? '9' : '.9');
          expect(decodeFloat32([text])[0], text).toBe(referenceFloat32(text));
        },
      ),
      { numRuns: 1500 },
    );
  });
});

describe('half and bfloat16', () => {
  it('halfBits() and halfValue() agree on all 65,536 patterns', () => {
    for (let raw = 0; raw < 65536; raw++) {
      const value = halfValue(raw);
      if (!Number.isNaN(value)) expect(halfBits(value)).toBe(raw);
    }
  });
  it('bfloat16Bits() and bfloat16Value() agree on all 65,536 patterns', () => {
    for (let raw = 0; raw < 65536; raw++) {
      const value = bfloat16Value(raw);
      if (!Number.isNaN(value)) expect(bfloat16Bits(value)).toBe(raw);
    }
  });
  it('round to the nearer neighbour, ties to even', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7bfe }), fc.double({ min: 0, max: 1, noNaN: true }), (raw, part) => {
        const low = halfValue(raw);
        const high = halfValue(raw + 1);
        const value = low + (high - low) * part;
        const nearer =
          value - low === high - value ? (raw % 2 === 0 ? raw : raw + 1) : value - low < high - value ? raw : raw + 1;
        expect(halfBits(value)).toBe(nearer);
      }),
    );
  });
  it('doubleForNarrow() leaves a tie only where the decimal is one', () => {
    expect(halfBits(doubleForNarrow('2049', halfFormat))).toBe(halfBits(2048));
    expect(halfBits(doubleForNarrow('2049.00000000000000000000000001', halfFormat))).toBe(halfBits(2050));
    expect(bfloat16Bits(doubleForNarrow('257.00000000000000000000000001', bfloat16Format))).toBe(bfloat16Bits(258));
    expect(Math.fround(doubleForNarrow('16777216.99999999999999999999', float32Format))).toBe(16777216);
  });
});

describe('compareDecimal()', () => {
  it('agrees with the exact fractions', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e30, max: 1e30 }), (value) => {
        if (value === 0) return;
        expect(compareDecimal(String(value).replace('e+', 'e'), value) === 0 || Number(String(value)) === value).toBe(true);
        expect(compareDecimal('1e31', value)).toBe(1);
        expect(compareDecimal('-1e31', value)).toBe(-1);
      }),
    );
    expect(compareDecimal('0.5', 0.5)).toBe(0);
    expect(compareDecimal('0.1', 0.1)).toBe(-1);
    expect(compareDecimal('0.3', 0.3)).toBe(1);
  });
});

describe('roundTwoPart()', () => {
  it('is Number() or undecided, and seldom undecided', () => {
    let undecided = 0;
    const part = fc.integer({ min: 0, max: 999_999_999 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9_999_999_999 }), part, fc.integer({ min: -22, max: 22 }), (high, low, exponent) => {
        const value = roundTwoPart(high, low, 9, exponent);
        if (Number.isNaN(value)) undecided++;
        else expect(value).toBe(Number(`${BigInt(high) * 10n ** 9n + BigInt(low)}e${exponent}`));
      }),
      { numRuns: 20_000 },
    );
    expect(undecided).toBeLessThan(200);
  });
});
