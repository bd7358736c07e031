// Runs the engine on graphs written here: every data type, strings of every record type, what may go wrong, and no leak.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { attribute, node, placeholder, writeSavedModel } from '../../tests/support/graph.ts';
import { loadSession, needsRuntime, runSession, sharedModel, slot } from '../../tests/support/runtime.ts';
import { floats, floatsOf, halfPlusTwo, numeric, signature, spec, strings, stringsOf } from '../../tests/support/tensors.ts';
import { readRunMetadata } from '../profile/index.ts';
import { type DType, dtypes, type NumericTensor } from '../tensor/index.ts';
import type { Session } from './session.ts';

const directory = mkdtempSync(path.join(tmpdir(), 'airlock-native-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function model(name: string, nodes: readonly Buffer[]): string {
  const target = path.join(directory, name);
  writeSavedModel(target, nodes);
  return target;
}

function identity(dtype: DType): Session {
  const code = dtypes[dtype].code;
  const nodes = [placeholder('x', code), node('y', 'Identity', ['x'], { T: attribute.type(code) })];
  return loadSession(model(`identity-${dtype}`, nodes), [signature([spec('x:0', dtype)], [spec('y:0', dtype)])]);
}

const string = dtypes.DT_STRING.code;
const float = dtypes.DT_FLOAT.code;

/** A model that keeps the strings it is given in a variable and gives them back later; one that updates them in place. */
function stringKeeper(): Session {
  const nodes = [
    placeholder('x', string),
    node('v', 'VarHandleOp', [], {
      dtype: attribute.type(string),
      shape: attribute.shape(null),
      shared_name: attribute.text('v'),
    }),
    node('assign', 'AssignVariableOp', ['v', 'x'], { dtype: attribute.type(string) }),
    node('read', 'ReadVariableOp', ['v'], { dtype: attribute.type(string) }),
    node('kept', 'Identity', ['read'], { T: attribute.type(string) }),
    node('assigned', 'Identity', ['x', '^assign'], { T: attribute.type(string) }),
    placeholder('index', dtypes.DT_INT32.code),
    node('scatter', 'ResourceScatterUpdate', ['v', 'index', 'x'], {
      dtype: attribute.type(string),
      Tindices: attribute.type(dtypes.DT_INT32.code),
    }),
    node('scattered', 'Identity', ['x', '^scatter'], { T: attribute.type(string) }),
  ];
  const x = spec('x:0', 'DT_STRING');
  return loadSession(model('keeper', nodes), [
    signature([x], [spec('assigned:0', 'DT_STRING')]),
    signature([], [spec('kept:0', 'DT_STRING')]),
    signature([spec('index:0', 'DT_INT32'), x], [spec('scattered:0', 'DT_STRING')]),
  ]);
}

function adder(): Session {
  const nodes = [
    placeholder('a', float),
    placeholder('b', float),
    node('sum', 'AddV2', ['a', 'b'], { T: attribute.type(float) }),
  ];
  const inputs = [spec('a:0', 'DT_FLOAT'), spec('b:0', 'DT_FLOAT')];
  return loadSession(model('adder', nodes), [signature(inputs, [spec('sum:0', 'DT_FLOAT')])]);
}

describe.skipIf(slot === undefined)(`session${needsRuntime}`, () => {
  const numericTypes = (Object.keys(dtypes) as DType[]).filter((dtype): dtype is NumericTensor['dtype'] => dtype !== 'DT_STRING');
  it.each(numericTypes)('carries %s bit by bit', (dtype) => {
    const session = identity(dtype);
    const { itemBytes } = dtypes[dtype];
    for (const shape of [[], [0], [3], [2, 3], [70, 100]]) {
      const elements = shape.reduce((product, size) => product * size, 1);
      const bytes = Uint8Array.from({ length: elements * itemBytes }, (_, i) => (dtype === 'DT_BOOL' ? i % 2 : (i * 37) & 0xff));
      const [output] = runSession(session, [numeric(dtype, shape, bytes)]);
      expect({ dtype: output.dtype, shape: output.shape }).toEqual({ dtype, shape });
      expect(Buffer.compare(output.bytes, bytes)).toBe(0);
    }
    session.close();
  });

  it('carries strings of every length and any bytes', () => {
    const session = identity('DT_STRING');
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 40 }), (values) => {
        const input = strings([values.length], values);
        const [output] = runSession(session, [input]);
        expect(stringsOf(output)).toEqual(stringsOf(input));
      }),
    );
    const lengths = [0, 1, 21, 22, 23, 24, 255, 256, 70_000, 3_000_000];
    const long = strings(
      [2, 5],
      lengths.map((length, i) => Buffer.alloc(length, 97 + i)),
    );
    const [output] = runSession(session, [long]);
    expect(output.shape).toEqual([2, 5]);
    expect(Buffer.from(output.bytes).equals(long.bytes)).toBe(true);
    const many = strings(
      [50_000],
      Array.from({ length: 50_000 }, (_, i) => 'x'.repeat(i % 50)),
    );
    expect(Buffer.from(runSession(session, [many])[0].bytes).equals(many.bytes)).toBe(true);
    session.close();
  });

  it('lets a model keep strings after the request that brought them', () => {
    const session = stringKeeper();
    const kept = ['short', 'L'.repeat(100), 'M'.repeat(5000)];
    runSession(session, [strings([3], kept)]);
    // Other strings of the same sizes, which would take the place of memory that had been freed too early.
    const noise = identity('DT_STRING');
    for (let i = 0; i < 2000; i++) runSession(noise, [strings([3], ['zzzzz', 'Z'.repeat(100), 'Y'.repeat(5000)])]);
    expect(stringsOf(runSession(session, [], 1)[0])).toEqual(kept);
    // An update in place must not free a string in the middle of our block.
    runSession(session, [numeric('DT_INT32', [1], Int32Array.of(1)), strings([1], ['N'.repeat(300)])], 2);
    expect(stringsOf(runSession(session, [], 1)[0])).toEqual(['short', 'N'.repeat(300), 'M'.repeat(5000)]);
    session.close();
    noise.close();
  });

  it('looks words up in a published hash table model', ({ skip }) => {
    const directoryOfTable = sharedModel('tensorflow-saved-model/StaticHashTableModule');
    if (directoryOfTable === undefined) return skip('../shared/testdata is not there');
    const lookup = signature([spec('serving_default_word:0', 'DT_STRING')], [spec('StatefulPartitionedCall_1:0', 'DT_INT64')]);
    const session = loadSession(directoryOfTable, [lookup]);
    const [output] = runSession(session, [strings([], ['baz'])]);
    expect(new BigInt64Array(Uint8Array.from(output.bytes).buffer)).toEqual(BigInt64Array.of(2n));
    session.close();
  });

  it('computes what a published model computes', ({ skip }) => {
    const published = sharedModel('tensorflow-serving/saved_model_half_plus_two_cpu/00000123');
    if (published === undefined) return skip('../shared/testdata is not there');
    const session = loadSession(published, [halfPlusTwo]);
    expect(floatsOf(runSession(session, [floats([3, 1], 1, 2, 5)], 0, 1000)[0])).toEqual([2.5, 3, 4.5]);
    session.close();
  });

  it('refuses what does not fit before TensorFlow sees it', () => {
    const session = adder();
    const call = session.call(0);
    const one = new Uint8Array(4);
    const refusals: [string, () => unknown][] = [
      ['INPUT_UNKNOWN', () => call.setInput(2, float, [1], one)],
      ['TENSOR_TYPE_MISMATCH', () => call.setInput(0, dtypes.DT_INT32.code, [1], one)],
      ['TENSOR_TYPE_MISMATCH', () => call.setInput(0, string, [0], new Uint8Array(0))],
      ['TENSOR_INVALID', () => call.setInput(0, float, [2], one)],
      ['TENSOR_INVALID', () => call.setInput(0, float, [-1], one)],
      ['TENSOR_INVALID', () => call.setInput(0, float, [2 ** 40, 2 ** 40, 0], new Uint8Array(0))],
      ['TENSOR_INVALID', () => call.setInput(0, float, new Array(33).fill(1), one)],
      ['INPUT_MISSING', () => call.run(0, () => undefined)],
      ['SIGNATURE_NOT_FOUND', () => session.call(1)],
    ];
    for (const [code, act] of refusals) expect(act, code).toThrow(expect.objectContaining({ code }));
    call.setInput(0, float, [1], one);
    expect(() => call.setInput(0, float, [1], one)).toThrow(expect.objectContaining({ code: 'INPUT_UNKNOWN' }));
    call.reset();
    const text = identity('DT_STRING').call(0);
    const wrongLengths = [[1], [0xffff_ffff], [2, 0]].map((lengths) => Buffer.from(Uint32Array.from(lengths).buffer));
    for (const body of wrongLengths) {
      expect(() => text.setInput(0, string, [1], body)).toThrow(expect.objectContaining({ code: 'TENSOR_INVALID' }));
    }
    session.close();
  });

  it('turns a failing run into its status code', () => {
    const session = adder();
    const act = () => runSession(session, [floats([2], 1, 2), floats([3], 1, 2, 3)]);
    expect(act).toThrow(
      expect.objectContaining({ code: 'TENSORFLOW_INVALID_ARGUMENT', message: expect.stringMatching(/shapes/i) }),
    );
    expect(floatsOf(runSession(session, [floats([1], 1), floats([1], 2)])[0])).toEqual([3]);
    session.close();
  });

  it('gives the trace of a run beside its outputs, and only of one that asked for it', () => {
    const session = adder();
    const call = session.call(0);
    const one = Uint8Array.from([0, 0, 128, 63]);
    const trace = (maxBytes: number): { readonly sum: number; readonly trace: Buffer | undefined } => {
      for (const index of [0, 1]) call.setInput(index, float, [1], one);
      return call.runTraced(1000, maxBytes, ([sum], bytes) => {
        const body = Buffer.alloc(4);
        sum.copyTo(body, 0);
        return { sum: body.readFloatLE(0), trace: bytes };
      });
    };
    const traced = trace(1 << 20);
    expect(traced.sum).toBe(2);
    const nodes = readRunMetadata(traced.trace ?? Buffer.alloc(0))?.nodes ?? [];
    expect(nodes.map(({ op }) => op)).toEqual(expect.arrayContaining(['_Arg', 'AddV2', '_Retval']));
    expect(nodes.find(({ node }) => node === 'sum')).toMatchObject({ op: 'AddV2', outputBytes: 4 });
    expect(trace((traced.trace?.length ?? 0) + 100).trace).toBeDefined();
    expect(trace(100)).toEqual({ sum: 2, trace: undefined });
    expect(() => call.runTraced(0, 0, () => undefined)).toThrow(expect.objectContaining({ code: 'INPUT_MISSING' }));
    session.close();
  });

  it('refuses an output that passes the limit', () => {
    const code = dtypes.DT_STRING.code;
    const nodes = [placeholder('x', code), node('y', 'Identity', ['x'], { T: attribute.type(code) })];
    const signatures = [signature([spec('x:0', 'DT_STRING')], [spec('y:0', 'DT_STRING')])];
    const session = loadSession(model('limited', nodes), signatures, 1000);
    expect(stringsOf(runSession(session, [strings([1], ['a'.repeat(996)])])[0])[0]).toHaveLength(996);
    const refused = expect.objectContaining({ code: 'MODEL_OUTPUT_INVALID' });
    expect(() => runSession(session, [strings([1], ['a'.repeat(997)])])).toThrow(refused);
    expect(() => runSession(session, [strings([300], new Array(300).fill(''))])).toThrow(refused);
    session.close();
    const numbers = loadSession(
      model('identity-limited', [placeholder('x', 1), node('y', 'Identity', ['x'], { T: attribute.type(1) })]),
      [signature([spec('x:0', 'DT_FLOAT')], [spec('y:0', 'DT_FLOAT')])],
      8,
    );
    expect(() => runSession(numbers, [floats([3], 1, 2, 3)])).toThrow(refused);
    numbers.close();
  });

  it('gives up an operation that waits longer than the timeout', () => {
    const queue = { component_types: attribute.types([float]), shared_name: attribute.text('q') };
    const nodes = [
      node('queue', 'FIFOQueueV2', [], queue),
      node('wait', 'QueueDequeueV2', ['queue'], { component_types: attribute.types([float]) }),
    ];
    const session = loadSession(model('waiting', nodes), [signature([], [spec('wait:0', 'DT_FLOAT')])]);
    const start = performance.now();
    expect(() => runSession(session, [], 0, 100)).toThrow(expect.objectContaining({ code: 'TENSORFLOW_DEADLINE_EXCEEDED' }));
    expect(performance.now() - start).toBeGreaterThan(90);
  });

  it('says why a model does not load, to the operator only', () => {
    const missing = path.join(directory, 'no-such-model');
    const act = () => loadSession(missing, []);
    expect(act).toThrow(expect.objectContaining({ code: 'MODEL_LOAD_FAILED', detail: expect.stringContaining('ram://model') }));
    expect(act).toThrow(expect.objectContaining({ message: 'TensorFlow could not load the model' }));
  });

  it('refuses signatures that do not fit the graph', () => {
    const place = model('fit', [placeholder('x', float), node('y', 'Identity', ['x'], { T: attribute.type(float) })]);
    const bad = [
      spec('nope:0', 'DT_FLOAT'),
      spec('y:1', 'DT_FLOAT'),
      spec('y:0', 'DT_INT32'),
      spec('', 'DT_FLOAT'),
      spec('^y', 'DT_FLOAT'),
    ];
    for (const output of bad) {
      const act = () => loadSession(place, [signature([spec('x:0', 'DT_FLOAT')], [output])]);
      expect(act, output.tensorName).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
    }
    const unsupported = { ...signature([spec('nope:0', 'DT_FLOAT')], []), unsupported: 'an input cannot be fed' };
    const session = loadSession(place, [unsupported]);
    expect(() => session.call(0)).toThrow(expect.objectContaining({ code: 'SIGNATURE_UNSUITABLE' }));
    session.close();
  });
});

