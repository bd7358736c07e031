// `airlock doctor`: what this machine offers and lacks for serving. It tries things instead of comparing versions: what holds a worker
// is found by starting one that is held by it.
import { statfs } from 'node:fs/promises';
import { freemem, totalmem } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { advisoryAge, advisoryInfo } from '../../advisories/index.ts';
import { AirlockError } from '../../core/index.ts';
import { archOfMachine, defaultVersion, findPip, listSlots, verifySlot } from '../../runtime/index.ts';
import { examineJail, reaches } from '../../sandbox/index.ts';
import type { Io } from '../io.ts';
import { isolationText } from '../isolation-text.ts';
import { formatBytes } from '../progress-bar.ts';

interface Finding {
  readonly check: string;
  /** `lacking` makes the command fail; `warning` does not. */
  readonly state: 'ok' | 'warning' | 'lacking';
  readonly found: string;
  readonly fix?: string;
}

/** End of life of Node's release lines, from the project's published schedule. */
const nodeEndOfLife: Readonly<Record<number, string>> = { 20: '2026-04-30', 22: '2027-04-30', 24: '2028-04-30' };
/** The wheel, and its two libraries twice while they are verified and moved. */
const installBytes = 2e9;

export function addDoctorCommand(program: Command, io: Io): void {
  program
    .command('doctor')
    .description('say what this machine offers and lacks')
    .option('--store <folder>', 'where the TensorFlow runtimes are', '.airlock')
    .option('--json', 'machine-readable')
    .addHelpText('after', '\nExample:\n  airlock doctor --json')
    .action(async (options: { readonly store: string; readonly json?: boolean }) => {
      const findings = await examine(resolve(options.store), io);
      if (options.json === true) io.stdout.write(`${JSON.stringify({ findings }, undefined, 2)}\n`);
      else for (const finding of findings) io.stdout.write(line(finding));
      const lacking = findings.filter((finding) => finding.state === 'lacking').map((finding) => finding.check);
      if (lacking.length > 0)
        throw new AirlockError('ENVIRONMENT_LACKING', { message: `This machine lacks: ${lacking.join(', ')}` });
    });
}

function line({ check, state, found, fix }: Finding): string {
  const mark = { ok: 'ok     ', warning: 'warning', lacking: 'LACKING' }[state];
  return `${mark}  ${check.padEnd(13)}  ${found}${fix === undefined ? '' : `\n${' '.repeat(24)}→ ${fix}`}\n`;
}

async function examine(store: string, io: Io): Promise<Finding[]> {
  return [
    platform(),
    node(new Date()),
    memory(),
    await disk(store),
    await pip(io),
    ...(await runtimes(store)),
    advisories(store, new Date()),
    ...(await jail()),
  ];
}

function platform(): Finding {
  const found = `${process.platform} ${process.arch}`;
  try {
    archOfMachine();
    return { check: 'platform', state: 'ok', found };
  } catch {
    return { check: 'platform', state: 'lacking', found, fix: 'use Linux on x86_64 or aarch64' };
  }
}

function node(now: Date): Finding {
  const major = Number(process.versions.node.split('.')[0]);
  const end = nodeEndOfLife[major];
  const found = `${process.version}${end === undefined ? '' : `, supported until ${end}`}`;
  if (end === undefined || now <= new Date(end)) return { check: 'node', state: 'ok', found };
  return {
    check: 'node',
    state: 'warning',
    found,
    fix: 'in production use the current LTS of your distribution or of nodejs.org',
  };
}

function memory(): Finding {
  return {
    check: 'memory',
    state: 'ok',
    found: `${formatBytes(freemem())} free of ${formatBytes(totalmem())}; a worker takes about 0.5 GB`,
  };
}

async function disk(store: string): Promise<Finding> {
  let folder = store;
  for (;;) {
    try {
      const { bavail, bsize } = await statfs(folder);
      const free = bavail * bsize;
      const state = free < installBytes ? 'warning' : 'ok';
      return {
        check: 'disk',
        state,
        found: `${formatBytes(free)} free`,
        ...(state === 'ok' ? {} : { fix: `an install needs ${formatBytes(installBytes)}` }),
      };
    } catch {
      // The store need not be there yet; the root always is.
      folder = dirname(folder);
    }
  }
}

async function pip(io: Io): Promise<Finding> {
  try {
    const command = await findPip({ cwd: '/', env: io.env });
    return { check: 'pip', state: 'ok', found: command.join(' ') };
  } catch {
    return {
      check: 'pip',
      state: 'warning',
      found: 'not found',
      fix: "only an install needs it: install Python's pip (Debian and Ubuntu: python3-pip)",
    };
  }
}

async function runtimes(store: string): Promise<Finding[]> {
  const slots = await listSlots(store);
  if (slots.length === 0)
    return [
      {
        check: 'tensorflow',
        state: 'lacking',
        found: 'none is installed',
        fix: `airlock runtime install --version ${defaultVersion}`,
      },
    ];
  return Promise.all(
    slots.map(async (slot): Promise<Finding> => {
      try {
        await verifySlot(slot);
        return { check: 'tensorflow', state: 'ok', found: `${slot.version} for ${slot.arch}, verified` };
      } catch (thrown) {
        return {
          check: 'tensorflow',
          state: 'lacking',
          found: `${slot.version} for ${slot.arch}: ${AirlockError.from(thrown).message}`,
          fix: `airlock runtime install --version ${slot.version} --repair`,
        };
      }
    }),
  );
}

function advisories(store: string, now: Date): Finding {
  const check = 'advisories';
  try {
    const info = advisoryInfo(store);
    const { days, isOld } = advisoryAge(info, now);
    const origin = info.source === 'built-in' ? 'as Airlock came with them' : 'as of the last update';
    const found = `${info.count}, read on ${info.read}, ${days} days ago, ${origin}`;
    return isOld ? { check, state: 'warning', found, fix: 'airlock advisories update' } : { check, state: 'ok', found };
  } catch (thrown) {
    // A server does not start with it either.
    const { message } = AirlockError.from(thrown);
    return {
      check,
      state: 'lacking',
      found: message,
      fix: 'remove the folder advisories of the store, then airlock advisories update',
    };
  }
}

async function jail(): Promise<Finding[]> {
  const isolation = await examineJail();
  const { level, layers } = isolation;
  const found = isolationText(isolation);
  const isEnough = reaches(level, 'process');
  return [
    isEnough
      ? { check: 'jail', state: 'ok', found }
      : {
          check: 'jail',
          state: 'lacking',
          found,
          fix: 'see the layers below; `airlock serve` needs at least the level process, or an unsafe option',
        },
    ...layers.map(({ layer, works, detail }): Finding => ({ check: layer, state: works ? 'ok' : 'warning', found: detail })),
  ];
}
