// Reads saved_model.pb without holding it: a graph may have a gigabyte, and all that the server needs is its edges. Only the fields
// that our .proto declares are read into memory, one at a time and bounded; the rest is stepped over in the file.
import { bytesType, damagedFile, WireReader } from '../core/index.ts';
import { type MetaGraphDef, MetaGraphDefSchema, SavedModelSchema } from './gen/tensorflow/saved_model_pb.ts';
import type { ModelFile } from './model-files.ts';
import { decodeMessage } from './protobuf-decode.ts';

export interface BinaryLimits {
  /** One field of a MetaGraph that is kept: a signature, or the tags with the list of operations beside them. */
  readonly maxFieldBytes: number;
  /** All kept fields of a file together. */
  readonly maxKeptBytes: number;
  /** Fields of one message in the file, so that a file of two-byte fields does not keep the server busy. */
  readonly maxFields: number;
}

export interface FilePart {
  readonly number: number;
  /** Where the field's tag begins, where its content begins, and how long that is. */
  readonly start: number;
  readonly contentStart: number;
  readonly contentBytes: number;
  readonly isMessage: boolean;
}

const windowBytes = 64 * 1024;
// A tag has at most 5 bytes and a length or number at most 10.
const fieldHeadBytes = 16;

const metaGraphsField = SavedModelSchema.field.metaGraphs.number;
const wantedFields: ReadonlySet<number> = new Set(MetaGraphDefSchema.fields.map((field) => field.number));

/** Steps over the fields of the message that lies at `start` to `end` of a file; nothing but their heads is read. */
export async function* fieldsOf(file: ModelFile, start: number, end: number, maxFields: number): AsyncGenerator<FilePart> {
  let reader = new WireReader(Buffer.alloc(0), file.name);
  let windowStart = start;
  let windowEnd = start;
  let position = start;
  for (let count = 0; position < end; count++) {
    if (position + fieldHeadBytes > windowEnd && windowEnd < end) {
      const window = await file.read(position, Math.min(windowBytes, end - position));
      windowStart = position;
      windowEnd = position + window.length;
      // Up to the end of the message, not of the window: contents stay in the file.
      reader = new WireReader(window, file.name).enter(0, end - position);
    }
    if (count === maxFields) throw reader.damaged(`a message has more than ${maxFields} fields`);
    reader.next();
    const contentBytes = reader.end - reader.start;
    const isMessage = reader.wireType === bytesType;
    yield { number: reader.field, start: position, contentStart: windowStart + reader.start, contentBytes, isMessage };
    position = windowStart + reader.end;
  }
}

/**
 * Calls `onMetaGraph` at the start of each MetaGraph and `onPart` with each kept field of it, as a MetaGraphDef that holds only that.
 * Memory: one kept field at a time.
 * @throws MODEL_INVALID when the file is not a SavedModel or passes a limit, MODEL_INCOMPLETE when it shrinks while it is read.
 */
export async function readBinarySavedModel(
  file: ModelFile,
  limits: BinaryLimits,
  onMetaGraph: () => void,
  onPart: (part: MetaGraphDef) => void,
): Promise<void> {
  let keptBytes = 0;
  for await (const field of fieldsOf(file, 0, file.sizeBytes, limits.maxFields)) {
    if (field.number !== metaGraphsField) continue;
    if (!field.isMessage) throw damagedFile(file.name, 'a field has the wrong wire type');
    onMetaGraph();
    const end = field.contentStart + field.contentBytes;
    for await (const part of fieldsOf(file, field.contentStart, end, limits.maxFields)) {
      if (!wantedFields.has(part.number)) continue;
      const length = part.contentStart + part.contentBytes - part.start;
      keptBytes += length;
      if (length > limits.maxFieldBytes || keptBytes > limits.maxKeptBytes) {
        throw damagedFile(file.name, 'its signatures are larger than the limit');
      }
      onPart(decodeMessage(MetaGraphDefSchema, await file.read(part.start, length), file.name));
    }
  }
}
