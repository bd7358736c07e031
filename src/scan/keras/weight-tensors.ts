// The tensors of an HDF5 file as whoever judges weights takes them: where they lie in the file when they lie there plainly, and unpacked, one at
// a time and paid for, when they are compressed.
import { isAirlockError } from '../../core/index.ts';
import { elementsOf, type Hdf5Dataset, type Hdf5File } from '../hdf5/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { memorySource } from '../source/index.ts';

export interface KerasWeight {
  readonly name: string;
  /** `float32`, `int64`, `bfloat16`; `uint8` for bytes in another order than this machine's. */
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly source: Source;
  readonly offset: number;
  readonly sizeBytes: number;
  /** As `Location.file`. */
  readonly file: string;
}

/** One tensor is never unpacked beyond this. */
const maxUnpackedBytes = 512 * 1024 ** 2;

/** `<f4` gives `float32`. */
function typeName(numpy: string): string {
  const [, order, kind, size] = /^([<>])([fiu])(\d{1,2})$/.exec(numpy) ?? [];
  if (kind === undefined) return numpy;
  const bits = Number(size) * 8;
  if (order === '>' && bits > 8) return 'uint8';
  return `${kind === 'f' ? 'float' : kind === 'i' ? 'int' : 'uint'}${bits}`;
}

function place(
  file: Hdf5File,
  dataset: Hdf5Dataset,
  label: string,
  sizeBytes: number,
  context: ScanContext,
): Pick<KerasWeight, 'source' | 'offset'> | undefined {
  const { layout } = dataset;
  if (layout.kind === 'contiguous') {
    if (layout.address === undefined) return undefined;
    const offset = file.baseBytes + layout.address;
    return offset + sizeBytes <= file.source.sizeBytes ? { source: file.source, offset } : undefined;
  }
  if (layout.kind !== 'compact' && layout.kind !== 'chunked') return undefined;
  if (sizeBytes > maxUnpackedBytes) {
    context.unreadable(file.name, `${label} is too large to unpack`);
    return undefined;
  }
  context.takeExpanded(sizeBytes, file.name);
  const bytes = file.bytes(dataset, maxUnpackedBytes);
  if (bytes === undefined) {
    context.unreadable(file.name, `the data of ${label} is packed in a way that is not supported`);
    return undefined;
  }
  return { source: memorySource(`${file.name}#${label}`, bytes), offset: 0 };
}

/** Tensors of numbers, lazily. */
export function* kerasWeights(file: Hdf5File, context: ScanContext): Generator<KerasWeight> {
  for (const { path, dataset } of file.objects) {
    if (dataset?.type.numpy === undefined || dataset.shape === undefined || dataset.external.length > 0) continue;
    const sizeBytes = elementsOf(dataset.shape) * dataset.type.sizeBytes;
    if (sizeBytes === 0 || !Number.isSafeInteger(sizeBytes)) continue;
    try {
      const found = place(file, dataset, path, sizeBytes, context);
      if (found !== undefined)
        yield { ...found, name: path, dtype: typeName(dataset.type.numpy), shape: dataset.shape, sizeBytes, file: file.name };
    } catch (thrown) {
      if (!isAirlockError(thrown) || thrown.code === 'INTERNAL') throw thrown;
      context.unreadable(file.name, thrown.message);
    }
  }
}
