// One scan, in the process that is made for it. Reads the target, judges it, and gives what it found as plain data; it decides nothing and writes nothing.
import { lstatSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { AirlockError } from '../../core/index.ts';
import { openOpRegistry } from '../ops/index.ts';
import type { ScanLimits } from '../scan-context.ts';
import type { ScanRequest, ScanResult } from '../scan-types.ts';
import { openFile, openFolder } from '../source/index.ts';
import { Collector } from './collector.ts';
import { TargetScan } from './scan-target.ts';
import { siblingFiles } from './sibling-files.ts';

export interface ScanInProcessOptions {
  readonly limits?: Partial<ScanLimits>;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/** @throws MODEL_INVALID, MODEL_NOT_AVAILABLE when the target itself cannot be read. */
export async function scanInProcess(
  { path, tensorflow, withCost }: ScanRequest,
  { limits, onProgress }: ScanInProcessOptions = {},
): Promise<ScanResult> {
  let doneBytes = 0;
  let totalBytes = 0;
  const collector: Collector = new Collector({
    tensorflow,
    ops: openOpRegistry(),
    ...(withCost === undefined ? {} : { withCost }),
    ...(limits === undefined ? {} : { limits }),
    scanSource: async (source) => void (await target.source(source)),
    onProgress: (bytes) => {
      doneBytes += bytes;
      onProgress?.(Math.min(doneBytes, totalBytes), totalBytes);
    },
  });
  const target = new TargetScan(collector);
  const stats = lstatSync(path);
  if (stats.isDirectory()) {
    const folder = openFolder(path);
    totalBytes = folder.entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    await target.folder(folder, basename(resolve(path)));
    folder.close();
  } else if (stats.isFile()) {
    const file = openFile(path, basename(path));
    totalBytes = file.sizeBytes;
    await target.file(file, siblingFiles(path));
    file.close();
  } else throw new AirlockError('MODEL_INVALID', { message: 'It is neither a file nor a folder' });
  return collector.result();
}
