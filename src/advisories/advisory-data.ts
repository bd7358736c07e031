// The published vulnerabilities that models are judged by: what Airlock came with (data/), and what an update has put into a store. Of an entry that both
// have, the newer counts. Made once per state of the store; a file there may change while a server runs.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readUpdate, updateState } from './advisory-file.ts';
import type { AdvisoryData, AdvisoryDocument, AdvisoryInfo } from './advisory-types.ts';
import { deriveAdvisories } from './derive-advisories.ts';
import { mergeDocuments } from './merge-documents.ts';
import { checkedDocument, readDocument } from './read-document.ts';

interface BuiltIn {
  readonly document: AdvisoryDocument;
  readonly digest: string;
  readonly data: AdvisoryData;
}

interface BuiltInFile {
  readonly read: string;
  readonly sources: string;
  readonly advisories: AdvisoryDocument['tensorflow'];
  readonly libraries: AdvisoryDocument['libraries'];
}

interface Updated {
  readonly state: string;
  readonly document: AdvisoryDocument;
  readonly data: AdvisoryData;
}

/** Stores that are remembered: a process has one, tests have many. */
const maxStores = 16;

let builtIn: BuiltIn | undefined;
const updated = new Map<string, Updated>();

/**
 * @param store Folder of the store, for an update in it; default none is looked for.
 * @throws ADVISORIES_INVALID for an update that is damaged, or that somebody else could have written
 */
export function advisoryData(store?: string): AdvisoryData {
  return current(store).data;
}

/** Which data that is. @throws as advisoryData() */
export function advisoryInfo(store?: string): AdvisoryInfo {
  return advisoryData(store).info;
}

/** All of it as one document, to merge into or to hand on. @throws as advisoryData() */
export function advisoryDocument(store?: string): AdvisoryDocument {
  return current(store).document;
}

function current(store: string | undefined): Pick<Updated, 'document' | 'data'> {
  builtIn ??= readBuiltIn();
  const state = store === undefined ? undefined : updateState(store);
  if (store === undefined || state === undefined) return builtIn;
  const known = updated.get(store);
  if (known?.state === state) return known;
  const bytes = readUpdate(store);
  const document = mergeDocuments(builtIn.document, readDocument(bytes, 'The update in the store'));
  const digest = createHash('sha256').update(builtIn.digest).update(bytes).digest('hex');
  const found = { state, document, data: dataOf(document, 'update', digest) };
  if (updated.size >= maxStores) updated.clear();
  updated.set(store, found);
  return found;
}

function dataOf(document: AdvisoryDocument, source: AdvisoryInfo['source'], digest: string): AdvisoryData {
  const tensorflow = deriveAdvisories(document.tensorflow, document.records, 'tensorflow');
  const keras = deriveAdvisories(document.keras, document.records, 'keras');
  const info = { read: document.read, source, digest, count: tensorflow.length + keras.length };
  return { tensorflow, keras, libraries: document.libraries, info };
}

function readBuiltIn(): BuiltIn {
  const names = ['tensorflow-advisories.json', 'keras-advisories.json', 'tensorflow-bundled-libraries.json'];
  const texts = names.map((name) => readFileSync(new URL(`../../data/${name}`, import.meta.url), 'utf8'));
  const [tensorflow, keras, libraries] = texts.map((text) => JSON.parse(text) as BuiltInFile);
  // The oldest: what was read later says nothing about the rest.
  const [read] = [tensorflow.read, keras.read, libraries.read].sort();
  const parts = { tensorflow: tensorflow.advisories, keras: keras.advisories, libraries: libraries.libraries };
  const document = checkedDocument(
    { format: 1, read, curated: read, sources: tensorflow.sources, ...parts, records: [] },
    'The data of this Airlock',
  );
  const hash = createHash('sha256');
  for (const text of texts) hash.update(text);
  const digest = hash.digest('hex');
  return { document, digest, data: dataOf(document, 'built-in', digest) };
}
