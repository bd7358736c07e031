// Puts a chunked SavedModel (saved_model.cpb) together again. Every chunk may be used once, so the result is never larger than the chunks;
// what refers to a place that cannot be is refused.
import { AirlockError } from '../../core/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { type ChunkedMessage, type PathStep, readChunkMetadata, wireFields } from './chunk-metadata.ts';
import { readRiegeli } from './riegeli.ts';

/** What is to be merged into one message or put into one field. */
interface Patch {
  /** Merged into the message, in this order: protobuf merges what is written one after the other. */
  readonly messages: Buffer[];
  /** Replaces the content of a field of bytes. */
  bytes: Buffer | undefined;
  readonly fields: Map<number, Map<string, { readonly step: PathStep; readonly patch: Patch }>>;
}

/** Elements that may be left out before one that a chunk is for. */
const maxGap = 100_000;
const maxDepth = 60;

const newPatch = (): Patch => ({ messages: [], bytes: undefined, fields: new Map() });

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

const lengthDelimited = (field: number, content: Buffer): Buffer[] => [varint(field * 8 + 2), varint(content.length), content];

class Merger {
  readonly #name: string;
  readonly #take: (chunk: number) => { readonly bytes: Buffer; readonly isBytes: boolean };

  constructor(name: string, take: (chunk: number) => { readonly bytes: Buffer; readonly isBytes: boolean }) {
    this.#name = name;
    this.#take = take;
  }

  damaged(text: string): AirlockError {
    return new AirlockError('MODEL_INVALID', { message: `${this.#name} is damaged: ${text}` });
  }

  #child(parent: Patch, step: PathStep): Patch {
    const slots = parent.fields.get(step.field) ?? new Map();
    parent.fields.set(step.field, slots);
    const slot = step.key === undefined ? String(step.index ?? 'only') : `k${step.key.toString('latin1')}`;
    const known = slots.get(slot);
    if (known !== undefined) return known.patch;
    const patch = newPatch();
    slots.set(slot, { step, patch });
    return patch;
  }

  collect(message: ChunkedMessage, patch: Patch): void {
    if (message.chunk !== undefined) {
      const { bytes, isBytes } = this.#take(message.chunk);
      if (isBytes) patch.bytes = bytes;
      else patch.messages.push(bytes);
    }
    for (const { path, message: inner } of message.fields) {
      let target = patch;
      for (const step of path) {
        target = this.#child(target, step);
        // The value of an entry of a map is its field 2.
        if (step.key !== undefined) target = this.#child(target, { field: 2 });
      }
      this.collect(inner, target);
    }
  }

  /** The message `existing` with `patch` merged into it. */
  build(existing: Buffer, patch: Patch, depth = 0): Buffer {
    if (depth > maxDepth) throw this.damaged('its chunks are nested too deep');
    if (patch.bytes !== undefined) return patch.bytes;
    const base = patch.messages.length === 0 ? existing : Buffer.concat([existing, ...patch.messages]);
    if (patch.fields.size === 0) return base;
    const out: Buffer[] = [];
    const counts = new Map<number, number>();
    const done = new Set<Patch>();
    let plainStart = 0;
    for (const { number, wireType, start, contentStart, end } of wireFields(base, this.#name)) {
      const slots = wireType === 2 ? patch.fields.get(number) : undefined;
      if (slots === undefined) continue;
      const index = counts.get(number) ?? 0;
      counts.set(number, index + 1);
      const content = base.subarray(contentStart, end);
      const slot = slots.get(String(index)) ?? (index === 0 ? slots.get('only') : undefined) ?? this.#byKey(slots, content);
      if (slot === undefined) continue;
      done.add(slot.patch);
      out.push(base.subarray(plainStart, start), ...lengthDelimited(number, this.build(content, slot.patch, depth + 1)));
      plainStart = end;
    }
    out.push(base.subarray(plainStart));
    for (const [field, slots] of patch.fields) this.#append(field, slots, counts.get(field) ?? 0, done, out, depth);
    return Buffer.concat(out);
  }

  #byKey(slots: ReadonlyMap<string, { readonly step: PathStep; readonly patch: Patch }>, entry: Buffer) {
    for (const { number, wireType, contentStart, end } of wireFields(entry, this.#name)) {
      if (number === 1 && wireType === 2) return slots.get(`k${entry.toString('latin1', contentStart, end)}`);
    }
    return slots.get('k');
  }

  /** Elements and entries that the message does not have yet. */
  #append(
    field: number,
    slots: ReadonlyMap<string, { readonly step: PathStep; readonly patch: Patch }>,
    count: number,
    done: ReadonlySet<Patch>,
    out: Buffer[],
    depth: number,
  ): void {
    const missing = [...slots.values()].filter(({ patch }) => !done.has(patch));
    missing.sort((a, b) => (a.step.index ?? 0) - (b.step.index ?? 0));
    let next = count;
    for (const { step, patch } of missing) {
      const index = step.index ?? next;
      if (index - next > maxGap) throw this.damaged('a chunk belongs to an element that is not there');
      for (; next < index; next++) out.push(...lengthDelimited(field, Buffer.alloc(0)));
      const fresh = step.key === undefined ? Buffer.alloc(0) : Buffer.concat(lengthDelimited(1, step.key));
      out.push(...lengthDelimited(field, this.build(fresh, patch, depth + 1)));
      next++;
    }
  }
}

/**
 * The SavedModel of a saved_model.cpb in wire format.
 * @throws MODEL_INVALID when it is damaged or uses what is not read here (riegeli.ts), MODEL_INCOMPLETE when it is cut short.
 */
export function readChunkedModel(source: Source, context: ScanContext): Buffer {
  const records = readRiegeli(source, context);
  const last = [...records.values()].at(-1);
  if (last === undefined) throw new AirlockError('MODEL_INVALID', { message: `${source.name} is damaged: it has no records` });
  const { chunks, message } = readChunkMetadata(last, source.name);
  const used = new Set<number>();
  const merger = new Merger(source.name, (chunk) => {
    const info = chunks[chunk];
    const bytes = info === undefined ? undefined : records.get(info.offset);
    if (info === undefined || bytes === undefined || used.has(chunk)) throw merger.damaged('a chunk is missing or used twice');
    if (bytes === last || bytes.length !== info.sizeBytes) throw merger.damaged('a chunk has another size than announced');
    used.add(chunk);
    return { bytes, isBytes: info.isBytes };
  });
  const patch = newPatch();
  merger.collect(message, patch);
  return merger.build(Buffer.alloc(0), patch);
}
