// Reads the two messages that TensorFlow Data Validation writes, a Schema and statistics, from untrusted files in binary or text form.
// Fields that are not declared are passed over. It opens no file, and follows no name that it finds.
import { extname } from 'node:path';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { AirlockError, isAirlockError, printable } from '../../core/index.ts';
import { decodeMessage, parseTextFormat } from '../../model/index.ts';
import { type Schema, SchemaSchema } from './gen/tensorflow_metadata/schema_pb.ts';
import {
  type DatasetFeatureStatisticsList,
  DatasetFeatureStatisticsListSchema,
} from './gen/tensorflow_metadata/statistics_pb.ts';

/** Bytes of one file. Statistics with histograms of a few thousand features take some ten MB. */
export const maxMetadataBytes = 64 * 2 ** 20;

const textEndings = new Set(['.pbtxt', '.textproto', '.txtpb', '.txt', '.prototxt']);
const binaryEndings = new Set(['.pb', '.binpb', '.bin']);

/** By the name's ending; otherwise a byte that text cannot hold, which nearly every binary message has, decides. */
function isText(bytes: Buffer, name: string): boolean {
  const ending = extname(name).toLowerCase();
  if (textEndings.has(ending)) return true;
  if (binaryEndings.has(ending)) return false;
  return !bytes.some((byte) => byte === 0x7f || (byte < 0x20 && !(byte >= 9 && byte <= 13)));
}

function readMetadata<Desc extends DescMessage>(desc: Desc, bytes: Buffer, name: string, what: string): MessageShape<Desc> {
  const shown = printable(name);
  if (bytes.length > maxMetadataBytes)
    throw new AirlockError('DATASET_INVALID', { message: `${shown} is larger than ${maxMetadataBytes} bytes` });
  try {
    return isText(bytes, name) ? parseTextFormat(desc, bytes, shown) : decodeMessage(desc, bytes, shown);
  } catch (thrown) {
    if (!isAirlockError(thrown) || thrown.code !== 'MODEL_INVALID') throw thrown;
    throw new AirlockError('DATASET_INVALID', { message: `Not ${what} of TensorFlow Data Validation: ${thrown.message}` });
  }
}

/**
 * A Schema, from the bytes of `schema.pbtxt` or its binary form. `name` decides which by its ending (`.pbtxt`, `.textproto`, `.txtpb`,
 * `.txt`; `.pb`, `.binpb`), and is for messages.
 * @throws DATASET_INVALID when the bytes are not one, or more than 64 MiB.
 */
export function readTfdvSchema(bytes: Buffer, name: string): Schema {
  return readMetadata(SchemaSchema, bytes, name, 'a Schema');
}

/**
 * Statistics (`DatasetFeatureStatisticsList`), in the same forms as `readTfdvSchema`. TFDV's own TFRecord files are not read.
 * @throws DATASET_INVALID when the bytes are not statistics, or more than 64 MiB.
 */
export function readTfdvStatistics(bytes: Buffer, name: string): DatasetFeatureStatisticsList {
  return readMetadata(DatasetFeatureStatisticsListSchema, bytes, name, 'statistics');
}
