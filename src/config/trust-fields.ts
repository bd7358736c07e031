// The kinds of value of the trust section that no other section has. Each has one way to be written: a digest in two spellings, or a time
// in two zones, would be compared by somebody who forgets one of them.
import { z } from 'zod';
import { field, plainText } from './fields.ts';

const secondMs = 1_000;
const unitMs: Readonly<Record<string, number>> = { s: secondMs, m: 60 * secondMs, h: 3_600 * secondMs, d: 86_400 * secondMs };
const maxDurationMs = 3_650 * 86_400 * secondMs;

/** What signers and policies are called: 1 to 63 letters, digits, `.`, `_` and `-`; so it is never a digest, which has 64. */
export function identifier(what: string) {
  return field('name', `${what} of 1 to 63 letters, digits, ".", "_" and "-"`, (value) =>
    typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(value) ? value : undefined,
  );
}

/** SHA-256. */
export function sha256Hex() {
  return field('digest', 'a SHA-256 of 64 lowercase hex digits', (value) =>
    typeof value === 'string' && /^[0-9a-f]{64}$/.test(value) ? value : undefined,
  );
}

/** A moment in UTC with whole seconds, as milliseconds since 1970. */
export function moment() {
  return field('time', 'a time in UTC such as 2027-06-01T00:00:00Z', (value) => {
    if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(value)) return undefined;
    const timeMs = Date.parse(value);
    // Date.parse takes 30 February for 2 March, and 24:00:00 for the next day.
    return !Number.isNaN(timeMs) && new Date(timeMs).toISOString() === value.replace('Z', '.000Z') ? timeMs : undefined;
  });
}

/** 1 second to 3,650 days, as milliseconds. */
export function duration() {
  return field('duration', 'a duration of up to 3650d such as 90d, 12h, 30m or 45s', durationMs);
}

/** The same, and `0s`. */
export function durationOrNone() {
  return field('duration', 'a duration of up to 3650d such as 12h, 30m or 45s, or 0s', (value) =>
    value === '0s' ? 0 : durationMs(value),
  );
}

function durationMs(value: unknown): number | undefined {
  const [, count, unit] = typeof value === 'string' ? (/^([1-9]\d{0,8})([smhd])$/.exec(value) ?? []) : [];
  const valueMs = Number(count) * (unitMs[unit] ?? Number.NaN);
  return valueMs <= maxDurationMs ? valueMs : undefined;
}

/** Any finite number; whole ones up to 2^53. */
export function finiteNumber() {
  return field('number', 'a finite number', (value) => {
    if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
    return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
  });
}

/** A share that may have a fraction: `0.1`. */
export function percent() {
  return field('percent', 'a number from 0 to 100', (value) => {
    const number = finiteNumber().safeParse(value);
    return number.success && number.data >= 0 && number.data <= 100 ? number.data : undefined;
  });
}

/** A model's name, or the beginning of names and a `*`. A `*` elsewhere is refused: it would look as if it meant something. */
export function namePattern() {
  const expected = 'a name of a model, or the beginning of names followed by *, without / and :';
  return field('pattern', expected, (value) => {
    const text = plainText('a name', 129, /[/:]/).safeParse(value);
    return text.success && !text.data.slice(0, -1).includes('*') ? text.data : undefined;
  });
}

/** A model's name for all its versions, or `name@version`. What stands behind the last `@` must be a version: a slip must not deny nothing. */
export function modelAndVersion() {
  return field('model', 'a name of a model, or name@version such as digits@3', (value) => {
    const text = plainText('a name', 148, /[/:]/).safeParse(value);
    if (!text.success) return undefined;
    const at = text.data.lastIndexOf('@');
    return at === -1 || (at > 0 && /^(0|[1-9]\d{0,18})$/.test(text.data.slice(at + 1))) ? text.data : undefined;
  });
}

/** Adds one problem, at `path` below the place that is being checked. */
export function refuse(context: z.RefinementCtx, path: PropertyKey[], rule: string, expected: string, got: string): void {
  context.addIssue({ code: 'custom', path, params: { rule, expected, got } });
}

/** A list in which nothing is twice: a name that is listed again would count as one more signer. */
export function distinct<T extends z.ZodType<string>>(entry: T, min: number, max: number) {
  return z
    .array(entry)
    .min(min)
    .max(max)
    .superRefine((list, context) => {
      for (const [index, value] of list.entries()) {
        if (list.indexOf(value) === index) continue;
        const params = { rule: 'unique', expected: 'a value that is not in the list yet', got: `"${value}"` };
        context.addIssue({ code: 'custom', path: [index], params });
      }
    });
}

// zod leaves out a `__proto__` key of a record without a word; nothing in the configuration may be dropped silently.
/** A mapping from `name` to `value` of at most `max` entries. */
export function namedMap<T extends z.ZodType>(name: z.ZodType<string>, value: T, max: number) {
  return z
    .unknown()
    .refine((given) => !(typeof given === 'object' && given !== null && Object.hasOwn(given, '__proto__')), {
      abort: true,
      params: { rule: 'text', expected: 'names other than __proto__', got: '__proto__' },
    })
    .refine((given) => !(typeof given === 'object' && given !== null && Object.keys(given).length > max), {
      abort: true,
      params: { rule: 'length', expected: `at most ${max} names`, got: 'more' },
    })
    .pipe(z.record(name, value));
}
