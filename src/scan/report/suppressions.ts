// Findings that somebody has looked at and accepted: each with a reason and a date after which it counts again. And baselines: the findings of an
// earlier report, which do not count so that only what is new does. A file that cannot be read is an error, never an empty one.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { AirlockError, printable } from '../../core/index.ts';
import type { ReportedFinding } from '../scan-types.ts';

const maxBytes = 4 * 1024 * 1024;

const suppression = z
  .strictObject({
    /** As a report prints it. */
    fingerprint: z
      .string()
      .regex(/^[0-9a-f]{16}$/)
      .optional(),
    rule: z
      .string()
      .regex(/^[a-z0-9-]+\/[a-z0-9-]+$/)
      .optional(),
    /** Part of the file's name, of a node or of a path in it, with `rule` only. */
    file: z.string().min(1).max(512).optional(),
    node: z.string().min(1).max(512).optional(),
    reason: z.string().trim().min(10).max(500),
    /** The last day on which it holds, UTC. */
    expires: z.iso.date(),
  })
  .refine(({ fingerprint, rule }) => (fingerprint === undefined) !== (rule === undefined), {
    message: 'give fingerprint or rule, one of them',
  })
  .refine(({ rule, file, node }) => rule !== undefined || (file === undefined && node === undefined), {
    message: 'file and node go with rule',
  });

const fileSchema = z.strictObject({ suppressions: z.array(suppression).max(10_000) });

const baselineSchema = z.object({
  schema: z.literal('https://tf-airlock/report/v1'),
  findings: z.array(z.object({ fingerprint: z.string().regex(/^[0-9a-f]{16}$/) })),
});

type Suppression = z.infer<typeof suppression>;

export interface Suppressions {
  /** Why a finding does not count, or undefined when it does. */
  of(finding: ReportedFinding): string | undefined;
  /** Entries whose day has passed: what they covered counts again. */
  readonly expired: readonly string[];
}

/**
 * Reads a file of suppressions (YAML) and a baseline (a report as JSON), each where given.
 * @param now Default the time of the machine.
 * @throws SCAN_RULES_INVALID, naming the entry and what is wrong with it.
 */
export function loadSuppressions(
  files: { readonly suppressions?: string; readonly baseline?: string },
  now: Date = new Date(),
): Suppressions {
  const entries = files.suppressions === undefined ? [] : readEntries(files.suppressions);
  const known = new Set(files.baseline === undefined ? [] : readBaseline(files.baseline));
  const today = now.toISOString().slice(0, 10);
  const holding = entries.filter(({ expires }) => expires >= today);
  return {
    of(finding) {
      const entry = holding.find((one) => covers(one, finding));
      if (entry !== undefined) return `${printable(entry.reason, 500)} (until ${entry.expires})`;
      return known.has(finding.fingerprint) ? 'in the baseline' : undefined;
    },
    expired: entries
      .filter(({ expires }) => expires < today)
      .map(({ fingerprint, rule, expires }) => `${fingerprint ?? rule} expired on ${expires}`),
  };
}

function covers({ fingerprint, rule, file, node }: Suppression, finding: ReportedFinding): boolean {
  if (fingerprint !== undefined) return finding.fingerprint === fingerprint;
  const { location } = finding;
  if (finding.ruleId !== rule) return false;
  if (file !== undefined && location.file !== file) return false;
  return node === undefined || location.node === node || location.path === node;
}

function readEntries(file: string): readonly Suppression[] {
  const text = readText(file);
  let value: unknown;
  try {
    value = parse(text, { maxAliasCount: 0, uniqueKeys: true });
  } catch (cause) {
    throw invalid(file, cause instanceof Error ? cause.message.split('\n')[0] : 'it is not YAML', cause);
  }
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data.suppressions;
  const [{ path, message }] = parsed.error.issues;
  throw invalid(file, `${path.join('.')}: ${message}`);
}

function readBaseline(file: string): readonly string[] {
  let value: unknown;
  try {
    value = JSON.parse(readText(file));
  } catch (cause) {
    if (AirlockError.from(cause).code !== 'INTERNAL') throw cause;
    throw invalid(file, 'it is not JSON', cause);
  }
  const parsed = baselineSchema.safeParse(value);
  if (!parsed.success) throw invalid(file, 'it is no report of airlock scan --format json');
  return parsed.data.findings.map(({ fingerprint }) => fingerprint);
}

function readText(file: string): string {
  try {
    const bytes = readFileSync(file);
    if (bytes.length > maxBytes) throw invalid(file, `it has more than ${maxBytes} bytes`);
    return bytes.toString('utf8');
  } catch (cause) {
    if (AirlockError.from(cause).code !== 'INTERNAL') throw cause;
    throw invalid(file, 'it cannot be read', cause);
  }
}

function invalid(file: string, text: string, cause?: unknown): AirlockError {
  return new AirlockError('SCAN_RULES_INVALID', { message: `${printable(basename(file), 128)}: ${printable(text, 256)}`, cause });
}
