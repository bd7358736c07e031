// How Parquet's pages are inflated: never to more than the page's header says, which the caller has bounded.
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { Compressors } from 'hyparquet';
import { decompressLz4, decompressLz4Raw, decompressSnappy, decompressZstd } from 'hyparquet-compressors';

export const boundedCompressors: Compressors = {
  SNAPPY: (input, size) => decompressSnappy(input, size),
  GZIP: (input, size) => gunzipSync(input, { maxOutputLength: Math.max(1, size) }),
  BROTLI: (input, size) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, size) }),
  LZ4: (input, size) => decompressLz4(input, size),
  LZ4_RAW: (input, size) => decompressLz4Raw(input, size),
  // Without memory of its own the library would allocate by the frame's word.
  ZSTD: (input, size) => decompressZstd(input, new Uint8Array(size)),
};
