// A TFLite model as objects, read after verification: subgraphs, tensors, operators, buffers. Contents stay in the file; ranges say where.
// Numbers are as the file has them: nothing here is checked for sense, the judges do that.
import { AirlockError } from '../../core/index.ts';
import { builtinOps, customOpCode, type TensorType, tensorType } from './op-names.ts';
import type { PagedBytes } from './paged-bytes.ts';
import { type ByteRange, Table } from './table.ts';

export interface OpCode {
  readonly index: number;
  /** `CONV_2D`, `CUSTOM`; undefined for a number that TensorFlow 2.21 does not know. */
  readonly builtin: string | undefined;
  readonly builtinNumber: number;
  /** What readers from before 2020 take for the number. */
  readonly deprecatedNumber: number;
  readonly customCode: string | undefined;
  readonly version: number;
}

export interface Quantization {
  readonly scale: readonly number[];
  readonly zeroPoint: readonly number[];
  readonly min: readonly number[];
  readonly max: readonly number[];
  readonly dimension: number;
  readonly table: Table;
}

export interface TfliteTensor {
  readonly index: number;
  readonly name: string;
  readonly shape: readonly number[];
  readonly typeNumber: number;
  readonly type: TensorType | undefined;
  readonly buffer: number;
  readonly isVariable: boolean;
  /** -1 for sizes that are known when it runs; undefined when all are. */
  readonly shapeSignature: readonly number[] | undefined;
  readonly hasRank: boolean;
  readonly quantization: Quantization | undefined;
  readonly sparsity: Table | undefined;
  readonly externalBuffer: number;
}

export interface TfliteOperator {
  readonly index: number;
  readonly code: OpCode | undefined;
  readonly codeIndex: number;
  /** `CONV_2D`; the custom code of a custom operation; `?` when there is none. */
  readonly name: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly intermediates: readonly number[];
  readonly optionsType: number;
  readonly options: Table | undefined;
  readonly options2: Table | undefined;
  readonly customOptions: ByteRange | undefined;
}

