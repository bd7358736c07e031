// `airlock runtime history`: who changed TensorFlow, when and why, and what came of it. Reads only.
import type { Command } from 'commander';
import { printable } from '../../../core/index.ts';
import { type HistoryEntry, readHistory } from '../../../runtime/index.ts';
import { counted } from '../../counted.ts';
import type { Io } from '../../io.ts';
import { type StoreOptions, storeOf, withConfigOrStore } from './rollout-shared.ts';
import { writeJson } from './shared.ts';

export function addHistoryCommand(runtime: Command, io: Io): void {
  withConfigOrStore(runtime.command('history').description('Say who changed TensorFlow, when and why, and what came of it'))
    .addHelpText('after', '\nExample:\n  airlock runtime history --json')
    .action((options: StoreOptions) => history(options, io));
}

async function history(options: StoreOptions, io: Io): Promise<void> {
  const { store, state } = await storeOf(options);
  const { entries, unreadable } = readHistory(store);
  if (options.json === true) {
    const { tensorflow, configured, kept } = state;
    writeJson(io, { serving: tensorflow, configured, kept: kept ?? null, changes: entries, unreadableLines: unreadable });
    return;
  }
  for (const entry of entries) io.stdout.write(textOf(entry));
  if (entries.length === 0) io.stdout.write('TensorFlow was never changed in this store\n');
  if (unreadable > 0) io.stderr.write(`${counted(unreadable, 'line')} of the history cannot be read\n`);
  const kept = state.kept === undefined ? '' : `; ${state.kept} can be gone back to`;
  io.stdout.write(`TensorFlow ${state.tensorflow} serves${kept}\n`);
}

/** Everything in it was written by somebody with the rights of the server, and is made safe to show all the same. */
function textOf({ asked, ended }: HistoryEntry): string {
  const { at, kind, previous, version, by, reason, verdict, accepted } = asked;
  const lines = [`${printable(at)}  ${kind} ${printable(previous)} -> ${printable(version)} by ${printable(by, 128)}`];
  if (reason !== undefined) lines.push(`because: ${printable(reason, 1_000)}`);
  if (verdict !== undefined)
    lines.push(`rehearsal: ${verdict}${accepted === undefined ? '' : `, accepted: ${printable(accepted, 1_000)}`}`);
  if (ended === undefined) lines.push('under way, or waiting for a server');
  else {
    const { outcome, why, detail, moved, movedMs, observedMs, counts } = ended;
    lines.push(`${outcome} at ${printable(ended.at)}${why === undefined ? '' : `: ${printable(why, 2_000)}`}`);
    if (detail !== undefined) lines.push(`detail: ${printable(detail, 2_000)}`);
    lines.push(
      `${counted(moved, 'model version')} moved in ${seconds(movedMs)}, observed for ${seconds(observedMs)}: ${counted(counts.requests, 'request')}, ${counts.failed} failed (${counts.saved} of them answered by the old workers), ${counts.drifted} of ${counts.compared} compared answers differ`,
    );
  }
  return `${lines.join('\n    ')}\n`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
