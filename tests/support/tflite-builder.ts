// Makes the bytes of TFLite models for tests: a flatbuffer from plain objects, by the field names of src/scan/tflite/schema.ts. It checks
// nothing, so that a test can build what no converter would write. That the schema itself is right is shown by models of the real converter.
import { builtinOps, customOpCode } from '../../src/scan/tflite/op-names.ts';
import { type FieldType, tableSchema, unionMember } from '../../src/scan/tflite/schema.ts';
import { sizeInline } from '../../src/scan/tflite/table.ts';

export type FlatValue = number | bigint | string | boolean | readonly FlatValue[] | Uint8Array | FlatTable | undefined;
export interface FlatTable {
  readonly [field: string]: FlatValue;
}

/** Writes parents before children, so that every offset points forward, as offsets of flatbuffers must. */
class FlatWriter {
  #bytes = Buffer.alloc(4096);
  #end = 0;

  #reserve(size: number, alignment: number): number {
    this.#end += (alignment - (this.#end % alignment)) % alignment;
    const at = this.#end;
    this.#end += size;
    while (this.#end + 16 > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)]);
    return at;
  }

  #scalar(type: FieldType, at: number, value: FlatValue): void {
    const bytes = this.#bytes;
    if (type === 'f32') bytes.writeFloatLE(Number(value), at);
    else if (type === 'i64') bytes.writeBigInt64LE(BigInt(value as number), at);
    else if (type === 'u64') bytes.writeBigUInt64LE(BigInt(value as number), at);
    else if (type.startsWith('i')) bytes.writeIntLE(Number(value), at, sizeInline(type));
    else bytes.writeUIntLE(Number(value), at, sizeInline(type));
  }

  #vector(type: string, value: FlatValue): number {
    const items =
      typeof value === 'string' ? Buffer.from(value) : value instanceof Uint8Array ? value : (value as readonly FlatValue[]);
    const isText = type === 'string';
    const element = (isText ? 'u8' : type.slice(1, -1)) as FieldType;
    const width = sizeInline(element);
    const at = this.#reserve(4 + items.length * width + (isText ? 1 : 0), Math.max(4, width)) + (width === 8 ? 4 : 0);
    if (width === 8) this.#end += 4;
    this.#bytes.writeUInt32LE(items.length, at);
    for (const [index, item] of [...items].entries()) {
      const place = at + 4 + index * width;
      if (!element.startsWith('table:')) {
        this.#scalar(element, place, item);
        continue;
      }
      // The buffer may be another one afterwards.
      const target = this.table(element.slice(6), item as FlatTable);
      this.#bytes.writeUInt32LE(target - place, place);
    }
    return at;
  }

  table(schemaName: string, object: FlatTable): number {
    const schema = tableSchema(schemaName) ?? {};
    const fields = Object.entries(schema).filter(([name]) => object[name] !== undefined);
    const count = Math.max(-1, ...fields.map(([, field]) => field.id)) + 1;
    const vtable = this.#reserve(4 + count * 2, 4);
    const places = new Map<string, number>();
    let size = 4;
    for (const [name, field] of fields) {
      const width = sizeInline(field.type);
      size += (width - (size % width)) % width;
      places.set(name, size);
      size += width;
    }
    const at = this.#reserve(size, 8);
    this.#bytes.writeUInt16LE(4 + count * 2, vtable);
    this.#bytes.writeUInt16LE(size, vtable + 2);
    this.#bytes.writeInt32LE(at - vtable, at);
    for (const [name, field] of fields) {
      const offset = places.get(name) ?? 0;
      this.#bytes.writeUInt16LE(offset, vtable + 4 + field.id * 2);
      const value = object[name];
      let target: number | undefined;
      if (field.type.startsWith('table:')) target = this.table(field.type.slice(6), value as FlatTable);
      else if (field.type.startsWith('union:')) {
        target = this.table(unionMember(field.type.slice(6), Number(object[`${name}Type`])) ?? '', value as FlatTable);
      } else if (field.type === 'string' || field.type.startsWith('[')) target = this.#vector(field.type, value);
      if (target === undefined) this.#scalar(field.type, at + offset, value);
      else this.#bytes.writeUInt32LE(target - (at + offset), at + offset);
    }
    return at;
  }

  finish(root: FlatTable, identifier: string): Buffer {
    this.#reserve(8, 4);
    this.#bytes.write(identifier, 4, 'latin1');
    const target = this.table('Model', root);
    this.#bytes.writeUInt32LE(target, 0);
    return Buffer.from(this.#bytes.subarray(0, this.#end));
  }
}

/** A `Model` table as it is. */
export function flatModel(root: FlatTable, identifier = 'TFL3'): Buffer {
  return new FlatWriter().finish(root, identifier);
}

const typeNumbers: Readonly<Record<string, number>> = {
  FLOAT32: 0,
  INT32: 2,
  UINT8: 3,
  INT64: 4,
  STRING: 5,
  BOOL: 6,
  INT8: 9,
  RESOURCE: 13,
};

export interface TensorInput {
  readonly name?: string;
  readonly shape?: readonly number[];
  /** Default FLOAT32. */
  readonly type?: string;
  /** Makes it a constant. */
  readonly data?: Uint8Array;
  readonly isVariable?: boolean;
  /** Other fields of the table. */
  readonly fields?: FlatTable;
}

export interface OperatorInput {
  /** Built-in operation, or a custom code. */
  readonly op: string;
  readonly inputs?: readonly number[];
  readonly outputs?: readonly number[];
  /** Name of the options' table and its fields. */
  readonly options?: readonly [string, FlatTable];
  readonly options2?: readonly [string, FlatTable];
  readonly custom?: Uint8Array;
  readonly fields?: FlatTable;
}

