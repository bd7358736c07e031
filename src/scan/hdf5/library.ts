// What the HDF5 library itself (h5wasm, compiled to WebAssembly) reads for us: data that is packed in ways that are not worth a second
// implementation. The build for browsers is used: it has a file system in memory only, while the one for Node opens files of this machine, so
// that external links would be followed. It is loaded when the first file needs it, and whatever it throws means "cannot be read".
import type { Source } from '../scan-context.ts';
import type { Hdf5Dataset, Hdf5File } from './hdf5-types.ts';
import { elementsOf } from './hdf5-types.ts';

/** A file is held twice while the library reads it. */
const maxFileBytes = 512 * 1024 ** 2;
/** szip, nbit, scale-offset; the others are undone in chunks.ts. */
const libraryFilters: ReadonlySet<number> = new Set([4, 5, 6]);
const knownFilters: ReadonlySet<number> = new Set([1, 2, 3, 32000]);
const fileName = '/scanned.h5';

interface Held {
  readonly source: Source;
  readonly opened: { readonly file_id: bigint; close(): unknown };
}

/** The file that lies in the library's memory: one at a time. */
let held: Held | undefined;

function attempt(action: () => unknown): void {
  try {
    action();
  } catch {
    // What the library cannot let go of, it keeps; the process ends with the scan.
  }
}

function letGo(files: { unlink(path: string): unknown }): void {
  if (held === undefined) return;
  const { opened } = held;
  held = undefined;
  attempt(() => opened.close());
  attempt(() => files.unlink(fileName));
}

/** True when the data can only be read by the library. */
export function needsLibrary({ layout, filters, external, shape }: Hdf5Dataset): boolean {
  if (layout.kind !== 'chunked' || external.length > 0 || shape === undefined || layout.address === undefined) return false;
  if (filters.some(({ id }) => !knownFilters.has(id) && !libraryFilters.has(id))) return false;
  return (layout.index !== 'btree-1' && layout.index !== 'single') || filters.some(({ id }) => libraryFilters.has(id));
}

/** The same file, whose `bytes` ask the library for what cannot be read otherwise. The file itself where nothing needs it. */
export async function withLibrary(file: Hdf5File): Promise<Hdf5File> {
  const paths = new Map<Hdf5Dataset, string>();
  for (const { dataset, path } of file.objects) if (dataset !== undefined && needsLibrary(dataset)) paths.set(dataset, path);
  if (paths.size === 0 || file.source.sizeBytes > maxFileBytes) return file;
  const library = await import('h5wasm');
  const module = await library.ready;

  const read = (path: string, sizeBytes: number): Buffer | undefined => {
    let pointer = 0;
    try {
      if (held?.source !== file.source) {
        letGo(module.FS);
        module.FS.writeFile(fileName, file.source.read(0, file.source.sizeBytes));
        held = { source: file.source, opened: new library.File(fileName, 'r') };
      }
      pointer = module._malloc(sizeBytes);
      if (pointer === 0) return undefined;
      const status = module.get_dataset_data(held.opened.file_id, path, null, null, null, BigInt(pointer));
      return status < 0 ? undefined : Buffer.from(module.HEAPU8.slice(pointer, pointer + sizeBytes));
    } catch {
      return undefined;
    } finally {
      // A module that aborted stays unusable: everything after this cannot be read either.
      if (pointer !== 0) attempt(() => module._free(pointer));
    }
  };
  return {
    ...file,
    bytes(dataset, maxBytes) {
      const path = paths.get(dataset);
      if (path === undefined) return file.bytes(dataset, maxBytes);
      const sizeBytes = elementsOf(dataset.shape) * dataset.type.sizeBytes;
      if (!(sizeBytes <= maxBytes)) return undefined;
      return read(path, sizeBytes);
    },
  };
}
