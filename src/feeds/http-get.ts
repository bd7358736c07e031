// Fetches one document over HTTP for a command of a person: an index page, a list of advisories. https only, save on this machine; bounded in
// bytes, time and redirects. Proxies are those of the environment (HTTPS_PROXY, NO_PROXY). An error names the host and never a credential:
// addresses of package indexes often hold one. The server's own process never fetches anything.
import { EnvHttpProxyAgent, request } from 'undici';
import { AirlockError, printable } from '../core/index.ts';
import { isSafeUrl } from './simple-file.ts';

export interface GetOptions {
  /** An answer with more bytes is refused, also one that only says so. */
  readonly maxBytes: number;
  /** For everything together, redirects included. Default 30,000. */
  readonly timeoutMs?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Default GET. */
  readonly method?: 'GET' | 'POST' | undefined;
  /** Sent with POST; never sent again to where a redirect leads. */
  readonly body?: string | undefined;
  /** PEM of the authorities that count instead of Node's own. */
  readonly ca?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Document {
  readonly bytes: Buffer;
  /** As the server says; empty where it does not. */
  readonly contentType: string;
  /** Where it was found after redirects; without user and password. */
  readonly url: string;
}

const maxRedirects = 3;
const defaultTimeoutMs = 30_000;

function unavailable(url: URL, why: string, cause?: unknown): AirlockError {
  return new AirlockError('FEED_UNAVAILABLE', { message: `${printable(url.host, 128)} ${why}`, cause });
}

function checkedUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base?.href))
    throw new AirlockError('FEED_UNAVAILABLE', { message: 'This is no address that can be asked' });
  const url = new URL(text, base);
  if (!isSafeUrl(url)) throw unavailable(url, 'may not be asked: only https, or http on this machine');
  return url;
}

/** A short word for what went wrong below HTTP; messages of Node may hold addresses. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return /^[A-Z0-9_]{2,60}$/.test(code) ? code : 'the connection failed';
}

async function readBody(body: AsyncIterable<Buffer>, url: URL, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > maxBytes) throw unavailable(url, `gave more than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

interface Step {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly method: 'GET' | 'POST';
  readonly body: string | null;
}

/** What an answer gives: a document, nothing (404, 410), or the next step. */
async function ask(
  step: Step,
  agent: EnvHttpProxyAgent,
  signal: AbortSignal,
  maxBytes: number,
): Promise<Document | Step | undefined> {
  const { url, headers, method, body } = step;
  const answer = await request(url, { method, headers, body, dispatcher: agent, signal });
  // Whoever reads it hears of an error all the same; one that comes after we have stopped reading must not end the process.
  answer.body.on('error', () => undefined);
  const location = answer.headers.location;
  if (answer.statusCode >= 300 && answer.statusCode < 400 && typeof location === 'string') {
    await answer.body.dump();
    const next = checkedUrl(location, url);
    // An index that leads elsewhere must not hand its password on.
    const kept = next.origin === url.origin ? headers : withoutCredentials(headers);
    return { url: next, headers: kept, method: 'GET', body: null };
  }
  if (answer.statusCode === 404 || answer.statusCode === 410) {
    await answer.body.dump();
    return undefined;
  }
  if (answer.statusCode !== 200) {
    await answer.body.dump();
    throw unavailable(url, `answered with ${answer.statusCode}`);
  }
  const declared = Number(answer.headers['content-length'] ?? 0);
  if (declared > maxBytes) {
    answer.body.destroy();
    throw unavailable(url, `has ${declared} bytes for us, and at most ${maxBytes} are read`);
  }
  const type = answer.headers['content-type'];
  const bytes = await readBody(answer.body, url, maxBytes);
  return { bytes, contentType: typeof type === 'string' ? type : '', url: url.href };
}

function withoutCredentials(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !/^(authorization|cookie|proxy-authorization)$/i.test(name)),
  );
}

/**
 * The document at an address; undefined when there is none (404, 410).
 * @throws FEED_UNAVAILABLE for every other answer, an address that may not be asked, more bytes, redirects (3) or time than allowed; CANCELLED
 */
export async function getDocument(address: string, options: GetOptions): Promise<Document | undefined> {
  const { maxBytes, timeoutMs = defaultTimeoutMs, ca, signal: given } = options;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = given === undefined ? timeout : AbortSignal.any([given, timeout]);
  const tls = ca === undefined ? {} : { connect: { ca }, requestTls: { ca } };
  const agent = new EnvHttpProxyAgent({ ...tls, maxHeaderSize: 32 * 1024 });
  let step: Step = {
    url: checkedUrl(address),
    headers: { 'user-agent': 'tf-airlock', ...options.headers },
    method: options.method ?? 'GET',
    body: options.body ?? null,
  };
  try {
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const found = await ask(step, agent, signal, maxBytes);
      if (found === undefined || 'bytes' in found) return found;
      step = found;
    }
    throw unavailable(step.url, `was the end of more than ${maxRedirects} redirects`);
  } catch (thrown) {
    if (given?.aborted === true) throw new AirlockError('CANCELLED', { cause: thrown });
    if (timeout.aborted) throw unavailable(step.url, `did not answer within ${timeoutMs} ms`, thrown);
    if (thrown instanceof AirlockError) throw thrown;
    throw unavailable(step.url, `could not be asked (${reasonOf(thrown)})`, thrown);
  } finally {
    await agent.destroy().catch(() => undefined);
  }
}

/** The JSON at an address. @throws as getDocument, and FEED_UNAVAILABLE when there is none or it is no JSON */
export async function getJson(address: string, options: GetOptions): Promise<unknown> {
  const accept = { accept: 'application/json', ...options.headers };
  const found = await getDocument(address, { ...options, headers: accept });
  const url = checkedUrl(address);
  if (found === undefined) throw unavailable(url, 'has no such document');
  try {
    return JSON.parse(found.bytes.toString('utf8'));
  } catch (cause) {
    throw unavailable(url, 'gave something that is no JSON', cause);
  }
}
