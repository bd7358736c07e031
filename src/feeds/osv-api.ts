// Asks the API of OSV (POST /v1/query, https://google.github.io/osv.dev/post-v1-query/) for everything about TensorFlow and Keras, page by page. An answer
// that ends early or cannot be read is no answer: half of the advisories would look like all of them.
import { z } from 'zod';
import type { PublishedRecord } from '../advisories/index.ts';
import { AirlockError } from '../core/index.ts';
import { getJson } from './http-get.ts';
import { osvPackages, readOsvRecord } from './osv-record.ts';

/** Where OSV answers, unless a command is told otherwise. */
export const defaultOsvUrl = 'https://api.osv.dev';

const maxPages = 50;
const maxPageBytes = 64 * 1024 * 1024;

const page = z.looseObject({
  vulns: z.array(z.unknown()).max(10_000).nullish(),
  next_page_token: z.string().max(4096).nullish(),
});

export interface OsvApiOptions {
  /** Default defaultOsvUrl. */
  readonly url?: string;
  /** For each page. Default 30,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** All records, each once. @throws FEED_UNAVAILABLE, also for an answer that is none; CANCELLED */
export async function askOsv(options: OsvApiOptions = {}): Promise<readonly PublishedRecord[]> {
  const records = new Map<string, PublishedRecord>();
  for (const name of osvPackages) {
    for (const value of await valuesOf(name, options)) {
      const record = readOsvRecord(value);
      if (typeof record === 'string') throw unusable(`a record about ${name} cannot be read (${record})`);
      if (record !== undefined) records.set(record.id, record);
    }
  }
  // A service that knows nothing of TensorFlow is not the one that was meant.
  if (![...records.values()].some(({ affected }) => affected.tensorflow !== undefined))
    throw unusable('it has no record about TensorFlow');
  return [...records.values()];
}

async function valuesOf(name: string, { url = defaultOsvUrl, timeoutMs, signal }: OsvApiOptions): Promise<readonly unknown[]> {
  const values: unknown[] = [];
  let token: string | undefined;
  for (let count = 0; count < maxPages; count++) {
    const query = { package: { ecosystem: 'PyPI', name }, ...(token === undefined ? {} : { page_token: token }) };
    const answer = page.safeParse(
      await getJson(`${url.replace(/\/+$/, '')}/v1/query`, {
        method: 'POST',
        body: JSON.stringify(query),
        headers: { 'content-type': 'application/json' },
        maxBytes: maxPageBytes,
        timeoutMs,
        signal,
      }),
    );
    if (!answer.success) throw unusable('its answer has another form');
    values.push(...(answer.data.vulns ?? []));
    const next = answer.data.next_page_token ?? '';
    if (next === '') return values;
    if (next === token) throw unusable('its pages do not end');
    token = next;
  }
  throw unusable('its pages do not end');
}

function unusable(why: string): AirlockError {
  return new AirlockError('FEED_UNAVAILABLE', { message: `OSV gave nothing that can be used: ${why}` });
}
