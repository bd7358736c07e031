// A run with tracing: what comes of it from a real worker in its jail, and what a hostile worker may send in a trace's place.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Duplex } from 'node:stream';
import { afterAll, describe, expect, it } from 'vitest';
import { attribute, node, placeholder, writeSavedModel } from '../../../tests/support/graph.ts';
import { lacksLevel, optionsFor } from '../../../tests/support/jail-level.ts';
import { noContent } from '../../../tests/support/plain-jail.ts';
import { runMetadata } from '../../../tests/support/run-metadata.ts';
import { needsRuntime, requireSlot, slot } from '../../../tests/support/runtime.ts';
import { floats, floatsOf, numeric, signature, spec } from '../../../tests/support/tensors.ts';
import type { AirlockError } from '../../core/index.ts';
import { readModelContent } from '../../model/index.ts';
import type { RunProfile } from '../../profile/index.ts';
import { openJail } from '../../sandbox/index.ts';
import {
  encodeJsonFrame,
  encodeTensorFrame,
  frameHeaderBytes,
  frameKinds,
  maxTraceBytes,
  writeFrameHeader,
} from '../../tensor/index.ts';
import { selfTestNames } from '../../worker/index.ts';
import { Watchdog } from '../watchdog.ts';
import { ModelWorker } from '../workers/model-worker.ts';
import { PendingRun } from '../workers/pending-run.ts';
import { WorkerConnection } from '../workers/worker-connection.ts';

const vector = signature([spec('x:0', 'DT_FLOAT', [-1])], [spec('y:0', 'DT_FLOAT', [-1])]);

function trace(id: number, body: Uint8Array, claimed = body.length, metaBytes = 0): Buffer {
  const head = Buffer.alloc(frameHeaderBytes + metaBytes);
  writeFrameHeader(head, 0, {
    kind: frameKinds.trace,
    tensorCount: 0,
    id,
    metaBytes,
    bodyBytes: claimed,
    argument: 0,
    timeoutMs: 0,
  });
  return Buffer.concat([head, body]);
}

const result = (id: number): Buffer =>
  Buffer.concat(encodeTensorFrame({ kind: frameKinds.result, id }, [{ index: 0, tensor: floats([1], 1) }]));

/** The server's end of a socket, its worker's bytes given by hand, with a model that is loaded. */
async function connect() {
  const sent: Buffer[] = [];
  const broken: AirlockError[] = [];
  const socket = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      sent.push(chunk);
      done();
    },
  });
  const connection = new WorkerConnection<PendingRun>({
    socket,
    onPrepared: () => undefined,
    onReady: () => undefined,
    onLoadError: () => undefined,
    onAnswer: () => undefined,
    onBroken: (error) => broken.push(error),
  });
  const receive = async (...frames: readonly Buffer[]): Promise<void> => {
    for (const frame of frames) socket.push(frame);
    await new Promise((resolve) => setImmediate(resolve));
  };
  connection.prepare({ ccPath: '', frameworkPath: '', intraOpThreads: 1, interOpThreads: 1, seal: false });
  const selfTest = selfTestNames.map((name) => ({ name, outcome: 'refused', errno: 'EACCES' }));
  await receive(encodeJsonFrame(frameKinds.prepared, 0, { tensorflowVersion: '2', selfTest }));
  await connection.load(noContent(), {
    tags: [],
    signatures: [vector],
    limits: { maxBodyBytes: 100, maxOutputBytes: 100 },
    executableMemory: 'allowed',
  });
  const warmUp = { ran: 0, failed: 0, skipped: 0 };
  await receive(encodeJsonFrame(frameKinds.ready, 0, { warmUp, executableMemory: 'allowed' }));
  sent.length = 0;
  const profiles: RunProfile[] = [];
  const outcomes: string[] = [];
  const run = (isTraced: boolean): void => {
    const call = new PendingRun(
      { signatureIndex: 0, inputs: [floats([1], 1)], deadlineAtMs: 1e9 },
      (error) => error,
      () => outcomes.push(`answered after ${profiles.length}`),
      ({ code }) => outcomes.push(code),
      undefined,
      isTraced ? (profile) => profiles.push(profile) : undefined,
    );
    connection.send(call, 1000);
  };
  return { connection, receive, run, sent, broken, profiles, outcomes };
}

