// All attacks, each on an advisory of its own that is open in TensorFlow 2.9.1, and the few that every run of the tests does.
import type { Attack } from './attack.ts';
import { imageAttacks } from './attacks-images.ts';
import { listAttacks } from './attacks-lists.ts';
import { quantisedAttacks } from './attacks-quantised.ts';
import { shapeAttacks } from './attacks-shapes.ts';

/** By number of the advisory. */
export const attacks: readonly Attack[] = [...quantisedAttacks, ...listAttacks, ...shapeAttacks, ...imageAttacks].sort(
  (left, right) => (left.cve < right.cve ? -1 : 1),
);

/**
 * One of each way to die: a null pointer, a check that ends the process, memory far away, a product that overflows, a crash while the model loads, and one
 * that does not die but gives away memory.
 */
const quick: ReadonlySet<string> = new Set([
  'CVE-2022-35966',
  'CVE-2022-35971',
  'CVE-2022-36018',
  'CVE-2022-41886',
  'CVE-2023-25668',
  'CVE-2023-25664',
]);

/**
 * `AIRLOCK_VULNERABLE`: `all` (`npm run test:vulnerable`), or numbers of advisories with commas between. Those are then run on 2.21.0 too, and their rows of the
 * table are written.
 */
const named = process.env.AIRLOCK_VULNERABLE;
export const writesTable: boolean = named !== undefined;

const numbers = new Set(named?.split(','));
export const chosenAttacks: readonly Attack[] = attacks.filter(({ cve }) =>
  named === undefined ? quick.has(cve) : named === 'all' || numbers.has(cve),
);
