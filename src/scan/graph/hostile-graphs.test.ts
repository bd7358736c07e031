import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attrFunc,
  attrInt,
  attrString,
  constInts,
  constString,
  field,
  graphDef,
  placeholder,
  savedModel,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { isAirlockError } from '../../core/index.ts';
import { type Body, type Program, readGraphDefProgram, readMetaGraphProgram, readSavedModelPrograms } from './index.ts';

const whole = savedModel({
  metaGraphs: [
    {
      nodes: [
        placeholder('x'),
        constString('graph', graphDef([constString('p', '/etc/passwd'), { name: 'r', op: 'ReadFile', inputs: ['p'] }])),
        { name: 'run', op: 'DatasetFromGraph', inputs: ['graph'] },
        constInts('n', [1, 2, 3]),
        { name: 'call', op: 'StatefulPartitionedCall', inputs: ['x', '^run'], attrs: { f: attrFunc('f', { g: attrFunc('g') }) } },
      ],
      functions: [
        {
          name: 'f',
          args: ['a'],
          nodes: [{ name: 's', op: 'Split', inputs: ['a', 'a'], attrs: { num_split: attrInt(2) } }],
          ret: { y: 's:output:1' },
        },
        { name: 'g', attrs: { api_implements: attrString('i') }, nodes: [{ name: 'n', op: 'f' }], controlRet: ['n'] },
      ],
      gradients: { f: 'g' },
      signatures: { s: { inputs: { x: { name: 'x:0', shape: [-1, 2] } }, outputs: { y: 'call:0' } } },
      saver: { filenameTensor: 'x:0', saveTensor: 'call:0', restoreOp: 'run' },
      collections: { train_op: ['call'], variables: { bytes: [field(2, 'n')] } },
      assets: [{ filename: 'a', tensorName: 'graph:0' }],
      objects: [{ children: { a: 1, signatures: 0 } }, { kind: 'function', concreteFunctions: ['f'], saveables: { v: [1, 1] } }],
    },
  ],
});

/** Asks for everything that a judge can ask for. */
function useAll(program: Program): void {
  for (const body of [program.main, ...program.functions.values()] as Body[]) {
    for (let node = 0; node < body.nodeCount; node++) {
      for (const { node: source } of body.inputs(node)) expect(body.name(source)).toBeTypeOf('string');
      for (const name of body.attrNames(node)) body.attr(node, name);
      for (const other of [...body.controlInputs(node), ...body.consumers(node)]) body.op(other);
      for (const trigger of program.reach.triggersOf(body, node)) program.reach.chainTo(body, node, trigger);
      program.callsFrom(body, node);
    }
    for (const { edge } of body.returns) body.op(edge.node);
    program.inlinedNodes(body);
  }
  for (const { program: inner } of program.nested) useAll(inner);
}

function readAll(bytes: Buffer): void {
  for (const read of [readSavedModelPrograms, readMetaGraphProgram, readGraphDefProgram]) {
    try {
      for (const program of [read(bytes, 'f', recordingContext())].flat()) useAll(program);
    } catch (thrown) {
      if (!isAirlockError(thrown)) throw thrown;
    }
  }
}

describe('whatever the bytes are', () => {
  it('reads the undamaged model', () => {
    const context = recordingContext();
    const [program] = readSavedModelPrograms(whole, 'f', context);
    useAll(program);
    expect(context.parts).toEqual([]);
    expect(program.nested).toHaveLength(1);
  });

  it('random ones are read or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => readAll(Buffer.from(bytes))),
      { numRuns: 200 },
    );
  });

  it('changed ones are read or refused', () => {
    const change = fc.record({ at: fc.nat(whole.length - 1), value: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const bytes = Buffer.from(whole);
        for (const { at, value } of changes) bytes[at] = value;
        readAll(bytes);
      }),
      { numRuns: 150 },
    );
  });

  it('cut and spliced ones are read or refused', () => {
    const place = fc.nat(whole.length);
    fc.assert(
      fc.property(place, place, place, (first, second, third) => {
        readAll(Buffer.concat([whole.subarray(0, first), whole.subarray(second, third), whole.subarray(first)]));
      }),
      { numRuns: 80 },
    );
  });

  it('many small strings and names that lead nowhere stay linear', () => {
    const strings = Array.from({ length: 50_000 }, (_, index) => `\n${index}`);
    const inputs = Array.from({ length: 90_000 }, (_, index) => `no${index}`);
    const bytes = graphDef([constString('v', strings), { name: 'n', op: 'AddN', inputs }]);
    // Time of the processor: the machine may be busy with other tests.
    const before = process.cpuUsage();
    const program = readGraphDefProgram(bytes, 'f', recordingContext());
    const { user } = process.cpuUsage(before);
    expect(program.main.danglingInputs).toHaveLength(10_000);
    expect(user / 1000).toBeLessThan(1500);
    const many = { name: 'n', op: 'AddN', inputs: Array.from({ length: 100_001 }, () => 'n') };
    expect(() => readGraphDefProgram(graphDef([many]), 'f', recordingContext())).toThrow('more than 100000 inputs');
  });

  // Node hashes longer strings by their length, so that a map of a few thousand of them takes minutes.
  it('refuses names of more than 16,383 bytes, but of nodes', () => {
    const long = 'n'.repeat(16_384);
    const read = (bytes: Buffer) => readGraphDefProgram(bytes, 'f', recordingContext());
    const tooLong = expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringContaining('16384 bytes') });
    expect(() => read(graphDef([], { functions: [{ name: long }] }))).toThrow(tooLong);
    expect(() => read(graphDef([{ name: 'n', op: long }]))).toThrow(tooLong);
    expect(() => read(graphDef([], { functions: [{ name: 'f', args: [long] }] }))).toThrow(tooLong);
    const signed = savedModel({ metaGraphs: [{ nodes: [placeholder('x')], signatures: { [long]: {} } }] });
    expect(() => readSavedModelPrograms(signed, 'f', recordingContext())).toThrow(tooLong);
    const noted = recordingContext();
    const attribute = () => readGraphDefProgram(graphDef([{ name: 'n', op: 'NoOp', attrs: { [long]: attrInt(1) } }]), 'f', noted);
    expect(attribute).toThrow('the name of an attribute is too long');
    expect(read(graphDef([{ name: long, op: 'NoOp' }])).main.name(0)).toBe(long);
  });

  it('reads names of a collection beside one that is too long', () => {
    const entry = Buffer.concat([field(1, 'n'.repeat(20_000)), field(2, 'init'), field(3, 'read')]);
    const bytes = savedModel({
      metaGraphs: [{ nodes: [{ name: 'init', op: 'NoOp' }], collections: { variables: { bytes: [entry] } } }],
    });
    const [program] = readSavedModelPrograms(bytes, 'f', recordingContext());
    expect(program.reach.triggersOf(program.main, 0)).not.toEqual([]);
  });
});
