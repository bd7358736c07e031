// From what was counted to a verdict, with a reason for each thing that keeps it from being `same`. Nothing here runs a model. Where nothing could be compared the
// answer is never `same`.
import type { RehearsalConfig } from '../config/index.ts';
import type { RehearsalVerdict } from '../runtime/index.ts';
import type { OutputComparison } from './compare-outputs.ts';
import type { ModelRehearsal } from './rehearsal-types.ts';

export type JudgedParts = Pick<ModelRehearsal, 'answered' | 'endings' | 'outputs' | 'old' | 'now'>;

export interface Judgement {
  readonly verdict: RehearsalVerdict;
  readonly reasons: readonly string[];
}

/** Below this a ratio of two times, or of two memories, says more about the machine than about TensorFlow. */
const leastSlowerMs = 1;
/** A median of fewer says nothing. */
const leastTimes = 20;
const leastMoreBytes = 64 * 1024 * 1024;

export function judge(parts: JudgedParts, rules: RehearsalConfig): Judgement {
  const failed = failures(parts);
  const changed = failed.length > 0 && parts.answered === 0 ? [] : changes(parts, rules);
  const verdict = failed.length > 0 ? 'failed' : changed.length > 0 ? 'changed' : 'same';
  return { verdict, reasons: [...failed, ...changed] };
}

function failures({ old, now, endings, answered, outputs }: JudgedParts): readonly string[] {
  const reasons: string[] = [];
  for (const { tensorflow, loadError } of [old, now])
    if (loadError !== undefined) reasons.push(`it does not load on ${tensorflow}: ${loadError.code}: ${loadError.message}`);
  if (reasons.length > 0) return reasons;
  for (const { old: before, now: after, count } of endings)
    if (before === 'answered' && after !== 'answered')
      reasons.push(`${count} ${requests(count)} that ${old.tensorflow} answered ended on ${now.tensorflow} with ${after}`);
  if (answered > 0 && !outputs.some(({ compared, undecidable }) => compared + undecidable > 0))
    reasons.push('no output was compared');
  if (answered === 0 && reasons.length === 0)
    reasons.push('there was no request that both could answer, so that nothing was compared');
  return reasons;
}

const requests = (count: number): string => (count === 1 ? 'request' : 'requests');

function changes(parts: JudgedParts, rules: RehearsalConfig): readonly string[] {
  const { old, now, endings, outputs } = parts;
  const reasons: string[] = [];
  for (const { old: before, now: after, count } of endings) {
    if (before === 'answered' || before === after) continue;
    const came = after === 'answered' ? 'are answered now' : `end with ${after} now`;
    reasons.push(`${count} ${requests(count)} that ended with ${before} ${came}`);
  }
  for (const output of outputs) reasons.push(...outputChanges(output, rules));
  const slower = now.times.median - old.times.median;
  const isMeasured = now.times.all.length >= leastTimes;
  if (isMeasured && now.times.median > rules.maxLatencyRatio * old.times.median && slower >= leastSlowerMs)
    reasons.push(`the median time grew from ${ms(old.times.median)} to ${ms(now.times.median)}`);
  if (old.memoryBytes !== undefined && now.memoryBytes !== undefined) {
    const more = now.memoryBytes - old.memoryBytes;
    if (now.memoryBytes > rules.maxMemoryRatio * old.memoryBytes && more >= leastMoreBytes)
      reasons.push(`the worker's memory grew from ${mib(old.memoryBytes)} to ${mib(now.memoryBytes)}`);
  }
  return reasons;
}

function outputChanges(output: OutputComparison, { maxClassFlipPercent }: RehearsalConfig): readonly string[] {
  const { name, compared, undecidable, rows, classFlips } = output;
  const reasons: string[] = [];
  const say = (text: string) => reasons.push(`output ${name}: ${text}`);
  if (compared === 0 && undecidable > 0)
    say('it differs by itself on the old TensorFlow each time, so that nothing could be decided');
  if (output.typeChanges > 0) say(`${output.typeChanges} answers of another type`);
  if (output.shapeChanges > 0) say(`${output.shapeChanges} answers of another shape`);
  if (output.stringChanges > 0) say(`${output.stringChanges} of ${compared} answers with other strings`);
  if (output.nonFiniteChanges > 0) say(`${output.nonFiniteChanges} numbers became NaN or infinite, or are not any more`);
  const finiteOutside = output.outside - output.nonFiniteChanges;
  if (finiteOutside > 0)
    say(`${finiteOutside} of ${output.numbers} numbers beyond the tolerance, by up to ${output.maxAbsolute.toPrecision(3)}`);
  if (classFlips > (rows * maxClassFlipPercent) / 100) say(`${classFlips} of ${rows} rows with another class`);
  return reasons;
}

/** The verdict on several models: the worst of theirs; `failed` on none. */
export function worstVerdict(verdicts: readonly RehearsalVerdict[]): RehearsalVerdict {
  if (verdicts.length === 0 || verdicts.includes('failed')) return 'failed';
  return verdicts.includes('changed') ? 'changed' : 'same';
}

const ms = (value: number): string => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
const mib = (bytes: number): string => `${Math.round(bytes / (1024 * 1024))} MiB`;
