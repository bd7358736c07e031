// What `airlock runtime check` and `update` judge by: the models of a configuration, the releases of the index, and what lies in the store. What could not be
// asked is noted, never left out in silence.
import { existsSync } from 'node:fs';
import type { Config, RuntimeConfig } from '../../../config/index.ts';
import { AirlockError } from '../../../core/index.ts';
import { collectFacts, type PostureFacts } from '../../../posture/index.ts';
import { foreignOwner } from '../../../runtime/index.ts';
import type { Io } from '../../io.ts';
import { modelsOf } from './check-models.ts';
import { releaseTable } from './check-releases.ts';

export interface GatherSubject {
  readonly store: string;
  readonly runtime: RuntimeConfig;
  /** Undefined where only a store was named. */
  readonly config: Config | undefined;
}

export interface GatherOptions {
  readonly offline: boolean;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

/** @throws as `modelsOf`, `releaseTable` and `collectFacts`, but for a store that cannot be written: what is new in it is not remembered then. */
export async function gatherFacts(
  { store, runtime, config }: GatherSubject,
  { offline, signal, note }: GatherOptions,
  io: Io,
): Promise<PostureFacts> {
  // What starts processes, and beside it what waits for the network.
  const [table, models] = await Promise.all([
    releaseTable({ offline, env: io.env, signal, note }),
    config === undefined ? [] : modelsOf(config, { io, signal, note }),
  ]);
  const facts = { store, runtime, models, nowMs: Date.now(), ...(table === undefined ? {} : { releaseTable: table }) };
  const owner = foreignOwner(store);
  if (owner !== undefined) note(`Nothing was remembered in the store: it belongs to user ${owner}`);
  return collectFacts({ ...facts, mayWrite: owner === undefined && existsSync(store) }).catch((thrown: unknown) => {
    const { code, message } = AirlockError.from(thrown);
    if (code !== 'STORE_NOT_WRITABLE' && code !== 'DISK_FULL') throw thrown;
    note(`Nothing was remembered in the store: ${message}`);
    return collectFacts({ ...facts, mayWrite: false });
  });
}