const metadata = runMetadata([{ name: 'y', op: 'Relu', durationNs: 3_000 }]);

describe('a trace from a worker', () => {
  it('comes before the answer of the run that asked for it', async () => {
    const { receive, run, sent, profiles, outcomes, broken } = await connect();
    for (const isTraced of [true, false, true, true]) run(isTraced);
    await receive(trace(1, metadata), result(1), result(2), trace(3, Buffer.alloc(0)), result(3), trace(4, metadata), result(4));
    const requests = Buffer.concat(sent);
    const size = requests.length / 4;
    expect([0, 1, 2, 3].map((index) => requests.readUInt16LE(index * size + 4))).toEqual([9, 3, 9, 9]);
    expect(profiles.map(({ nodes: [first] }) => [first.node, first.op, first.durationUs])).toEqual([
      ['y', 'Relu', 3],
      ['y', 'Relu', 3],
    ]);
    // The third was too large for the worker to send.
    expect(outcomes).toEqual(['answered after 1', 'answered after 1', 'answered after 1', 'answered after 2']);
    expect(broken).toEqual([]);
  });

  it.each([
    ['of a run that asked for none', false, [trace(1, metadata)]],
    ['a second time', true, [trace(1, metadata), trace(1, metadata)]],
    ['of another run', true, [trace(2, metadata)]],
    ['with a description', true, [trace(1, metadata, metadata.length, 8)]],
    ['larger than any', true, [trace(1, Buffer.alloc(0), maxTraceBytes + 1)]],
    ['that is none', true, [trace(1, Buffer.from([0x0a, 0xff]))]],
    ['after the last answer', true, [result(1), trace(1, metadata)]],
  ] as const)('%s breaks the protocol', async (_what, isTraced, frames) => {
    const { receive, run, broken } = await connect();
    run(isTraced);
    await receive(...frames);
    expect(broken.map(({ code }) => code)).toEqual(['WORKER_PROTOCOL_VIOLATION']);
  });
});

const whyNot = `${needsRuntime}${lacksLevel('process')}`;

describe.skipIf(whyNot !== '')(`a traced run in the jail${whyNot}`, () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'airlock-traced-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  // Without executable memory Node runs without its compiler, and TensorFlow may make no code either.
  it.each(['allowed', 'denied'] as const)('says what each node took; executable memory %s', async (setting) => {
    const type = { T: attribute.type(1) };
    const nodes = [placeholder('x', 1), node('m', 'MatMul', ['x', 'x'], type), node('y', 'Relu', ['m'], type)];
    writeSavedModel(directory, nodes);
    const square = signature([spec('x:0', 'DT_FLOAT', [300, 300])], [spec('y:0', 'DT_FLOAT', [300, 300])]);
    const jail = await openJail({ readable: [slot?.ccPath ?? '', slot?.frameworkPath ?? ''], ...optionsFor('process') });
    const worker = new ModelWorker({
      jail,
      watchdog: new Watchdog(),
      slot: requireSlot(),
      content: () => readModelContent(directory),
      signatures: [square],
      executableMemory: { setting, why: 'for this test' },
    });
    try {
      await worker.start();
      const x = numeric('DT_FLOAT', [300, 300], new Float32Array(90_000).fill(1 / 300));
      const profiles: RunProfile[] = [];
      const [y] = await worker.run(0, [x], { onProfile: (profile) => profiles.push(profile) });
      expect(floatsOf(y)[0]).toBeCloseTo(1 / 300, 5);
      const [{ nodes: traced, peakBytes, durationUs }] = profiles;
      const product = traced.find(({ node: name }) => name === 'm');
      expect(product).toMatchObject({ op: 'MatMul', outputBytes: 360_000 });
      expect(product?.durationUs).toBeGreaterThan(0);
      expect(durationUs).toBeGreaterThanOrEqual(product?.durationUs ?? 0);
      // Relu writes over what it reads, so one matrix is alive.
      expect(peakBytes).toBeGreaterThanOrEqual(360_000);
      expect(peakBytes).toBeLessThan(800_000);
      await worker.run(0, [x]);
      expect(profiles).toHaveLength(1);
      expect(worker.report.restarts).toBe(0);
    } finally {
      await worker.close();
      await jail.close();
    }
  });
});
