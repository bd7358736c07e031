// TensorFlow 1's first checkpoint format: one sorted table, its first value a list of all tensors (saved_tensor_slice.proto), the
// others the parts of them as TensorProtos. RestoreV2 still reads it. Judged is whether the parts agree with the list and have
// the values that they claim.
import { AirlockError, isAirlockError } from '../../core/index.ts';
import { readSortedTable } from '../../model/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { maxRank, readShape, readSlice, type SliceExtents } from './bundle-entry.ts';
import { dataTypeFacts, dataTypeName } from './data-types.ts';
import { elementCount, shapeText } from './entry-checks.ts';
import { Speaker } from './say.ts';
import { wireFields } from './wire.ts';

const maxTensors = 100_000;
/** Fields of TensorProto that hold values, and the bytes of one where they are packed and of a fixed size. */
const valueFields: ReadonlyMap<number, { readonly itemBytes: number | undefined; readonly dtypes: readonly number[] }> = new Map([
  [5, { itemBytes: 4, dtypes: [1] }],
  [6, { itemBytes: 8, dtypes: [2] }],
  [7, { itemBytes: undefined, dtypes: [3, 4, 5, 6, 11, 12, 13, 15, 16, 17] }],
  [8, { itemBytes: undefined, dtypes: [7] }],
  [9, { itemBytes: 4, dtypes: [8] }],
  [10, { itemBytes: undefined, dtypes: [9] }],
  [11, { itemBytes: undefined, dtypes: [10] }],
  [12, { itemBytes: 8, dtypes: [18] }],
  [13, { itemBytes: undefined, dtypes: [14, 19] }],
]);

interface SavedTensor {
  readonly name: string;
  readonly dtype: number;
  readonly shape: readonly bigint[] | undefined;
  readonly slices: readonly SliceExtents[];
}

function readTensor(bytes: Buffer, file: string): SavedTensor {
  let name = '';
  let dtype = 0;
  let shape: bigint[] | undefined = [];
  const slices: SliceExtents[] = [];
  for (const field of wireFields(bytes, file)) {
    if (field.number === 1) name = field.bytes.toString('utf8');
    else if (field.number === 2) shape = readShape(field.bytes, file);
    else if (field.number === 3) dtype = Number(BigInt.asIntN(32, field.value));
    else if (field.number === 4) slices.push(readSlice(field.bytes, file));
  }
  return { name, dtype, shape, slices };
}

/** Elements of a part; undefined when it lies outside of the tensor. */
function sliceElements(slice: SliceExtents, shape: readonly bigint[]): bigint | undefined {
  if (slice.length !== shape.length) return undefined;
  let count = 1n;
  for (const [index, { start, length }] of slice.entries()) {
    const size = length ?? shape[index];
    if (start < 0n || size < 0n || (length === undefined && start !== 0n) || start + size > shape[index]) return undefined;
    count *= size;
  }
  return count;
}

function judgeListed(tensor: SavedTensor, speaker: Speaker): boolean {
  const { name, dtype, shape, slices } = tensor;
  const say = (what: string) =>
    speaker.say({ ruleId: 'malformed/checkpoint-entry', path: name, message: `Variable "${name}" of the checkpoint ${what}` });
  if (dataTypeFacts(dtype) === undefined) say(`has data type ${dtype}, which TensorFlow does not have`);
  else if (shape === undefined || shape.length > maxRank || elementCount(shape) === undefined) {
    say(`has shape ${shapeText(shape)}, which no tensor can have: TensorFlow before 2.7 aborts on it (CVE-2021-41203)`);
  } else if (slices.some((slice) => sliceElements(slice, shape) === undefined)) {
    say(`has a part outside of its shape ${shapeText(shape)}: TensorFlow before 2.7 aborts on it (CVE-2021-41203)`);
  } else return true;
  return false;
}

/** The numbers of values that a TensorProto holds; undefined for those that are not counted here. */
function countValues(bytes: Buffer, tensor: SavedTensor, file: string): bigint | undefined {
  let count = 0n;
  for (const field of wireFields(bytes, file)) {
    const facts = valueFields.get(field.number);
    if (facts === undefined || !facts.dtypes.includes(tensor.dtype)) continue;
    if (field.type !== 2 || field.number === 8) count++;
    else if (facts.itemBytes !== undefined) count += BigInt(Math.floor(field.bytes.length / facts.itemBytes));
    else for (const byte of field.bytes) if (byte < 0x80) count++;
  }
  // Complex numbers are written as two.
  return tensor.dtype === 8 || tensor.dtype === 18 ? count / 2n : count;
}

