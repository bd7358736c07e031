// The index reader and what it fetches with, against a server on this machine.
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { AirlockError } from '../core/index.ts';
import { getDocument, getJson } from './http-get.ts';
import { PythonIndex } from './python-index.ts';

const servers: Server[] = [];
const digest = 'ab'.repeat(32);

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function failureOf(job: Promise<unknown>): Promise<AirlockError> {
  return await job.then(
    () => expect.fail('it was accepted'),
    (error: AirlockError) => error,
  );
}

const jsonPage = (files: readonly object[]) => JSON.stringify({ meta: { 'api-version': '1.1' }, name: 'p', files });

describe('PythonIndex', () => {
  it('reads JSON, groups files by version, and calls a release withdrawn only when all of it is', async () => {
    const asked: IncomingMessage[] = [];
    const file = (filename: string, more: object = {}) => ({
      filename,
      url: `/f/${filename}`,
      hashes: { sha256: digest },
      ...more,
    });
    const url = await serve((request, response) => {
      asked.push(request);
      response.setHeader('content-type', 'application/vnd.pypi.simple.v1+json');
      response.end(
        jsonPage([
          file('tensorflow_cpu-1.0.0.tar.gz', { yanked: 'broken', 'upload-time': '2020-02-29T23:59:59.5Z' }),
          file('tensorflow_cpu-2.0.0-cp311-cp311-linux_x86_64.whl', { yanked: 'this one' }),
          file('tensorflow_cpu-2.0.0-cp312-cp312-linux_x86_64.whl'),
          file('evil-9.0.0.tar.gz'),
        ]),
      );
    });
    const releases = await new PythonIndex({ url: `${url.replace('//', '//me:pass%40word@')}/simple` }).listReleases(
      'TensorFlow_CPU',
    );
    expect(releases.map(({ version, yanked, published, files }) => [version, yanked, published, files.length])).toEqual([
      ['1.0.0', 'broken', '2020-02-29', 1],
      ['2.0.0', undefined, undefined, 2],
    ]);
    expect(asked[0].url).toBe('/simple/tensorflow-cpu/');
    expect(asked[0].headers.authorization).toBe(`Basic ${Buffer.from('me:pass@word').toString('base64')}`);
  });

  it('falls back to HTML, and has nothing for a package that is not there', async () => {
    const url = await serve((request, response) => {
      if (request.url !== '/simple/keras/') response.statusCode = 404;
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(`<a href="keras-3.0.0.tar.gz#sha256=${digest}">keras</a>`);
    });
    const index = new PythonIndex({ url: `${url}/simple/` });
    expect((await index.listReleases('keras')).map(({ version }) => version)).toEqual(['3.0.0']);
    expect(await index.listReleases('other')).toEqual([]);
  });

  it('takes a password with a sign of percent as pip does', async () => {
    const seen: (string | undefined)[] = [];
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.statusCode = 404;
      response.end();
    });
    await new PythonIndex({ url: `${url.replace('//', '//me:100%sure%2f%C3%A9@')}/simple` }).listReleases('keras');
    expect(seen).toEqual([`Basic ${Buffer.from('me:100%sure/é').toString('base64')}`]);
  });

  it('does not take attestations that it names and does not have for none', async () => {
    const url = await serve((_request, response) => void response.writeHead(404).end());
    const index = new PythonIndex({ url: `${url}/simple` });
    const file = { name: 'keras-3.0.0.tar.gz', url: `${url}/f`, sha256: digest };
    expect(await index.provenanceOf(file)).toBeUndefined();
    const error = await failureOf(index.provenanceOf({ ...file, provenance: `${url}/p` }));
    expect(error).toMatchObject({ code: 'FEED_UNAVAILABLE', message: expect.stringContaining('keras-3.0.0.tar.gz is attested') });
  });

  it('refuses an index that anybody on the way can be, and shows no password', async () => {
    expect(() => new PythonIndex({ url: 'http://user:secret@index.example/simple' })).toThrow(
      expect.objectContaining({ code: 'RUNTIME_UNOFFICIAL', message: expect.not.stringContaining('secret') }),
    );
    const url = await serve((_request, response) => {
      response.statusCode = 500;
      response.end('secret');
    });
    const index = new PythonIndex({ url: `${url.replace('//', '//user:secret@')}/simple` });
    const error = await failureOf(index.listReleases('tensorflow'));
    expect(error.code).toBe('FEED_UNAVAILABLE');
    expect(JSON.stringify([error.message, error.detail])).not.toContain('secret');
  });
});

describe('getDocument', () => {
  const options = { maxBytes: 1_000 };

  it('hands no credentials on to where a redirect leads', async () => {
    const seen: (string | undefined)[] = [];
    const other = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.end('{}');
    });
    const url = await serve((request, response) => {
      seen.push(request.headers.authorization);
      response.statusCode = 302;
      response.setHeader('location', other);
      response.end();
    });
    await getDocument(url, { ...options, headers: { Authorization: 'Basic eA==' } });
    expect(seen).toEqual(['Basic eA==', undefined]);
  });

  it('refuses a redirect to http, loops, too many bytes, declared or not, and other answers', async () => {
    let answer: RequestListener = () => undefined;
    const url = await serve((request, response) => answer(request, response));
    const codes: [RequestListener, string][] = [
      [(_q, r) => void r.writeHead(302, { location: 'http://index.example/' }).end(), 'may not be asked'],
      [(_q, r) => void r.writeHead(302, { location: '/' }).end(), 'redirects'],
      [(_q, r) => void r.writeHead(200, { 'content-length': '5000' }).end('x'.repeat(5000)), '5000 bytes'],
      [(_q, r) => void r.end('x'.repeat(5000)), 'bytes'],
      [(_q, r) => void r.writeHead(204).end(), '204'],
      [(_q, r) => void r.destroy(), 'could not be asked'],
    ];
    for (const [listener, text] of codes) {
      answer = listener;
      const error = await failureOf(getDocument(url, options));
      expect(error).toMatchObject({ code: 'FEED_UNAVAILABLE', message: expect.stringContaining(text) });
    }
    expect((await failureOf(getDocument('http://index.example/', options))).code).toBe('FEED_UNAVAILABLE');
    expect((await failureOf(getDocument('file:///etc/passwd', options))).code).toBe('FEED_UNAVAILABLE');
  });

  it('gives up in time, and can be stopped', async () => {
    const url = await serve((_request, response) => void response.write('x'));
    expect(await failureOf(getDocument(url, { ...options, timeoutMs: 200 }))).toMatchObject({ code: 'FEED_UNAVAILABLE' });
    const signal = AbortSignal.timeout(50);
    expect(await failureOf(getDocument(url, { ...options, signal }))).toMatchObject({ code: 'CANCELLED' });
  });

  it('reads JSON, sends a body, and says when it is none', async () => {
    const url = await serve((request, response) => {
      let body = '';
      request.on('data', (piece) => (body += piece)).on('end', () => response.end(request.method === 'POST' ? body : 'no json'));
    });
    expect(await getJson(url, { ...options, method: 'POST', body: '{"a":1}' })).toEqual({ a: 1 });
    expect(await failureOf(getJson(url, options))).toMatchObject({ code: 'FEED_UNAVAILABLE' });
  });
});
