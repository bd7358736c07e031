// Reads what the process that scans has sent. That process has met a hostile model, so this is hostile input: its form and its size are
// checked, and every string is made safe to show before anything else sees it.
import { z } from 'zod';
import { AirlockError, printable, severities } from '../../core/index.ts';
import { checkCostModel } from '../../cost/index.ts';
import { maxUses, origins, type ScanResult, triggers } from '../scan-types.ts';

const maxTextLength = 2048;
const maxEntries = 20_000;

const text = z.string().transform((value) => printable(value, maxTextLength));
const key = z.string().transform((value) => printable(value, 128));
const count = z.number().int().nonnegative();

const location = z.strictObject({
  file: text,
  metaGraph: text.optional(),
  function: text.optional(),
  node: text.optional(),
  op: text.optional(),
  path: text.optional(),
  offset: count.optional(),
});

const finding = z.strictObject({
  ruleId: z.string().regex(/^[a-z0-9-]{1,40}\/[a-z0-9-]{1,60}$/),
  severity: z.enum(severities),
  trigger: z.enum(triggers),
  message: text,
  location,
  chain: z.array(z.strictObject({ via: text, function: text.optional(), node: text.optional(), op: text.optional() })).max(100),
  argument: z.strictObject({ name: text, value: text.optional(), origin: z.enum(origins).optional() }).optional(),
  effect: text.optional(),
  fix: text.optional(),
  advisories: z.array(key).max(1000).optional(),
});

const use = z.strictObject({
  kind: z.enum(['tensorflow-op', 'tflite-op', 'keras-feature', 'component']),
  name: key,
  trigger: z.enum(triggers),
  location,
  isRequestControlled: z.boolean().optional(),
});

const resultSchema = z.strictObject({
  artifacts: z
    .array(z.strictObject({ file: text, format: key, bytes: count, facts: z.record(key, z.union([text, z.number()])) }))
    .max(maxEntries),
  unreadable: z.array(z.strictObject({ file: text, reason: text })).max(maxEntries),
  findings: z.array(finding).max(maxEntries),
  leftOut: z.record(key, count),
  uses: z.array(use).max(maxUses),
  cost: z.unknown().optional(),
});

/** @throws SCAN_INCOMPLETE when it is not what a scan sends. */
export function readScanResult(value: unknown): ScanResult {
  const parsed = resultSchema.safeParse(value);
  if (parsed.success) {
    const { cost: given, ...rest } = parsed.data;
    const cost = given === undefined ? undefined : checkCostModel(given);
    return { ...(withoutUndefined(rest) as ScanResult), ...(cost === undefined ? {} : { cost }) };
  }
  throw new AirlockError('SCAN_INCOMPLETE', {
    message: 'The process that scanned the model gave an answer that no scan gives',
    detail: parsed.error.issues
      .slice(0, 3)
      .map(({ path, message }) => `${path.join('.')}: ${message}`)
      .join('; '),
  });
}

/** `exactOptionalPropertyTypes`: a key that is absent stays absent. JSON has no undefined, so nothing is lost. */
function withoutUndefined(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
