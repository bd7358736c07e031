// What the numbers were measured on: without it they mean nothing.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/**
 * @param {string} command
 * @param {string[]} args
 * @param {string} folder
 */
function ask(command, args, folder) {
  const result = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
  return result.status === 0 ? result.stdout.trim() : 'unknown';
}

/**
 * @param {import('./prepare.js').Places} places
 * @param {import('./load.js').Generator} generator
 */
export function describeMachine(places, generator) {
  const packages = 'import importlib.metadata as m, sys; print(" ".join(f"{n} {m.version(n)}" for n in sys.argv[1:]))';
  const names = ['fastapi', 'pydantic', 'uvicorn', 'uvloop', 'httptools', 'tensorflow-cpu', 'numpy', 'pandera', 'pandas'];
  const changed = ask('git', ['status', '--porcelain', '--', 'src', 'bin', 'bench', 'package-lock.json'], places.root);
  return {
    cpu: os.cpus()[0].model.trim(),
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    kernel: os.release(),
    node: process.versions.node,
    python: ask(places.python, ['-c', 'import platform; print(platform.python_version())'], places.bench),
    pythonPackages: ask(places.python, ['-c', packages, ...names], places.bench),
    generator: `${generator.name} ${generator.version}`,
    commit: ask('git', ['rev-parse', '--short', 'HEAD'], places.root) + (changed === '' ? '' : ' with local changes'),
    loadAverageAtStart: Number(os.loadavg()[0].toFixed(2)),
  };
}

/**
 * Size and digits of a request body.
 * @param {import('./prepare.js').Places} places
 * @param {string} model
 * @param {string} payload
 */
export function describePayload(places, model, payload) {
  const text = fs.readFileSync(path.join(places.models, model, `${payload}.json`), 'utf8');
  const numbers = text.match(/-?\d[\d.e+-]*/g) ?? [];
  const digits = numbers.map((number) => number.replace(/^-?0\.0*|e.*$|\./g, '').length);
  return { bytes: text.length, numbers: numbers.length, mostDigits: digits.reduce((a, b) => Math.max(a, b), 0) };
}
