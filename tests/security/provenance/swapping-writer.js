// Somebody who may write where models are dropped: a process that exchanges a signed model for another one and back, in every way that a
// path allows, until its standard input ends. Prints how often it did.
import { linkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';

const [folder, signedGraph, otherGraph] = process.argv.slice(2);
const at = (...parts) => path.join(folder, ...parts);

/** Each gives back what undoes it. */
const swaps = [
  // The whole folder.
  () => {
    renameSync(at('model'), at('away'));
    renameSync(at('evil'), at('model'));
    return () => {
      renameSync(at('model'), at('evil'));
      renameSync(at('away'), at('model'));
    };
  },
  // One file, at once: there is no moment without it.
  () => {
    const replace = (source) => {
      linkSync(at(source, 'saved_model.pb'), at('next'));
      renameSync(at('next'), at('model', 'saved_model.pb'));
    };
    replace('evil');
    return () => replace('good');
  },
  // A folder inside for a link.
  () => {
    renameSync(at('model', 'variables'), at('away'));
    symlinkSync(at('evil', 'variables'), at('model', 'variables'));
    return () => {
      rmSync(at('model', 'variables'));
      renameSync(at('away'), at('model', 'variables'));
    };
  },
  // The folder itself for a link.
  () => {
    renameSync(at('model'), at('away'));
    symlinkSync(at('evil'), at('model'));
    return () => {
      rmSync(at('model'));
      renameSync(at('away'), at('model'));
    };
  },
  // Bytes, in place.
  () => {
    rmSync(at('model', 'saved_model.pb'));
    writeFileSync(at('model', 'saved_model.pb'), signedGraph);
    writeFileSync(at('model', 'saved_model.pb'), otherGraph);
    return () => writeFileSync(at('model', 'saved_model.pb'), signedGraph);
  },
];

let isOver = false;
process.stdin.on('end', () => {
  isOver = true;
});
process.stdin.resume();
process.stdout.write('up\n');

let count = 0;
const endAt = performance.now() + 60_000;
while (!isOver && performance.now() < endAt) {
  const undo = swaps[count++ % swaps.length]();
  await setTimeout(Math.random() * 4);
  undo();
  await setTimeout(Math.random() * 12);
}
process.stdout.write(`${count}\n`);
