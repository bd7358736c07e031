// What the commands of `airlock advisories` share: their options, and how ranges and age are said.
import type { Command } from 'commander';
import { type AdvisoryInfo, advisoryAge, type VersionRange } from '../../../advisories/index.ts';
import type { Io } from '../../io.ts';

export function withStore(command: Command): Command {
  return command.option('--store <dir>', 'folder of the store', './.airlock').option('--json', 'print the result as JSON');
}

export function writeJson(io: Io, value: unknown): void {
  io.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
}

/** Beside the result, so that a pipe of JSON stays JSON. */
export function warnWhenOld(info: AdvisoryInfo, io: Io): void {
  const { isOld, text } = advisoryAge(info, new Date());
  if (isOld) io.stderr.write(`airlock: warning: ${text}\n`);
}

/** `2.4.0 up to before 2.4.3; 2.5.0 and later`. */
export function rangesText(ranges: readonly VersionRange[]): string {
  if (ranges.length === 0) return 'no version';
  return ranges
    .map(({ introduced, fixed, lastAffected }) => {
      const from = introduced === '0' ? '' : `${introduced} `;
      if (fixed !== undefined) return `${from}up to before ${fixed}`;
      return lastAffected === undefined
        ? introduced === '0'
          ? 'all'
          : `${introduced} and later`
        : `${from}up to ${lastAffected}`;
    })
    .join('; ');
}