function judgePart(bytes: Buffer, listed: ReadonlyMap<string, SavedTensor>, file: string, speaker: Speaker): void {
  let name = '';
  let slice: SliceExtents = [];
  let data: Buffer | undefined;
  for (const field of wireFields(bytes, file)) {
    if (field.number === 1) name = field.bytes.toString('utf8');
    else if (field.number === 2) slice = readSlice(field.bytes, file);
    else if (field.number === 3) data = field.bytes;
  }
  const say = (what: string) =>
    speaker.say({ ruleId: 'malformed/checkpoint-entry', path: name, message: `Variable "${name}" of the checkpoint ${what}` });
  const tensor = listed.get(name);
  if (tensor === undefined) {
    say('has values, but the list of variables does not have it: TensorFlow never reads them');
    return;
  }
  if (tensor.shape === undefined || elementCount(tensor.shape) === undefined) return;
  const needed = sliceElements(slice, tensor.shape);
  const found = data === undefined ? 0n : countValues(data, tensor, file);
  if (needed === undefined) say(`has a part outside of its shape ${shapeText(tensor.shape)}`);
  else if (found !== undefined && found !== needed) {
    say(
      `has ${found} values of ${dataTypeName(tensor.dtype)} where its part takes ${needed}: TensorFlow before 1.7.1 reads past them`,
    );
  }
}

/** The list of tensors in the first value; undefined when there is none. */
function readList(value: Buffer, file: string, speaker: Speaker): Map<string, SavedTensor> | undefined {
  let listed: Map<string, SavedTensor> | undefined;
  for (const part of wireFields(value, file)) {
    if (part.number !== 1 || part.type !== 2) continue;
    listed ??= new Map();
    for (const field of wireFields(part.bytes, file)) {
      if (field.number !== 1) continue;
      const tensor = readTensor(field.bytes, file);
      if (listed.has(tensor.name)) {
        const message = `Variable "${tensor.name}" is in the list of the checkpoint twice`;
        speaker.say({ ruleId: 'malformed/checkpoint-entry', path: tensor.name, message });
      }
      listed.set(tensor.name, tensor);
      if (listed.size > maxTensors) throw new AirlockError('MODEL_INVALID', { message: `${file} has too many variables` });
      judgeListed(tensor, speaker);
    }
  }
  return listed;
}

function scanTable(source: Source, speaker: Speaker): number | undefined {
  let listed: ReadonlyMap<string, SavedTensor> | undefined;
  for (const { key, value } of readSortedTable(source.name, source.read(0, source.sizeBytes))) {
    if (key.length === 0) listed = readList(value, source.name, speaker);
    if (listed === undefined) return undefined;
    if (key.length === 0) continue;
    for (const field of wireFields(value, source.name)) {
      if (field.number === 2) judgePart(field.bytes, listed, source.name, speaker);
    }
  }
  return listed?.size;
}

/** Scans a checkpoint of the first format. What is none is said to be unreadable. */
export function scanCheckpointV1(source: Source, context: ScanContext): void {
  const speaker = new Speaker(context, source.name);
  context.use({ kind: 'component', name: 'checkpoint_reader', trigger: 'load', location: { file: source.name } });
  try {
    if (source.sizeBytes > context.limits.maxGraphBytes) {
      throw new AirlockError('MODEL_INVALID', { message: `${source.name} is too large for a checkpoint of the first format` });
    }
    const tensors = scanTable(source, speaker);
    if (tensors === undefined)
      throw new AirlockError('MODEL_INVALID', { message: `${source.name} has no list of its variables` });
    context.artifact({ file: source.name, format: 'checkpoint-v1', bytes: source.sizeBytes, facts: { tensors } });
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    const message = `The checkpoint ${source.name} cannot be restored: ${thrown.message}`;
    speaker.say({ ruleId: 'malformed/checkpoint-index', message });
    context.unreadable(source.name, thrown.message);
  } finally {
    speaker.finish();
  }
}

/**
 * Does a sorted table hold a checkpoint of the first format? Its first value is a message with a message inside; an index begins
 * with a number.
 */
export function isCheckpointV1(source: Source): boolean {
  if (source.sizeBytes < 48 || source.sizeBytes > 2 ** 31 - 1) return false;
  try {
    for (const { key, value } of readSortedTable(source.name, source.read(0, source.sizeBytes))) {
      return key.length === 0 && value[0] === 0x0a;
    }
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
  }
  return false;
}
