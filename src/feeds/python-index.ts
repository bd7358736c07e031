// Asks one package index which files a package has. Which index that is, the user's own pip configuration says (src/runtime/pip-settings.ts);
// nothing here knows the name of one. Credentials of the address are sent to its own origin only and appear in no error.
import { AirlockError, printable } from '../core/index.ts';
import { getDocument } from './http-get.ts';
import { isSafeUrl } from './simple-file.ts';
import { readSimpleHtml } from './simple-html.ts';
import { readSimpleJson } from './simple-json.ts';
import { distributionOf, normalName } from './simple-names.ts';
import { type IndexFile, type IndexRelease, maxPageBytes } from './simple-types.ts';

export interface PythonIndexOptions {
  /** Of the simple interface, `https://…/simple`; may hold user and password. */
  readonly url: string;
  /** For one answer. Default 30,000. */
  readonly timeoutMs?: number;
  /** PEM of further certificate authorities, as pip's own `cert` says. */
  readonly ca?: string | undefined;
}

const jsonType = 'application/vnd.pypi.simple.v1+json';
const accept = `${jsonType}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1`;
const maxProvenanceBytes = 4 * 1024 * 1024;

export class PythonIndex {
  readonly #base: URL;
  readonly #authorization: string | undefined;
  readonly #timeoutMs: number;
  readonly #ca: string | undefined;

  /** @throws RUNTIME_UNOFFICIAL for an address that is neither https nor on this machine; FEED_UNAVAILABLE for what is none. */
  constructor({ url, timeoutMs = 30_000, ca }: PythonIndexOptions) {
    if (!URL.canParse(url)) throw new AirlockError('FEED_UNAVAILABLE', { message: 'The index of pip is no address' });
    const base = new URL(url.endsWith('/') ? url : `${url}/`);
    if (!isSafeUrl(base)) {
      throw new AirlockError('RUNTIME_UNOFFICIAL', {
        message: `The index of pip is asked by ${printable(base.protocol)}//, which anybody on the way can change: it has to be https`,
      });
    }
    const { username, password } = base;
    if (username !== '' || password !== '') {
      const pair = [username, password].map(decoded).join(':');
      this.#authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
    }
    base.username = '';
    base.password = '';
    this.#base = base;
    this.#timeoutMs = timeoutMs;
    this.#ca = ca;
  }

  /** The host that is asked, for people. */
  get host(): string {
    return printable(this.#base.host, 128);
  }

  /**
   * All versions of a package that have a wheel or a source archive with a SHA-256, in the index's order. Empty for a package that is not there.
   * @throws FEED_UNAVAILABLE, CANCELLED
   */
  async listReleases(
    name: string,
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<readonly IndexRelease[]> {
    const wanted = normalName(name);
    const url = new URL(`${encodeURIComponent(wanted)}/`, this.#base);
    const answer = await this.#get(url, accept, maxPageBytes, options.signal);
    if (answer === undefined) return [];
    const { bytes, contentType, url: from } = answer;
    const isJson = contentType.split(';')[0].trim().toLowerCase() === jsonType;
    const files = (isJson ? readSimpleJson : readSimpleHtml)(bytes, new URL(from));
    return releasesOf(files, wanted);
  }

  /**
   * The attestations of a file, unchecked (PEP 740); undefined where the page of the index names none.
   * @throws FEED_UNAVAILABLE, also when it names some and has none: that must not look like a file that was never attested; CANCELLED
   */
  async provenanceOf(file: IndexFile, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Buffer | undefined> {
    if (file.provenance === undefined) return undefined;
    const answer = await this.#get(new URL(file.provenance), 'application/json', maxProvenanceBytes, options.signal);
    if (answer !== undefined) return answer.bytes;
    throw new AirlockError('FEED_UNAVAILABLE', {
      message: `${this.host} says that ${file.name} is attested, and does not have the attestations`,
    });
  }

  #get(url: URL, accepted: string, maxBytes: number, signal: AbortSignal | undefined): ReturnType<typeof getDocument> {
    const isOwn = url.origin === this.#base.origin;
    return getDocument(url.href, {
      maxBytes,
      timeoutMs: this.#timeoutMs,
      headers: { accept: accepted, ...(isOwn && this.#authorization !== undefined && { authorization: this.#authorization }) },
      ca: this.#ca,
      signal,
    });
  }
}

/** As pip reads it (urllib's unquote): a `%` that begins no code is itself, since passwords have some. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (codes) => Buffer.from(codes.replaceAll('%', ''), 'hex').toString('utf8'));
}

function releasesOf(files: readonly IndexFile[], wanted: string): readonly IndexRelease[] {
  const byVersion = new Map<string, IndexFile[]>();
  for (const file of files) {
    const found = distributionOf(file.name);
    // A page that lists another package's files is none of this package.
    if (found?.name !== wanted) continue;
    const known = byVersion.get(found.version);
    if (known === undefined) byVersion.set(found.version, [file]);
    else known.push(file);
  }
  return Array.from(byVersion, ([version, its]) => {
    const days = its.flatMap(({ published }) =>
      published === undefined ? [] : [new Date(published).toISOString().slice(0, 10)],
    );
    const reasons = its.map(({ yanked }) => yanked);
    const isYanked = reasons.every((reason) => reason !== undefined);
    return {
      version,
      ...(days.length > 0 && { published: days.sort()[0] }),
      ...(isYanked && { yanked: reasons.find((reason) => reason !== true) ?? true }),
      files: its,
    };
  });
}
