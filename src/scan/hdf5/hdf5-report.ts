// Says what is found in one HDF5 file, and looks at values that are no numbers, within a budget for the file.
import { isAirlockError, printable, type Severity } from '../../core/index.ts';
import type { ScanContext } from '../scan-context.ts';
import type { Finding } from '../scan-types.ts';
import type { Hdf5File } from './hdf5-types.ts';
import { judgeBlob } from './judge-blob.ts';
import { hdf5Rules } from './rules.ts';

const severities: ReadonlyMap<string, Severity> = new Map(hdf5Rules.map(({ id, severity }) => [id, severity]));
const advisories: ReadonlyMap<string, readonly string[]> = new Map(
  hdf5Rules.map(({ id, sources = [] }) => [id, sources.filter((source) => source.startsWith('CVE-2026'))]),
);

/** One value that is looked into. */
export const maxBlobBytes = 16 * 1024 ** 2;
/** Blobs that are looked at in one file, in bytes. */
const maxBlobsBytes = 256 * 1024 ** 2;
const maxPerRule = 200;

export class Hdf5Reporter {
  readonly file: Hdf5File;
  readonly context: ScanContext;
  readonly #counts = new Map<string, number>();
  #blobsLeft = maxBlobsBytes;

  constructor(file: Hdf5File, context: ScanContext) {
    this.file = file;
    this.context = context;
  }

  report(ruleId: string, path: string, message: string, more: Partial<Finding> = {}): void {
    const severity = more.severity ?? severities.get(ruleId) ?? 'medium';
    const count = (this.#counts.get(ruleId + severity) ?? 0) + 1;
    this.#counts.set(ruleId + severity, count);
    if (count > maxPerRule) return;
    const known = advisories.get(ruleId) ?? [];
    this.context.report({
      ruleId,
      severity,
      trigger: 'load-python',
      message,
      location: { file: this.file.name, path },
      chain: [{ via: `loading ${this.file.name}` }, { via: `reads ${path}` }],
      ...(known.length === 0 ? {} : { advisories: known }),
      ...more,
    });
  }

  use(name: string, path: string): void {
    this.context.use({ kind: 'keras-feature', name, trigger: 'load-python', location: { file: this.file.name, path } });
  }

  /** What `read` gives; what it cannot read makes the file unreadable. */
  safely<T>(path: string, read: () => T): T | undefined {
    try {
      return read();
    } catch (thrown) {
      if (!isAirlockError(thrown) || thrown.code === 'INTERNAL') throw thrown;
      this.context.unreadable(this.file.name, `${printable(path, 200)}: ${thrown.message}`);
      return undefined;
    }
  }

  /** Looks at texts, at most 10,000. */
  texts(owner: string, path: string, isText: boolean, read: () => readonly Buffer[] | undefined): void {
    const texts = this.safely(path, read) ?? [];
    for (const text of texts.slice(0, 10_000)) this.blob(owner, path, text, isText);
  }

  /** Looks at one value. */
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
}
