// Removes an installed TensorFlow, unless it serves or is the one to go back to. It takes the slot out of everybody's sight in one step before it deletes anything, so that
// no start finds half a slot.
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AirlockError } from '../core/index.ts';
import type { StoreState } from './ask-rollout.ts';
import type { PinTable } from './pin.ts';
import { runtimeError } from './runtime-error.ts';
import { findSlot } from './slot.ts';
import { createStaging, removeStaging } from './staging.ts';

/** @throws USAGE when it serves or is kept; RUNTIME_NOT_INSTALLED, RUNTIME_VERSION_UNKNOWN, STORE_NOT_WRITABLE. */
export async function removeSlot(store: string, state: StoreState, version: string, pins: PinTable): Promise<void> {
  if (version === state.tensorflow || version === state.configured)
    throw new AirlockError('USAGE', {
      message: `TensorFlow ${version} ${version === state.tensorflow ? 'serves' : 'is what the configuration names'}: it stays installed`,
    });
  if (version === state.kept)
    throw new AirlockError('USAGE', { message: `TensorFlow ${version} is what can be gone back to: it stays installed` });
  const slot = await findSlot(store, version, undefined, pins);
  const staging = await createStaging(store);
  try {
    await rename(slot.directory, join(staging.root, 'removed'));
    await rm(join(staging.root, 'removed'), { recursive: true });
  } catch (thrown) {
    throw runtimeError(thrown, 'STORE_NOT_WRITABLE');
  } finally {
    await removeStaging(staging);
  }
}
