// TensorFlow Serving replays recorded requests when it loads a version. They are TFRecords; a file that is none, or has too many records,
// makes the version fail to load.
import { maskedCrc32c } from '../../model/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { reportFile } from './report-file.ts';

/** WarmupConsts::kMaxNumRecords of TensorFlow Serving. */
const maxRecords = 1000;

function problemOf(source: Source): string | undefined {
  let records = 0;
  for (let at = 0; at < source.sizeBytes; ) {
    if (++records > maxRecords) return `it has more than ${maxRecords} requests`;
    if (at + 12 > source.sizeBytes) return 'it is cut short';
    const head = source.read(at, 12);
    if (head.readUInt32LE(8) !== maskedCrc32c(head.subarray(0, 8))) return 'the checksum of a length is wrong';
    const lengthBytes = head.readBigUInt64LE(0);
    if (lengthBytes > BigInt(source.sizeBytes - at - 12)) return 'it is cut short';
    at += 12 + Number(lengthBytes) + 4;
    if (at > source.sizeBytes) return 'it is cut short';
  }
  return undefined;
}

export function judgeWarmup(source: Source, context: ScanContext): void {
  const problem = problemOf(source);
  if (problem === undefined) return;
  const message = `The warm-up requests in ${source.name} cannot be replayed: ${problem}`;
  reportFile(context, 'malformed/warmup', { file: source.name, trigger: 'load-cpp', message });
}
