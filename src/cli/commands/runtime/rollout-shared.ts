// What `promote`, `rollback`, `history` and `remove` share: which store and configuration they are about, who asks, and how they follow a server that carries it out.
import type { Command } from 'commander';
import { loadConfig } from '../../../config/index.ts';
import { AirlockError, printable } from '../../../core/index.ts';
import {
  defaultVersion,
  loadPins,
  type PinTable,
  readHistory,
  readServingNote,
  readStoreState,
  type StoreState,
} from '../../../runtime/index.ts';
import type { Io } from '../../io.ts';
import { type PinsOption, withPins } from './shared.ts';

export interface StoreOptions extends PinsOption {
  readonly store?: string;
  readonly config?: string;
  readonly json?: boolean;
}

export interface StoreAtHand {
  readonly store: string;
  readonly state: StoreState;
  readonly pins: PinTable;
}

export interface WaitOptions {
  readonly wait?: boolean;
}

const defaultStore = './.airlock';
const pollMs = 300;

export function withConfigOrStore(command: Command): Command {
  return withPins(command)
    .option('--config <file>', 'the airlock.yaml of the server, for its store')
    .option('--store <dir>', `folder of the store (default ${defaultStore})`)
    .option('--json', 'print the result as JSON');
}

export function withWait(command: Command): Command {
  return command
    .option('--wait', 'follow the server until it is done (the default on a terminal)')
    .option('--no-wait', 'only ask for it');
}

/** @throws USAGE for both options; CONFIG_… for a file that cannot be read; STORE_UNSAFE. */
export async function storeOf({ store, config, pins }: StoreOptions): Promise<StoreAtHand> {
  if (store !== undefined && config !== undefined)
    throw new AirlockError('USAGE', { message: 'Give --config or --store; the configuration names its store itself' });
  if (config === undefined) {
    const folder = store ?? defaultStore;
    return { store: folder, state: readStoreState(folder, undefined, defaultVersion), pins: await loadPins(pins) };
  }
  const { store: folder, runtime } = await loadConfig(config);
  const state = readStoreState(folder, runtime.tensorflow, defaultVersion);
  return { store: folder, state, pins: await loadPins(pins ?? runtime.pins) };
}

/** A text of somebody's own, made safe to keep and show. @throws USAGE for one that is empty or longer than 1000 characters. */
export function reasonText(option: string): (text: string) => string {
  return (text) => {
    if (text.trim() === '' || text.length > 1_000)
      throw new AirlockError('USAGE', { message: `${option} takes a text of 1 to 1000 characters` });
    return printable(text, 1_000);
  };
}

/**
 * Follows the change `id` until a server has ended it; says its steps on a terminal. Gives false when no server runs that could.
 * @param patienceMs also gives false when nothing new was seen for so long; default never: somebody sits before it.
 * @throws PROMOTION_FAILED when it ended otherwise than asked.
 */
export async function followRollout(store: string, id: string, io: Io, patienceMs = Number.POSITIVE_INFINITY): Promise<boolean> {
  let said = '';
  let seen = '';
  let seenMs = performance.now();
  for (;;) {
    const ended = readHistory(store).entries.find(({ asked }) => asked.id === id)?.ended;
    if (ended?.outcome === 'completed') return true;
    if (ended !== undefined)
      throw new AirlockError('PROMOTION_FAILED', {
        message: `The change ${wordOf(ended.outcome)}: ${ended.why ?? 'no reason was given'}`,
        ...(ended.detail === undefined ? {} : { detail: ended.detail }),
      });
    const note = readServingNote(store);
    if (note === undefined) return false;
    const now = JSON.stringify(note);
    if (now !== seen) seenMs = performance.now();
    else if (performance.now() - seenMs >= patienceMs) return false;
    seen = now;
    if (note.rollout?.id === id) {
      const { phase, moved, total, model, requests, failed } = note.rollout;
      const what =
        phase === 'moving' ? `moving ${moved} of ${total}${model === undefined ? '' : ` (${printable(model)})`}` : phase;
      if (what !== said && io.isTerminal)
        io.stderr.write(`${what}: ${requests} requests so far, ${failed} failed on the new one\n`);
      said = what;
    }
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

export function wordOf(outcome: string): string {
  return outcome === 'failed' ? 'failed' : `was ${outcome}`;
}
