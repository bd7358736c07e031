// The answer to `:predict`: `predictions` for rows, `outputs` for columns, as TensorFlow Serving writes them.
// The tensors come from a worker, which may be taken over: their shapes are bounded here before a single bracket is written.
import { AirlockError } from '../../core/index.ts';
import type { DType } from '../dtype.ts';
import type { Signature } from '../signature.ts';
import type { NumericTensor, StringTensor, Tensor } from '../tensor.ts';
import { bfloat16Value, halfValue } from './decimal.ts';
import { JsonWriter } from './json-writer.ts';
import { arrayOver } from './typed-view.ts';

export interface EncodeOptions {
  /** Write NaN and the infinities as bare words, as TensorFlow Serving does; otherwise they are an error. */
  readonly allowNonFinite: boolean;
}

/** Lists of one output; a shape such as [2^40, 0] has no bytes, so no limit on bytes holds it, but it would print for days. */
const maxLists = 4_000_000;

type WriteElement = (writer: JsonWriter, index: number) => void;

interface Source {
  readonly shape: readonly number[];
  readonly write: WriteElement;
}

/**
 * The JSON body. `tensors` are in the order of `signature.outputs`.
 * @throws MODEL_OUTPUT_INVALID for NaN or an infinity that is not allowed, a shape that is too large to print, or outputs of a row
 * request that have no or different batch sizes.
 */
export function encodePredictResponse(
  signature: Signature,
  format: 'row' | 'columnar',
  tensors: readonly Tensor[],
  options: EncodeOptions,
): Buffer {
  let bytes = 64;
  for (const tensor of tensors) bytes += tensor.bytes.byteLength * 4;
  const writer = new JsonWriter(Math.min(bytes, 1024 * 1024));
  const sources = tensors.map((tensor, index): Source => {
    assertPrintable(tensor.shape);
    const asBytes = signature.outputs[index].alias.endsWith('_bytes');
    return {
      shape: tensor.shape,
      write: tensor.dtype === 'DT_STRING' ? stringElement(tensor, asBytes) : numberElement(tensor, options),
    };
  });
  const aliases = signature.outputs.map((output) => JSON.stringify(output.alias));
  if (format === 'row') writeRows(writer, aliases, sources);
  else writeColumns(writer, aliases, sources);
  writer.raw('}');
  return writer.finish();
}

function assertPrintable(shape: readonly number[]): void {
  let lists = 1;
  let total = 0;
  for (const size of shape) {
    total += lists;
    lists *= size;
  }
  if (!(total <= maxLists)) {
    throw new AirlockError('MODEL_OUTPUT_INVALID', { message: 'An output has too many lists for a JSON answer' });
  }
}

function writeRows(writer: JsonWriter, aliases: readonly string[], sources: readonly Source[]): void {
  const rows = sources[0]?.shape[0];
  if (rows === undefined || sources.some((source) => source.shape[0] !== rows)) {
    throw new AirlockError('MODEL_OUTPUT_INVALID', {
      message:
        'The outputs have no common batch dimension, so they cannot be answered by row; send "inputs" instead of "instances"',
    });
  }
  writer.raw('{"predictions":[');
  const next = sources.map(() => 0);
  for (let row = 0; row < rows; row++) {
    if (row > 0) writer.raw(',');
    if (sources.length === 1) {
      next[0] = writeNested(writer, sources[0], 1, next[0]);
      continue;
    }
    for (const [index, source] of sources.entries()) {
      writer.raw(`${index === 0 ? '{' : ','}${aliases[index]}:`);
      next[index] = writeNested(writer, source, 1, next[index]);
    }
    writer.raw('}');
  }
  writer.raw(']');
}

function writeColumns(writer: JsonWriter, aliases: readonly string[], sources: readonly Source[]): void {
  writer.raw('{"outputs":');
  if (sources.length === 1) {
    writeNested(writer, sources[0], 0, 0);
    return;
  }
  writer.raw('{');
  for (const [index, source] of sources.entries()) {
    writer.raw(`${index === 0 ? '' : ','}${aliases[index]}:`);
    writeNested(writer, source, 0, 0);
  }
  writer.raw('}');
}

