// What the scanner is fuzzed with: the examples of this repository, the generated corpus when it is there, and a few things built here, so that
// every reader has something valid to begin with.
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const maxSeedBytes = 160_000;

function filesBelow(folder, prefix = '') {
  const files = {};
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stats = lstatSync(path);
    if (stats.isDirectory()) Object.assign(files, filesBelow(path, `${prefix}${name}/`));
    else if (stats.isFile() && stats.size <= maxSeedBytes) files[`${prefix}${name}`] = readFileSync(path);
  }
  return files;
}

/**
 * Models as their files by name; those of one file have one. Of SavedModels, which are large and many, some are chosen, others for another seed.
 */
export function loadSeeds(root, random) {
  const seeds = [];
  const add = (kind, path) => {
    const stats = lstatSync(path);
    if (stats.isDirectory()) seeds.push({ kind, name: path, files: filesBelow(path) });
    else if (stats.isFile() && stats.size <= maxSeedBytes)
      seeds.push({ kind, name: path, files: { [path.slice(path.lastIndexOf('/') + 1)]: readFileSync(path) } });
  };
  for (const example of ['digits', 'tabular']) add('savedmodel', join(root, 'examples', example, '1'));
  const corpus = process.env.AIRLOCK_SCAN_CORPUS ?? join(root, '.airlock/scan-corpus');
  if (existsSync(corpus)) {
    for (const kind of readdirSync(corpus).sort()) {
      if (!lstatSync(join(corpus, kind)).isDirectory()) continue;
      // What is large or deep on purpose is for scan-attacks.js.
      const names = readdirSync(join(corpus, kind)).filter((name) => !/bomb|depth/.test(name));
      for (const name of choose(names.sort(), random)) add(kind, join(corpus, kind, name));
    }
  }
  return seeds;
}

const maxChosen = 60;

function choose(names, random) {
  const left = [...names];
  while (left.length > maxChosen) left.splice(random.below(left.length), 1);
  return left;
}

/** Contents of all files whose name matches. */
export function contents(seeds, kinds, pattern) {
  return seeds
    .filter(({ kind }) => kinds.includes(kind))
    .flatMap(({ files }) => Object.entries(files))
    .filter(([name]) => pattern.test(name))
    .map(([, bytes]) => bytes);
}
