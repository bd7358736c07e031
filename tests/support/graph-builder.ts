// Makes the bytes of graphs, functions, MetaGraphs and SavedModels for tests of src/scan, from what a test wants to say about them. It writes
// the wire format itself, so that a test can also build what TensorFlow's own libraries refuse to write; it checks nothing.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { DataType } from '../../src/model/index.ts';

/** Name (`DT_STRING`) or number. */
export type TypeInput = number | string;
export type Text = string | Uint8Array;
/** An encoded AttrValue: made by the attr… functions. */
export type AttrInput = Uint8Array;
export type AttrsInput = Readonly<Record<string, AttrInput>>;

export interface NodeInput {
  readonly name: Text;
  readonly op: string;
  /** As TensorFlow writes them: `a`, `a:1`, `^a`; in functions `a:out:0`. */
  readonly inputs?: readonly Text[];
  readonly attrs?: AttrsInput;
  readonly device?: string;
}

export interface ArgInput {
  readonly name: string;
  readonly type?: TypeInput;
  readonly typeAttr?: string;
  readonly numberAttr?: string;
  readonly typeListAttr?: string;
  /** Of `arg_attr`. */
  readonly attrs?: AttrsInput;
}

export interface FunctionInput {
  readonly name: string;
  /** `x` is a float tensor. */
  readonly args?: readonly (string | ArgInput)[];
  readonly outputs?: readonly (string | ArgInput)[];
  readonly nodes?: readonly NodeInput[];
  /** Output name to tensor: `{ out: 'node:y:0' }`. */
  readonly ret?: Readonly<Record<string, string>>;
  /** Control output name to node, or just nodes. */
  readonly controlRet?: Readonly<Record<string, string>> | readonly string[];
  readonly attrs?: AttrsInput;
}

export interface LibraryInput {
  readonly functions?: readonly FunctionInput[];
  /** Function to its gradient function. */
  readonly gradients?: Readonly<Record<string, string>>;
}

export interface TensorInput {
  readonly name: string;
  readonly dtype?: TypeInput;
  /** Left out: unknown rank. */
  readonly shape?: readonly number[];
}

export interface SignatureInput {
  readonly inputs?: Readonly<Record<string, string | TensorInput>>;
  readonly outputs?: Readonly<Record<string, string | TensorInput>>;
  readonly methodName?: string;
}

export interface ObjectInput {
  readonly kind?:
    | 'user_object'
    | 'asset'
    | 'function'
    | 'variable'
    | 'bare_concrete_function'
    | 'constant'
    | 'resource'
    | 'captured_tensor';
  readonly children?: Readonly<Record<string, number>>;
  readonly identifier?: string;
  readonly metadata?: string;
  readonly registeredName?: string;
  readonly assetIndex?: number;
  readonly concreteFunctions?: readonly string[];
  readonly saveables?: Readonly<Record<string, readonly [save: number, restore: number]>>;
}

export interface MetaGraphInput extends LibraryInput {
  readonly nodes?: readonly NodeInput[];
  /** An encoded GraphDef instead of nodes, functions and gradients. */
  readonly graph?: Uint8Array;
  /** Default `['serve']`. */
  readonly tags?: readonly string[];
  readonly tensorflowVersion?: string;
  readonly signatures?: Readonly<Record<string, SignatureInput>>;
  readonly saver?: { readonly filenameTensor?: string; readonly saveTensor?: string; readonly restoreOp?: string };
  /** Node names (a list of strings) or byte strings. */
  readonly collections?: Readonly<Record<string, readonly string[] | { readonly bytes: readonly Text[] }>>;
  readonly assets?: readonly { readonly filename: string; readonly tensorName: string }[];
  readonly objects?: readonly ObjectInput[];
  /** Appended as it is. */
  readonly extra?: Uint8Array;
}

const encoder = new TextEncoder();
const bytesOf = (text: Text): Uint8Array => (typeof text === 'string' ? encoder.encode(text) : text);

/** A field of a message that the test builds by hand. */
export function field(number: number, content: Text): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(bytesOf(content)).finish();
}

export function varintField(number: number, value: number | bigint | boolean): Uint8Array {
  return new BinaryWriter().tag(number, WireType.Varint).int64(BigInt(value)).finish();
}

