// The entry of the process that scans. It reads one model, which may be hostile, and says what it found; whoever started it ends it when it
// takes too long or too much memory. It has no network, may open nothing but the model and its own code, and never executes what it reads.
import { writeSync } from 'node:fs';
import { AirlockError, printable } from '../core/index.ts';
import { socketDescriptor } from '../jail/index.ts';
import { scanInProcess } from '../scan/engine/index.ts';
import type { ScanRequest } from '../scan/index.ts';
import { encodeScanMessage, type ScanMessage } from './frames.ts';

function send(message: ScanMessage): void {
  const frame = encodeScanMessage(message);
  for (let at = 0; at < frame.length; ) at += writeNow(frame.subarray(at));
}

/** The socket is non-blocking once Node has looked at it: who reads is waited for. */
function writeNow(bytes: Buffer): number {
  try {
    return writeSync(socketDescriptor, bytes);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EAGAIN') throw thrown;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    return 0;
  }
}

/** Time between two words about progress. */
const progressMs = 100;

let lastMs = 0;
let exitCode = 0;
try {
  // That it has come to life, before it has seen a byte of the model.
  send({ kind: 'progress', doneBytes: 0, totalBytes: 0 });
  const request = JSON.parse(process.argv[2] ?? '') as ScanRequest;
  const result = await scanInProcess(request, {
    onProgress: (doneBytes, totalBytes) => {
      const nowMs = performance.now();
      if (nowMs - lastMs < progressMs) return;
      lastMs = nowMs;
      send({ kind: 'progress', doneBytes, totalBytes });
    },
  });
  send({ kind: 'result', result });
} catch (thrown) {
  exitCode = 1;
  const error = AirlockError.from(thrown);
  if (error.code === 'INTERNAL') {
    const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    writeSync(2, `scanner: ${printable(text, 2000)}\n`);
  }
  try {
    send({
      kind: 'failed',
      reason: error.code === 'INTERNAL' ? 'the scanner failed; this is a fault of Airlock' : error.message,
    });
  } catch {
    // Nobody is there to be told.
  }
}
process.exit(exitCode);
