// Turns the text form of a SavedModel, MetaGraph or GraphDef into the wire format that the graph reader takes. The schema has every field of
// TensorFlow 2.21; a field that is not in it is one that TensorFlow refuses. What text format can and this reader does not (a message written
// out inside an Any) is refused, never skipped over to a clean verdict.
import { type DescMessage, toBinary } from '@bufbuild/protobuf';
import { AirlockError } from '../../core/index.ts';
import { parseTextFormat } from '../../model/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { GraphDefSchema, MetaGraphDefSchema, SavedModelSchema } from './gen/scan/text_model_pb.ts';

/** Text is read at once and becomes about 30 times as large in memory. */
const maxTextBytes = 64 * 1024 ** 2;
const limits = { maxDepth: 100, maxValues: 5_000_000, refusesUnknown: true };

export type TextModelFormat = 'saved-model-text' | 'meta-graph-text' | 'graph-def-text';

/**
 * The same message in wire format.
 * @throws MODEL_INVALID when the text is not well formed, names what cannot be read here, or has more than 64 MiB.
 */
export function readTextModel(source: Source, format: TextModelFormat, context: ScanContext): Buffer {
  if (source.sizeBytes > maxTextBytes) {
    throw new AirlockError('MODEL_INVALID', { message: `${source.name} has more than ${maxTextBytes} bytes of text` });
  }
  const bytes = source.read(0, source.sizeBytes);
  context.progress(bytes.length);
  // Each schema goes its own way, so that its message has its own type.
  if (format === 'saved-model-text') return encode(SavedModelSchema, bytes, source.name);
  if (format === 'meta-graph-text') return encode(MetaGraphDefSchema, bytes, source.name);
  return encode(GraphDefSchema, bytes, source.name);
}

function encode<Schema extends DescMessage>(schema: Schema, bytes: Buffer, name: string): Buffer {
  return Buffer.from(toBinary(schema, parseTextFormat(schema, bytes, name, limits)));
}