describe.skipIf(slot === undefined)(`memory${needsRuntime}`, () => {
  /**
   * Resident memory that `requests` calls of `act` leave behind, after as many again to warm up allocator and heap. They are made in
   * three parts and the least growth of a part counts, three times: a leak grows in every part, what else a process does does not.
   */
  function growthMiB(requests: number, act: (i: number) => void): number {
    const part = Math.ceil(requests / 3);
    for (let i = 0; i < requests; i++) act(i);
    const growths = [0, 1, 2].map(() => {
      const before = process.memoryUsage.rss();
      for (let i = 0; i < part; i++) act(i);
      return process.memoryUsage.rss() - before;
    });
    return (Math.min(...growths) * 3) / 2 ** 20;
  }

  it('stays flat over 100,000 small requests', () => {
    const session = adder();
    const [a, b] = [floats([3], 1, 2, 3), floats([3], 4, 5, 6)];
    expect(growthMiB(100_000, () => runSession(session, [a, b], 0, 1000))).toBeLessThan(6);
    session.close();
  });

  it('stays flat over 3,000 traced requests', () => {
    const session = adder();
    const call = session.call(0);
    const one = new Uint8Array(4);
    const act = (): void => {
      call.setInput(0, float, [1], one);
      call.setInput(1, float, [1], one);
      call.runTraced(1000, 1 << 20, () => undefined);
    };
    expect(growthMiB(3_000, act)).toBeLessThan(4);
    session.close();
  });

  it('stays flat over 100,000 requests with strings, long and short', () => {
    const session = identity('DT_STRING');
    const input = strings([4], ['a', 'b'.repeat(22), 'c'.repeat(23), 'd'.repeat(500)]);
    expect(growthMiB(100_000, () => runSession(session, [input]))).toBeLessThan(6);
    session.close();
  });

  it('stays flat over large strings and tensors', () => {
    const text = identity('DT_STRING');
    const long = strings([2], ['a'.repeat(100_000), 'b'.repeat(50)]);
    const numbers = identity('DT_FLOAT');
    const image = numeric('DT_FLOAT', [50_000], new Float32Array(50_000));
    const act = (): void => {
      runSession(text, [long]);
      runSession(numbers, [image]);
    };
    expect(growthMiB(10_000, act)).toBeLessThan(24);
  });

  it('stays flat over 100,000 requests that fail', () => {
    const session = adder();
    const call = session.call(0);
    const [a, b] = [floats([2], 1, 2), floats([3], 4, 5, 6)];
    const act = (i: number): void => {
      // One in ten fails inside TensorFlow, the others before: a type, a missing input, a length.
      const inputs = i % 10 === 0 ? [a, b] : i % 2 === 0 ? [a] : [a, strings([1], ['long enough not to be inline'])];
      // Counted by hand: 100,000 assertions of the test runner would be the growth that is measured.
      try {
        runSession(session, inputs);
      } catch {
        failures++;
      }
      call.reset();
    };
    let failures = 0;
    let runs = 0;
    const growth = growthMiB(100_000, (i) => {
      runs++;
      act(i);
    });
    expect(failures).toBe(runs);
    expect(growth).toBeLessThan(6);
  });
});
