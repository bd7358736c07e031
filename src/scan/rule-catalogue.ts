// Every rule that a scan can report by, in one list: for `airlock scan --rules`, for reports, and for the digest that says which rules judged.
// The rules stand beside the code that applies them; nothing of that code is loaded here.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { advisoryRules } from './advisories/rules.ts';
import { checkpointRules } from './checkpoint/rules.ts';
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

const dataFiles = ['tensorflow-ops.json', 'tensorflow-advisories.json', 'keras-advisories.json'];
let digest: string | undefined;

/** SHA-256 over the rules and the data that they use, hex: when it changes, what was scanned before may be judged differently. */
export function rulesDigest(): string {
  if (digest !== undefined) return digest;
  const hash = createHash('sha256').update(JSON.stringify(scanRules));
  for (const name of dataFiles) hash.update(readFileSync(new URL(`../../data/${name}`, import.meta.url)));
  digest = hash.digest('hex');
  return digest;
}
