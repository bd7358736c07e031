// What the clients of a soak ask, and what the right answer is: right requests of each model, wrong ones that must be refused with one certain code.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { affine } from './affine-model.js';
import { root } from './soaked-server.js';

const tolerance = 1e-5;
const maxRows = 8;

/** The first difference, or undefined. */
export function difference(got, expected, at = 'predictions') {
  if (Array.isArray(expected)) {
    if (!Array.isArray(got) || got.length !== expected.length) return `another shape at ${at}`;
    for (const [index, value] of expected.entries()) {
      const found = difference(got[index], value, `${at}[${index}]`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (typeof expected === 'number') {
    return Math.abs(got - expected) <= tolerance * Math.max(1, Math.abs(expected)) ? undefined : `${got} instead of ${expected} at ${at}`;
  }
  if (typeof expected === 'object' && expected !== null) {
    const keys = Object.keys(expected);
    if (Object.keys(got ?? {}).length !== keys.length) return `other keys at ${at}`;
    for (const key of keys) {
      const found = difference(got?.[key], expected[key], `${at}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return got === expected ? undefined : `${got} instead of ${expected} at ${at}`;
}

function affineRequest(random, model) {
  const rows = Array.from({ length: 1 + random.below(maxRows) }, () => Array.from({ length: 4 }, () => random.below(2_000) - 1_000));
  // A number with a point: a whole one is none for a float tensor that is strict.
  const text = `[${rows.map((row) => `[${row.map((value) => value.toFixed(1)).join(',')}]`).join(',')}]`;
  return { model, body: `{"instances":${text}}`, expected: affine(rows) };
}

function digitsBody(random) {
  const ink = () => (random.below(17) / 16).toFixed(4);
  const image = Array.from({ length: 8 }, () => `[${Array.from({ length: 8 }, () => `[${ink()}]`).join(',')}]`);
  return `{"instances":[[${image.join(',')}]]}`;
}

const wine = JSON.parse(readFileSync(path.join(root, 'examples/tabular/request.json'), 'utf8')).instances[0];
const tabularBody = (random) => JSON.stringify({ instances: [{ ...wine, alcohol: 11.1 + random.below(300) / 100, magnesium: 90 + random.below(30) }] });

const wrong = [
  { model: 'digits', body: '{"instances":[[["ink"]]]}', code: 'TENSOR_TYPE_MISMATCH' },
  { model: 'batched', body: '{"instances":[[1.0,2.0,3.0]]}', code: 'TENSOR_SHAPE_MISMATCH' },
  { model: 'pooled', body: '{"instances":[[1.0,2.0,3.0,4.0]', code: 'JSON_SYNTAX' },
  { model: 'sleeping', body: '', code: 'JSON_EMPTY' },
  { model: 'nobody', body: '{}', code: 'MODEL_NOT_FOUND' },
  { model: 'tabular', body: JSON.stringify({ instances: [{ ...wine, alcohol: 98.5 }] }), code: 'CONTRACT_VIOLATION' },
];

/** Of a model's requests whose answers nobody works out by hand: so many different ones, asked before anything goes wrong. */
const remembered = 24;

export class Requests {
  #random;
  #known = [];

  constructor(random) {
    this.#random = random;
  }

  /** Asks what has to be remembered. @param {(request: { model: string, body: string }) => Promise<unknown>} ask gives the predictions */
  async prepare(ask) {
    for (const [model, body] of [['digits', digitsBody], ['tabular', tabularBody]]) {
      for (let count = 0; count < remembered; count++) {
        const request = { model, body: body(this.#random) };
        const expected = await ask(request);
        const found = difference(await ask(request), expected);
        if (found !== undefined) throw new Error(`${model} gives two answers to one request: ${found}`);
        this.#known.push({ ...request, expected });
      }
    }
  }

  right() {
    const random = this.#random;
    return random.below(2) === 0 ? random.of(this.#known) : affineRequest(random, random.of(['batched', 'pooled', 'sleeping']));
  }

  wrong() {
    return this.#random.of(wrong);
  }
}
