// Says which share of the nodes of models has a bound of its cost, and why the others have none. After a build: node tools/cost-coverage.mjs FOLDER...
import { costOf } from '../dist/scanner/index.js';

const percent = (part, all) => (all === 0 ? '–' : `${((100 * part) / all).toFixed(1)} %`);
const whole = { bounded: 0, all: 0 };

for (const folder of process.argv.slice(2)) {
  const model = await costOf(folder).catch(() => undefined);
  if (model === undefined) {
    console.log(`${folder}: no cost`);
    continue;
  }
  let [bounded, all] = [0, 0];
  for (const { nodes } of model.signatures) {
    for (const { node, runs, flops, bytes, memoryBytes } of nodes) {
      // An entry without a name stands for as many nodes as it says.
      const count = node === '' ? runs : 1;
      all += count;
      if (flops !== null && bytes !== null && memoryBytes !== null) bounded += count;
    }
  }
  const gaps = new Set(model.signatures.flatMap((signature) => signature.gaps.map(({ op, why }) => `${op} (${why})`)));
  console.log(`${folder}: ${percent(bounded, all)} of ${all} nodes${gaps.size === 0 ? '' : `; ${[...gaps].slice(0, 8).join(', ')}`}`);
  whole.bounded += bounded;
  whole.all += all;
}
console.log(`all: ${percent(whole.bounded, whole.all)} of ${whole.all} nodes`);
