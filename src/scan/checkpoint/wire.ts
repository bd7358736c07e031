// The fields of one protobuf message, one after the other, for messages of checkpoints that have few fields and whose every
// oddity matters (what comes twice, what is negative). It follows no nesting, keeps nothing, and never reads past the end.
import { AirlockError } from '../../core/index.ts';

export interface WireField {
  readonly number: number;
  /** 0 varint, 1 eight bytes, 2 bytes, 5 four bytes. Groups are refused: no message of a checkpoint has them. */
  readonly type: 0 | 1 | 2 | 5;
  /** Of types 0, 1 and 5, unsigned. */
  readonly value: bigint;
  /** Of type 2, not copied. */
  readonly bytes: Buffer;
}

const nothing = Buffer.alloc(0);
/** Of one message. Values that are not packed are a field each, and no reader of a checkpoint writes so many. */
const maxFields = 5_000_000;

/**
 * Iterates over the fields of `message`. `name` is for messages. @throws MODEL_INVALID where the bytes are no protobuf message, or one of more than five million fields.
 */
export function* wireFields(message: Buffer, name: string): Generator<WireField> {
  let at = 0;
  const damaged = () => new AirlockError('MODEL_INVALID', { message: `${name} is damaged: a message in it is not valid` });
  const varint = (): bigint => {
    // Most are short; numbers are exact up to 2^49 here.
    let low = 0;
    for (let scale = 1, length = 0; length < 7; length++, scale *= 128) {
      if (at >= message.length) throw damaged();
      const byte = message[at++];
      low += (byte & 0x7f) * scale;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      if (at >= message.length) throw damaged();
      const byte = message[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw damaged();
  };
  const take = (length: number): Buffer => {
    if (length > message.length - at) throw damaged();
    at += length;
    return message.subarray(at - length, at);
  };
  for (let count = 0; at < message.length; count++) {
    if (count >= maxFields) throw new AirlockError('MODEL_INVALID', { message: `${name}: a message in it has too many fields` });
    const tag = varint();
    const number = Number(tag >> 3n);
    if (number === 0 || number > 0x1fff_ffff) throw damaged();
    switch (Number(tag & 7n)) {
      case 0:
        yield { number, type: 0, value: varint(), bytes: nothing };
        break;
      case 1:
        yield { number, type: 1, value: take(8).readBigUInt64LE(), bytes: nothing };
        break;
      case 2:
        yield { number, type: 2, value: 0n, bytes: take(Number(varint())) };
        break;
      case 5:
        yield { number, type: 5, value: BigInt(take(4).readUInt32LE()), bytes: nothing };
        break;
      default:
        throw damaged();
    }
  }
}

/** The value of a signed field (int32, int64), as protobuf writes it. */
export function signed(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}
