// `airlock audit`: is the log of scans and decisions what was written, and what does it say. Reads only. The audit of a project is in a file of its own.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { type AuditEntry, type AuditHead, verifyAuditLog } from '../../audit/index.ts';
import { AirlockError, printable, printableJson } from '../../core/index.ts';
import { counted } from '../counted.ts';
import type { Io } from '../io.ts';
import { wholeNumberBetween } from '../number-options.ts';
import { addSupplyChainCommand } from './audit-supply-chain.ts';

interface LogOptions {
  readonly store: string;
  readonly expect?: string;
  readonly json?: boolean;
  readonly last?: number;
}

export function addAuditCommands(program: Command, io: Io): void {
  const audit = program.command('audit').description('the record of scans and decisions, and how a project installs TensorFlow');
  addSupplyChainCommand(audit, io);
  const log = audit.command('log').description('the record of scans and decisions');
  log
    .command('verify')
    .description('say whether the log is what was written: no line missing, changed or in another order')
    .option('--store <folder>', 'the store of the server', '.airlock')
    .option('--expect <seq:hash>', 'an end that the log had once, kept elsewhere (status, webhook): it must still be in it')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  airlock audit log verify --store .airlock')
    .action((options: LogOptions) => verify(options, io));
  log
    .command('show')
    .description('print the last entries of the log, when it is what was written')
    .option('--store <folder>', 'the store of the server', '.airlock')
    .option('--last <number>', 'how many entries; default 20', wholeNumberBetween(1, 1_000_000))
    .option('--json', 'print the lines as JSON')
    .addHelpText('after', '\nExample:\n  airlock audit log show --last 5')
    .action((options: LogOptions) => show(options, io));
}

function verify({ store, expect, json }: LogOptions, io: Io): void {
  const verified = verifyAuditLog(folderOf(store), expect === undefined ? {} : { expect: readHeadOption(expect) });
  if (json === true) {
    io.stdout.write(`${JSON.stringify(verified)}\n`);
    return;
  }
  const { entries, head, firstTime, lastTime } = verified;
  const when = firstTime === undefined ? '' : ` from ${printable(firstTime)} to ${printable(lastTime ?? '')}`;
  io.stdout.write(`The audit log is what was written: ${counted(entries, 'line')}${when}.\n`);
  io.stdout.write(`It ends with ${head.seq}:${head.hash}\n`);
}

function show({ store, last = 20, json }: LogOptions, io: Io): void {
  const entries: AuditEntry[] = [];
  verifyAuditLog(folderOf(store), {
    onEntry: (entry) => {
      entries.push(entry);
      if (entries.length > last) entries.shift();
    },
  });
  for (const entry of entries) {
    const { seq, time, event, data } = entry;
    const line =
      json === true
        ? printableJson(JSON.stringify(entry))
        : `${seq}  ${printable(time)}  ${printable(event)}  ${printable(JSON.stringify(data), 1024)}`;
    io.stdout.write(`${line}\n`);
  }
}

/** A log that somebody removed as a whole is not an empty one. */
function folderOf(store: string): string {
  const folder = join(store, 'audit');
  if (!existsSync(folder)) throw new AirlockError('USAGE', { message: `There is no audit log in ${printable(store, 256)}` });
  return folder;
}

function readHeadOption(text: string): AuditHead {
  const [, seq, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (hash === undefined)
    throw new AirlockError('USAGE', { message: '--expect wants NUMBER:HASH, as `airlock audit log verify` prints it' });
  return { seq: Number(seq), hash };
}
