// Files of data sets, written byte by byte for tests: what numpy, TensorFlow and zip write, and what they never would.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { type Column, type DatasetOptions, openDataset } from '../../src/derive/datasets/index.ts';
import { maskedCrc32c } from '../../src/model/index.ts';

/** Runs `use` with the path of a file of these bytes, in a folder of its own that is gone afterwards. */
export async function withFile<T>(name: string, bytes: Uint8Array | string, use: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'airlock-dataset-'));
  try {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return await use(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** All columns of a file, batch after batch. */
export async function readAll(
  name: string,
  bytes: Uint8Array | string,
  options: DatasetOptions & { readonly wanted?: readonly string[] } = {},
): Promise<{ readonly columns: ReadonlyMap<string, readonly Column[]>; readonly rows: number; readonly sha256: string }> {
  return withFile(name, bytes, async (path) => {
    const dataset = await openDataset(path, options);
    try {
      const columns = new Map<string, Column[]>();
      let rows = 0;
      for await (const batch of dataset.records(options.wanted === undefined ? undefined : new Set(options.wanted))) {
        if (batch.firstRecord !== rows + 1) throw new Error(`batch begins at ${batch.firstRecord} after ${rows} rows`);
        rows += batch.rows;
        for (const [column, part] of batch.columns) columns.set(column, [...(columns.get(column) ?? []), part]);
      }
      return { columns, rows, sha256: dataset.sha256() };
    } finally {
      await dataset.close();
    }
  });
}

/** An .npy file with this header text, padded as numpy pads it. */
export function npyFile(header: string, data: Uint8Array, version: 1 | 2 | 3 = 1): Buffer {
  const prelude = version === 1 ? 10 : 12;
  const text = Buffer.from(`${header}${' '.repeat((64 - ((prelude + header.length + 1) % 64)) % 64)}\n`, 'utf8');
  const start = Buffer.alloc(prelude);
  start.write('\x93NUMPY', 'latin1');
  start[6] = version;
  if (version === 1) start.writeUInt16LE(text.length, 8);
  else start.writeUInt32LE(text.length, 8);
  return Buffer.concat([start, text, data]);
}

export function npyHeader(descr: string, shape: readonly number[], fortran = false): string {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  return `{'descr': '${descr}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${sizes}), }`;
}

export interface ZipEntry {
  readonly name: string;
  readonly data: Uint8Array;
  readonly store?: boolean;
  /** Written into both headers instead of the truth. */
  readonly declaredSize?: number;
  readonly declaredCrc?: number;
  readonly flags?: number;
  readonly method?: number;
}

/** A ZIP of these entries. */
export function zipFile(entries: readonly ZipEntry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, data, store, declaredSize, declaredCrc, flags, method } of entries) {
    const packed = store === true ? Buffer.from(data) : deflateRawSync(data);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(flags ?? 0, 2);
    fields.writeUInt16LE(method ?? (store === true ? 0 : 8), 4);
    fields.writeUInt32LE(declaredCrc ?? crc32(data), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(declaredSize ?? data.length, 18);
    fields.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, Buffer.from(name), packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02', 'latin1'), Buffer.from([20, 0]), fields, tail, Buffer.from(name)]));
    parts.push(local);
    at += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, central, end]);
}

export function tfrecordFile(records: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    records.map((data) => {
      const head = Buffer.alloc(12);
      head.writeUInt32LE(data.length, 0);
      head.writeUInt32LE(maskedCrc32c(head.subarray(0, 8)), 8);
      const tail = Buffer.alloc(4);
      tail.writeUInt32LE(maskedCrc32c(data), 0);
      return Buffer.concat([head, data, tail]);
    }),
  );
}
