// One scan from a path to a report: for the command line, the library and whoever wants no more than a verdict. Fails closed: what went wrong on
// the way is never a clean report.
import { existsSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { advisoryData } from '../advisories/index.ts';
import { AirlockError, packageVersion, printable, type Severity } from '../core/index.ts';
import type { CostModel } from '../cost/index.ts';
import { assumeJail, type Jail, openJail } from '../sandbox/index.ts';
import type { Report, ReportedFinding, ScanResult } from '../scan/index.ts';
import { scanModel } from './scan-model.ts';

export interface ScanOptions {
  /** The TensorFlow that is meant. Default `2.21.0`, whose operations and advisories the rules were made with. */
  readonly tensorflow?: string;
  /** Folder of the store, for an update of the advisories in it. Default: what Airlock came with. */
  readonly store?: string;
  /** From which severity on a finding refuses the model. Default `medium`. */
  readonly refuseAt?: Severity;
  /** Why a finding does not count; undefined when it does. */
  readonly suppressionOf?: (finding: ReportedFinding) => string | undefined;
  /** Default 120,000. */
  readonly timeoutMs?: number;
  /** Of the process that reads. Default 1024. */
  readonly memoryMiB?: number;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  readonly signal?: AbortSignal;
  /** A jail that is open already; default one of its own, the best that this machine has. */
  readonly jail?: Jail;
  /** Called when the machine has no jail at all: the model is then read by a process like any other. */
  readonly onUnjailed?: () => void;
  readonly onLog?: (line: string) => void;
  /** Asks what requests to the model will cost as well, and hears of it before the report is there; undefined when that cannot be said. */
  readonly onCost?: (cost: CostModel | undefined) => void;
}

/** As ScanOptions. */
export type CostOptions = Pick<
  ScanOptions,
  'tensorflow' | 'timeoutMs' | 'memoryMiB' | 'onProgress' | 'signal' | 'jail' | 'onUnjailed' | 'onLog'
>;

export const defaultTensorflow = '2.21.0';

/**
 * Scans the model at `path`, a file or a folder, without running anything of it.
 * A scan that does not end, or whose process breaks, is a report that says `unreadable`.
 * @throws USAGE when there is nothing at `path`; ADVISORIES_INVALID for an update in the store that cannot be used.
 */
export async function scan(path: string, options: ScanOptions = {}): Promise<Report> {
  const { tensorflow = defaultTensorflow, refuseAt = 'medium', suppressionOf, store } = options;
  if (!existsSync(path)) throw new AirlockError('USAGE', { message: `There is no ${printable(path, 256)}` });
  // Who asks may point at a link; from here on nothing may be one.
  const real = realpathSync(path);
  // Before the scan: data that cannot be used must not cost one.
  const advisories = advisoryData(store);
  const startedAt = new Date();
  const startedMs = performance.now();
  const result = await scanSafely(real, tensorflow, options);
  options.onCost?.(result.cost);
  const { makeReport, rulesDigest } = await import('../scan/index.ts');
  return makeReport(result, {
    target: printable(basename(path) || basename(real), 256),
    tensorflow,
    refuseAt,
    startedAt,
    durationMs: performance.now() - startedMs,
    version: packageVersion(),
    rules: rulesDigest(store),
    advisories,
    ...(suppressionOf === undefined ? {} : { suppressionOf }),
  });
}

/**
 * What requests to the SavedModel in the folder at `path` will cost, worked out as by a scan, without running anything of it. Undefined when the folder
 * holds no model that can be served, or the process that looks at it does not come to an end.
 * @throws USAGE when there is nothing at `path`.
 */
export async function costOf(path: string, options: CostOptions = {}): Promise<CostModel | undefined> {
  if (!existsSync(path)) throw new AirlockError('USAGE', { message: `There is no ${printable(path, 256)}` });
  const { tensorflow = defaultTensorflow } = options;
  const { cost } = await scanSafely(realpathSync(path), tensorflow, { ...options, onCost: () => undefined });
  return cost;
}

async function scanSafely(path: string, tensorflow: string, options: ScanOptions): Promise<ScanResult> {
  const { timeoutMs, memoryMiB, onProgress, signal, onLog, onCost } = options;
  const scanIn = (jail: Jail): Promise<ScanResult> =>
    scanModel({
      jail,
      request: { path, tensorflow, ...(onCost === undefined ? {} : { withCost: true }) },
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(memoryMiB === undefined ? {} : { memoryMiB }),
      ...(onProgress === undefined ? {} : { onProgress }),
      ...(signal === undefined ? {} : { signal }),
      ...(onLog === undefined ? {} : { onLog }),
    });
  try {
    return await (options.jail === undefined ? scanInOwnJail(scanIn, options) : scanIn(options.jail));
  } catch (thrown) {
    const error = AirlockError.from(thrown);
    const isVerdict = error.code === 'SCAN_INCOMPLETE' || error.code === 'WORKER_PROTOCOL_VIOLATION';
    if (!isVerdict || signal?.aborted === true) throw error;
    return { artifacts: [], unreadable: [{ file: '', reason: error.message }], findings: [], leftOut: {}, uses: [] };
  }
}

/** Trying what a machine has takes longer than most scans, so the best is assumed first, and found out where that does not come to life. */
async function scanInOwnJail(scanIn: (jail: Jail) => Promise<ScanResult>, { onUnjailed }: ScanOptions): Promise<ScanResult> {
  const assumed = assumeJail();
  try {
    return await scanIn(assumed);
  } catch (thrown) {
    if (AirlockError.from(thrown).code !== 'WORKER_START_FAILED') throw thrown;
  } finally {
    await assumed.close();
  }
  const jail = await bestJail(onUnjailed);
  try {
    return await scanIn(jail);
  } finally {
    await jail.close();
  }
}

/** What reads models is memory-safe, so a machine without a jail is no reason not to look: but it is said. */
async function bestJail(onUnjailed: (() => void) | undefined): Promise<Jail> {
  for (const level of [{ require: 'process' }, { unsafeLevel: 'seccomp-only' }] as const) {
    try {
      return await openJail({ ...level, cgroups: false });
    } catch (thrown) {
      if (AirlockError.from(thrown).code !== 'ENVIRONMENT_LACKING') throw thrown;
    }
  }
  onUnjailed?.();
  return openJail({ unsafeLevel: 'none' });
}
