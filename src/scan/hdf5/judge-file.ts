// Judges an HDF5 file whatever it is for: where its links lead, where its data lies, what reading it would cost, and what hides in it.
import { isAirlockError, printable } from '../../core/index.ts';
import type { ScanContext } from '../scan-context.ts';
import type { Finding, Severity } from '../scan-types.ts';
import { elementsOf, type Hdf5Dataset, type Hdf5File, type Hdf5Link, type Hdf5Object } from './hdf5-types.ts';
import { judgeBlob } from './judge-blob.ts';
import { hdf5Rules } from './rules.ts';

const severities: ReadonlyMap<string, Severity> = new Map(hdf5Rules.map(({ id, severity }) => [id, severity]));
const advisories: ReadonlyMap<string, readonly string[]> = new Map(
  hdf5Rules.map(({ id, sources = [] }) => [id, sources.filter((source) => source.startsWith('CVE-2026'))]),
);

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
const maxBlobBytes = 16 * 1024 ** 2;
/** Blobs that are looked at in one file, in bytes. */
const maxBlobsBytes = 256 * 1024 ** 2;
const maxPerRule = 200;

/** Where a soft link of a group leads; HDF5 knows `.` and no `..`. */
function absolutePath(owner: string, target: string): string {
  const parts = `${target.startsWith('/') ? '' : owner}/${target}`.split('/').filter((part) => part !== '' && part !== '.');
  return `/${parts.join('/')}`;
}

class Judge {
  readonly #file: Hdf5File;
  readonly #context: ScanContext;
  readonly #counts = new Map<string, number>();
  #blobsLeft = maxBlobsBytes;
  #paths: ReadonlySet<string> | undefined;

  constructor(file: Hdf5File, context: ScanContext) {
    this.#file = file;
    this.#context = context;
  }

  report(ruleId: string, path: string, message: string, more: Partial<Finding> = {}): void {
    const severity = more.severity ?? severities.get(ruleId) ?? 'medium';
    const count = (this.#counts.get(ruleId + severity) ?? 0) + 1;
    this.#counts.set(ruleId + severity, count);
    if (count > maxPerRule) return;
    const known = advisories.get(ruleId) ?? [];
    this.#context.report({
      ruleId,
      severity,
      trigger: 'load-python',
      message,
      location: { file: this.#file.name, path },
      chain: [{ via: `loading ${this.#file.name}` }, { via: `reads ${path}` }],
      ...(known.length === 0 ? {} : { advisories: known }),
      ...more,
    });
  }