export interface SubgraphInput {
  readonly name?: string;
  readonly tensors: readonly TensorInput[];
  readonly inputs?: readonly number[];
  readonly outputs?: readonly number[];
  readonly operators: readonly OperatorInput[];
}

export interface SignatureInput {
  readonly key: string;
  readonly subgraph?: number;
  readonly inputs?: Readonly<Record<string, number>>;
  readonly outputs?: Readonly<Record<string, number>>;
}

function unionNumber(union: string, member: string): number {
  for (let number = 1; number < 256; number++) if (unionMember(union, number) === member) return number;
  throw new Error(`${member} is in no union`);
}

function tensorMap(entries: Readonly<Record<string, number>> = {}): FlatTable[] {
  return Object.entries(entries).map(([name, tensorIndex]) => ({ name, tensorIndex }));
}

export interface ModelInput {
  readonly subgraphs: readonly SubgraphInput[];
  readonly signatures?: readonly SignatureInput[];
  readonly metadata?: Readonly<Record<string, Uint8Array>>;
  /** Buffers that nothing uses. */
  readonly extraBuffers?: readonly FlatTable[];
  /** Fields of the model that replace what is made here. */
  readonly fields?: FlatTable;
}

/** A whole model; buffers and operator codes are made as a converter makes them. */
export function tfliteModel({ subgraphs, signatures = [], metadata = {}, extraBuffers = [], fields = {} }: ModelInput): Buffer {
  const buffers: FlatTable[] = [{}];
  const codes: string[] = [];
  const codeOf = (op: string): number => (codes.includes(op) ? codes.indexOf(op) : codes.push(op) - 1);
  const graphs = subgraphs.map(
    (subgraph): FlatTable => ({
      name: subgraph.name ?? 'main',
      inputs: subgraph.inputs ?? [],
      outputs: subgraph.outputs ?? [],
      tensors: subgraph.tensors.map(({ name, shape, type = 'FLOAT32', data, isVariable, fields: more }, index) => ({
        name: name ?? `t${index}`,
        shape: shape ?? [],
        type: typeNumbers[type],
        hasRank: true,
        isVariable,
        buffer: data === undefined ? 0 : buffers.push({ data }) - 1,
        ...more,
      })),
      operators: subgraph.operators.map(({ op, inputs, outputs, options, options2, custom, fields: more }) => ({
        opcodeIndex: codeOf(op),
        inputs: inputs ?? [],
        outputs: outputs ?? [],
        ...(options === undefined
          ? {}
          : { builtinOptionsType: unionNumber('BuiltinOptions', options[0]), builtinOptions: options[1] }),
        ...(options2 === undefined
          ? {}
          : { builtinOptions2Type: unionNumber('BuiltinOptions2', options2[0]), builtinOptions2: options2[1] }),
        customOptions: custom,
        ...more,
      })),
    }),
  );
  const metadataTables = Object.entries(metadata).map(([name, data]) => ({ name, buffer: buffers.push({ data }) - 1 }));
  return flatModel({
    version: 3,
    operatorCodes: codes.map((op): FlatTable => {
      const number = builtinOps.indexOf(op);
      if (number < 0) return { deprecatedBuiltinCode: customOpCode, builtinCode: customOpCode, customCode: op, version: 1 };
      return { deprecatedBuiltinCode: Math.min(number, 127), builtinCode: number, version: 1 };
    }),
    subgraphs: graphs,
    description: 'made by a test',
    metadata: metadataTables,
    buffers: [...buffers, ...extraBuffers],
    signatureDefs: signatures.map(({ key, subgraph = 0, inputs, outputs }) => ({
      signatureKey: key,
      subgraphIndex: subgraph,
      inputs: tensorMap(inputs),
      outputs: tensorMap(outputs),
    })),
    ...fields,
  });
}

export function int32s(...numbers: readonly number[]): Buffer {
  return Buffer.from(Int32Array.from(numbers).buffer);
}

export function floats(...numbers: readonly number[]): Buffer {
  return Buffer.from(Float32Array.from(numbers).buffer);
}

/** The content of a string tensor. */
export function stringData(...texts: readonly string[]): Buffer {
  const parts = texts.map((text) => Buffer.from(text));
  let at = 4 + (parts.length + 1) * 4;
  const offsets = [at, ...parts.map((part) => (at += part.length))];
  return Buffer.concat([int32s(parts.length, ...offsets), ...parts]);
}

/** The flexbuffer that a Flex operation has: a vector of the operation's name and an encoded NodeDef. */
export function flexOptions(opName: string, nodeDef: Uint8Array): Buffer {
  const name = Buffer.from(opName);
  const width = 4;
  const nameAt = width;
  const nodeAt = nameAt + name.length + 1 + width;
  const vectorAt = nodeAt + nodeDef.length + 1 + width;
  const bytes = Buffer.alloc(vectorAt + 2 * width + 2 + width + 2);
  bytes.writeUInt32LE(name.length, nameAt - width);
  name.copy(bytes, nameAt);
  bytes.writeUInt32LE(nodeDef.length, nodeAt - width);
  bytes.set(nodeDef, nodeAt);
  bytes.writeUInt32LE(2, vectorAt - width);
  bytes.writeUInt32LE(vectorAt - nameAt, vectorAt);
  bytes.writeUInt32LE(vectorAt + width - nodeAt, vectorAt + width);
  const stringType = (5 << 2) | 2;
  const types = vectorAt + 2 * width;
  bytes[types] = stringType;
  bytes[types + 1] = stringType;
  const rootAt = types + 2;
  bytes.writeUInt32LE(rootAt - vectorAt, rootAt);
  bytes[rootAt + width] = (10 << 2) | 2;
  bytes[rootAt + width + 1] = width;
  return bytes;
}
