// Reads recorded requests back, for a rehearsal or for a person, with the identity that the server does not have. One segment at a time is in memory.
import { AirlockError, printable } from '../core/index.ts';
import { openSegment } from './segment-crypto.ts';
import { decodeSegment, type RecordedRequest, type SegmentMeta } from './segment-format.ts';
import { listSegments, readSegment } from './segment-store.ts';

export interface ReadRecordingsOptions {
  readonly store: string;
  readonly identities: readonly string[];
  /** Ids of the recordings to read; default all. */
  readonly recordings?: ReadonlySet<string>;
  /** Only of this model; default of all. */
  readonly model?: string;
}

export interface ReadRequest extends RecordedRequest {
  readonly meta: SegmentMeta;
}

/**
 * Recorded requests, oldest first.
 * @throws RECORDING_INVALID for a segment that none of the identities opens, that was changed, or that is not well formed; STORE_NOT_WRITABLE when the
 * folder cannot be listed.
 */
export async function* readRecordings(options: ReadRecordingsOptions): AsyncGenerator<ReadRequest> {
  const { store, identities, recordings, model } = options;
  for (const file of await listSegments(store)) {
    if (recordings?.has(file.recording) === false) continue;
    const sealed = await readSegment(store, file);
    // Removed meanwhile, because it was too old.
    if (sealed === undefined) continue;
    const { meta, requests } = decodeSegment(await openSegment(sealed, identities));
    if (requests.length !== file.requests)
      throw new AirlockError('RECORDING_INVALID', {
        detail: `${printable(file.name, 200)} has another number of requests than its name says`,
      });
    if (model !== undefined && meta.model !== model) continue;
    for (const request of requests) yield { ...request, meta };
  }
}
