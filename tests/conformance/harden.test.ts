// Hardened models in a real TensorFlow: in every loader, good input gives bit for bit what the original gives, and each bad input is refused
// with our text. The C++ loader is tried in this process, and for the examples in Airlock's own worker.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { loadContract } from '../../src/contract/index.ts';
import { isAirlockError } from '../../src/core/index.ts';
import { pythonAssertions } from '../../src/harden/index.ts';
import { re2Classes } from '../../src/harden/re2-classes.ts';
import { re2Obstacle } from '../../src/harden/re2-obstacle.ts';
import { readSavedModel, selectMetaGraph } from '../../src/model/index.ts';
import { openModel } from '../../src/serving/index.ts';
import { type FlatValue, type Tensor, tensorFromValue } from '../../src/tensor/index.ts';
import { loadSession, needsRuntime, runSession, slot } from '../support/runtime.ts';
import { reachableSandbox as sandbox } from '../support/sandbox.ts';
import { root } from '../support/server.ts';
import { hasTensorFlow, type Message, needsTensorFlow, PythonProcess } from './harden/python-process.ts';
import { testdata } from './serving-cases.ts';

type Encoded = Readonly<Record<string, { shape: number[]; type: string; bytes?: string; strings?: string[] }>>;
interface Case {
  readonly model: string;
  readonly signature: string;
  readonly cpp: boolean;
  readonly good: readonly Encoded[];
  readonly bad: readonly { readonly name: string; readonly rule: string; readonly feeds: Encoded }[];
}
interface Tried {
  readonly model: string;
  readonly signature: string;
  readonly loader: string;
  readonly good: readonly boolean[];
  readonly again: readonly boolean[];
  readonly bad: readonly { readonly name: string; readonly rule: string; readonly text: string }[];
}

process.env.TF_CPP_MIN_LOG_LEVEL ??= '3';

const contracts = join(import.meta.dirname, 'harden/contracts');
const names = [
  'keras_export',
  'keras_saved',
  'multi',
  'compiled',
  'big',
  'counter',
  'dims',
  'types',
  'rows',
  'tf1',
  'tf1_shared',
  'tf1_rows',
];

/** Patterns that are built in: of every class of Unicode, and as large as they may be. */
const patternsToCompile: readonly string[] = [
  ...Array.from(re2Classes, (name) => `[^\\p{${name}}a]*`),
  ...['L', 'Lu', 'Mn', 'So', 'N', 'Arabic'].map((name) => largest((count) => `(?i)\\p{${name}}{0,${count}}`)),
  largest((count) => `[一丁七-万\\x{80}-\\x{10FFFE}]{${count}}`),
  largest((count) => `(?:[^,;é]|\\w+|(?i)straße){${count}}`),
  largest((count) => `(?:\\p{L}{3}-){1,${count}}`),
];

/** The longest of a kind in which nothing stands in the way of TensorFlow. */
function largest(patternOf: (count: number) => string): string {
  let [good, bad] = [1, 1001];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (re2Obstacle(patternOf(middle)) === undefined) good = middle;
    else bad = middle;
  }
  return patternOf(good);
}

/** Runs our own command line, as a person would. */
async function airlock(...args: string[]): Promise<string> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await main(args, { stdout, stderr, env: {}, isTerminal: false });
  const read = (stream: PassThrough) => String(stream.read() ?? '');
  if (code !== 0) throw new Error(`exit code ${code}: ${read(stderr)}`);
  return read(stdout);
}

const arrays = {
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
} as const;

function decoded(feeds: Encoded): Record<string, FlatValue> {
  return Object.fromEntries(
    Object.entries(feeds).map(([key, { shape, type, bytes, strings }]) => {
      if (strings !== undefined)
        return [key, { shape, data: strings.map((text) => new Uint8Array(Buffer.from(text, 'base64'))) }];
      const content = new Uint8Array(Buffer.from(bytes ?? '', 'base64'));
      return [key, { shape, data: new arrays[type as keyof typeof arrays](content.buffer) }];
    }),
  );
}