export const message = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);
/** One part for each value. No spread: half a million nodes would be as many arguments. */
const each = <Value>(values: Iterable<Value>, encode: (value: Value) => Uint8Array): Buffer =>
  Buffer.concat(Array.from(values, encode));
const entry = (number: number, key: Text, value: Uint8Array): Uint8Array =>
  field(number, message(field(1, key), field(2, value)));

export function typeNumber(type: TypeInput): number {
  if (typeof type === 'number') return type;
  const known: Readonly<Record<string, unknown>> = DataType;
  const number = known[type];
  if (typeof number !== 'number') throw new Error(`no such type: ${type}`);
  return number;
}

/** An encoded TensorShapeProto; undefined is an unknown rank. */
export function shapeProto(dims: readonly (number | bigint)[] | undefined): Uint8Array {
  if (dims === undefined) return varintField(3, 1);
  return message(...dims.map((size) => field(2, varintField(1, size))));
}

export const attrString = (value: Text): AttrInput => field(2, value);
export const attrInt = (value: number | bigint): AttrInput => varintField(3, value);
export const attrFloat = (value: number): AttrInput => new BinaryWriter().tag(4, WireType.Bit32).float(value).finish();
export const attrBool = (value: boolean): AttrInput => varintField(5, value);
export const attrType = (type: TypeInput): AttrInput => varintField(6, typeNumber(type));
export const attrShape = (dims: readonly (number | bigint)[] | undefined): AttrInput => field(7, shapeProto(dims));
/** `tensor` is an encoded TensorProto. */
export const attrTensor = (tensor: Uint8Array): AttrInput => field(8, tensor);

function nameAttrList(name: string, attrs: AttrsInput): Uint8Array {
  return message(field(1, name), ...Object.entries(attrs).map(([key, value]) => entry(2, key, value)));
}

export const attrFunc = (name: string, attrs: AttrsInput = {}): AttrInput => field(10, nameAttrList(name, attrs));
export const attrFuncs = (names: readonly string[]): AttrInput =>
  field(
    1,
    each(names, (name) => field(9, nameAttrList(name, {}))),
  );
export const attrStrings = (values: readonly Text[]): AttrInput =>
  field(
    1,
    each(values, (value) => field(2, value)),
  );
export const attrInts = (values: readonly (number | bigint)[]): AttrInput =>
  field(
    1,
    each(values, (value) => varintField(3, value)),
  );
export const attrTypes = (types: readonly TypeInput[]): AttrInput =>
  field(
    1,
    each(types, (type) => varintField(6, typeNumber(type))),
  );
export const attrShapes = (shapes: readonly (readonly number[] | undefined)[]): AttrInput =>
  field(
    1,
    each(shapes, (dims) => field(7, shapeProto(dims))),
  );

/** An encoded TensorProto; `content` are its further fields, in their encoding. */
export function tensorProto(
  dtype: TypeInput,
  shape: readonly (number | bigint)[] | undefined,
  ...content: Uint8Array[]
): Uint8Array {
  return message(varintField(1, typeNumber(dtype)), field(2, shapeProto(shape)), ...content);
}

/** A Const node with any TensorProto. */
export function constTensor(name: string, dtype: TypeInput, tensor: Uint8Array): NodeInput {
  return { name, op: 'Const', attrs: { dtype: attrType(dtype), value: attrTensor(tensor) } };
}

const isList = (values: Text | readonly Text[]): values is readonly Text[] => Array.isArray(values);

/** A string makes a scalar, a list a vector, unless `shape` says otherwise. */
export function constString(name: string, values: Text | readonly Text[], shape?: readonly number[]): NodeInput {
  const list = isList(values) ? values : [values];
  const dims = shape ?? (isList(values) ? [list.length] : []);
  return constTensor(
    name,
    'DT_STRING',
    tensorProto(
      'DT_STRING',
      dims,
      each(list, (value) => field(8, value)),
    ),
  );
}

export interface ConstOptions {
  readonly dtype?: TypeInput;
  readonly shape?: readonly (number | bigint)[];
}

