// The bytes of a schema, or of statistics, as TFDV's own tools read them.
import { type DescMessage, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { type Schema, SchemaSchema } from './gen/tensorflow_metadata/schema_pb.ts';
import {
  type DatasetFeatureStatisticsList,
  DatasetFeatureStatisticsListSchema,
} from './gen/tensorflow_metadata/statistics_pb.ts';
import { formatTextProto } from './write-text-proto.ts';

/** Protobuf text, as in `schema.pbtxt`, or the wire format. */
export type MetadataForm = 'text' | 'binary';

function serialize<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>, form: MetadataForm): Buffer {
  return Buffer.from(form === 'text' ? formatTextProto(desc, message) : toBinary(desc, message));
}

export function serializeTfdvSchema(schema: Schema, form: MetadataForm): Buffer {
  return serialize(SchemaSchema, schema, form);
}

export function serializeTfdvStatistics(statistics: DatasetFeatureStatisticsList, form: MetadataForm): Buffer {
  return serialize(DatasetFeatureStatisticsListSchema, statistics, form);
}
