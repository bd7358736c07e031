// Where an update comes from, and who vouches for it. An answer of a feed over https needs no signature; a file does, and so does a document of ours from
// wherever it comes, because its own ranges count more than those of feeds.
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import {
  type AdvisoryDocument,
  addRecords,
  checkedDocument,
  maxDocumentBytes,
  mergeDocuments,
  type PublishedRecord,
} from '../../../advisories/index.ts';
import { AirlockError, jsonOrUndefined, printable } from '../../../core/index.ts';
import { askOsv, getDocument, isPypiJson, readOsvExport, readPypiJson } from '../../../feeds/index.ts';
import { isSigned, openSignedDocument, openUnverifiedDocument } from './signed-document.ts';

/** An export of OSV for all of PyPI had 30 MB in 2026. */
const maxFileBytes = 512 * 1024 * 1024;

export interface SourceOptions {
  readonly osvUrl: string;
  /** Absolute path of the public key that counts. */
  readonly key: string | undefined;
  readonly unsafeUnsigned: boolean;
  readonly timeoutMs: number;
  readonly now: Date;
  readonly signal: AbortSignal;
}

export interface Source {
  /** For people: `OSV`, the host, the file's name. */
  readonly name: string;
  readonly what: 'records' | 'entries';
  readonly count: number;
  /** The day of it; absent when it does not say everything that it knows. */
  readonly read?: string;
  readonly isSigned: boolean;
  /** The file of the key, where it is signed. */
  readonly signer?: string;
  mergeInto(document: AdvisoryDocument): AdvisoryDocument;
}

/** @throws FEED_UNAVAILABLE, ADVISORIES_INVALID, ADVISORIES_UNTRUSTED, CANCELLED, USAGE */
export async function readSource(from: string, options: SourceOptions): Promise<Source> {
  const { osvUrl, timeoutMs, now, signal } = options;
  if (from === 'osv') {
    refuseKey(options);
    const records = await askOsv({ url: osvUrl, timeoutMs, signal });
    return feed('OSV', records, now.toISOString().slice(0, 10));
  }
  if (/^https?:\/\//i.test(from)) {
    const found = await getDocument(from, { maxBytes: maxFileBytes, timeoutMs, signal });
    const name = URL.canParse(from) ? printable(new URL(from).host, 128) : 'The address';
    if (found === undefined) throw new AirlockError('FEED_UNAVAILABLE', { message: `${name} has no such document` });
    return sourceOf(found.bytes, name, true, options);
  }
  return sourceOf(await bytesOf(from), printable(basename(from), 128), false, options);
}

async function bytesOf(file: string): Promise<Buffer> {
  try {
    if ((await stat(file)).size > maxFileBytes) throw invalid(basename(file), `it has more than ${maxFileBytes} bytes`);
    return await readFile(file);
  } catch (cause) {
    if (cause instanceof AirlockError) throw cause;
    throw new AirlockError('USAGE', { message: `There is no ${printable(file, 256)} that can be read`, cause });
  }
}

async function sourceOf(bytes: Buffer, name: string, isVouched: boolean, options: SourceOptions): Promise<Source> {
  const value = jsonOf(bytes);
  if (isSigned(value)) return signedSource(bytes, name, options);
  if (options.key !== undefined)
    throw new AirlockError('ADVISORIES_UNTRUSTED', { message: `${name} is not signed, and --key names who must have signed it` });
  const isDocument = typeof value === 'object' && value !== null && 'format' in value && 'curated' in value;
  if ((isDocument || !isVouched) && !options.unsafeUnsigned)
    throw new AirlockError('ADVISORIES_UNTRUSTED', {
      message: `${name} is not signed: name the key of a signed one with --key, or take this one with --unsafe-unsigned`,
    });
  if (isDocument) return documentSource(name, checkedDocument(value, name));
  if (isPypiJson(value)) {
    const found = readPypiJson(value);
    if (typeof found === 'string') throw invalid(name, found);
    return feed(name, found.records, undefined);
  }
  const found = await readOsvExport(bytes);
  if (typeof found === 'string') throw invalid(name, found);
  if (found.records.length === 0) throw invalid(name, 'nothing in it is about TensorFlow or Keras');
  return feed(name, found.records, found.read);
}

async function signedSource(bytes: Buffer, name: string, { key, unsafeUnsigned, now }: SourceOptions): Promise<Source> {
  if (key !== undefined) {
    const document = await openSignedDocument(bytes, key, now.getTime());
    return { ...documentSource(name, document), isSigned: true, signer: printable(basename(key), 128) };
  }
  if (!unsafeUnsigned)
    throw new AirlockError('ADVISORIES_UNTRUSTED', {
      message: `${name} is signed: name the public key whose owner counts with --key`,
    });
  return documentSource(name, openUnverifiedDocument(bytes));
}

function documentSource(name: string, document: AdvisoryDocument): Source {
  const count = document.tensorflow.length + document.keras.length + document.records.length;
  return {
    name,
    what: 'entries',
    count,
    read: document.read,
    isSigned: false,
    mergeInto: (known) => mergeDocuments(known, document),
  };
}

function feed(name: string, records: readonly PublishedRecord[], read: string | undefined): Source {
  return {
    name,
    what: 'records',
    count: records.length,
    ...(read === undefined ? {} : { read }),
    isSigned: false,
    mergeInto: (known) => addRecords(known, records, read),
  };
}

/** Undefined for what is no JSON as a whole: a zip, or one record a line. */
function jsonOf(bytes: Buffer): unknown {
  return bytes.length > 4 * maxDocumentBytes ? undefined : jsonOrUndefined(bytes.toString('utf8'));
}

/** The API of OSV signs nothing; who names a key expects that it counts. */
function refuseKey({ key }: SourceOptions): void {
  if (key !== undefined)
    throw new AirlockError('USAGE', { message: '--key goes with --from FILE: what OSV answers is not signed' });
}

function invalid(name: string, why: string): AirlockError {
  return new AirlockError('ADVISORIES_INVALID', { message: `${printable(name, 128)}: ${why}` });
}
