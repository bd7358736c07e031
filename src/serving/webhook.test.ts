import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Webhook, type WebhookMessage } from './webhook.ts';

const secret = Buffer.from('0123456789abcdef');
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

interface Delivery {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function receiver(answers: readonly number[]): Promise<{ url: string; got: Delivery[] }> {
  const got: Delivery[] = [];
  const server: Server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk));
    request.on('end', () => {
      got.push({ headers: request.headers, body });
      const status = answers[Math.min(got.length, answers.length) - 1];
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, got };
}

function webhook(url: string, retryDelaysMs: readonly number[] = [5, 5]) {
  const lost: [WebhookMessage, string][] = [];
  const hook = new Webhook({
    url,
    secret,
    retryDelaysMs,
    timeoutMs: 2_000,
    onLost: (message, reason) => lost.push([message, reason]),
  });
  open.push(hook);
  return { hook, lost };
}

describe('Webhook', () => {
  it('sends what a receiver can check', async () => {
    const { url, got } = await receiver([204]);
    webhook(url).hook.send({ type: 'scan.worse', model: 'digits' });
    await vi.waitFor(() => expect(got).toHaveLength(1));
    const [{ headers, body }] = got;
    expect(JSON.parse(body)).toEqual({ type: 'scan.worse', model: 'digits' });
    const [, seconds, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['airlock-signature'])) ?? [];
    expect(mac).toBe(createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex'));
    expect(Math.abs(Number(seconds) - Date.now() / 1000)).toBeLessThan(5);
  });

  it('sends again until it is taken, in order and with the same number', async () => {
    const { url, got } = await receiver([500, 503, 200, 200]);
    const { hook, lost } = webhook(url);
    hook.send({ type: 'one' });
    hook.send({ type: 'two' });
    await vi.waitFor(() => expect(got).toHaveLength(4));
    expect(got.map(({ body }) => JSON.parse(body).type)).toEqual(['one', 'one', 'one', 'two']);
    const ids = got.map(({ headers }) => headers['airlock-delivery']);
    expect(new Set(ids.slice(0, 3)).size).toBe(1);
    expect(ids[3]).not.toBe(ids[0]);
    expect(lost).toEqual([]);
  });

  it.each([
    [[500], 'the receiver answered 500'],
    // A redirect would carry the signature to somebody else.
    [[302], 'the receiver cannot be reached'],
  ])('gives up after the last try and says so: %j', async (answers, reason) => {
    const { url, got } = await receiver(answers);
    const { hook, lost } = webhook(url);
    hook.send({ type: 'one' });
    await vi.waitFor(() => expect(lost).toHaveLength(1));
    expect(lost[0]).toEqual([{ type: 'one' }, reason]);
    expect(got).toHaveLength(3);
  });

  it('keeps a bounded number of messages, and does not hold up the end of a server', async () => {
    const { hook, lost } = webhook('http://127.0.0.1:9/', [60_000]);
    for (let count = 0; count < 110; count++) hook.send({ type: 'many', count });
    await vi.waitFor(() => expect(lost.length).toBeGreaterThanOrEqual(9));
    expect(lost.every(([, reason]) => reason === 'too many messages wait')).toBe(true);
    const started = performance.now();
    await hook.close();
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('refuses a secret that can be guessed', () => {
    expect(() => new Webhook({ url: 'http://127.0.0.1:9/', secret: Buffer.from('short'), onLost: () => undefined })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });
});
