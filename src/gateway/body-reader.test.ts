// The reader of request bodies against a real HTTP server: plain and compressed bodies, bombs, lies about lengths, and clients that go
// away.
import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { constants, createGzip, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AirlockError, isAirlockError } from '../core/index.ts';
import { readBody, smallChunkBytes } from './body-reader.ts';
import { TurnShare } from './turn-share.ts';

const maxBodyBytes = 1024 * 1024;
const turns = new TurnShare();

/** Counts like a decoder does, and refuses at the same limit. */
class CountingSink {
  received = 0;
  pushes = 0;
  readonly chunks: Buffer[] = [];
  refuseAt = maxBodyBytes;
  push(chunk: Uint8Array): void {
    this.pushes++;
    this.received += chunk.length;
    if (this.received > this.refuseAt) throw new AirlockError('REQUEST_TOO_LARGE');
    if (this.chunks.length < 8) this.chunks.push(Buffer.from(chunk));
  }
  readonly behind: boolean = false;
  catchUp(): void {}
  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

interface Outcome {
  readonly code: string;
  readonly rule: string | undefined;
  readonly sink: CountingSink;
}

let server: Server;
let port: number;
let refuseAt = maxBodyBytes;
const outcomes: Outcome[] = [];
const waiting: (() => void)[] = [];

async function handle(request: IncomingMessage): Promise<Outcome> {
  const sink = new CountingSink();
  sink.refuseAt = refuseAt;
  try {
    await readBody(request, sink, maxBodyBytes, turns);
    return { code: 'ok', rule: undefined, sink };
  } catch (thrown) {
    if (!isAirlockError(thrown)) return { code: String(thrown), rule: undefined, sink };
    return { code: thrown.code, rule: thrown.violations[0]?.rule, sink };
  }
}

beforeAll(async () => {
  server = createServer((request, response) => {
    void handle(request).then((outcome) => {
      outcomes.push(outcome);
      waiting.shift()?.();
      if (!request.complete) response.setHeader('connection', 'close');
      response.end(outcome.code);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
beforeEach(() => {
  outcomes.length = 0;
  refuseAt = maxBodyBytes;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function outcome(): Promise<Outcome> {
  if (outcomes.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
  return outcomes[0];
}

/** A whole request; the answer's own text does not matter, what the reader made of it does. */
async function send(body: Uint8Array, headers: Record<string, string> = {}): Promise<Outcome> {
  const request = httpRequest({ port, host: '127.0.0.1', method: 'POST', headers, agent: false });
  request.on('error', () => undefined);
  request.on('response', (response) => response.resume());
  request.end(body);
  return outcome();
}

const gzip = { 'content-encoding': 'gzip' };

describe('readBody', () => {
  it.each(['', 'identity', 'IDENTITY', ' identity '])('takes a plain body, Content-Encoding "%s"', async (encoding) => {
    const { code, sink } = await send(Buffer.from('{"a":1}'), encoding === '' ? {} : { 'content-encoding': encoding });
    expect([code, sink.text]).toEqual(['ok', '{"a":1}']);
  });

  it.each(['gzip', 'GZip', ' gzip '])('undoes Content-Encoding "%s"', async (encoding) => {
    const { code, sink } = await send(gzipSync('{"a":1}'), { 'content-encoding': encoding });
    expect([code, sink.text]).toEqual(['ok', '{"a":1}']);
  });

  it('undoes gzip of several members, as one text', async () => {
    const { code, sink } = await send(Buffer.concat([gzipSync('{"a":'), gzipSync('1}')]), gzip);
    expect([code, sink.text]).toEqual(['ok', '{"a":1}']);
  });

  it('takes a body that is exactly as long as the limit', async () => {
    const { code, sink } = await send(Buffer.alloc(maxBodyBytes, 0x20));
    expect([code, sink.received]).toEqual(['ok', maxBodyBytes]);
  });

  it('takes an empty body', async () => {
    expect((await send(Buffer.alloc(0))).code).toBe('ok');
  });

  it.each(['br', 'deflate', 'zstd', 'x-gzip', 'gzip, gzip', 'gzip,identity', 'identity, gzip', ''])(
    'refuses Content-Encoding "%s" without reading',
    async (encoding) => {
      const { code, sink } = await send(Buffer.from('{}'), { 'content-encoding': encoding });
      expect([code, sink.pushes]).toEqual(['REQUEST_ENCODING_UNSUPPORTED', 0]);
    },
  );

  it('refuses a Content-Length over the limit before the first byte', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${maxBodyBytes + 1}\r\n\r\n`);
    const { code, rule, sink } = await outcome();
    expect([code, rule, sink.pushes]).toEqual(['REQUEST_TOO_LARGE', 'maxBodyBytes', 0]);
    socket.destroy();
  });

  it('says so when the client goes away in the middle', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"a"');
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    expect((await outcome()).code).toBe('REQUEST_INCOMPLETE');
  });

  it('says so when the client goes away in the middle of gzip', async () => {
    const body = gzipSync(Buffer.from(Array.from({ length: 2000 }, (_, i) => i * 7919).join()));
    const socket = connect(port, '127.0.0.1');
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`);
    socket.write(body.subarray(0, 1000));
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.destroy();
    expect((await outcome()).code).toBe('REQUEST_INCOMPLETE');
  });

  it('passes on what the decoder refuses, and stops there', async () => {
    refuseAt = 10;
    const { code, sink } = await send(Buffer.alloc(maxBodyBytes, 0x20));
    expect([code, sink.pushes]).toEqual(['REQUEST_TOO_LARGE', 1]);
  });
});

describe('readBody and gzip that is wrong', () => {
  const whole = gzipSync(Buffer.from('{"a":"b"}'));
  const cases: readonly (readonly [string, Buffer])[] = [
    ['cut short', whole.subarray(0, whole.length - 4)],
    ['nothing where gzip was announced', Buffer.alloc(0)],
    ['only its header', whole.subarray(0, 10)],
    ['garbage behind the end', Buffer.concat([whole, Buffer.from('garbage')])],
    ['half a member behind the end', Buffer.concat([whole, whole.subarray(0, 12)])],
    ['no gzip at all', Buffer.from('{"a":"b"}')],
    ['a checksum that does not match', Buffer.concat([whole.subarray(0, whole.length - 8), Buffer.alloc(8, 1)])],
    ['a damaged middle', Buffer.concat([whole.subarray(0, 10), Buffer.alloc(8, 0xff), whole.subarray(18)])],
  ];
  it.each(cases)('refuses %s', async (_name, body) => {
    expect((await send(body, gzip)).code).toBe('REQUEST_ENCODING_INVALID');
  });

  it('refuses a bomb as soon as the limit of inflated bytes has come, in bounded memory', async () => {
    const bomb = gzipSync(Buffer.alloc(100 * 1024 * 1024), { level: 9 });
    expect(bomb.length).toBeLessThan(maxBodyBytes);
    const before = process.memoryUsage.rss();
    const { code, sink } = await send(bomb, gzip);
    expect(code).toBe('REQUEST_TOO_LARGE');
    expect(sink.received).toBeLessThan(maxBodyBytes + 64 * 1024);
    // The bomb itself lies in this process too, and was made before.
    expect(process.memoryUsage.rss() - before).toBeLessThan(48 * 1024 * 1024);
  });

  it('refuses members that inflate to nothing when their compressed bytes reach the limit', async () => {
    const empty = gzipSync('');
    const many = Buffer.concat(Array.from({ length: 4096 }, () => empty));
    const request = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { ...gzip, 'transfer-encoding': 'chunked' },
      agent: false,
    });
    request.on('error', () => undefined);
    let sent = 0;
    let over = false;
    const pump = (): void => {
      while (!over && sent < 64 * maxBodyBytes) {
        sent += many.length;
        if (!request.write(many)) return;
      }
    };
    request.on('drain', pump);
    request.once('close', () => {
      over = true;
    });
    pump();
    const { code, rule, sink } = await outcome();
    over = true;
    request.destroy();
    expect([code, rule, sink.received]).toEqual(['REQUEST_TOO_LARGE', 'maxBodyBytes', 0]);
    expect(sent).toBeLessThan(16 * maxBodyBytes);
  });

  it('hands on what comes before the end does, so that a decoder can refuse early', async () => {
    refuseAt = 4;
    const compressor = createGzip();
    const request = httpRequest({
      port,
      host: '127.0.0.1',
      method: 'POST',
      headers: { ...gzip, 'transfer-encoding': 'chunked' },
      agent: false,
    });
    request.on('error', () => undefined);
    compressor.on('data', (chunk) => request.write(chunk));
    compressor.write('123456');
    compressor.flush(constants.Z_SYNC_FLUSH);
    expect((await outcome()).code).toBe('REQUEST_TOO_LARGE');
    request.destroy();
    compressor.destroy();
  });
});

/** Has work left after each chunk, as a decoder has that parses a body again. */
class LaggingSink {
  left = 0;
  slices = 0;
  received = 0;
  readonly #failAt: number;
  constructor(failAt = Number.POSITIVE_INFINITY) {
    this.#failAt = failAt;
  }
  push(chunk: Uint8Array): void {
    this.received += chunk.length;
    this.left += 5;
  }
  get behind(): boolean {
    return this.left > 0;
  }
  catchUp(): void {
    this.left--;
    if (++this.slices === this.#failAt) throw new AirlockError('TENSOR_RAGGED');
  }
}

describe('readBody() and a sink that is behind', () => {
  const body = (chunks: number) =>
    Readable.from(
      Array.from({ length: chunks }, () => Buffer.alloc(1000)),
      { objectMode: false },
    );
  const read = (chunks: number, sink: LaggingSink) => {
    const source = Object.assign(body(chunks), { headers: {}, complete: true });
    return readBody(source as unknown as IncomingMessage, sink, maxBodyBytes, turns);
  };

  it.each([1, 2, 40])('lets it catch up before the body of %d chunks counts as read', async (chunks) => {
    const sink = new LaggingSink();
    await read(chunks, sink);
    expect(sink).toMatchObject({ left: 0, received: chunks * 1000, slices: chunks * 5 });
  });

  it('reports what it finds while it catches up', async () => {
    await expect(read(3, new LaggingSink(4))).rejects.toMatchObject({ code: 'TENSOR_RAGGED' });
  });

  it('lets others go first while a turn has had its share of large chunks, and loses none', async () => {
    const own = new TurnShare(() => clockMs);
    let clockMs = 0;
    const sinks = [new CountingSink(), new CountingSink(), new CountingSink()];
    const order: number[] = [];
    const count = 4;
    const all = sinks.map((sink, index) => {
      const chunks = Array.from({ length: count }, () => Buffer.alloc(smallChunkBytes + 1));
      const source = Object.assign(Readable.from(chunks, { objectMode: false }), { headers: {}, complete: true });
      const push = sink.push.bind(sink);
      sink.push = (chunk) => {
        order.push(index);
        clockMs += 1.5;
        push(chunk);
      };
      return readBody(source as unknown as IncomingMessage, sink, maxBodyBytes, own);
    });
    await Promise.all(all);
    expect(sinks.map(({ received }) => received)).toEqual(sinks.map(() => count * (smallChunkBytes + 1)));
    // Nobody gets ahead of the others.
    for (const index of order.keys()) {
      const had = sinks.map((_sink, of) => order.slice(0, index + 1).filter((one) => one === of).length);
      expect(Math.max(...had) - Math.min(...had)).toBeLessThanOrEqual(2);
    }
  });

  it('refuses what arrives before it has its turn, and pushes nothing afterwards', async () => {
    const own = new TurnShare();
    own.wait(() => undefined);
    const sink = Object.assign(new CountingSink(), {
      onArrived: () => {
        throw new AirlockError('SERVER_OVERLOADED');
      },
    });
    const source = Object.assign(Readable.from([Buffer.alloc(smallChunkBytes + 1)]), { headers: {}, complete: true });
    const reading = readBody(source as unknown as IncomingMessage, sink, maxBodyBytes, own);
    await expect(reading).rejects.toMatchObject({ code: 'SERVER_OVERLOADED' });
    expect(sink.pushes).toBe(0);
  });

  it('pushes nothing of a client that went away while its chunk waited', async () => {
    let clockMs = 0;
    const own = new TurnShare(() => clockMs);
    const sink = new CountingSink();
    const source = Object.assign(new Readable({ read: () => undefined }), { headers: {}, complete: false });
    const reading = readBody(source as unknown as IncomingMessage, sink, maxBodyBytes, own);
    own.wait(() => {
      source.destroy();
      // Uses up the turn, so that the chunk has to wait for the next one.
      clockMs += 1.5;
    });
    source.push(Buffer.alloc(smallChunkBytes + 1));
    await expect(reading).rejects.toMatchObject({ code: 'REQUEST_INCOMPLETE' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(sink.pushes).toBe(0);
  });
});
