// Whether rehearsals say that a TensorFlow may take over from another for exactly what is served. What was not rehearsed is refused, and so is what was rehearsed with
// other bytes, or so long ago that the model and its traffic have become others.
import { AirlockError, printable } from '../core/index.ts';
import { type RehearsalRecord, type RehearsalVerdict, type RehearsedModel, readRehearsals } from './rehearsal-record.ts';

/** One version of a model that is served. */
export interface ServedIdentity {
  readonly name: string;
  /** In decimal digits. */
  readonly version: string;
  /** As in RehearsedModel. */
  readonly identity: string;
}

export interface RehearsalQuestion {
  readonly from: string;
  readonly to: string;
  /** All that is served; undefined when nobody knows, and the server asks again. Then, and where nothing is served, the newest rehearsal of the two counts. */
  readonly served: readonly ServedIdentity[] | undefined;
  /** True when a person takes it although answers differ. */
  readonly acceptChanges: boolean;
  readonly now?: Date;
}

export interface RehearsalAnswer {
  readonly verdict: 'same' | 'changed';
  /** Ids of the rehearsals that say so, the newest first. */
  readonly rehearsals: readonly string[];
}

const maxAgeDays = 30;
const dayMs = 24 * 3_600_000;
/** In a message; the rest is in the report. */
const maxNamed = 3;

const ranks: Readonly<Record<RehearsalVerdict, number>> = { same: 0, changed: 1, failed: 2 };

interface Found {
  readonly name: string;
  readonly record: RehearsalRecord;
  readonly verdict: RehearsalVerdict;
}

/** A record that says worse than all of its models says it of all of them. */
function verdictOf(record: RehearsalRecord, model: RehearsedModel): RehearsalVerdict {
  return record.models.some(({ verdict }) => verdict === record.verdict) ? model.verdict : record.verdict;
}

function missing(message: string): AirlockError {
  return new AirlockError('REHEARSAL_MISSING', { message });
}

/**
 * What the newest rehearsal of each served version says, of those that ended in the last 30 days.
 * @throws REHEARSAL_MISSING when a served version was not rehearsed with the bytes that it has; REHEARSAL_DIFFERS when one failed, or answers differ and nobody
 * accepted that; STORE_NOT_WRITABLE when the records cannot be listed.
 */
export function assertRehearsed(store: string, question: RehearsalQuestion): RehearsalAnswer {
  const { from, to, served, acceptChanges, now = new Date() } = question;
  const command = `\`airlock runtime rehearse ${to}\``;
  const records = readRehearsals(store).records.filter((record) => {
    const ageMs = now.getTime() - Date.parse(record.endedAt);
    // One from the future would never grow old.
    return record.from === from && record.to === to && ageMs <= maxAgeDays * dayMs && ageMs >= -dayMs;
  });
  if (records.length === 0)
    throw missing(`No rehearsal of the last ${maxAgeDays} days compares TensorFlow ${from} with ${to}: run ${command}`);
  // Where nothing is served now, what arrives later would run on what nobody has asked about.
  const found =
    served === undefined || served.length === 0
      ? records.slice(0, 1).map(wholeRecord)
      : served.map((one) => findOne(records, one, command));
  const worst = found.reduce<RehearsalVerdict>((all, { verdict }) => (ranks[verdict] > ranks[all] ? verdict : all), 'same');
  const named = [...new Set(found.filter(({ verdict }) => verdict === worst).map(({ name }) => printable(name, 128)))];
  const who = `${named.slice(0, maxNamed).join(', ')}${named.length > maxNamed ? ` and ${named.length - maxNamed} more` : ''}`;
  if (worst === 'failed')
    throw new AirlockError('REHEARSAL_DIFFERS', {
      message: `The rehearsal of TensorFlow ${to} failed for ${who}: it cannot take over`,
    });
  if (worst === 'changed' && !acceptChanges)
    throw new AirlockError('REHEARSAL_DIFFERS', {
      message: `With TensorFlow ${to} the answers of ${who} change: read the report, and promote with --accept-changes and your reason if they may`,
    });
  return { verdict: worst, rehearsals: [...new Set(found.map(({ record }) => record.id))] };
}

function wholeRecord(record: RehearsalRecord): Found {
  return { name: 'the models', record, verdict: record.verdict };
}

function findOne(records: readonly RehearsalRecord[], one: ServedIdentity, command: string): Found {
  const what = `${printable(one.name, 128)} version ${one.version}`;
  let hasOtherBytes = false;
  for (const record of records) {
    const model = record.models.find(({ name, version }) => name === one.name && version === one.version);
    if (model === undefined) continue;
    if (model.identity === one.identity) return { name: one.name, record, verdict: verdictOf(record, model) };
    hasOtherBytes = true;
  }
  throw missing(
    hasOtherBytes
      ? `${what} was rehearsed with other bytes than are served: run ${command} again`
      : `${what} was not rehearsed: run ${command}`,
  );
}