  #use(name: string, path: string): void {
    this.#context.use({ kind: 'keras-feature', name, trigger: 'load-python', location: { file: this.#file.name, path } });
  }

  /** Objects that hard links lead to, which are all in this file. */
  #objectPaths(): ReadonlySet<string> {
    this.#paths ??= new Set(this.#file.objects.map(({ path }) => path));
    return this.#paths;
  }

  link(owner: string, link: Hdf5Link): void {
    const path = `${owner === '/' ? '' : owner}/${link.name}`;
    if (link.kind === 'external') {
      this.#use('HDF5 ExternalLink', path);
      this.report(
        'file-read/hdf5-external-link',
        path,
        `External link ${path} reads ${link.target} of the file ${link.file} when the weights are loaded`,
        {
          argument: { name: 'file', value: link.file, origin: 'constant-outside' },
        },
      );
    } else if (link.kind === 'soft') {
      this.#use('HDF5 SoftLink', path);
      const isInner = this.#objectPaths().has(absolutePath(owner, link.target));
      this.report(
        'file-read/hdf5-soft-link',
        path,
        `Soft link ${path} stands for ${link.target}; Keras writes none, and refuses them since 3.12.3`,
        {
          // Another name of something in the same file gives out nothing that the file does not hold.
          ...(isInner ? { severity: 'low' } : {}),
          argument: { name: 'target', value: link.target },
        },
      );
    } else if (link.kind === 'user') {
      this.report(
        'code-execution/hdf5-link-class',
        path,
        `Link ${path} is of class ${link.type}, which an application has to define`,
      );
    }
  }

  dataset(path: string, dataset: Hdf5Dataset): void {
    const { layout, external, filters, type, shape } = dataset;
    for (const { file, offset, sizeBytes } of external.slice(0, 20)) {
      this.#use('HDF5 external storage', path);
      this.report(
        'file-read/hdf5-external-storage',
        path,
        `Dataset ${path} reads its data from the file ${file} (external storage, offset ${offset}, ${sizeBytes > 2 ** 53 ? 'all' : sizeBytes} bytes) when the weights are loaded`,
        {
          argument: { name: 'file', value: file, origin: 'constant-outside' },
        },
      );
    }
    if (layout.kind === 'virtual') {
      this.#use('HDF5 virtual dataset', path);
      const [source] = layout.sources;
      const isSelf = source?.file === '.';
      this.report(
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
      this.#context.unreadable(this.#file.name, `dataset ${printable(path, 200)} has ${layout.reason}`);
    for (const { id, name } of filters) {
      if (builtInFilters.has(id) || harmlessFilters.has(id)) continue;
      const known = filterNames.get(id);
      this.report(
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
    const stored = this.#safely(path, () => this.#file.storedBytes(dataset)) ?? 0;
    const isHeld = external.length > 0 || layout.kind === 'virtual';
    const budget = this.#context.limits.memoryBudgetBytes;
    const chunkBytes = layout.kind === 'chunked' ? elementsOf(layout.chunk) * type.sizeBytes : 0;
    const most = Math.max(declared, chunkBytes > budget ? chunkBytes : 0);
    const isHigh = most > budget && most > bomb.highRatio * stored;
    if (isHigh || (!isHeld && most >= bomb.minBytes && most > bomb.mediumRatio * stored)) {
      this.#use('HDF5 dataset with huge declared shape', path);
      this.report(
        'memory/hdf5-dataset',
        path,
        `Dataset ${path} declares ${declared.toLocaleString('en')} bytes (shape ${shape?.join(' × ')}) and stores ${stored.toLocaleString('en')}: reading it fills memory`,
        {
          severity: isHigh ? 'high' : 'medium',
          argument: { name: 'shape', value: shape?.join(',') ?? '' },
        },
      );
    } else if (layout.kind === 'contiguous' && layout.address !== undefined && !isHeld && stored < declared) {
      this.report('malformed/hdf5', path, `Dataset ${path} declares ${declared} bytes, and only ${stored} are in the file`);
    } else if (layout.kind === 'compact' && layout.data.length < declared) {
      this.report(
        'malformed/hdf5',
        path,
        `Dataset ${path} declares ${declared} bytes, and only ${layout.data.length} are in its header`,
      );
    }
    this.#contents(path, dataset, declared);
  }

  #safely<T>(path: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (thrown) {
      if (!isAirlockError(thrown) || thrown.code === 'INTERNAL') throw thrown;
      this.#context.unreadable(this.#file.name, `${printable(path, 200)}: ${thrown.message}`);
      return undefined;
    }
  }

  /** Datasets of bytes, texts and opaque values; numbers are weights and judged as such. */
  #contents(path: string, dataset: Hdf5Dataset, declared: number): void {
    const { type, shape } = dataset;
    const base = type.class === 'array' || type.class === 'vlen' ? (type.base ?? type) : type;
    const isBytes = base.class === 'opaque' || base.class === 'bitfield' || (base.class === 'integer' && base.sizeBytes === 1);
    if (!isBytes && type.class !== 'string' && type.class !== 'vlen' && type.class !== 'compound') return;
    if (declared > maxBlobBytes || declared === 0) return;
    const bytes = this.#safely(path, () => this.#file.bytes(dataset, maxBlobBytes));
    if (bytes === undefined) return;
    if (type.class === 'string' || type.class === 'vlen')
      this.#texts(`Dataset ${path}`, path, type.class === 'string' || type.isText, () =>
        this.#file.text(type, shape, bytes, maxBlobBytes),
      );
    else this.blob(`Dataset ${path}`, path, bytes, isBytes);
  }

  #texts(owner: string, path: string, isText: boolean, read: () => readonly Buffer[] | undefined): void {
    const texts = this.#safely(path, read) ?? [];
    for (const text of texts.slice(0, 10_000)) this.blob(owner, path, text, isText);
  }

  blob(owner: string, path: string, bytes: Buffer, isText: boolean): void {
    this.#blobsLeft -= bytes.length;
    if (this.#blobsLeft < 0) return;
    const found = judgeBlob(bytes, isText);
    if (found === undefined) return;
    this.report(found.ruleId, path, `${owner} holds ${found.what}`, {
      severity: found.severity,
      argument: { name: 'value', value: bytes.toString('latin1', 0, 60), origin: 'constant-inside' },
    });
  }

  /** Names that come twice, and hard links back to a group on the way. */
  names({ path, links, attributes }: Hdf5Object, pathOf: ReadonlyMap<number, string>): void {
    for (const [what, names] of [
      ['link', links.map(({ name }) => name)],
      ['attribute', attributes.map(({ name }) => name)],
    ] as const) {
      if (new Set(names).size === names.length) continue;
      const seen = new Set<string>();
      const twice = names.find((name) => seen.size === seen.add(name).size) ?? '';
      this.report('parser-differential/hdf5-duplicate', path, `${path} has the ${what} "${twice}" twice`, {
        argument: { name: what, value: twice },
      });
    }
    for (const link of links) {
      const target = link.kind === 'hard' ? pathOf.get(link.address) : undefined;
      if (target === undefined || (target !== path && target !== '/' && !path.startsWith(`${target}/`))) continue;
      this.report('hang/hdf5-cycle', path, `Group ${path} contains itself: its link "${link.name}" leads to ${target}`);
    }
  }

  attributes({ path, attributes }: Hdf5Object): void {
    for (const { name, type, shape, data } of attributes) {
      const where = `${path}@${name}`;
      const owner = `Attribute "${name}" of ${path}`;
      const declared = elementsOf(shape) * type.sizeBytes;
      if (declared > data.length && type.class !== 'unknown')
        this.report('malformed/hdf5', where, `${owner} declares ${declared} bytes, and ${data.length} are stored`);
      if (type.class === 'string' || type.class === 'vlen')
        this.#texts(owner, where, type.class === 'string' || type.isText, () => this.#file.text(type, shape, data, maxBlobBytes));
      else if (data.length >= 4 && type.class !== 'float')
        this.blob(owner, where, data, type.class !== 'integer' || type.sizeBytes === 1);
    }
  }

  surroundings(): void {
    const { source, userBlockBytes, endBytes, name } = this.#file;
    if (userBlockBytes > 0) {
      const block = source.read(0, Math.min(userBlockBytes, 4096));
      const found = judgeBlob(block, true);
      if (found !== undefined)
        this.report(found.ruleId, '/', `The user block before ${name} holds ${found.what}`, { severity: found.severity });
      else if (block.some((byte) => byte !== 0))
        this.report('payload/hdf5-user-block', '/', `${name} begins with ${userBlockBytes} bytes that are not of HDF5`);
    }
    const trailing = source.sizeBytes - endBytes;
    if (trailing > 0 && endBytes > 0) {
      const rest = source.read(endBytes, Math.min(trailing, 4096));
      const found = judgeBlob(rest, true);
      if (found !== undefined)
        this.report(found.ruleId, '/', `After its end ${name} holds ${found.what}`, { severity: found.severity });
      else if (rest.some((byte) => byte !== 0))
        this.report('payload/hdf5-user-block', '/', `${name} has ${trailing} bytes after its end`);
    } else if (trailing < 0) {
      this.report(
        'malformed/hdf5',
        '/',
        `${name} is cut short: it says that it has ${endBytes} bytes, and it has ${source.sizeBytes}`,
      );
      this.#context.unreadable(name, 'the HDF5 file is cut short');
    }
  }
}

/** Says what is wrong with a file; its problems make it unreadable. */
export function judgeHdf5(file: Hdf5File, context: ScanContext): void {
  const judge = new Judge(file, context);
  judge.surroundings();
  for (const problem of file.problems) {
    context.unreadable(file.name, problem);
    judge.report('malformed/hdf5', '/', `${file.name}: ${problem}`, { severity: 'medium' });
  }
  const pathOf = new Map(file.objects.map(({ address, path }) => [address, path]));
  for (const object of file.objects) {
    judge.names(object, pathOf);
    for (const link of object.links) judge.link(object.path, link);
    if (object.dataset !== undefined) judge.dataset(object.path, object.dataset);
    judge.attributes(object);
  }
}
