// Requests that the operator keeps in a file, one body of a REST predict request per line. They go through the server's own decoder; what it refuses is named by its
// line and left out, so that a slip in the file is seen and does not look like a difference.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { ModelConfig } from '../config/index.ts';
import { AirlockError, printable } from '../core/index.ts';
import { JsonPredict, type ModelVersion } from '../serving/index.ts';
import { defaultJsonLimits } from '../tensor/index.ts';
import type { CollectedRequests, RehearsalRequest } from './rehearsal-types.ts';

const maxFileBytes = 1024 * 1024 * 1024;
const maxNotes = 10;

/** The first `limit` requests of the file. @throws DATASET_INVALID when it cannot be read, or a line is longer than a body may be. */
export async function goldenRequests(
  file: string,
  version: ModelVersion,
  { shapes, nonFinite }: Pick<ModelConfig, 'shapes' | 'nonFinite'>,
  limit: number,
): Promise<CollectedRequests> {
  const requests: RehearsalRequest[] = [];
  const notes: string[] = [];
  let refused = 0;
  let number = 0;
  for await (const line of linesOf(file)) {
    number++;
    if (line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d)) continue;
    if (requests.length === limit) break;
    try {
      const predict = new JsonPredict(version, {
        limits: defaultJsonLimits,
        sizeHint: line.length,
        shapes,
        allowNonFinite: nonFinite === 'allow',
      });
      predict.decoder.push(line);
      const { signature, tensors } = predict.decoder.finish();
      requests.push({ source: 'golden', signature: signature.name, tensors });
    } catch (thrown) {
      if (++refused <= maxNotes) notes.push(`line ${number} of the golden file is refused: ${AirlockError.from(thrown).code}`);
    }
  }
  if (refused > maxNotes) notes.push(`and ${refused - maxNotes} further lines`);
  return { requests, notes };
}

async function* linesOf(file: string): AsyncGenerator<Buffer> {
  const invalid = (message: string, cause?: unknown) =>
    new AirlockError('DATASET_INVALID', { message, detail: printable(file, 4_096), cause });
  const stats = await stat(file).catch((cause: unknown) => {
    throw invalid('The file of golden requests cannot be read', cause);
  });
  if (!stats.isFile() || stats.size > maxFileBytes)
    throw invalid('The file of golden requests is no plain file of at most 1 GiB');
  let parts: Buffer[] = [];
  let bytes = 0;
  const add = (part: Buffer): void => {
    bytes += part.length;
    if (bytes > defaultJsonLimits.maxBodyBytes)
      throw invalid(`A line of the golden file is longer than ${defaultJsonLimits.maxBodyBytes} bytes`);
    parts.push(part);
  };
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      add(chunk.subarray(start, end));
      yield Buffer.concat(parts);
      parts = [];
      bytes = 0;
      start = end + 1;
    }
    add(chunk.subarray(start));
  }
  if (bytes > 0) yield Buffer.concat(parts);
}
