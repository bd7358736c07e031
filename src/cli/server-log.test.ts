import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { AirlockError } from '../core/index.ts';
import { createServerLog, type ServerLog } from './server-log.ts';

function said(format: 'json' | 'text', speak: (log: ServerLog) => void): string {
  let text = '';
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  speak(createServerLog(stream, format));
  return text;
}

const about = { model: 'digits', version: 2n };
const violations = {
  kind: 'violations',
  ...about,
  ruleId: 'serving_default/inputs/x/max',
  outcome: 'shadow',
  count: 12,
} as const;
const unused = { kind: 'contractUnused', ...about, contract: { id: 'c', revision: 3 } } as const;
const refusal = {
  code: 'CONTRACT_VIOLATION',
  status: 400,
  method: 'POST',
  model: 'digits',
  verb: 'predict',
  path: 'instances[0]',
  rule: 'max',
  ruleId: 'serving_default/inputs/x/max',
  expected: 'at most 1',
};

describe('createServerLog()', () => {
  it('names the TensorFlow that serves in every line for machines, also after another one was promoted', () => {
    const server = { url: 'http://127.0.0.1:1', runtime: { digest: 'a' } as { digest: string } | undefined };
    const lines = said('json', (log) => {
      log.note('before');
      log.listening(server as unknown as Parameters<ServerLog['listening']>[0]);
      server.runtime = { digest: 'b' };
      log.onRefusal(refusal);
      server.runtime = undefined;
      log.note('taken away');
    });
    const slots = lines
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { readonly slot?: string }).slot);
    expect(slots).toEqual([undefined, 'a', 'b', undefined]);
  });

  it('says for people which rule of a contract was broken, and what was done', () => {
    expect(said('text', (log) => log.onEvent(violations))).toMatch(
      /digits version 2: serving_default\/inputs\/x\/max broken 12 times since it was last said \(shadow: let through\)\n$/,
    );
    expect(said('text', (log) => log.onRefusal(refusal))).toMatch(
      /refused 400 CONTRACT_VIOLATION digits predict at instances\[0\] \(serving_default\/inputs\/x\/max\)\n$/,
    );
    expect(said('text', (log) => log.onEvent(unused))).toContain('carries the contract c revision 3, and none is configured');
  });

  it('says it for machines', () => {
    expect(JSON.parse(said('json', (log) => log.onEvent(violations)))).toMatchObject({
      level: 40,
      kind: 'violations',
      version: '2',
      ruleId: 'serving_default/inputs/x/max',
      outcome: 'shadow',
      count: 12,
    });
    expect(JSON.parse(said('json', (log) => log.onRefusal(refusal)))).toMatchObject({ ruleId: 'serving_default/inputs/x/max' });
    expect(JSON.parse(said('json', (log) => log.onEvent(unused)))).toMatchObject({ kind: 'contractUnused', version: '2' });
  });

  it('says each change of its own limits with its reason', () => {
    const reason = 'latency 12.1 ms with 18 under way against 8.0 ms with 12 under way';
    const adjusted = { kind: 'adjusted', ...about, what: 'concurrency', from: 18, to: 12, steps: 1, reason } as const;
    expect(said('text', (log) => log.onEvent(adjusted))).toContain(
      'digits version 2: requests let through at one time: 18 → 12 for latency 12.1 ms with 18 under way against 8.0 ms',
    );
    expect(said('text', (log) => log.onEvent({ ...adjusted, steps: 3 }))).toContain('18 → 12 in 3 steps, the last for latency');
    expect(JSON.parse(said('json', (log) => log.onEvent(adjusted)))).toMatchObject({
      kind: 'adjusted',
      version: '2',
      what: 'concurrency',
      from: 18,
      to: 12,
      reason,
    });
  });

  it('says why the decoder of images ended', () => {
    const error = new AirlockError('WORKER_OUT_OF_MEMORY', { detail: 'took more than 512 MiB' });
    expect(said('text', (log) => log.onImagesBroken(error))).toContain('took more than 512 MiB (WORKER_OUT_OF_MEMORY)');
    expect(JSON.parse(said('json', (log) => log.onImagesBroken(error)))).toMatchObject({
      level: 50,
      error: { code: 'WORKER_OUT_OF_MEMORY', detail: 'took more than 512 MiB' },
    });
  });
});