/** Whole numbers (default int32) or, with `dtype`, int64 and bool. One number and no shape: a scalar. */
export function constInts(name: string, values: number | readonly (number | bigint)[], options: ConstOptions = {}): NodeInput {
  const list = typeof values === 'number' ? [values] : values;
  const dtype = typeNumber(options.dtype ?? 'DT_INT32');
  const dims = options.shape ?? (typeof values === 'number' ? [] : [list.length]);
  const number = dtype === DataType.DT_INT64 ? 10 : dtype === DataType.DT_BOOL ? 11 : 7;
  return constTensor(
    name,
    dtype,
    tensorProto(
      dtype,
      dims,
      each(list, (value) => varintField(number, value)),
    ),
  );
}

/** Float32. */
export function constFloats(name: string, values: number | readonly number[], shape?: readonly number[]): NodeInput {
  const list = typeof values === 'number' ? [values] : values;
  const dims = shape ?? (typeof values === 'number' ? [] : [list.length]);
  const content = each(list, (value) => new BinaryWriter().tag(5, WireType.Bit32).float(value).finish());
  return constTensor(name, 'DT_FLOAT', tensorProto('DT_FLOAT', dims, content));
}

export function placeholder(name: string, dtype: TypeInput = 'DT_FLOAT', shape?: readonly number[]): NodeInput {
  return { name, op: 'Placeholder', attrs: { dtype: attrType(dtype), shape: attrShape(shape) } };
}

/** An encoded NodeDef. */
export function nodeDef({ name, op, inputs = [], attrs = {}, device = '' }: NodeInput): Uint8Array {
  return message(
    field(1, name),
    field(2, op),
    each(inputs, (input) => field(3, input)),
    ...(device === '' ? [] : [field(4, device)]),
    each(Object.entries(attrs), ([key, value]) => entry(5, key, value)),
  );
}

const argOf = (arg: string | ArgInput): ArgInput => (typeof arg === 'string' ? { name: arg, type: 'DT_FLOAT' } : arg);

function argDef({ name, type, typeAttr, numberAttr, typeListAttr }: ArgInput): Uint8Array {
  const parts = [field(1, name)];
  if (type !== undefined) parts.push(varintField(3, typeNumber(type)));
  if (typeAttr !== undefined) parts.push(field(4, typeAttr));
  if (numberAttr !== undefined) parts.push(field(5, numberAttr));
  if (typeListAttr !== undefined) parts.push(field(6, typeListAttr));
  return message(...parts);
}

/** An encoded FunctionDef. */
export function functionDef(input: FunctionInput): Uint8Array {
  const { name, args = [], outputs, nodes = [], ret = {}, controlRet = {}, attrs = {} } = input;
  const controls = Array.isArray(controlRet)
    ? controlRet.map((node: string) => [node, node] as const)
    : Object.entries(controlRet);
  const signature = message(
    field(1, name),
    ...args.map((arg) => field(2, argDef(argOf(arg)))),
    ...(outputs ?? Object.keys(ret)).map((output) => field(3, argDef(argOf(output)))),
    ...controls.map(([key]) => field(20, key)),
  );
  const argAttrs = args.flatMap((arg, index) => {
    const values = Object.entries(argOf(arg).attrs ?? {}).map(([key, value]) => entry(1, key, value));
    return values.length === 0 ? [] : [field(7, message(varintField(1, index), field(2, message(...values))))];
  });
  return message(
    field(1, signature),
    each(nodes, (node) => field(3, nodeDef(node))),
    ...Object.entries(ret).map(([key, value]) => entry(4, key, bytesOf(value))),
    each(Object.entries(attrs), ([key, value]) => entry(5, key, value)),
    ...controls.map(([key, value]) => entry(6, key, bytesOf(value))),
    ...argAttrs,
  );
}

/** An encoded GraphDef. */
export function graphDef(nodes: readonly NodeInput[], { functions = [], gradients = {} }: LibraryInput = {}): Buffer {
  const library = message(
    each(functions, (one) => field(1, functionDef(one))),
    each(Object.entries(gradients), ([name, gradient]) => field(2, message(field(1, name), field(2, gradient)))),
  );
  return message(
    each(nodes, (node) => field(1, nodeDef(node))),
    library.length === 0 ? library : field(2, library),
  );
}

