// Reads a document of advisories from bytes: what somebody carried here, and what lies in a store. Both are hostile input; all of it is checked, every
// text is made safe to show, and nothing is left out in silence.
import { z } from 'zod';
import { AirlockError, printable, severities } from '../core/index.ts';
import { type AdvisoryDocument, advisoryConditions, advisoryTriggers } from './advisory-types.ts';
import { compareVersions } from './version-range.ts';

/** Of one document; ours has a third of a megabyte. */
export const maxDocumentBytes = 32 * 1024 * 1024;

/** Characters of a title. */
export const maxTitleChars = 300;

export const idPattern = /^[A-Z][A-Za-z0-9]{0,15}(?:-[A-Za-z0-9]{1,20}){1,5}$/;

const id = z.string().regex(idPattern);
const cve = z.string().regex(/^CVE-\d{4}-\d{4,10}$/);
const day = z.iso.date();
/** One line that is safe to show, and that reads as itself when it was written: what is escaped is longer. */
const shown = (maxChars: number) =>
  z
    .string()
    .min(1)
    .max(maxChars)
    .transform((text) => printable(text, maxChars).slice(0, maxChars));
const name = shown(120);
const title = shown(maxTitleChars);
const severity = z.enum(severities);
const version = z
  .string()
  .max(60)
  .refine((text) => compareVersions(text, '0') !== undefined, 'this is no version');

const range = z.strictObject({ introduced: version, fixed: version.optional(), lastAffected: version.optional() });
const ranges = z.array(range).max(1000);

const record = z.strictObject({
  id,
  aliases: z.array(id).max(64),
  modified: z.union([z.literal(''), z.iso.datetime()]),
  published: day.optional(),
  withdrawn: day.optional(),
  severity: severity.optional(),
  title,
  affected: z
    .strictObject({ tensorflow: ranges.optional(), keras: ranges.optional() })
    .refine(({ tensorflow, keras }) => tensorflow !== undefined || keras !== undefined, 'it is about no package that is kept'),
});

const advisory = z.strictObject({
  id,
  cve: cve.optional(),
  aliases: z.array(id).max(256).optional(),
  severity,
  published: day.optional(),
  title,
  disputed: z.literal(true).optional(),
  withdrawn: day.optional(),
  affected: ranges,
  asPublished: ranges.optional(),
  basis: name,
  fixed: z.array(version).max(200),
  ops: z.array(name).min(1).max(2000).optional(),
  opsConfidence: z.enum(['high', 'medium', 'low']).optional(),
  tfliteOps: z.array(name).min(1).max(400).optional(),
  component: name.optional(),
  features: z.array(name).min(1).max(100).optional(),
  formats: z.array(name).max(20).optional(),
  impact: z.array(name).max(20),
  trigger: z.enum(advisoryTriggers),
  conditions: z.array(z.enum(advisoryConditions)).max(4).optional(),
});

const library = z.strictObject({
  library: name,
  updatedTo: name.optional(),
  cves: z.array(cve).max(200),
  fixedIn: z.array(version).max(50),
});

const documentSchema = z.strictObject({
  format: z.literal(1),
  read: day,
  curated: day,
  sources: shown(2000),
  tensorflow: z.array(advisory).max(20_000),
  keras: z.array(advisory).max(20_000),
  libraries: z.array(library).max(2000),
  records: z.array(record).max(50_000),
});

/** @param what Names the document in errors: `the update in the store`. @throws ADVISORIES_INVALID */
export function readDocument(bytes: Uint8Array, what: string): AdvisoryDocument {
  if (bytes.length > maxDocumentBytes) throw invalid(what, `it has more than ${maxDocumentBytes} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid(what, 'it is not JSON', cause);
  }
  return checkedDocument(value, what);
}

/** The same for what is parsed already. @throws ADVISORIES_INVALID */
export function checkedDocument(value: unknown, what: string): AdvisoryDocument {
  const parsed = documentSchema.safeParse(value);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    throw invalid(what, `${printable(path.join('.'), 120)}: ${printable(message, 200)}`);
  }
  const document = withoutUndefined(parsed.data);
  // Of two documents the later curated one decides: one of a day to come would keep every correction away that is made until then.
  if (document.curated > document.read) throw invalid(what, 'its own part is of a later day than all of it');
  for (const list of [document.tensorflow, document.keras, document.records]) {
    const seen = new Set<string>();
    for (const one of list) {
      if (seen.has(one.id)) throw invalid(what, `${one.id} is there twice`);
      seen.add(one.id);
    }
  }
  return document;
}

/** `exactOptionalPropertyTypes`: a key that is absent stays absent. JSON has no undefined, so nothing is lost. */
function withoutUndefined(value: unknown): AdvisoryDocument {
  return JSON.parse(JSON.stringify(value)) as AdvisoryDocument;
}

export function invalid(what: string, why: string, cause?: unknown): AirlockError {
  return new AirlockError('ADVISORIES_INVALID', { message: `${what}: ${why}`, cause });
}
