// Tries every attack against each layer alone and against the whole jail without each layer, as root and as an unprivileged user, and
// writes matrix.md. Not part of the tests: it starts some thousands of processes.
//
//   npm run build && node tests/security/escape/matrix.mjs
//
// Run as root it does both; the tree must then be readable to everybody.
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { attacks } from './inside/attacks.mjs';
import { availableLayers, isRoot, jailOf, layerNames } from './layers.mjs';
import { attemptAll } from './trial.mjs';

const self = fileURLToPath(import.meta.url);
const nobody = 65_534;
/** Refused wherever there is a launcher, which starts every layer but one: only its own column may count it. */
const closedByLauncher = 'use-leaked-descriptor';

/** Which attacks work in this set of layers. */
async function workingIn(layers) {
  const { outcomes } = await attemptAll(jailOf(layers), attacks, { seal: layers.has('serving') });
  return attacks.map(({ name }) => name).filter((name) => outcomes.get(name).worked);
}

async function measure() {
  const all = new Set(availableLayers);
  const alone = {};
  const without = {};
  const report = (what, names) => console.error(`${isRoot ? 'root' : 'user'}: ${what}: ${names.length} attacks work`);
  const unjailed = await workingIn(new Set());
  report('no layer', unjailed);
  for (const layer of availableLayers) {
    alone[layer] = await workingIn(new Set([layer]));
    report(`${layerNames[layer]} alone`, alone[layer]);
  }
  for (const layer of availableLayers) {
    without[layer] = await workingIn(new Set(availableLayers.filter((other) => other !== layer)));
    report(`all without ${layerNames[layer]}`, without[layer]);
  }
  const jailed = await workingIn(all);
  report('all layers', jailed);
  return { layers: availableLayers, unjailed, alone, without, jailed };
}

async function measureAsNobody() {
  const child = fork(self, ['--send'], { uid: nobody, gid: nobody });
  const [results] = await once(child, 'message');
  return results;
}

function table({ layers, unjailed, alone }) {
  const shown = attacks.filter(({ name }) => unjailed.includes(name));
  const stops = (layer, name) => !alone[layer].includes(name) && (name !== closedByLauncher || layer === 'limits');
  const rows = shown.map(({ name, shows }) => {
    const cells = layers.map((layer) => (stops(layer, name) ? '●' : ''));
    return `| ${name} | ${shows} | ${cells.join(' | ')} | ${cells.filter(Boolean).length} |`;
  });
  const totals = layers.map((layer) => shown.filter(({ name }) => stops(layer, name)).length);
  const single = shown.filter(({ name }) => layers.filter((layer) => stops(layer, name)).length < 2);
  return [
    `| attack | what it shows | ${layers.map((layer) => layerNames[layer]).join(' | ')} | layers |`,
    `|---|---|${layers.map(() => ':-:').join('|')}|--:|`,
    ...rows,
    `| **${shown.length} attacks** | **stopped by this layer alone** | ${totals.join(' | ')} | |`,
    '',
    `Two layers or more stop ${shown.length - single.length} of ${shown.length}; one stops ${single.map(({ name }) => name).join(', ')}.`,
  ];
}

function section(title, results) {
  const { layers, unjailed, without, jailed } = results;
  const apart = attacks.filter(({ name }) => !unjailed.includes(name));
  return [
    `## ${title}`,
    '',
    `Without a jail ${unjailed.length} of ${attacks.length} attacks work, in the whole jail ${jailed.length}.`,
    '',
    ...table(results),
    '',
    'What works again when one layer is taken away:',
    '',
    ...layers.map((layer) => `- without ${layerNames[layer]}: ${without[layer].join(', ') || 'nothing'}`),
    '',
    'Attacks that do not work here even without a jail, and so show nothing:',
    '',
    ...apart.map(({ name, apart: reason, needs }) => `- ${name}: ${reason ?? `needs ${needs ?? 'root'}`}`),
    '',
  ];
}

function surroundings() {
  const { version } = JSON.parse(readFileSync(path.join(path.dirname(self), '../../../package.json'), 'utf8'));
  const bubblewrap = spawnSync('bwrap', ['--version'], { encoding: 'utf8' }).stdout?.trim() ?? 'no bubblewrap';
  const [{ model }] = cpus();
  const day = new Date().toISOString().slice(0, 10);
  return `${day} · Airlock ${version} · Node ${process.version} · Linux ${release()} ${process.arch} · ${bubblewrap} · ${model}`;
}

if (process.argv[2] === '--send') {
  process.send(await measure(), () => process.disconnect());
} else {
  const text = [
    '# Which layer stops which attack',
    '',
    'Written by `node tests/security/escape/matrix.mjs`. Each attack ran in a process of its own, with one layer and nothing else around',
    'it; ● is a layer that stops it alone. The loading filter is on from the start of a worker, the serving filter from before it sees',
    'a model; with it goes, where a model permits, that no more memory becomes executable. Limits and closed descriptors come with the',
    'launcher. Control groups and the watchdog of the server, the further layers against memory, are not tried here.',
    '',
    surroundings(),
    '',
    ...section(isRoot ? 'The server is root' : 'The server is an unprivileged user', await measure()),
    ...(isRoot ? section('The server is an unprivileged user', await measureAsNobody()) : []),
  ];
  writeFileSync(path.join(path.dirname(self), 'matrix.md'), text.join('\n'));
}
