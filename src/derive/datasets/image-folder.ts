// A folder of images as a data set: each file is one record, its bytes in the column `@record`. It follows no links, leaves out files and
// folders whose names begin with a dot, and reads in the order of the names, so that the digest of a folder is one number.
import { createHash } from 'node:crypto';
import { lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { printable } from '../../core/index.ts';
import { BytesColumnBuilder } from './column-builder.ts';
import { asDatasetError, datasetError } from './dataset-error.ts';
import { batchBytes, type Dataset, type DatasetLimits, type RecordBatch, wholeRecord } from './dataset-types.ts';
import { SourceFile } from './source-file.ts';

const maxDepth = 8;
const groupOrOthersWrite = 0o022;

interface FoundFile {
  /** With `/`, relative to the folder. */
  readonly path: string;
  readonly bytes: number;
}

/** @throws DATASET_INVALID for what is neither a file nor a folder, and past the limits. */
export async function openImageFolder(
  folder: string,
  limits: DatasetLimits,
  onProgress?: (doneBytes: number) => void,
): Promise<Dataset> {
  let files: FoundFile[];
  let writable: boolean;
  try {
    files = await findFiles(folder, limits);
    writable = ((await lstat(folder)).mode & groupOrOthersWrite) !== 0;
  } catch (thrown) {
    throw asDatasetError(thrown, {}, 'a folder of images');
  }
  const digest = createHash('sha256');
  let sha256: string | undefined;
  return {
    kind: 'images',
    name: basename(folder),
    totalBytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    columns: [wholeRecord],
    get writableByOthers() {
      return writable;
    },
    records: async function* () {
      let done = 0;
      for await (const batch of readFiles(folder, files, limits, (path, fileSha256, bytes, othersWrite) => {
        digest.update(`${fileSha256}  ${path}\n`);
        writable ||= othersWrite;
        done += bytes;
        onProgress?.(done);
      }))
        yield batch;
      sha256 = digest.digest('hex');
    },
    sha256() {
      if (sha256 === undefined) throw datasetError({}, 'a data set that was read to its end', 'one that was not');
      return sha256;
    },
    close: () => Promise.resolve(),
  };
}

async function findFiles(folder: string, limits: DatasetLimits): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  const open = [{ path: '', depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const entry of await readdir(join(folder, next.path), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = next.path === '' ? entry.name : `${next.path}/${entry.name}`;
      if (entry.isDirectory()) {
        if (next.depth === maxDepth) throw datasetError({}, `at most ${maxDepth} levels of folders`, path);
        open.push({ path, depth: next.depth + 1 });
      } else if (entry.isFile()) {
        if (found.length === limits.maxFiles) throw datasetError({}, `at most ${limits.maxFiles} files`, 'more');
        found.push({ path, bytes: (await lstat(join(folder, path))).size });
      } else {
        throw datasetError({}, 'files and folders only, no links', path);
      }
    }
  }
  // Not by the language of this machine: the digest must not depend on it.
  return found.sort((one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0));
}

type OnFile = (path: string, sha256: string, bytes: number, writableByOthers: boolean) => void;

async function* readFiles(
  folder: string,
  files: readonly FoundFile[],
  limits: DatasetLimits,
  onFile: OnFile,
): AsyncGenerator<RecordBatch, void, undefined> {
  let firstRecord = 1;
  let builder = new BytesColumnBuilder(wholeRecord);
  let labels: string[] = [];
  const finish = () => {
    const batch = { firstRecord, rows: builder.rows, columns: new Map([[wholeRecord, builder.build()]]), labels };
    firstRecord += builder.rows;
    builder = new BytesColumnBuilder(wholeRecord);
    labels = [];
    return batch;
  };
  for (const { path } of files) {
    const file = await SourceFile.open(join(folder, path), limits.maxRecordBytes);
    try {
      const pieces: Buffer[] = [];
      for await (const piece of file.pieces()) pieces.push(piece);
      builder.value(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
      builder.endRecord([]);
      labels.push(printable(path, 200));
      onFile(path, file.sha256(), file.size, file.writableByOthers);
    } finally {
      await file.close();
    }
    if (builder.byteLength >= batchBytes || builder.rows >= 256) yield finish();
  }
  if (builder.rows > 0) yield finish();
}
