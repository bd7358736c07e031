// The bytes of a schema as TFDV's own tools read them.
import { toBinary } from '@bufbuild/protobuf';
import { type Schema, SchemaSchema } from './gen/tensorflow_metadata/schema_pb.ts';
import { formatTextProto } from './write-text-proto.ts';

/** `schema.pbtxt`, or the wire format. */
export type SchemaForm = 'text' | 'binary';

export function serializeTfdvSchema(schema: Schema, form: SchemaForm): Buffer {
  return Buffer.from(form === 'text' ? formatTextProto(SchemaSchema, schema) : toBinary(SchemaSchema, schema));
}
