// Stages a model over a bad copy, releases it and collects it, and kills itself at the step that it is told, or prints all of them.
import path from 'node:path';
import { openModelStore } from '../../../dist/provenance/store/index.js';

const [folder, manifestText, killAt] = process.argv.slice(2);
const manifest = JSON.parse(manifestText);
const steps = [];

function onStep(step) {
  if (steps.length === Number(killAt)) process.kill(process.pid, 'SIGKILL');
  steps.push(step);
}

const store = await openModelStore(path.join(folder, 'store', 'models'), { onStep });
const staged = await store.stage(path.join(folder, 'model'), manifest);
await staged.release();
await store.collect();
process.stdout.write(steps.join(' '));