function tensorInfo(input: string | TensorInput): Uint8Array {
  const { name, dtype = 'DT_FLOAT', shape } = typeof input === 'string' ? { name: input } : input;
  return message(field(1, name), varintField(2, typeNumber(dtype)), field(3, shapeProto(shape)));
}

function signatureDef({ inputs = {}, outputs = {}, methodName = 'tensorflow/serving/predict' }: SignatureInput): Uint8Array {
  return message(
    ...Object.entries(inputs).map(([key, value]) => entry(1, key, tensorInfo(value))),
    ...Object.entries(outputs).map(([key, value]) => entry(2, key, tensorInfo(value))),
    field(3, methodName),
  );
}

function objectKind(input: ObjectInput): readonly Uint8Array[] {
  const { concreteFunctions = [] } = input;
  switch (input.kind) {
    case undefined:
      return [];
    case 'user_object':
      return [field(4, message(field(1, input.identifier ?? '_generic_user_object'), field(3, input.metadata ?? '')))];
    case 'asset':
      return [field(5, varintField(1, input.assetIndex ?? 0))];
    case 'function':
      return [field(6, message(...concreteFunctions.map((name) => field(1, name))))];
    case 'variable':
      return [field(7, varintField(1, 1))];
    case 'bare_concrete_function':
      return [field(8, message(...concreteFunctions.map((name) => field(1, name))))];
    case 'constant':
      return [field(9, '')];
    case 'resource':
      return [field(10, '')];
    case 'captured_tensor':
      return [field(12, '')];
    default:
      throw new Error('no such kind of object');
  }
}

function savedObject(input: ObjectInput): Uint8Array {
  return message(
    ...Object.entries(input.children ?? {}).map(([name, id]) => field(1, message(varintField(1, id), field(2, name)))),
    ...objectKind(input),
    ...Object.entries(input.saveables ?? {}).map(([key, [save, restore]]) =>
      entry(11, key, message(varintField(2, save), varintField(3, restore))),
    ),
    ...(input.registeredName === undefined ? [] : [field(13, input.registeredName)]),
  );
}

/** An encoded SavedObjectGraph. */
export function objectGraph(objects: readonly ObjectInput[]): Uint8Array {
  const functions = new Set(objects.flatMap(({ concreteFunctions = [] }) => concreteFunctions));
  return message(
    each(objects, (object) => field(1, savedObject(object))),
    ...[...functions].map((name) => entry(2, name, new Uint8Array())),
  );
}

function collection(values: readonly string[] | { readonly bytes: readonly Text[] }): Uint8Array {
  if ('bytes' in values)
    return field(
      2,
      each(values.bytes, (value) => field(1, value)),
    );
  return field(
    1,
    each(values, (value) => field(1, value)),
  );
}

/** An encoded MetaGraphDef. */
export function metaGraph(input: MetaGraphInput): Buffer {
  const { tags = ['serve'], tensorflowVersion = '2.21.0', saver, nodes = [] } = input;
  const parts: Uint8Array[] = [
    field(1, message(...tags.map((tag) => field(4, tag)), field(5, tensorflowVersion))),
    field(2, input.graph ?? graphDef(nodes, input)),
  ];
  if (saver !== undefined) {
    const { filenameTensor = '', saveTensor = '', restoreOp = '' } = saver;
    parts.push(field(3, message(field(1, filenameTensor), field(2, saveTensor), field(3, restoreOp))));
  }
  for (const [key, values] of Object.entries(input.collections ?? {})) parts.push(entry(4, key, collection(values)));
  for (const [key, value] of Object.entries(input.signatures ?? {})) parts.push(entry(5, key, signatureDef(value)));
  for (const { filename, tensorName } of input.assets ?? []) {
    parts.push(field(6, message(field(1, field(1, tensorName)), field(2, filename))));
  }
  if (input.objects !== undefined) parts.push(field(7, objectGraph(input.objects)));
  if (input.extra !== undefined) parts.push(input.extra);
  return message(...parts);
}

/** The bytes of a saved_model.pb. */
export function savedModel({ metaGraphs }: { readonly metaGraphs: readonly MetaGraphInput[] }): Buffer {
  return message(varintField(1, 1), ...metaGraphs.map((one) => field(2, metaGraph(one))));
}
