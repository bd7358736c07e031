// For tests that load TensorFlow many times and are not about its bytes: each slot is hashed (850 MB) once in a test process instead of before each worker. In a test file:
//   vi.mock('../../src/runtime/verify-slot.ts', async (original) => (await import('../support/verify-once.ts')).verifyOnce(await original()));
import { realpathSync } from 'node:fs';
import type { RuntimeSlot } from '../../src/runtime/index.ts';

type Verifying = typeof import('../../src/runtime/verify-slot.ts');

/** The module, with a `verifySlot` that remembers the folders that were what is pinned. One that was not is hashed again. */
export function verifyOnce(real: Verifying): Verifying {
  const verified = new Map<string, Promise<void>>();
  return {
    ...real,
    verifySlot(slot: RuntimeSlot, options): Promise<void> {
      // Stores of tests are links to the same slots.
      const place = realpathSync(slot.directory);
      const known = verified.get(place);
      if (known !== undefined) return known;
      const verification = real.verifySlot(slot, options);
      verified.set(place, verification);
      verification.catch(() => verified.delete(place));
      return verification;
    },
  };
}
