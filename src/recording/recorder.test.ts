// The recorder by itself: what it takes and when, that it never fails a caller, and that what it keeps stays within its bounds.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RecordingConfig } from '../config/index.ts';
import type { Signature } from '../tensor/index.ts';
import { tensorFromValue } from '../tensor/index.ts';
import {
  listSegments,
  makeRecordingKey,
  newRecordingId,
  openSegment,
  pruneSegments,
  Recorder,
  type RecorderOptions,
  type RecordingKey,
  type RecordingOrder,
  readRecordings,
  recordingsOf,
  sealSegment,
  writeOrder,
  writeSegment,
} from './index.ts';

const x = { alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT', shape: [-1] } as const;
const name = { alias: 'name', tensorName: 'n:0', dtype: 'DT_STRING', shape: [-1] } as const;
const signature: Signature = { name: 'serving_default', methodName: '', inputs: [x, name], outputs: [] };
const version = { version: 7n, signatures: [signature], contract: undefined };
const offer = (at: number, bytes = 4) => ({
  model: 'm',
  version,
  signature,
  tensors: [
    tensorFromValue(
      x,
      Array.from({ length: bytes / 4 }, () => at),
    ),
    tensorFromValue(name, [`secret ${at}`]),
  ],
});

let store: string;
let key: RecordingKey;
let troubles: string[];
const recorders: Recorder[] = [];

beforeEach(async () => {
  store = mkdtempSync(join(tmpdir(), 'airlock-recording-'));
  key = await makeRecordingKey();
  troubles = [];
});
afterEach(async () => {
  for (const recorder of recorders.splice(0)) await recorder.close();
  rmSync(store, { recursive: true, force: true });
});

function recorderWith(config: Partial<RecordingConfig> = {}, more: Partial<RecorderOptions> = {}): Recorder {
  const bounds = { maxMiB: 1, keepFor: 86_400_000, maxSamplePercent: 100 };
  const recorder = new Recorder({
    store,
    config: { recipients: [key.recipient], ...bounds, ...config },
    models: new Map([['m', { redact: ['name'] }]]),
    onTrouble: (text) => troubles.push(text),
    draw: () => 0,
    ...more,
  });
  recorders.push(recorder);
  return recorder;
}

async function order(more: Partial<RecordingOrder> = {}): Promise<RecordingOrder> {
  const nowMs = Date.now();
  const made: RecordingOrder = {
    format: 1,
    id: newRecordingId(nowMs),
    model: 'm',
    samplePercent: 100,
    maxRequests: 100_000,
    startedAt: new Date(nowMs).toISOString(),
    until: new Date(nowMs + 60_000).toISOString(),
    by: 'test',
    ...more,
  };
  await writeOrder(store, made);
  return made;
}

async function recorded(identity = key.identity): Promise<number[]> {
  const found: number[] = [];
  for await (const { inputs } of readRecordings({ store, identities: [identity] })) {
    const tensor = inputs.get('x');
    if (tensor !== undefined) found.push(new Float32Array(tensor.bytes.slice().buffer)[0]);
  }
  return found;
}

describe('Recorder', () => {
  it('takes nothing without an order, and in order what is offered while there is one', async () => {
    const recorder = recorderWith();
    await recorder.poll();
    recorder.offer(offer(0));
    const { id } = await order();
    await recorder.poll();
    for (const at of [1, 2, 3]) recorder.offer(offer(at));
    recorder.offer({ ...offer(4), model: 'another' });
    await recorder.close();
    expect(await recorded()).toEqual([1, 2, 3]);
    expect(recorder.report).toEqual({ kept: 3, leftOut: 0, dropped: 0, failed: 0, active: [] });
    const [segment] = await listSegments(store);
    expect(segment).toMatchObject({ recording: id, requests: 3 });
    expect(statSync(join(recordingsOf(store), segment.name)).mode & 0o777).toBe(0o600);
    expect(statSync(recordingsOf(store)).mode & 0o777).toBe(0o700);
  });

  it('leaves no plain value on the disk, and nobody without the key reads it', async () => {
    const recorder = recorderWith();
    await order();
    await recorder.poll();
    recorder.offer(offer(1));
    await recorder.close();
    const files = readdirSync(recordingsOf(store)).map((file) => readFileSync(join(recordingsOf(store), file)));
    expect(files.length).toBe(2);
    for (const file of files)
      for (const word of ['secret', 'serving_default', 'redacted']) expect(file.includes(word)).toBe(false);
    for await (const { inputs } of readRecordings({ store, identities: [key.identity] }))
      expect(Buffer.from(inputs.get('name')?.bytes ?? []).toString()).toBe('redacted');
    await expect(recorded((await makeRecordingKey()).identity)).rejects.toMatchObject({ code: 'RECORDING_INVALID' });
  });

  it('draws, and never above what the configuration allows', async () => {
    let draw = 0;
    const recorder = recorderWith({ maxSamplePercent: 10 }, { draw: () => draw });
    await order({ samplePercent: 50 });
    await recorder.poll();
    for (draw of [0.05, 0.099, 0.1, 0.2, 0.49, 0.9]) recorder.offer(offer(draw));
    await recorder.close();
    expect(recorder.report.kept).toBe(2);
  });

  it('ends by itself: after its time, its number of requests, a stop, or when its order is gone', async () => {
    let nowMs = Date.now();
    const recorder = recorderWith({}, { nowMs: () => nowMs });
    const made = await order({ maxRequests: 2 });
    await recorder.poll();
    for (const at of [1, 2, 3]) recorder.offer(offer(at));
    nowMs += 60_001;
    recorder.offer(offer(4));
    await recorder.poll();
    expect(recorder.report.active).toEqual([]);
    const second = await order({ id: newRecordingId(nowMs), until: new Date(nowMs + 60_000).toISOString() });
    await recorder.poll();
    expect(recorder.report.active).toEqual(['m']);
    await writeOrder(store, { ...second, stoppedAt: new Date(nowMs).toISOString() });
    await recorder.poll();
    recorder.offer(offer(5));
    await recorder.close();
    expect(made.id).not.toBe(second.id);
    expect(await recorded()).toEqual([1, 2]);
  });

  it('leaves out what is too large, drops what comes too fast, and fails nobody', async () => {
    const recorder = recorderWith();
    await order();
    await recorder.poll();
    recorder.offer(offer(1, 1024 * 1024 + 4));
    for (let at = 0; at < 12; at++) recorder.offer(offer(at, 1024 * 1024 - 64));
    await recorder.close();
    const { leftOut, dropped, kept } = recorder.report;
    expect(leftOut).toBe(1);
    expect(dropped).toBeGreaterThan(3);
    expect(kept + dropped).toBe(12);
  });

  it('records nothing of a model without a section, or whose section names what it does not have, and says so once', async () => {
    const recorder = recorderWith({}, { models: new Map([['m', { redact: ['nmae'] }]]) });
    await order();
    await recorder.poll();
    for (const at of [1, 2]) recorder.offer(offer(at));
    await recorder.close();
    expect(recorder.report).toMatchObject({ kept: 0, leftOut: 2 });
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toContain('nmae');
    const other = recorderWith({}, { models: new Map() });
    await other.poll();
    expect(other.report.active).toEqual([]);
  });

  it('goes by no order that another user could have written', async () => {
    const recorder = recorderWith();
    const { id } = await order();
    chmodSync(join(recordingsOf(store), `${id}.json`), 0o666);
    await recorder.poll();
    expect(recorder.report.active).toEqual([]);
    expect(troubles[0]).toContain('Nothing is recorded');
  });

  it('goes on when the disk does not take a segment', async () => {
    const recorder = recorderWith();
    await order();
    await recorder.poll();
    recorder.offer(offer(1));
    await new Promise(setImmediate);
    rmSync(recordingsOf(store), { recursive: true });
    writeFileSync(recordingsOf(store), 'a file where the folder was');
    await recorder.close();
    expect(recorder.report).toMatchObject({ kept: 0, failed: 1 });
    expect(troubles).toHaveLength(1);
  });
});

describe('the bounds of a store', () => {
  it('keep the newest segments, and none for longer than they may stay', async () => {
    for (const at of [1, 2, 3, 4])
      await writeSegment(store, { startedMs: at * 1000, recording: 'a'.repeat(16), requests: at }, new Uint8Array(100));
    const requests = async () => (await listSegments(store)).map((one) => one.requests);
    expect(await pruneSegments(store, { maxBytes: 250, keepForMs: 1e9 }, 5_000)).toBe(2);
    expect(await requests()).toEqual([3, 4]);
    expect(await pruneSegments(store, { maxBytes: 250, keepForMs: 1_500 }, 5_000)).toBe(1);
    expect(await requests()).toEqual([4]);
  });

  it('hold while a recorder writes', async () => {
    const recorder = recorderWith();
    await order();
    await recorder.poll();
    for (let at = 0; at < 4; at++) {
      for (let part = 0; part < 2; part++) recorder.offer(offer(at, 600 * 1024));
      await recorder.poll();
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    await recorder.close();
    const total = (await listSegments(store)).reduce((sum, { bytes }) => sum + bytes, 0);
    expect(total).toBeLessThanOrEqual(1024 * 1024);
    expect(recorder.report.kept).toBe(8);
  });
});

describe('segments', () => {
  it('open with one of their keys, and not once a byte is changed or cut off', async () => {
    const other = await makeRecordingKey();
    const plain = Buffer.alloc(200_000, 'x');
    const sealed = await sealSegment(plain, [key.recipient, other.recipient]);
    expect(Buffer.from(await openSegment(sealed, [other.identity]))).toEqual(plain);
    for (const at of [30, 400, sealed.length - 1]) {
      const changed = Buffer.from(sealed);
      changed[at] ^= 1;
      await expect(openSegment(changed, [key.identity])).rejects.toMatchObject({ code: 'RECORDING_INVALID' });
    }
    await expect(openSegment(sealed.subarray(0, -1), [key.identity])).rejects.toMatchObject({ code: 'RECORDING_INVALID' });
  });
});
