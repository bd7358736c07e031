// All requests that a model version is rehearsed with, from its four sources, bounded together.
import type { ModelConfig } from '../config/index.ts';
import type { ModelVersion } from '../serving/index.ts';
import { bodyBytesOf } from '../tensor/index.ts';
import { generatedRequests } from './generated-requests.ts';
import { goldenRequests } from './golden-requests.ts';
import { type RecordingSource, recordedRequests } from './recorded-requests.ts';
import type { CollectedRequests, RehearsalRequest } from './rehearsal-types.ts';
import { warmupRequests } from './warmup-requests.ts';

export interface CollectOptions {
  readonly model: ModelConfig;
  /** Where the version was loaded from. */
  readonly directory: string | undefined;
  readonly recordings: RecordingSource;
  /** From each source. */
  readonly limit: number;
}

/** Of all tensors of one model's requests. */
const maxBytes = 512 * 1024 * 1024;
/** For each signature; they differ little from each other. */
const maxGenerated = 16;

/** @throws DATASET_INVALID for golden requests that cannot be read; RECORDING_INVALID for recordings that cannot be opened. */
export async function collectRequests(version: ModelVersion, options: CollectOptions): Promise<CollectedRequests> {
  const { model, directory, recordings, limit } = options;
  const { golden } = model.rehearsal;
  const parts: CollectedRequests[] = [];
  if (golden !== undefined) parts.push(await goldenRequests(golden, version, model, limit));
  parts.push(await recordedRequests(recordings, model.name, version, model.shapes, limit));
  if (directory !== undefined) parts.push(await warmupRequests(directory, version, model.shapes, limit));
  parts.push(generatedRequests(version, Math.min(maxGenerated, limit)));
  return bounded(parts);
}

function bounded(parts: readonly CollectedRequests[]): CollectedRequests {
  const requests: RehearsalRequest[] = [];
  const notes = parts.flatMap((part) => part.notes);
  let bytes = 0;
  let left = 0;
  for (const request of parts.flatMap((part) => part.requests)) {
    const own = request.tensors.reduce((sum, tensor) => sum + bodyBytesOf(tensor), 0);
    if (bytes + own > maxBytes) left++;
    else {
      bytes += own;
      requests.push(request);
    }
  }
  if (left > 0) notes.push(`${left} requests were left out: they are more than ${maxBytes / (1024 * 1024)} MiB together`);
  return { requests, notes };
}