/** Equal exactly when the outputs are, bit for bit. */
function bytesOf(outputs: readonly Tensor[]): string {
  return JSON.stringify(
    outputs.map((tensor) => [
      tensor.dtype,
      tensor.shape,
      Buffer.from(tensor.bytes).toString('hex'),
      tensor.dtype === 'DT_STRING' ? [...tensor.offsets] : [],
    ]),
  );
}

const words = (error: unknown): string =>
  isAirlockError(error) ? `${error.code} ${error.message} ${error.detail ?? ''}` : String(error);

let folder: string;
let python: PythonProcess | undefined;
// Python takes ten seconds to import TensorFlow and build the models; what does not need them is tried meanwhile.
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-harden-'));
  if (hasTensorFlow) python = new PythonProcess('run.py', [join(folder, 'original')]);
});
afterAll(() => {
  python?.end();
  rmSync(folder, { recursive: true });
});

/** Those that were not refused with the text of their rule. */
function unexplained(tries: readonly (readonly [string, string, string])[]): string[] {
  return tries
    .filter(([, rule, text]) => !text.includes('[airlock] ') || !text.includes(rule))
    .map(([name, rule, text]) => `${name} (${rule}): ${text.slice(0, 300)}`);
}

const floats = (shape: number[]): FlatValue => ({ shape, data: new Float32Array(shape.reduce((size, dim) => size * dim, 1)) });

/** A model in the C++ loader, in this process, as the worker has it. */
async function cppModel(folder: string, name: string) {
  const { signatures } = selectMetaGraph(await readSavedModel(folder));
  const signature = signatures.find((one) => one.name === name);
  if (signature === undefined) throw new Error(`no signature ${name}`);
  const session = loadSession(folder, [signature]);
  return {
    run: (feeds: Record<string, FlatValue>): Tensor[] => {
      const inputs = signature.inputs.map((spec) => tensorFromValue(spec, feeds[spec.alias], { allowNonFinite: true }));
      return runSession(session, inputs);
    },
    close: () => session.close(),
  };
}

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return words(error);
  }
  return 'it was answered';
}

describe('the examples, hardened', () => {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-harden-examples-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.skipIf(slot === undefined)(`answer bit for bit as before${needsRuntime}`, async () => {
    for (const name of ['digits', 'tabular']) {
      const original = join(root, 'examples', name, '1');
      const output = join(folder, name);
      const text = await airlock('harden', original, '--contract', join(contracts, `${name}.yaml`), '-o', output);
      expect(text).toContain('built in');
      const options = { store: join(root, '.airlock'), sandbox, unsafeUnsigned: true } as const;
      const [before, after] = await Promise.all([original, output].map((path) => openModel({ ...options, path })));
      const request = readFileSync(join(root, 'examples', name, 'request.json'));
      try {
        expect(String(await after.predictJson(request))).toBe(String(await before.predictJson(request)));
        const bad = Buffer.from(
          String(request).replace(
            name === 'digits' ? /\d+\.\d+/ : /"proline": ?\d+/,
            name === 'digits' ? '17.5' : '"proline": 99999',
          ),
        );
        await expect(before.predictJson(bad)).resolves.toBeDefined();
        expect(await after.predictJson(bad).then(String, words)).toContain('[airlock]');
      } finally {
        await Promise.all([before.close(), after.close()]);
      }
    }
  });
});

