// Does one entry of a bundle's index make sense by itself and beside the file that it points into? Pure arithmetic on what the
// file claims, in whole numbers of any size, so that nothing overflows here that overflows in TensorFlow. It reads no values.

import { maxRank, type RawEntry } from './bundle-entry.ts';
import { dataTypeFacts, dataTypeName, encodedTypes } from './data-types.ts';
import type { Speaker } from './say.ts';

const maxInt64 = 2n ** 63n - 1n;

/** Elements of a shape; undefined when TensorFlow could not hold it. */
export function elementCount(shape: readonly bigint[]): bigint | undefined {
  let product = 1n;
  let overflows = false;
  for (const size of shape) {
    if (size < 0n) return undefined;
    product *= size;
    // A later zero does not save it: TensorFlow multiplies from left to right and stops there.
    if (product > maxInt64) overflows = true;
    if (overflows) return undefined;
  }
  return product;
}

export function shapeText(shape: readonly bigint[] | undefined): string {
  if (shape === undefined) return 'unknown rank';
  return shape.length > 8 ? `[${shape.slice(0, 8).join(', ')}, … ${shape.length} dimensions]` : `[${shape.join(', ')}]`;
}

/**
 * Says what is wrong with the shape and the type of `entry`. TensorFlow 2.21 was seen to abort on an unknown data type, an
 * overflowing or negative shape and a rank above 254, as soon as the variables are listed or restored.
 * @returns whether the rest of the entry can be judged.
 */
export function judgeEntryType(name: string, entry: RawEntry, speaker: Speaker): boolean {
  const { dtype, shape } = entry;
  const say = (what: string, severity: 'high' | 'critical') =>
    speaker.say({
      ruleId: 'malformed/checkpoint-entry',
      severity,
      path: name,
      message: `Variable "${name}" of the checkpoint has ${what}`,
    });
  if (dataTypeFacts(dtype) === undefined) {
    say(`data type ${dtype}, which TensorFlow does not have: it aborts when the variable is read`, 'critical');
    return false;
  }
  if (dtype === encodedTypes.resource) {
    say('type DT_RESOURCE, which is a handle and cannot be stored: TensorFlow fails when it restores it', 'high');
    return false;
  }
  if (shape === undefined) {
    say('a shape of unknown rank, which no stored value can have: TensorFlow fails when it restores it', 'high');
    return false;
  }
  if (shape.length > maxRank) {
    say(`${shape.length} dimensions of at most ${maxRank}: TensorFlow aborts when the variable is read`, 'critical');
    return false;
  }
  if (elementCount(shape) !== undefined) return true;
  const what = shape.some((size) => size < 0n) ? 'a negative dimension' : 'more elements than 64 bits can count';
  say(`shape ${shapeText(shape)}, ${what}: TensorFlow aborts when the variable is read`, 'critical');
  return false;
}

export interface SizeLimits {
  readonly memoryBudgetBytes: number;
  /** Bytes of the data file; undefined when it is missing. */
  readonly fileBytes: bigint | undefined;
}

/** Says what is wrong with where `entry` lies and how long it is. @returns whether its values can be read. */
export function judgeEntryPlace(name: string, entry: RawEntry, limits: SizeLimits, speaker: Speaker): boolean {
  const { dtype, offset, size } = entry;
  const shape = entry.shape ?? [];
  const count = elementCount(shape) ?? 0n;
  const itemBytes = dataTypeFacts(dtype)?.itemBytes;
  const say = (what: string) =>
    speaker.say({ ruleId: 'malformed/checkpoint-entry', path: name, message: `Variable "${name}" of the checkpoint ${what}` });
  if (offset < 0n || size < 0n) {
    say(`lies at offset ${offset} with ${size} bytes, which is nowhere: restoring it fails`);
    return false;
  }
  const needed = itemBytes === undefined ? undefined : count * BigInt(itemBytes);
  const asked = needed ?? count * 24n;
  const holds = limits.fileBytes ?? 0n;
  const isFixedMismatch = needed !== undefined && needed !== size;
  // Variants and resources are encoded too, but their length says nothing about their number. A string takes a byte for its
  // length at least.
  const isStringMismatch = dtype === encodedTypes.string && size < count + 4n;
  // Fixed sizes are compared before memory is reserved, so only a size that agrees with the shape gets that far; strings are not.
  if (asked > BigInt(limits.memoryBudgetBytes) && asked > holds && !isFixedMismatch) {
    const message =
      `Variable "${name}" of the checkpoint claims shape ${shapeText(shape)} of ${dataTypeName(dtype)}: TensorFlow reserves ` +
      `${asked} bytes for it before it reads the data file of ${holds} bytes`;
    speaker.say({
      ruleId: 'memory/checkpoint-tensor',
      path: name,
      message,
      argument: { name: 'shape', value: shapeText(shape) },
    });
  } else if (isFixedMismatch || isStringMismatch) {
    const fits = needed === undefined ? `at least ${count + 4n}` : `${needed}`;
    say(`has ${size} bytes, but its shape ${shapeText(shape)} of ${dataTypeName(dtype)} takes ${fits}: restoring it fails`);
    return false;
  }
  if (limits.fileBytes !== undefined && offset + size > limits.fileBytes) {
    say(`lies at offset ${offset} with ${size} bytes, outside its data file of ${limits.fileBytes} bytes: restoring it fails`);
    return false;
  }
  return limits.fileBytes !== undefined;
}

/**
 * Says when the parts of a partitioned variable cannot be parts of it. Before 2.7 TensorFlow aborted on them (CVE-2021-41203).
 */
export function judgeSlices(name: string, entry: RawEntry, speaker: Speaker): void {
  const shape = entry.shape ?? [];
  for (const slice of entry.slices) {
    const isInside =
      slice.length === shape.length &&
      slice.every(
        ({ start, length }, index) =>
          start >= 0n && (length === undefined ? start === 0n : length > 0n) && start + (length ?? 0n) <= shape[index],
      );
    if (isInside) continue;
    const text = slice.map(({ start, length }) => (length === undefined ? '-' : `${start},${length}`)).join(':');
    const message = `Variable "${name}" of the checkpoint has shape ${shapeText(shape)} but a part "${text}", which lies outside of it`;
    speaker.say({ ruleId: 'malformed/checkpoint-entry', path: name, message });
    return;
  }
}
