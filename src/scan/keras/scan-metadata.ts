// keras_metadata.pb beside a SavedModel: SavedMetadata (keras/protobuf/saved_metadata.proto), whose nodes hold configurations as JSON. Keras 2
// builds layers from them in preference to the graph, Lambda layers included.
import { AirlockError, printable } from '../../core/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { judgeKerasText } from './judge-text.ts';

const maxBytes = 512 * 1024 ** 2;
const maxNodes = 200_000;

interface SavedObject {
  nodeId: number;
  path: string;
  identifier: string;
  metadata: Buffer | undefined;
}

/** Fields of a message; groups and unknown wire types end it. @throws MODEL_INVALID. */
function* fields(message: Buffer, file: string): Generator<{ number: number; value: number; bytes: Buffer | undefined }> {
  const damaged = () => new AirlockError('MODEL_INVALID', { message: `${printable(file, 200)} is no valid Keras metadata` });
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 10; shift++) {
      if (at >= message.length) throw damaged();
      const byte = message[at++];
      value += (byte & 0x7f) * 2 ** (7 * shift);
      if (byte < 0x80) return value;
    }
    throw damaged();
  };
  while (at < message.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    const type = tag % 8;
    if (number === 0) throw damaged();
    if (type === 0) yield { number, value: varint(), bytes: undefined };
    else if (type === 1 || type === 5) {
      at += type === 1 ? 8 : 4;
      if (at > message.length) throw damaged();
    } else if (type === 2) {
      const length = varint();
      if (length > message.length - at) throw damaged();
      at += length;
      yield { number, value: 0, bytes: message.subarray(at - length, at) };
    } else throw damaged();
  }
}

function readObject(bytes: Buffer, file: string): SavedObject {
  const object: SavedObject = { nodeId: 0, path: '', identifier: '', metadata: undefined };
  for (const { number, value, bytes: text } of fields(bytes, file)) {
    if (number === 2) object.nodeId = value;
    else if (number === 3 && text !== undefined) object.path = text.toString('utf8');
    else if (number === 4 && text !== undefined) object.identifier = text.toString('utf8');
    else if (number === 5 && text !== undefined) object.metadata = text;
  }
  return object;
}

/** Scans the file. @throws MODEL_INVALID when it cannot be read. */
export function scanKerasMetadata(source: Source, context: ScanContext): void {
  if (source.sizeBytes > maxBytes)
    throw new AirlockError('MODEL_INVALID', { message: `${printable(source.name, 200)} is too large` });
  let count = 0;
  for (const { number, bytes } of fields(source.read(0, source.sizeBytes), source.name)) {
    if (number !== 1 || bytes === undefined) continue;
    if (++count > maxNodes)
      throw new AirlockError('MODEL_INVALID', { message: `${printable(source.name, 200)} has too many nodes` });
    const { nodeId, path, identifier, metadata } = readObject(bytes, source.name);
    if (metadata === undefined || metadata.length === 0) continue;
    judgeKerasText(
      metadata,
      { file: source.name, pointer: `node ${nodeId} ${printable(path, 100)} (${printable(identifier, 60)})` },
      context,
      {
        // The variables of the SavedModel are not known here.
        weightsBytes: Number.POSITIVE_INFINITY,
      },
    );
  }
  context.artifact({ file: source.name, format: 'keras-metadata', bytes: source.sizeBytes, facts: { nodes: count } });
}