/** Published models, each with what its contract says of its inputs, a good input and a bad one. */
const published: readonly {
  readonly name: string;
  readonly rules: string;
  readonly signature?: string;
  readonly good: number[];
  readonly bad: number[];
}[] = [
  { name: 'tensorflow-saved-model/half_plus_two_v2/00000123', rules: 'x: { dtype: float32, max: 5 }', good: [1, 5], bad: [1, 6] },
  {
    name: 'tensorflow-saved-model/VarsAndArithmeticObjectGraph',
    rules: 'a: { dtype: float32, shape: [], max: 5 }\n      b: { dtype: float32, shape: [], max: 5 }',
    good: [2],
    bad: [6],
  },
  {
    name: 'tensorflow-saved-model/x_plus_y_v2_debuginfo',
    rules: 'x: { dtype: float32, shape: [], max: 5 }\n      y: { dtype: float32, shape: [], max: 5 }',
    good: [2],
    bad: [6],
  },
  {
    name: 'tensorflow-serving/saved_model_half_plus_two_cpu/00000123',
    rules: 'x: { dtype: float32, max: 5 }',
    good: [1, 5],
    bad: [1, 6],
  },
  {
    name: 'tensorflow-serving/saved_model_half_plus_two_tf2_cpu/00000123',
    rules: 'x: { dtype: float32, max: 5 }',
    good: [1, 5],
    bad: [1, 6],
  },
  {
    name: 'tensorflow-serving/saved_model_half_plus_three/00000123',
    rules: 'x: { dtype: float32, max: 5 }',
    good: [1, 5],
    bad: [1, 6],
  },
  {
    name: 'tensorflow-serving/saved_model_counter/00000123',
    signature: 'incr_counter_by',
    rules: 'delta: { dtype: float32, max: 5 }',
    good: [2],
    bad: [6],
  },
];

