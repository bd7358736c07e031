import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceStats, integer, message, runMetadata, runStartNs, type TracedNode } from '../../tests/support/run-metadata.ts';
import { isAirlockError } from '../core/index.ts';
import { readRunMetadata } from './read-run-metadata.ts';
import type { RunProfile } from './run-profile.ts';

const invalid = expect.objectContaining({ code: 'PROFILE_INVALID' });

function read(bytes: Uint8Array): RunProfile {
  const profile = readRunMetadata(bytes);
  if (profile === undefined) throw new Error('it was too long');
  return profile;
}

describe('RunMetadata', () => {
  it('gives each node with its times, in the order in which they started', () => {
    const matmul: TracedNode = {
      name: 'block/matmul',
      op: '_MklMatMul',
      inputs: ['x', 'w'],
      labelPrefix: '[mklcpu 2.0MB 2.0MB] ',
      startNs: runStartNs + 5_001n,
      durationNs: 22_310,
      thread: 4_000_000_000,
      peakBytes: 9_000,
      outputBytes: [8_192, 100],
    };
    const profile = read(runMetadata([matmul, { name: 'x', op: '_Arg', outputBytes: [2_048] }]));
    expect(profile.nodes.map(({ node, op }) => [node, op])).toEqual([
      ['x', '_Arg'],
      ['block/matmul', 'MatMul'],
    ]);
    const [, second] = profile.nodes;
    // Nanoseconds since 1970 have 61 bits: what is subtracted must not have been rounded before.
    expect(second.startUs).toBeCloseTo(5.001, 6);
    expect(second.durationUs).toBeCloseTo(22.31, 6);
    expect(second).toMatchObject({ peakBytes: 9_000, outputBytes: 8_292, thread: 4_000_000_000 });
    expect(profile.durationUs).toBeCloseTo((5_001 + 22_310 + 200) / 1000 - 0.1, 6);
  });

  it('takes microseconds where there are no nanoseconds', () => {
    const old = (name: string, start: number, end: number) =>
      message(2, message(1, name), integer(2, 1_000_000 + start), integer(3, 0), integer(4, end), integer(5, end + 2));
    const profile = read(message(1, message(1, message(1, 'cpu'), old('a', 0, 10), old('b', 12, 20))));
    expect(profile.nodes.map(({ startUs, durationUs }) => [startUs, durationUs])).toEqual([
      [0, 10],
      [12, 20],
    ]);
    expect(profile.durationUs).toBe(34);
  });

  it('adds up what lives at one time', () => {
    const nodes: TracedNode[] = [
      // An output that goes when its reader has ended; a temporary one beside it.
      {
        name: 'a',
        op: 'A',
        records: [
          [10, 1_000],
          [11, 50],
          [12, -50],
          [30, -1_000],
        ],
      },
      { name: 'b', op: 'B', startNs: runStartNs + 20_000n, records: [[20, 600]] },
      // In the same microsecond as `a` goes: a chain of small nodes never holds three.
      { name: 'c', op: 'C', startNs: runStartNs + 30_000n, records: [[30, 700]] },
    ];
    expect(read(runMetadata(nodes)).peakBytes).toBe(1_600);
    // Within one microsecond what comes and goes counts.
    expect(
      read(
        runMetadata([
          {
            name: 'a',
            op: 'A',
            records: [
              [5, 900],
              [5, -900],
            ],
          },
        ]),
      ).peakBytes,
    ).toBe(900);
    // What was there before the run and goes in it takes nothing off.
    expect(
      read(
        runMetadata([
          {
            name: 'a',
            op: 'A',
            records: [
              [1, -10],
              [2, 4],
            ],
          },
        ]),
      ).peakBytes,
    ).toBe(0);
  });

  it('counts what an accelerator did once', () => {
    const node: TracedNode = { name: 'm', op: 'MatMul', records: [[1, 100]] };
    const gpu = '/job:localhost/replica:0/task:0/device:GPU:0';
    const bytes = message(
      1,
      deviceStats([node], gpu),
      deviceStats([node], `${gpu}/stream:all`),
      deviceStats([node], '/device:GPU:0/memcpy'),
    );
    expect(read(bytes)).toMatchObject({ peakBytes: 100, nodes: [{ node: 'm' }] });
  });

  it('takes the time of what a function did from the call', () => {
    const profile = read(
      runMetadata([
        { name: 'call', op: 'PartitionedCall', durationNs: 100_000 },
        { name: 'inner', op: 'StatefulPartitionedCall', startNs: runStartNs + 10_000n, durationNs: 60_000 },
        { name: 'a', op: 'MatMul', startNs: runStartNs + 20_000n, durationNs: 30_000 },
        // Beside `a`, on another thread: the call did nothing more in this time.
        { name: 'b', op: 'MatMul', startNs: runStartNs + 25_000n, durationNs: 30_000, thread: 1 },
        { name: 'after', op: 'Relu', startNs: runStartNs + 200_000n, durationNs: 5_000 },
      ]),
    );
    expect(profile.nodes.map(({ node, selfUs }) => [node, Math.round(selfUs)])).toEqual([
      ['call', 40],
      ['inner', 25],
      ['a', 30],
      ['b', 30],
      ['after', 5],
    ]);
  });

  it('says nothing of an operation that the label does not name', () => {
    const labels = [
      '',
      'm',
      'm = ',
      'm = Op',
      'm = (x)',
      'm = <b>(x)',
      `m = ${'x'.repeat(300)}(y)`,
      `${'m'.repeat(5_000)} = Op(x)`,
    ];
    for (const label of labels) expect(read(message(1, message(1, message(2, message(8, label))))).nodes[0].op, label).toBe('');
  });

  it('is empty for nothing', () => {
    expect(read(Buffer.alloc(0))).toEqual({ nodes: [], durationUs: 0, peakBytes: 0, traceBytes: 0 });
  });

  it.each([
    ['a length beyond the end', Buffer.from([0x0a, 0x05, 1])],
    ['a number without an end', Buffer.from([0x0a, 0x80])],
    ['a number of eleven bytes', Buffer.from([0x10, ...new Array(10).fill(0xff), 1])],
    ['a group', Buffer.from([0x13])],
    ['field 0', Buffer.from([0x00, 0x01])],
    ['a message where a number belongs', message(1, message(1, message(2, message(10, 'x'))))],
    ['a number where a message belongs', integer(1, 5)],
    ['a node that takes weeks', message(1, message(1, message(2, integer(15, 10n ** 16n))))],
    ['two nodes that are weeks apart', message(1, message(1, message(2, integer(13, 1)), message(2, integer(13, 10n ** 18n))))],
    ['more memory than there is', message(1, message(1, message(2, message(6, integer(3, 2n ** 50n)))))],
    ['a long name', message(1, message(1, message(2, message(1, 'x'.repeat(2_049)))))],
  ])('refuses %s', (_what, bytes) => {
    expect(() => readRunMetadata(bytes)).toThrow(invalid);
  });

  it.each([
    ['too many nodes', message(1, message(1, Buffer.alloc(2 * 16_385, Buffer.from([0x12, 0]))))],
    [
      'too many allocations',
      message(1, message(1, message(2, message(6, Buffer.alloc(6 * 65_537, message(6, integer(1, 1), integer(2, 1))))))),
    ],
    ['too many fields that nobody knows', Buffer.alloc(2_000_002, Buffer.from([0x18, 1]))],
    ['too many empty devices', message(1, Buffer.alloc(2_000_000, Buffer.from([0x0a, 0])))],
    ['too many empty outputs', message(1, message(1, message(2, Buffer.alloc(2_000_000, Buffer.from([0x3a, 0])))))],
  ])('says nothing of %s, of which an honest model may have them', (_what, bytes) => {
    expect(readRunMetadata(bytes)).toBeUndefined();
  });

  it('reads one name and one label of a node: a text costs what a hundred numbers do', () => {
    const bytes = message(
      1,
      message(1, message(2, message(1, 'a'), message(1, 'b'), message(8, 'a = A()'), message(8, 'a = B()'))),
    );
    expect(read(bytes).nodes).toMatchObject([{ node: 'a', op: 'A' }]);
  });

  const outcome = (bytes: Uint8Array): string => {
    try {
      const { nodes, durationUs, peakBytes } = read(bytes);
      const numbers = nodes.flatMap((node) => [
        node.startUs,
        node.durationUs,
        node.selfUs,
        node.peakBytes,
        node.outputBytes,
        node.thread,
      ]);
      return [durationUs, peakBytes, ...numbers].every((number) => number >= 0 && Number.isFinite(number)) ? 'sane' : 'absurd';
    } catch (thrown) {
      return isAirlockError(thrown) ? thrown.code : `threw ${String(thrown)}`;
    }
  };

  it('is a profile of sane numbers or PROFILE_INVALID, whatever comes', () => {
    const valid = runMetadata([
      { name: 'a', op: '_Arg', outputBytes: [10] },
      {
        name: 'b',
        op: 'PartitionedCall',
        records: [
          [1, 100],
          [2, -100],
        ],
        peakBytes: 100,
        durationNs: 50_000,
      },
      { name: 'c', op: 'Relu', startNs: runStartNs + 3_000n, durationNs: 10 },
    ]);
    const changed = fc
      .array(fc.tuple(fc.nat(valid.length - 1), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 })
      .map((changes) => {
        const bytes = Buffer.from(valid);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    const cut = fc.nat(valid.length).map((end) => valid.subarray(0, end));
    const field: fc.Arbitrary<Buffer> = fc.letrec((tie) => ({
      field: fc.oneof(
        { maxDepth: 5 },
        fc
          .tuple(fc.integer({ min: 1, max: 17 }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))
          .map(([number, value]) => integer(number, value)),
        fc
          .tuple(fc.integer({ min: 1, max: 8 }), fc.array(tie('field'), { maxLength: 5 }))
          .map(([number, parts]) => message(number, ...(parts as Buffer[]))),
      ),
    })).field as fc.Arbitrary<Buffer>;
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), changed, cut, field), (bytes) => {
        expect(outcome(bytes)).toMatch(/^(?:sane|PROFILE_INVALID)$/);
      }),
      { numRuns: 2_000 },
    );
    expect(outcome(valid)).toBe('sane');
  });
});
