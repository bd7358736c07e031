// `airlock runtime promote`: another installed TensorFlow serves from now on. It asks; the server that runs carries it out, or the next one that starts.
import type { Command } from 'commander';
import { askPromotion, assertOwnStore, findSlot, type Selection, verifySlot } from '../../../runtime/index.ts';
import { askerName } from '../../asker-name.ts';
import type { Io } from '../../io.ts';
import {
  followRollout,
  reasonText,
  type StoreAtHand,
  type StoreOptions,
  storeOf,
  type WaitOptions,
  withConfigOrStore,
  withWait,
} from './rollout-shared.ts';
import { auditRuntime, writeJson } from './shared.ts';

interface PromoteOptions extends StoreOptions, WaitOptions {
  readonly reason?: string;
  readonly acceptChanges?: string;
  readonly unsafeUnrehearsed?: boolean;
}

export function addPromoteCommand(runtime: Command, io: Io): void {
  const command = runtime
    .command('promote')
    .description('Let another installed TensorFlow serve, without a failed request, and go back by itself when it is worse')
    .argument('<version>', 'the TensorFlow version');
  withWait(withConfigOrStore(command))
    .option('--reason <text>', 'why, for the history', reasonText('--reason'))
    .option(
      '--accept-changes <reason>',
      'take it although the rehearsal saw other answers, and say why',
      reasonText('--accept-changes'),
    )
    .option('--unsafe-unrehearsed', 'take it although no rehearsal compared it with what serves')
    .addHelpText('after', '\nExample:\n  airlock runtime promote 2.21.0 --config airlock.yaml --reason "CVE fixes"')
    .action((version: string, options: PromoteOptions) => promote(version, options, io));
}

interface Promotion {
  readonly selection: Selection;
  /** A server runs that carries it out. */
  readonly isRunning: boolean;
  /** It was waited for, and is completed. */
  readonly isDone: boolean;
}

type PromotionOptions = Omit<PromoteOptions, keyof StoreOptions> & {
  /** See `followRollout`. */
  readonly patienceMs?: number;
};

/** Asks for it, and follows the server where that is wanted. @throws as `askPromotion` and `verifySlot`; PROMOTION_FAILED. */
export async function promoteTo(
  version: string,
  { store, state, pins }: StoreAtHand,
  { reason, acceptChanges, unsafeUnrehearsed, wait, patienceMs }: PromotionOptions,
  io: Io,
): Promise<Promotion> {
  assertOwnStore(store);
  await verifySlot(await findSlot(store, version, undefined, pins));
  const by = askerName(io.env);
  const selection = askPromotion(store, state, { version, by, reason, acceptChanges, unsafeUnrehearsed });
  const { id, previous, verdict, rehearsal } = selection;
  auditRuntime(store, 'runtime change asked', {
    id,
    kind: 'promote',
    from: previous,
    to: version,
    by,
    verdict,
    rehearsal,
    reason,
    accepted: acceptChanges,
  });
  const isRunning = state.served !== undefined;
  const isDone = (wait ?? io.isTerminal) && isRunning && (await followRollout(store, id, io, patienceMs));
  return { selection, isRunning, isDone };
}

async function promote(version: string, options: PromoteOptions, io: Io): Promise<void> {
  const { selection, isRunning, isDone } = await promoteTo(version, await storeOf(options), options, io);
  const { id, previous, verdict, rehearsal } = selection;
  if (options.json === true)
    writeJson(io, {
      id,
      from: previous,
      to: version,
      verdict,
      rehearsal: rehearsal ?? null,
      state: isDone ? 'completed' : 'asked',
    });
  else if (isDone)
    io.stdout.write(`TensorFlow ${version} serves; ${previous} can be gone back to with \`airlock runtime rollback\`\n`);
  else if (isRunning)
    io.stdout.write(`Asked for: the server moves to TensorFlow ${version}; \`airlock runtime history\` says what came of it\n`);
  else
    io.stdout.write(
      `Asked for: no server runs on this store; the next one starts with TensorFlow ${previous} and moves to ${version}\n`,
    );
}