describe.skipIf(testdata === undefined)(
  `published models, hardened${testdata === undefined ? ' (skipped: no ../shared/testdata)' : ''}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'airlock-harden-published-'));
    afterAll(() => rmSync(folder, { recursive: true }));

    it.skipIf(slot === undefined).each(published)(
      `$name answers bit for bit as before, and refuses${needsRuntime}`,
      async ({ name, rules, signature = 'serving_default', good, bad }) => {
        const original = join(testdata ?? '', name);
        const { signatures } = selectMetaGraph(await readSavedModel(original));
        const spec = signatures.find((one) => one.name === signature);
        if (spec === undefined) throw new Error(`no ${signature} in ${signatures.map((one) => one.name)}`);
        const outputs = spec.outputs.map(({ alias }) => `      ${alias}: { dtype: float32 }`);
        const contract = [
          'apiVersion: airlock/contract/v1',
          'metadata: { id: published, revision: 1 }',
          'signatures:',
          `  ${signature}:`,
          '    inputs:',
          `      ${rules}`,
          '    outputs:',
          ...outputs,
        ];
        const id = name.replaceAll('/', '-');
        writeFileSync(join(folder, `${id}.yaml`), contract.join('\n'));
        await airlock('harden', original, '--contract', join(folder, `${id}.yaml`), '-o', join(folder, id));
        const [before, after] = await Promise.all([original, join(folder, id)].map((path) => cppModel(path, signature)));
        // As many of the last values as the shape has room for.
        const feed = (values: number[]) =>
          Object.fromEntries(
            spec.inputs.map((input) => {
              const shape = (input.shape ?? []).map((size) => (size === -1 ? values.length : size));
              const count = shape.reduce((product, size) => product * size, 1);
              return [input.alias, { shape, data: Float32Array.from(values.slice(-count)) }];
            }),
          );
        expect(bytesOf(after.run(feed(good)))).toBe(bytesOf(before.run(feed(good))));
        expect(refusal(() => after.run(feed(bad)))).toContain('[airlock] ');
        before.close();
        after.close();
      },
    );
  },
);

describe.skipIf(!hasTensorFlow)(`a hardened model in TensorFlow${needsTensorFlow}`, () => {
  let cases: readonly Case[];
  let pythonIsDone: Promise<void>;
  const tried: Tried[] = [];
  const special = new Map<string, unknown>();

  const path = (...parts: string[]) => join(folder, ...parts);

  beforeAll(async () => {
    if (python === undefined) throw new Error('Python was not started');
    const built = await python.next();
    cases = built.cases as readonly Case[];
    for (const kind of ['hardened', 'poisoned', 'outputs']) mkdirSync(path(kind));
    for (const name of names) {
      await airlock(
        'harden',
        path('original', name),
        '--contract',
        join(contracts, `${name}.yaml`),
        '-o',
        path('hardened', name),
      );
    }
    const keras = join(contracts, 'keras_export.yaml');
    await airlock('harden', path('original/keras_export'), '--poison', '--contract', keras, '-o', path('poisoned/keras_export'));
    const outputs = join(contracts, 'keras_outputs.yaml');
    await airlock('harden', path('original/keras_export'), '--contract', outputs, '-o', path('outputs/keras_export'));
    mkdirSync(path('modules'));
    for (const { model, signature } of cases) {
      const { contract } = await loadContract(join(contracts, `${model}.yaml`));
      writeFileSync(path('modules', `${model}_${signature}.py`), pythonAssertions(contract, signature));
    }
    const folders = ['hardened', 'poisoned', 'outputs', 'modules'];
    python.say({ ...Object.fromEntries(folders.map((kind) => [kind, path(kind)])), patterns: patternsToCompile });
    pythonIsDone = collect(python);
    // Whoever waits for it is told.
    pythonIsDone.catch(() => undefined);
  }, 240_000);

  async function collect(python: PythonProcess): Promise<void> {
    for (let message: Message = await python.next(); message.kind !== 'end'; message = await python.next()) {
      if (message.kind === 'case') tried.push(message as unknown as Tried);
      else special.set(String(message.name), message.facts);
    }
  }

  // Meanwhile Python goes on.
  it.skipIf(slot === undefined)(`does the same in the C++ loader${needsRuntime}`, async () => {
    const wrong: string[] = [];
    for (const { model: name, signature, cpp, good, bad } of cases) {
      if (!cpp) continue;
      const [before, after] = await Promise.all(['original', 'hardened'].map((kind) => cppModel(path(kind, name), signature)));
      for (const feeds of good) {
        const inputs = decoded(feeds);
        if (bytesOf(before.run(inputs)) !== bytesOf(after.run(inputs))) wrong.push(`${name}: differs`);
      }
      // Python's loaders refuse these by themselves.
      const shapes = { rank: { x: floats([4]) }, columns: { x: floats([2, 5]) }, scalar: { x: floats([]) } };
      const more = ['keras_export', 'compiled', 'tf1'].includes(name) ? Object.entries(shapes) : [];
      const all = [
        ...bad.map((one) => ({ ...one, feeds: decoded(one.feeds) })),
        ...more.map(([kind, feeds]) => ({ name: kind, rule: 'shape', feeds })),
      ];
      for (const { name: what, rule, feeds } of all) {
        const text = refusal(() => after.run(feeds));
        if (!text.includes('[airlock]') || !text.includes(rule)) wrong.push(`${name} ${what} (${rule}): ${text}`);
      }
      before.close();
      after.close();
    }
    expect(wrong).toEqual([]);
  });

  it('is not made with --strict when anything stays open', async () => {
    const whole = readFileSync(join(contracts, 'keras_export.yaml'), 'utf8');
    writeFileSync(path('whole.yaml'), whole);
    writeFileSync(path('part.yaml'), whole.slice(0, whole.indexOf('  serve:\n')));
    const strictly = (contract: string, model: string) =>
      airlock('harden', path('original', model), '--strict', '--contract', contract, '-o', path('strict', model));
    mkdirSync(path('strict'));
    const open = 'the signature serve is not covered: the contract does not name it';
    await expect(strictly(path('part.yaml'), 'keras_export')).rejects.toThrow(open);
    expect(existsSync(path('strict/keras_export'))).toBe(false);
    expect(await strictly(path('whole.yaml'), 'keras_export')).not.toContain('not covered');
    await strictly(join(contracts, 'counter.yaml'), 'counter');
  });

  describe('in Python', () => {
    beforeAll(() => pythonIsDone, 240_000);

    it('was tried in every loader that runs the original', () => {
      const seen = tried.map(({ model, signature, loader }) => `${model} ${signature} ${loader}`).sort();
      const everywhere = ['session', 'signatures'].flatMap((loader) =>
        cases
          .filter(({ model }) => model !== 'keras_saved' || loader !== 'session')
          .map(({ model, signature }) => `${model} ${signature} ${loader}`),
      );
      const callable = ['keras_export', 'keras_saved', 'multi', 'compiled', 'big', 'counter', 'dims', 'types', 'rows'];
      expect(seen).toEqual([...everywhere, ...callable.map((model) => `${model} serving_default callable`)].sort());
    });

    it('gives bit for bit what the original gives', () => {
      const differing = tried.filter(({ good, again }) => [...good, ...again].includes(false));
      expect(differing.map(({ model, loader, good, again }) => ({ model, loader, good, again }))).toEqual([]);
    });

    it('refuses every bad input with the text of the rule', () => {
      const count = tried.reduce((sum, { bad }) => sum + bad.length, 0);
      expect(count).toBeGreaterThan(400);
      const passed = tried.flatMap(({ model, signature, loader, bad }) =>
        bad
          .filter(({ rule, text }) => !new RegExp(`\\[airlock\\] [^:]*${rule.replace('.', '\\.')}[^:]*: expected `).test(text))
          .map(({ name, rule, text }) => `${model} ${signature} ${loader} ${name} (${rule}): ${text.slice(0, 300)}`),
      );
      expect(passed).toEqual([]);
    });

    it('has no side effect before all inputs were checked', () => {
      expect(special.get('side_effects')).toEqual({
        session: [1, null, null, null, 3],
        signatures: [1, null, null, null, 3],
      });
    });

    it('loses its assertions to a debug stripper and to a caller that compiles, but not its poison', () => {
      expect(special.get('without_assertions')).toEqual({
        'hardened debug_stripper': ['passed', 'nan', 'passed'],
        'hardened caller compiles': ['passed', 'nan', 'passed'],
        'poisoned debug_stripper': ['nan', 'nan', 'passed'],
        'poisoned caller compiles': ['nan', 'nan', 'passed'],
      });
      expect(special.get('tflite')).toEqual({ hardened: ['passed', 'nan', 'passed'], poisoned: ['nan', 'nan', 'passed'] });
    });

    it('refuses and answers as any other when it is poisoned', () => {
      const same = ['refused', 'refused', 'same'];
      expect(special.get('poisoned')).toEqual({ session: same, signatures: same, callable: same });
    });

    it('checks outputs', () => {
      const both = ['passed', 'refused'];
      expect(special.get('outputs')).toEqual({ session: both, signatures: both, callable: both });
    });

    it('holds no pattern that TensorFlow cannot compile', () => {
      expect(patternsToCompile.length).toBeGreaterThan(190);
      expect(special.get('patterns')).toEqual([]);
    });

    it('is not needed for who builds assertions in: the Python module checks the same in a Keras model that is exported', () => {
      const { same, refused } = special.get('keras') as { same: boolean; refused: [string, string, string][] };
      expect(same).toBe(true);
      expect(refused.length).toBeGreaterThan(10);
      expect(unexplained(refused)).toEqual([]);
    });

    it('has the same rules as the Python module, eager and traced, types included', () => {
      const facts = special.get('modules') as [string, string, string][];
      expect(facts.length).toBeGreaterThan(300);
      const [good, bad] = [true, false].map((isGood) => facts.filter(([, rule]) => (rule === 'good') === isGood));
      expect(good.filter(([, , result]) => result !== 'same')).toEqual([]);
      expect(unexplained(bad)).toEqual([]);
    });
  });
});
