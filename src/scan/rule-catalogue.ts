// Every rule that a scan can report by, in one list: for `airlock scan --rules`, for reports, and for the digest that says which rules judged.
// The rules stand beside the code that applies them; nothing of that code is loaded here.
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { advisoryInfo } from '../advisories/index.ts';
import { advisoryRules } from './advisories/rules.ts';
import { checkpointRules } from './checkpoint/rules.ts';
import { engineRules } from './engine/rules.ts';
import { hazardRules } from './hazards/rules.ts';
import { hdf5Rules } from './hdf5/rules.ts';
import { kerasRules } from './keras/rules.ts';
import { savedModelRules } from './saved-model/rules.ts';
import type { Rule } from './scan-types.ts';
import { fileRules } from './source/rules.ts';
import { tfjsRules } from './tfjs/rules.ts';
import { tfliteRules } from './tflite/rules.ts';
import { valueRules } from './values/rules.ts';
import { weightRules } from './weights/rules.ts';

/** Sorted by id. */
export const scanRules: readonly Rule[] = [
  ...engineRules,
  ...fileRules,
  ...savedModelRules,
  ...hazardRules,
  ...valueRules,
  ...checkpointRules,
  ...weightRules,
  ...kerasRules,
  ...hdf5Rules,
  ...tfliteRules,
  ...tfjsRules,
  ...advisoryRules,
].sort((a, b) => (a.id < b.id ? -1 : 1));

export const rulesById: ReadonlyMap<string, Rule> = new Map(scanRules.map((rule) => [rule.id, rule]));

const dataFiles = ['tensorflow-ops.json'];
let known: { readonly state: string; readonly digest: string } | undefined;

/**
 * SHA-256 over the rules and the data that they use, hex: when it changes, what was scanned before may be judged differently. The data may be
 * replaced while a server runs, so the files are looked at each time and read when they have changed.
 * @param store Folder of the store, for an update of the advisories in it.
 * @throws ADVISORIES_INVALID when that update cannot be used
 */
export function rulesDigest(store?: string): string {
  const advisories = advisoryInfo(store).digest;
  const files = dataFiles.map((name) => new URL(`../../data/${name}`, import.meta.url));
  const onDisk = files
    .map((file) => statSync(file))
    .map(({ mtimeMs, size, ino }) => `${mtimeMs} ${size} ${ino}`)
    .join();
  const state = `${onDisk} ${advisories}`;
  if (known?.state === state) return known.digest;
  const hash = createHash('sha256').update(JSON.stringify(scanRules)).update(advisories);
  for (const file of files) hash.update(readFileSync(file));
  known = { state, digest: hash.digest('hex') };
  return known.digest;
}
