// Which bytes of a data file belong to which variable. TensorFlow writes variables one after the other without gaps, and never
// the same bytes for two; both are how something is hidden. Padding to an alignment (BundleWriter::Options::data_alignment) is
// zeros, and ordinary.

import type { Source } from '../scan-context.ts';
import { findPayload } from '../weights/index.ts';
import type { IndexEntry } from './read-index.ts';
import type { Speaker } from './say.ts';

const chunkBytes = 1024 ** 2;
/** Of one gap. Whoever hides more than this is found by its beginning. */
const maxSearchedBytes = 256 * 1024 ** 2;

export interface Gap {
  readonly start: number;
  readonly end: number;
}

/** The gaps of a data file, after saying which entries share bytes. Entries must be readable ones of this file. */
export function judgeOverlaps(entries: readonly IndexEntry[], fileBytes: number, speaker: Speaker): Gap[] {
  const sorted = entries.filter(({ size }) => size > 0n).sort((a, b) => (a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0));
  const gaps: Gap[] = [];
  let end = 0;
  let owner = '';
  for (const { name, offset, size } of sorted) {
    const start = Number(offset);
    if (start > end) gaps.push({ start: end, end: start });
    else if (start < end) {
      const message = `Variables "${owner}" and "${name}" of the checkpoint share the bytes from ${start} to ${Math.min(end, start + Number(size))}`;
      speaker.say({ ruleId: 'malformed/checkpoint-overlap', path: name, offset: start, message });
    }
    if (start + Number(size) > end) {
      end = start + Number(size);
      owner = name;
    }
  }
  if (end < fileBytes) gaps.push({ start: end, end: fileBytes });
  return gaps;
}

function isZero(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 0) return false;
  return true;
}

/** Says what lies in bytes that no variable has: nothing when they are a few zeros. */
export function judgeGap(source: Source, gap: Gap, speaker: Speaker): void {
  const length = gap.end - gap.start;
  let hasContent = false;
  // Chunks overlap, so that a header that lies across their border is seen.
  const overlap = 1024;
  for (let at = gap.start; at < gap.end && at - gap.start < maxSearchedBytes; at += chunkBytes) {
    const bytes = source.read(at, Math.min(chunkBytes + overlap, gap.end - at));
    if (!hasContent && isZero(bytes)) continue;
    hasContent = true;
    const payload = findPayload(bytes);
    if (payload === undefined) continue;
    speaker.say({
      ruleId: 'payload/uncovered-bytes',
      severity: payload.severity === 'low' ? 'medium' : payload.severity,
      trigger: 'none',
      file: source.name,
      offset: at + payload.offset,
      message: `${length} bytes of ${source.name} belong to no variable and hold ${payload.what}`,
    });
    return;
  }
  if (!hasContent && length <= chunkBytes) return;
  const content = hasContent ? 'content' : 'zeros';
  speaker.say({
    ruleId: 'payload/uncovered-bytes',
    trigger: 'none',
    file: source.name,
    offset: gap.start,
    message: `${length} bytes of ${source.name} from ${gap.start} on belong to no variable: ${content} that TensorFlow never reads`,
  });
}