/** Writes the sub-tensor from dimension `level` on whose first element is `index`; gives the index after it. */
function writeNested(writer: JsonWriter, source: Source, level: number, index: number): number {
  const { shape, write } = source;
  if (level === shape.length) {
    write(writer, index);
    return index + 1;
  }
  let at = index;
  const size = shape[level];
  writer.byte(0x5b);
  if (level === shape.length - 1) {
    for (let i = 0; i < size; i++) {
      if (i > 0) writer.byte(0x2c);
      write(writer, at++);
    }
  } else {
    for (let i = 0; i < size; i++) {
      if (i > 0) writer.byte(0x2c);
      at = writeNested(writer, source, level + 1, at);
    }
  }
  writer.byte(0x5d);
  return at;
}

function stringElement(tensor: StringTensor, asBytes: boolean): WriteElement {
  return (writer, index) => {
    const bytes = Buffer.from(
      tensor.bytes.buffer,
      tensor.bytes.byteOffset + tensor.offsets[index],
      tensor.offsets[index + 1] - tensor.offsets[index],
    );
    if (asBytes) writer.base64(bytes);
    else writer.text(bytes);
  };
}

function numberElement(tensor: NumericTensor, options: EncodeOptions): WriteElement {
  const { dtype } = tensor;
  const data = aligned(tensor.bytes);
  const finite = (value: number): number => {
    if (!options.allowNonFinite && !Number.isFinite(value)) {
      throw new AirlockError('MODEL_OUTPUT_INVALID', {
        message: 'The model gave NaN or an infinite number, which JSON cannot express',
      });
    }
    return value;
  };
  const create = elementWriters[dtype];
  if (create === undefined)
    throw new AirlockError('TENSOR_DTYPE_UNSUPPORTED', { message: `An output of type ${dtype} cannot be written as JSON` });
  return create(data, finite);
}

/** `bytes`, or a copy where typed arrays can lie: a worker's frame may begin anywhere. */
function aligned(bytes: Uint8Array): Uint8Array {
  if (bytes.byteOffset % 8 === 0) return bytes;
  const copy = Buffer.allocUnsafe(bytes.byteLength);
  copy.set(bytes);
  return copy;
}

type CreateWriter = (data: Uint8Array, finite: (value: number) => number) => WriteElement;

function integers(values: ArrayLike<number>): WriteElement {
  return (writer, index) => writer.integer(values[index]);
}

function wide(values: ArrayLike<bigint>): WriteElement {
  return (writer, index) => {
    const value = values[index];
    if (value >= -9007199254740991n && value <= 9007199254740991n) writer.integer(Number(value));
    else writer.raw(value.toString());
  };
}

const elementWriters: Readonly<Partial<Record<DType, CreateWriter>>> = {
  DT_FLOAT: (data, finite) => {
    const values = arrayOver(Float32Array, data);
    return (writer, index) => writer.float32(finite(values[index]));
  },
  DT_DOUBLE: (data, finite) => {
    const values = arrayOver(Float64Array, data);
    return (writer, index) => writer.float64(finite(values[index]));
  },
  DT_HALF: (data, finite) => {
    const values = arrayOver(Uint16Array, data);
    return (writer, index) => {
      finite(halfValue(values[index]));
      writer.half(values[index]);
    };
  },
  DT_BFLOAT16: (data, finite) => {
    const values = arrayOver(Uint16Array, data);
    return (writer, index) => {
      finite(bfloat16Value(values[index]));
      writer.bfloat16(values[index]);
    };
  },
  DT_INT8: (data) => integers(arrayOver(Int8Array, data)),
  DT_UINT8: (data) => integers(arrayOver(Uint8Array, data)),
  DT_INT16: (data) => integers(arrayOver(Int16Array, data)),
  DT_UINT16: (data) => integers(arrayOver(Uint16Array, data)),
  DT_INT32: (data) => integers(arrayOver(Int32Array, data)),
  DT_UINT32: (data) => integers(arrayOver(Uint32Array, data)),
  DT_INT64: (data) => wide(arrayOver(BigInt64Array, data)),
  DT_UINT64: (data) => wide(arrayOver(BigUint64Array, data)),
  DT_BOOL: (data) => {
    const values = arrayOver(Uint8Array, data);
    return (writer, index) => writer.raw(values[index] === 0 ? 'false' : 'true');
  },
};
