// The models part of `airlock runtime check`: what each version that would be served uses, from the report that a server kept while that still holds, or from
// a scan. A model that cannot be judged reaches everything, as far as anybody knows.
import { join } from 'node:path';
import type { Config } from '../../../config/index.ts';
import { AirlockError, printable } from '../../../core/index.ts';
import { keptUses, type ModelFolder, modelFolders, type PostureModel } from '../../../posture/index.ts';
import { foreignOwner } from '../../../runtime/index.ts';
import type { Report } from '../../../scan/index.ts';
import { scan } from '../../../scanner/index.ts';
import { ScanHistory } from '../../../serving/index.ts';
import type { Io } from '../../io.ts';
import { createProgressBar, type ProgressBar } from '../../progress-bar.ts';

export interface ModelsOptions {
  readonly io: Io;
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
}

/** Smaller models are done before anybody has read a line. */
const minShownBytes = 64 * 1024 * 1024;

/** @throws CANCELLED, WORKER_START_FAILED, ENVIRONMENT_LACKING. */
export async function modelsOf(config: Config, options: ModelsOptions): Promise<readonly PostureModel[]> {
  const history = openHistory(config.store);
  const found: PostureModel[] = [];
  for (const folder of await modelFolders(config.models)) {
    const kept = history === undefined ? undefined : await keptUses(folder, (model, version) => history.last(model, version));
    const uses = kept ?? (await scannedUses(folder, config, history, options));
    found.push({ name: folder.model, version: String(folder.version), ...(uses === undefined ? {} : { uses }) });
  }
  for (const { name } of config.models)
    if (!found.some((one) => one.name === name)) options.note(`${printable(name, 128)} has no version that could be served`);
  return found;
}

/** Undefined where the store is not this user's: then every model is scanned. */
function openHistory(store: string): ScanHistory | undefined {
  if (foreignOwner(store) !== undefined) return undefined;
  try {
    return new ScanHistory(join(store, 'scans'));
  } catch {
    return undefined;
  }
}

async function scannedUses(
  folder: ModelFolder,
  { scan: limits, runtime }: Config,
  history: ScanHistory | undefined,
  { io, signal, note }: ModelsOptions,
): Promise<PostureModel['uses']> {
  const { model, version, directory } = folder;
  let bar: ProgressBar | undefined;
  let report: Report;
  try {
    report = await scan(directory, {
      tensorflow: runtime.tensorflow,
      refuseAt: limits.refuseAt,
      timeoutMs: limits.timeoutMs,
      memoryMiB: limits.memoryMiB,
      signal,
      onProgress: (doneBytes, totalBytes) => {
        if (totalBytes < minShownBytes) return;
        bar ??= createProgressBar(io, `Scanning ${printable(model, 64)} ${version}`, totalBytes);
        bar.update(doneBytes);
      },
      onUnjailed: () =>
        io.stderr.write('This machine has no jail (airlock doctor says why): a plain process reads the models.\n'),
    });
    bar?.finish();
  } catch (thrown) {
    bar?.clear();
    throw thrown;
  }
  if (report.unreadable.length > 0 || report.artifacts.length === 0) {
    note(`${printable(model, 128)} ${version} could not be read whole: what it uses is not known`);
    return undefined;
  }
  keepFirst(history, { model, version, report });
  return report.uses;
}

/** So that a server which refuses to start knows what its models reach. A report that is there already is the server's to replace: it tells what became worse. */
function keepFirst(history: ScanHistory | undefined, scanned: { model: string; version: bigint; report: Report }): void {
  if (history === undefined || history.last(scanned.model, scanned.version) !== undefined) return;
  try {
    history.keep({ ...scanned, digest: '' });
  } catch (thrown) {
    if (AirlockError.from(thrown).code === 'INTERNAL') throw thrown;
  }
}
