// The requests that a model brings along for TensorFlow Serving to warm it up with: assets.extra/tf_serving_warmup_requests, a TFRecord of PredictionLog
// (tensorflow_serving/apis/prediction_log.proto). Files of the model, so hostile bytes: bounded, and what is no request of the model is counted and left out.
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { maskedCrc32c, readModelFile } from '../model/index.ts';
import type { ModelVersion } from '../serving/index.ts';
import { bodyBytesOf, type Tensor } from '../tensor/index.ts';
import { fitting } from './recorded-requests.ts';
import type { CollectedRequests, RehearsalRequest } from './rehearsal-types.ts';
import { maxTensorBytes, parseTensorProto } from './tensor-proto.ts';

const fileName = 'assets.extra/tf_serving_warmup_requests';
const maxFileBytes = 64 * 1024 * 1024;
/** WarmupConsts::kMaxNumRecords of TensorFlow Serving. */
const maxRecords = 1_000;
const maxInputs = 1_024;
/** Of the tensors of all requests, which a few bytes of the file may stand for; one request has at most as many as one tensor. */
const maxTensorsBytes = 256 * 1024 * 1024;

/** Up to `limit` warm-up requests of the model in `directory`; none for a model without the file. Never throws because of its content. */
export async function warmupRequests(
  directory: string,
  version: ModelVersion,
  shapes: 'strict' | 'compat',
  limit: number,
): Promise<CollectedRequests> {
  const bytes = await readModelFile(directory, fileName, maxFileBytes).catch(() => undefined);
  if (bytes === undefined) return { requests: [], notes: [] };
  const requests: RehearsalRequest[] = [];
  const { records, isWhole } = readRecords(bytes);
  let unused = 0;
  let left = maxTensorsBytes;
  for (const record of records) {
    if (requests.length >= limit) break;
    const log = parsePredictionLog(record, Math.min(left, maxTensorBytes));
    const tensors = log && fitting(version, log.signature, log.inputs, shapes);
    if (log === undefined || tensors === undefined) unused++;
    else {
      left -= tensors.reduce((sum, tensor) => sum + bodyBytesOf(tensor), 0);
      requests.push({ source: 'warmup', signature: log.signature, tensors });
    }
  }
  const notes = isWhole ? [] : [`${fileName} is cut short or damaged`];
  if (unused > 0) notes.push(`${unused} warm-up requests are no predict requests of this model, or too large`);
  return { requests, notes };
}

/** The records of a TFRecord file up to the first one that is damaged. */
export function readRecords(bytes: Buffer): { readonly records: readonly Buffer[]; readonly isWhole: boolean } {
  const records: Buffer[] = [];
  let at = 0;
  while (at < bytes.length && records.length < maxRecords) {
    if (at + 12 > bytes.length || bytes.readUInt32LE(at + 8) !== maskedCrc32c(bytes.subarray(at, at + 8))) break;
    const length = Number(bytes.readBigUInt64LE(at));
    const end = at + 12 + length;
    if (end + 4 > bytes.length || bytes.readUInt32LE(end) !== maskedCrc32c(bytes.subarray(at + 12, end))) break;
    records.push(bytes.subarray(at + 12, end));
    at = end + 4;
  }
  return { records, isWhole: at === bytes.length };
}

export interface LoggedRequest {
  readonly signature: string;
  readonly inputs: ReadonlyMap<string, Tensor>;
}

/** The predict request of a PredictionLog; undefined for other logs, bytes that are none, and tensors of more than `maxBytes` together. Never throws. */
export function parsePredictionLog(bytes: Uint8Array, maxBytes: number = maxTensorBytes): LoggedRequest | undefined {
  try {
    // PredictionLog.predict_log = 6, PredictLog.request = 1.
    const log = messageField(bytes, 6);
    const request = log && messageField(log, 1);
    return request && readRequest(request, maxBytes);
  } catch {
    return undefined;
  }
}

function messageField(bytes: Uint8Array, wanted: number): Uint8Array | undefined {
  const reader = new BinaryReader(bytes);
  let found: Uint8Array | undefined;
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number === wanted && wire === WireType.LengthDelimited) found = reader.bytes();
    else reader.skip(wire, number);
  }
  return found;
}

/** PredictRequest: model_spec = 1 with signature_name = 3, inputs = 2, a map of TensorProto. */
function readRequest(bytes: Uint8Array, maxBytes: number): LoggedRequest | undefined {
  const spec = messageField(bytes, 1);
  const name = spec && messageField(spec, 3);
  const inputs = new Map<string, Tensor>();
  const reader = new BinaryReader(bytes);
  let left = maxBytes;
  while (reader.pos < reader.len) {
    const [number, wire] = reader.tag();
    if (number !== 2 || wire !== WireType.LengthDelimited) {
      reader.skip(wire, number);
      continue;
    }
    const entry = reader.bytes();
    const value = messageField(entry, 2);
    const tensor = value && parseTensorProto(value, left);
    if (tensor === undefined || inputs.size === maxInputs) return undefined;
    left -= bodyBytesOf(tensor);
    inputs.set(text(messageField(entry, 1) ?? new Uint8Array(0)), tensor);
  }
  return { signature: name === undefined || name.length === 0 ? 'serving_default' : text(name), inputs };
}

function text(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}
