// The record of served versions as text. One way to write it, and a strict reader: a record that somebody or a broken disk has changed is an error,
// because reading it as an empty one would let every old version back in.
import { AirlockError } from '../../core/index.ts';
import { parseStrictJson } from '../format/index.ts';
import { newestFirst, type ServedVersions } from './version-rules.ts';

/** By the name of the model. */
export type Ledger = ReadonlyMap<string, ServedVersions>;

/** Versions that are kept of one model: the highest. */
export const maxVersionsOfModel = 10_000;
/** Of the whole text. */
export const maxLedgerBytes = 16 * 1024 * 1024;

const format = 'airlock-ledger-v1';

export function formatLedger(ledger: Ledger): Buffer {
  const models = [...ledger].sort(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
  return Buffer.from(
    `${JSON.stringify({
      format,
      models: models.map(([name, served]) => ({
        name,
        versions: newestFirst(served.keys()).map((version) => [String(version), served.get(version)]),
      })),
    })}\n`,
  );
}

/** @throws TRUST_INVALID for anything that `formatLedger` would not have written. */
export function parseLedger(bytes: Buffer): Ledger {
  const root = parseStrictJson(bytes, { maxBytes: maxLedgerBytes, code: 'TRUST_INVALID' });
  const ledger = new Map<string, ServedVersions>();
  for (const model of listOf(isObject(root) ? root.models : undefined)) {
    const { name, versions } = isObject(model) ? model : {};
    const served = new Map<bigint, string>();
    for (const pair of listOf(versions)) {
      const [version, identity] = listOf(pair);
      // Everything else about it is checked by writing it again.
      if (typeof version !== 'string' || !/^\d{1,19}$/.test(version) || typeof identity !== 'string') throw damaged();
      if (!/^[0-9a-f]{64}$/.test(identity)) throw damaged();
      served.set(BigInt(version), identity);
    }
    if (typeof name !== 'string') throw damaged();
    ledger.set(name, served);
  }
  if (!formatLedger(ledger).equals(bytes)) throw damaged();
  return ledger;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw damaged();
  return value;
}

function damaged(): AirlockError {
  return new AirlockError('TRUST_INVALID', { message: 'The record of served versions is damaged' });
}
