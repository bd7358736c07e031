// Has a model scanned by a process of its own, in a jail where there is one, and believes nothing of what comes back but its form. A process
// that dies, hangs or grows is not a clean model: each of these is an error of its own.
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AirlockError, builtFile, packageFolder } from '../core/index.ts';
import type { Jail, JailedProcess } from '../sandbox/index.ts';
import type { ScanRequest, ScanResult } from '../scan/index.ts';
import { ScanMessageReader } from './frames.ts';

export interface ScanModelOptions {
  readonly jail: Jail;
  readonly request: ScanRequest;
  /** Default 120,000. */
  readonly timeoutMs?: number;
  /** Of the process. Default 1024. */
  readonly memoryMiB?: number;
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Lines that the process prints; there are none unless something is wrong. */
  readonly onLog?: (line: string) => void;
  /** Ends the scan. */
  readonly signal?: AbortSignal;
  /** The file that Node runs; default the real scanner. */
  readonly entry?: string;
}

const scannerEntry: string = builtFile(import.meta.url, 'main.js');

/** Threads of Node, of V8, and those that look through weights. */
const maxTasks = 64;
/** Time between two looks at its memory. */
const watchMs = 50;

/** The build, the data beside it, and the package that reads protobuf. @throws ENVIRONMENT_LACKING when that is not installed. */
function scannerFiles(): string[] {
  const built = dirname(dirname(scannerEntry));
  return [built, join(built, '..', 'data'), realpathSync(packageFolder('@bufbuild/protobuf', built))];
}

/** A manifest and an index name files beside them, so the folder that somebody put them in is readable too. */
function readableFor(file: string): string {
  return /\.(?:json|index)$/.test(file) ? dirname(file) : file;
}

/**
 * Scans. @throws SCAN_INCOMPLETE when the process hung, grew too large, broke or could not read what it was given; WORKER_START_FAILED;
 * ENVIRONMENT_LACKING.
 */
export async function scanModel(options: ScanModelOptions): Promise<ScanResult> {
  const { jail, request, timeoutMs = 120_000, memoryMiB = 1024, onLog, signal } = options;
  const memoryBytes = memoryMiB * 1024 * 1024;
  const scanner = jail.start({
    entry: options.entry ?? scannerEntry,
    args: [JSON.stringify(request)],
    // Most of what a scan makes is gone at once: a larger nursery costs less time than emptying a small one.
    execArgv: [`--max-old-space-size=${Math.floor(memoryMiB * 0.75)}`, '--max-semi-space-size=32'],
    readable: [...scannerFiles(), readableFor(request.path)],
    keepUser: true,
    // Compiled code and what V8 reserves come on top of what is watched below.
    limits: { memoryBytes: memoryBytes + 512 * 1024 * 1024, maxTasks },
    onLog: ({ text }) => onLog?.(text),
  });
  try {
    // While the process starts; what makes reports takes as long to load as it does.
    const [answer, { readScanResult }] = await Promise.all([
      talk(scanner, options, timeoutMs, memoryBytes, signal),
      import('../scan/index.ts'),
    ]);
    return readScanResult(answer);
  } finally {
    scanner.kill();
    await scanner.exited;
  }
}

function talk(
  scanner: JailedProcess,
  { onProgress }: ScanModelOptions,
  timeoutMs: number,
  memoryBytes: number,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const reader = new ScanMessageReader();
    const startedMs = performance.now();
    let isAlive = false;
    const end = (act: () => void): void => {
      clearInterval(watch);
      signal?.removeEventListener('abort', onAbort);
      act();
    };
    const fail = (message: string): void => end(() => reject(new AirlockError('SCAN_INCOMPLETE', { message })));
    const onAbort = (): void => fail('The scan was ended');
    const watch = setInterval(() => {
      if (performance.now() - startedMs > timeoutMs) fail(`The scan did not end within ${timeoutMs} ms`);
      else if ((scanner.usage()?.memoryBytes ?? 0) > memoryBytes) fail('The scan needs more memory than it may have');
    }, watchMs);
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted === true) onAbort();
    scanner.socket.on('data', (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk)) {
          isAlive = true;
          if (message.kind === 'progress') onProgress?.(message.doneBytes, message.totalBytes);
          else if (message.kind === 'failed') fail(message.reason);
          else end(() => resolve(message.result));
        }
      } catch (thrown) {
        end(() => reject(thrown));
      }
    });
    scanner.socket.on('error', () => undefined);
    void scanner.exited.then((exit) => {
      if (exit.error !== undefined)
        end(() =>
          reject(new AirlockError('WORKER_START_FAILED', { detail: exit.error?.message ?? 'the scanner did not start' })),
        );
      else if (exit.outOfMemory) fail('The scan needs more memory than it may have');
      else if (!isAlive && exit.code !== null)
        end(() =>
          reject(new AirlockError('WORKER_START_FAILED', { detail: `the scanner did not start: exit code ${exit.code}` })),
        );
      else fail(`The process that scanned the model ended by itself (${exit.signal ?? `exit code ${exit.code}`})`);
    });
  });
}