export interface Subgraph {
  readonly index: number;
  readonly name: string;
  readonly tensors: readonly TfliteTensor[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly operators: readonly TfliteOperator[];
}

export interface TfliteBuffer {
  readonly index: number;
  /** Undefined when it holds nothing. It may lie outside of the file when `isOutside`. */
  readonly range: ByteRange | undefined;
  /** Lies after the flatbuffer, found by an offset of its own. */
  readonly isOutside: boolean;
}

export interface TensorMapEntry {
  readonly name: string;
  readonly tensor: number;
}

export interface TfliteSignature {
  readonly key: string;
  readonly subgraph: number;
  readonly inputs: readonly TensorMapEntry[];
  readonly outputs: readonly TensorMapEntry[];
}

export interface TfliteModel {
  readonly bytes: PagedBytes;
  readonly version: number;
  readonly description: string;
  readonly opCodes: readonly OpCode[];
  readonly subgraphs: readonly Subgraph[];
  readonly buffers: readonly TfliteBuffer[];
  readonly metadata: readonly { readonly name: string; readonly buffer: number }[];
  readonly metadataBuffers: readonly number[];
  readonly signatures: readonly TfliteSignature[];
  readonly externalGroups: readonly string[];
  readonly externalBuffers: readonly { readonly group: number; readonly offset: number; readonly length: number }[];
}

function readOpCode(table: Table, index: number): OpCode {
  const deprecatedNumber = table.number('deprecatedBuiltinCode');
  // As TensorFlow does since schema v3a: the larger of the two counts.
  const builtinNumber = Math.max(deprecatedNumber, table.number('builtinCode'));
  return {
    index,
    builtin: builtinOps[builtinNumber],
    builtinNumber,
    deprecatedNumber,
    customCode: table.string('customCode'),
    version: table.number('version', 1),
  };
}

function readQuantization(table: Table): Quantization {
  return {
    scale: table.numbers('scale') ?? [],
    zeroPoint: table.numbers('zeroPoint') ?? [],
    min: table.numbers('min') ?? [],
    max: table.numbers('max') ?? [],
    dimension: table.number('quantizedDimension'),
    table,
  };
}

function readTensor(table: Table, index: number): TfliteTensor {
  const typeNumber = table.number('type');
  const quantization = table.table('quantization');
  const shape = table.numbers('shape') ?? [];
  return {
    index,
    name: table.string('name') ?? '',
    shape,
    typeNumber,
    type: tensorType(typeNumber),
    buffer: table.number('buffer'),
    isVariable: table.number('isVariable') !== 0,
    shapeSignature: table.numbers('shapeSignature'),
    // Old converters wrote an empty shape for a scalar and for an unknown rank alike.
    hasRank: table.number('hasRank') !== 0 || shape.length > 0,
    quantization: quantization === undefined ? undefined : readQuantization(quantization),
    sparsity: table.table('sparsity'),
    externalBuffer: table.number('externalBuffer'),
  };
}

function readOperator(table: Table, index: number, opCodes: readonly OpCode[]): TfliteOperator {
  const codeIndex = table.number('opcodeIndex');
  const code = opCodes[codeIndex];
  const largeOffset = table.number('largeCustomOptionsOffset');
  return {
    index,
    code,
    codeIndex,
    name: code === undefined ? '?' : code.builtinNumber === customOpCode ? (code.customCode ?? '') : (code.builtin ?? '?'),
    inputs: table.numbers('inputs') ?? [],
    outputs: table.numbers('outputs') ?? [],
    intermediates: table.numbers('intermediates') ?? [],
    optionsType: table.number('builtinOptionsType'),
    options: table.union('builtinOptions'),
    options2: table.union('builtinOptions2'),
    customOptions:
      largeOffset > 1 ? { offset: largeOffset, sizeBytes: table.number('largeCustomOptionsSize') } : table.range('customOptions'),
  };
}

/** Of all subgraphs. The largest language models have some ten thousand; tables may be shared, so that a small file can claim a million. */
const maxOperators = 300_000;

function readSubgraph(table: Table, index: number, opCodes: readonly OpCode[], left: { operators: number }): Subgraph {
  const operators = table.tables('operators');
  left.operators -= operators.length;
  if (left.operators < 0) throw new AirlockError('MODEL_INVALID', { message: `it has more than ${maxOperators} operators` });
  return {
    index,
    name: table.string('name') ?? '',
    tensors: table.tables('tensors').map(readTensor),
    inputs: table.numbers('inputs') ?? [],
    outputs: table.numbers('outputs') ?? [],
    operators: operators.map((operator, at) => readOperator(operator, at, opCodes)),
  };
}

function readBuffer(table: Table, index: number): TfliteBuffer {
  const offset = table.number('offset');
  // 0 is "not used" and 1 a placeholder of the writer.
  if (offset > 1) return { index, range: { offset, sizeBytes: table.number('size') }, isOutside: true };
  const range = table.range('data');
  return { index, range: range === undefined || range.sizeBytes === 0 ? undefined : range, isOutside: false };
}

function readTensorMap(table: Table): TensorMapEntry {
  return { name: table.string('name') ?? '', tensor: table.number('tensorIndex') };
}

/** Reads what `verifyFlatbuffer` has been over. @throws MODEL_INVALID for more than 300,000 operators. */
export function readTfliteModel(bytes: PagedBytes, rootOffset: number): TfliteModel {
  const root = new Table(bytes, 'Model', rootOffset);
  const opCodes = root.tables('operatorCodes').map(readOpCode);
  const left = { operators: maxOperators };
  return {
    bytes,
    version: root.number('version'),
    description: root.string('description') ?? '',
    opCodes,
    subgraphs: root.tables('subgraphs').map((subgraph, index) => readSubgraph(subgraph, index, opCodes, left)),
    buffers: root.tables('buffers').map(readBuffer),
    metadata: root.tables('metadata').map((entry) => ({ name: entry.string('name') ?? '', buffer: entry.number('buffer') })),
    metadataBuffers: root.numbers('metadataBuffer') ?? [],
    signatures: root.tables('signatureDefs').map((entry) => ({
      key: entry.string('signatureKey') ?? '',
      subgraph: entry.number('subgraphIndex'),
      inputs: entry.tables('inputs').map(readTensorMap),
      outputs: entry.tables('outputs').map(readTensorMap),
    })),
    externalGroups: root.tables('externalBufferGroups').map((group) => group.string('name') ?? ''),
    externalBuffers: root.tables('externalBuffers').map((entry) => ({
      group: entry.number('group'),
      offset: entry.number('offset'),
      length: entry.number('length'),
    })),
  };
}

/** Where the content of a constant tensor lies; undefined when it has none, or none within the file. */
export function contentOf(model: TfliteModel, tensor: TfliteTensor): ByteRange | undefined {
  const range = model.buffers[tensor.buffer]?.range;
  return tensor.buffer === 0 || range === undefined || !model.bytes.has(range.offset, range.sizeBytes) ? undefined : range;
}

/** Undefined when a size is negative or an element has no fixed size; may be far beyond what fits anywhere. */
export function bytesOf(tensor: TfliteTensor, shape: readonly number[] = tensor.shape): number | undefined {
  if (tensor.type?.bits === undefined || shape.some((size) => size < 0)) return undefined;
  if (shape.includes(0)) return 0;
  return Math.ceil((shape.reduce((product, size) => product * size, 1) * tensor.type.bits) / 8);
}
