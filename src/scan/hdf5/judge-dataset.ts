// Judges one dataset: where its data lies, which filter reading it loads, what it would cost, and what hides in it.
import { printable } from '../../core/index.ts';
import { type Hdf5Reporter, maxBlobBytes } from './hdf5-report.ts';
import { elementsOf, type Hdf5Dataset } from './hdf5-types.ts';

/** Filters that the library has built in (H5Zpublic.h): deflate, shuffle, fletcher32, szip, nbit, scaleoffset. */
const builtInFilters: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6]);
/** Filters that h5py brings along or that packages register without a plugin path: LZF. */
const harmlessFilters: ReadonlySet<number> = new Set([32000]);
const filterNames: ReadonlyMap<number, string> = new Map([
  [305, 'LZO'],
  [307, 'bzip2'],
  [32001, 'Blosc'],
  [32004, 'LZ4'],
  [32008, 'bitshuffle'],
  [32013, 'ZFP'],
  [32015, 'Zstandard'],
  [32026, 'Blosc2'],
]);

/** Keras looks at nothing below 4 GiB; a machine with less has no use for that. */
const bomb = { minBytes: 256 * 1024 ** 2, mediumRatio: 200, highRatio: 10 } as const;
/** Datasets of bytes, texts and opaque values; numbers are weights and judged as such. */
function judgeContents(path: string, dataset: Hdf5Dataset, declared: number, reporter: Hdf5Reporter): void {
  const { type, shape } = dataset;
  const base = type.class === 'array' || type.class === 'vlen' ? (type.base ?? type) : type;
  const isBytes = base.class === 'opaque' || base.class === 'bitfield' || (base.class === 'integer' && base.sizeBytes === 1);
  if (!isBytes && type.class !== 'string' && type.class !== 'vlen' && type.class !== 'compound') return;
  if (declared > maxBlobBytes || declared === 0) return;
  const bytes = reporter.safely(path, () => reporter.file.bytes(dataset, maxBlobBytes));
  if (bytes === undefined) return;
  if (type.class === 'string' || type.class === 'vlen')
    reporter.texts(`Dataset ${path}`, path, type.class === 'string' || type.isText, () =>
      reporter.file.text(type, shape, bytes, maxBlobBytes),
    );
  else reporter.blob(`Dataset ${path}`, path, bytes, isBytes);
}

export function judgeDataset(path: string, dataset: Hdf5Dataset, reporter: Hdf5Reporter): void {
  const { layout, external, filters, type, shape } = dataset;
  for (const { file, offset, sizeBytes } of external.slice(0, 20)) {
    reporter.use('HDF5 external storage', path);
    reporter.report(
      'file-read/hdf5-external-storage',
      path,
      `Dataset ${path} reads its data from the file ${file} (external storage, offset ${offset}, ${sizeBytes > 2 ** 53 ? 'all' : sizeBytes} bytes) when the weights are loaded`,
      {
        argument: { name: 'file', value: file, origin: 'constant-outside' },
      },
    );
  }
  if (layout.kind === 'virtual') {
    reporter.use('HDF5 virtual dataset', path);
    const [source] = layout.sources;
    const isSelf = source?.file === '.';
    reporter.report(
      'file-read/hdf5-virtual',
      path,
      `Virtual dataset ${path} is put together from ${source === undefined ? 'other datasets' : `${source.dataset} of ${isSelf ? 'this file' : `the file ${source.file}`}`} when the weights are loaded`,
      {
        ...(isSelf ? { severity: 'medium' as const } : {}),
        argument: { name: 'file', value: source?.file ?? '', origin: 'constant-outside' },
      },
    );
  }
  if (layout.kind === 'unknown')
    reporter.context.unreadable(reporter.file.name, `dataset ${printable(path, 200)} has ${layout.reason}`);
  for (const { id, name } of filters) {
    if (builtInFilters.has(id) || harmlessFilters.has(id)) continue;
    const known = filterNames.get(id);
    reporter.report(
      'code-execution/hdf5-filter',
      path,
      `Dataset ${path} needs the filter ${id} (${known ?? (name === '' ? 'unknown' : name)}), for which HDF5 loads a native plugin`,
      {
        ...(known === undefined ? {} : { severity: 'low' as const }),
        argument: { name: 'filter', value: String(id) },
      },
    );
  }
  const declared = elementsOf(shape) * type.sizeBytes;
  const stored = reporter.safely(path, () => reporter.file.storedBytes(dataset)) ?? 0;
  const isHeld = external.length > 0 || layout.kind === 'virtual';
  const budget = reporter.context.limits.memoryBudgetBytes;
  const chunkBytes = layout.kind === 'chunked' ? elementsOf(layout.chunk) * type.sizeBytes : 0;
  const most = Math.max(declared, chunkBytes > budget ? chunkBytes : 0);
  const isHigh = most > budget && most > bomb.highRatio * stored;
  if (isHigh || (!isHeld && most >= bomb.minBytes && most > bomb.mediumRatio * stored)) {
    reporter.use('HDF5 dataset with huge declared shape', path);
    reporter.report(
      'memory/hdf5-dataset',
      path,
      `Dataset ${path} declares ${declared.toLocaleString('en')} bytes (shape ${shape?.join(' × ')}) and stores ${stored.toLocaleString('en')}: reading it fills memory`,
      {
        severity: isHigh ? 'high' : 'medium',
        argument: { name: 'shape', value: shape?.join(',') ?? '' },
      },
    );
  } else if (layout.kind === 'contiguous' && layout.address !== undefined && !isHeld && stored < declared) {
    reporter.report('malformed/hdf5', path, `Dataset ${path} declares ${declared} bytes, and only ${stored} are in the file`);
  } else if (layout.kind === 'compact' && layout.data.length < declared) {
    reporter.report(
      'malformed/hdf5',
      path,
      `Dataset ${path} declares ${declared} bytes, and only ${layout.data.length} are in its header`,
    );
  }
  judgeContents(path, dataset, declared, reporter);
}
