// What a running server counted for one contract: read from the document of /airlock/v1/status, which somebody carried here in a file.
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import { AirlockError, printable } from '../../core/index.ts';

/** Bytes of a status document; a catalog of thousands of models fits. */
const maxStatusBytes = 16 * 2 ** 20;
/** How many rules the server lists at most; a longer tail is not known. */
const reportedRules = 200;

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const contractReport = z.object({
  id: z.string(),
  revision: count,
  digest: z.string().regex(/^[0-9a-f]{12,64}$/),
  checked: count,
  /** When counting began, if the server says it. */
  since: z.iso.datetime().optional(),
  rules: z.array(z.object({ ruleId: z.string(), outcomes: z.record(z.string(), count) })).max(10_000),
});
const statusSchema = z.object({
  models: z.array(z.object({ versions: z.array(z.object({ contract: z.unknown().optional() })) })),
});

export interface ContractObservations {
  /** Requests that were checked against the contract, by all versions that have it. */
  readonly checked: number;
  /** Since when, in milliseconds; of several versions the latest. Undefined when the server does not say. */
  readonly sinceMs: number | undefined;
  /** Elements that broke a rule, by the rule's id. */
  readonly broken: ReadonlyMap<string, number>;
  /** False when the server's list of rules was full: a rule that is not in it may have been broken all the same. */
  readonly isComplete: boolean;
}

function invalid(name: string, text: string): AirlockError {
  return new AirlockError('DATASET_INVALID', { message: `${printable(name)} is not a status of Airlock: ${text}` });
}

/**
 * Sums what the document says of the contract with `digest`.
 * @throws DATASET_INVALID when the text is not such a document; CONTRACT_MISMATCH when no version in it has this contract.
 */
export function readObservations(text: string, digest: string, name: string): ContractObservations {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw invalid(name, 'not JSON'); // the parser's own error may repeat the text
  }
  const status = statusSchema.safeParse(json);
  if (!status.success) throw invalid(name, 'it has no list of models and versions');
  const reports = status.data.models.flatMap(({ versions }) => versions.map(({ contract }) => contract));
  const broken = new Map<string, number>();
  const sinces: number[] = [];
  let [checked, found, isComplete] = [0, 0, true];
  for (const each of reports.filter((report) => report !== undefined && report !== null)) {
    const parsed = contractReport.safeParse(each);
    if (!parsed.success) throw invalid(name, 'what it says of a contract cannot be read');
    const { data } = parsed;
    if (!digest.startsWith(data.digest)) continue;
    found++;
    checked += data.checked;
    if (data.since !== undefined) sinces.push(Date.parse(data.since));
    if (data.rules.length >= reportedRules) isComplete = false;
    for (const { ruleId, outcomes } of data.rules) {
      const sum = Object.values(outcomes).reduce((total, each) => total + each, 0);
      broken.set(ruleId, (broken.get(ruleId) ?? 0) + sum);
    }
  }
  if (found === 0)
    throw new AirlockError('CONTRACT_MISMATCH', {
      message: `${printable(name)} says nothing of this contract (digest ${digest.slice(0, 12)}): it is of another revision`,
    });
  return { checked, sinceMs: sinces.length === found ? Math.max(...sinces) : undefined, broken, isComplete };
}

/** Reads the file and sums as `readObservations` does. @throws DATASET_INVALID also when it is over 16 MiB. */
export async function loadObservations(file: string, digest: string): Promise<ContractObservations> {
  const name = basename(file);
  const unreadable = () => new AirlockError('DATASET_INVALID', { message: `${printable(name)} cannot be read` });
  const info = await stat(file).catch(() => {
    throw unreadable();
  });
  if (!info.isFile() || info.size > maxStatusBytes) throw invalid(name, `no regular file of at most ${maxStatusBytes} bytes`);
  const text = await readFile(file, 'utf8').catch(() => {
    throw unreadable();
  });
  return readObservations(text, digest, name);
}
