// `airlock advisories update`: reads what is new from OSV, from an address or from a file, and puts it beside what is known. Corrected ranges stay, nothing is
// lost, and nothing counts that nobody vouches for: a feed over https, a signature of a named key, or a person who says that it may.
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type AdvisoryData, advisoryAge, advisoryData, advisoryDocument, idsOf, writeUpdate } from '../../../advisories/index.ts';
import { AirlockError, printable } from '../../../core/index.ts';
import { defaultOsvUrl } from '../../../feeds/index.ts';
import type { Io } from '../../io.ts';
import { wholeNumberBetween } from '../../number-options.ts';
import { withInterrupt } from '../../with-interrupt.ts';
import { readSource, type Source } from './read-source.ts';
import { warnWhenOld, withStore, writeJson } from './shared.ts';

interface UpdateOptions {
  readonly store: string;
  readonly json?: boolean;
  readonly from: string;
  readonly osvUrl: string;
  readonly key?: string;
  readonly unsafeUnsigned?: boolean;
  readonly allowOlder?: boolean;
  readonly timeout: number;
}

export function addUpdateCommand(advisories: Command, io: Io): void {
  withStore(advisories.command('update').description('take in what was published since'))
    .option(
      '--from <source>',
      'osv, an https address, or a file: of OSV, of an index (JSON), or of airlock advisories export',
      'osv',
    )
    .option('--osv-url <url>', 'where the API of OSV is', defaultOsvUrl)
    .option('--key <file>', 'public key (PEM) whose owner must have signed the file')
    .option('--unsafe-unsigned', 'take a file that nobody has signed')
    .option('--allow-older', 'take a document that is older than what is there; newer entries stay as they are')
    .option('--timeout <seconds>', 'how long each answer may take', wholeNumberBetween(1, 3600), 30)
    .addHelpText(
      'after',
      '\nExamples:\n  airlock advisories update\n  airlock advisories update --from /media/advisories.sig.json --key release.pub',
    )
    .action((options: UpdateOptions) => update(options, io));
}

/** Clocks of two machines are not the same to the minute, and days begin at other hours. */
const futureMs = 36 * 3_600_000;

async function update(options: UpdateOptions, io: Io): Promise<void> {
  const { store } = options;
  const now = new Date();
  // Before anything is asked: a store that cannot be believed must not be merged into.
  advisoryData(store);
  const source = await withInterrupt((signal) =>
    readSource(options.from, {
      osvUrl: options.osvUrl,
      key: options.key === undefined ? undefined : resolve(options.key),
      unsafeUnsigned: options.unsafeUnsigned === true,
      timeoutMs: options.timeout * 1000,
      now,
      signal,
    }),
  );
  // Read again: asking takes long, and what another update has put there meanwhile must stay.
  const before = advisoryData(store);
  checkDay(source, before.info.read, options.allowOlder === true, now);
  writeUpdate(store, source.mergeInto(advisoryDocument(store)));
  const after = advisoryData(store);
  const changes = changesOf(before, after);
  if (options.json === true) writeJson(io, { from: source.name, ...after.info, ...changes, signed: source.isSigned });
  else io.stdout.write(textOf(source, changes, after, now));
  warnWhenOld(after.info, io);
}

/** @throws ADVISORIES_INVALID for a document of tomorrow, which would hide that all later ones are missing, and for one that is older than what is there. */
function checkDay({ read, name }: Source, known: string, allowOlder: boolean, now: Date): void {
  if (read === undefined) return;
  if (Date.parse(`${read}T00:00:00Z`) > now.getTime() + futureMs)
    throw new AirlockError('ADVISORIES_INVALID', { message: `${name} says that it is of ${read}, which is still to come` });
  if (read < known && !allowOlder)
    throw new AirlockError('ADVISORIES_INVALID', {
      message: `${name} is of ${read}, and what is there is of ${known}: with --allow-older it is taken in nevertheless`,
    });
}

interface Changes {
  readonly added: readonly string[];
  readonly withdrawn: readonly string[];
  readonly changed: readonly string[];
}

function changesOf(before: AdvisoryData, after: AdvisoryData): Changes {
  const known = new Map([...before.tensorflow, ...before.keras].flatMap((one) => idsOf(one).map((id) => [id, one] as const)));
  const [added, withdrawn, changed]: [string[], string[], string[]] = [[], [], []];
  for (const advisory of [...after.tensorflow, ...after.keras]) {
    const name = advisory.cve ?? advisory.id;
    const old = idsOf(advisory).flatMap((id) => known.get(id) ?? [])[0];
    if (old === undefined) added.push(name);
    else if (advisory.withdrawn !== old.withdrawn) withdrawn.push(name);
    else if (JSON.stringify(advisory) !== JSON.stringify(old)) changed.push(name);
  }
  return { added, withdrawn, changed };
}

function textOf(source: Source, { added, withdrawn, changed }: Changes, { info }: AdvisoryData, now: Date): string {
  const named = (what: string, ids: readonly string[]): string[] =>
    ids.length === 0
      ? []
      : [`  ${ids.length} ${what}: ${printable(`${ids.slice(0, 20).join(', ')}${ids.length > 20 ? ', …' : ''}`, 600)}`];
  const lines = [
    `${source.name}: ${source.count} ${source.what}${source.isSigned ? `, signed by ${source.signer}` : ''}`,
    ...named('new', added),
    ...named('withdrawn', withdrawn),
    ...(changed.length === 0 ? [] : [`  ${changed.length} with something new about them`]),
    added.length + withdrawn.length + changed.length === 0 ? '  nothing new' : '',
    `${info.count} advisories are known. ${advisoryAge(info, now).text}`,
  ];
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}
