// Takes features out of serialized tf.Examples and puts as many harmless values in their places. A message that two readers could take for two different things is
// refused: what one of them does not see would get into the recording.
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type ContractValue, ExampleIndex, type FeaturePlace } from '../contract/index.ts';

/** The value that stands for those of a feature; undefined leaves the whole request out. */
export type FeatureStandIn = (feature: string, place: FeaturePlace) => ContractValue | undefined;

/** Values of one feature; as for JSON bodies, a feature of more is no feature of a request that is worth keeping. */
const maxValues = 1_000_000;
const allFeatures = 100_000;

/** The message with all values of `redacted` features replaced; undefined when it cannot be told for certain what is in it. */
export function redactExample(
  message: Uint8Array,
  redacted: ReadonlySet<string>,
  standIn: FeatureStandIn,
): Uint8Array | undefined {
  const index = new ExampleIndex();
  if (!index.read(message, 0, message.length, allFeatures)) return undefined;
  const entries: Uint8Array[] = [];
  for (const [name, place] of index.places) {
    if (!redacted.has(name)) {
      entries.push(message.subarray(place.entryStart, place.entryEnd));
      continue;
    }
    const entry = redactedEntry(name, place, standIn);
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  // Written anew, so that nothing between the features is kept.
  return field(1, Buffer.concat(entries));
}

function field(number: number, content: Uint8Array): Uint8Array {
  return new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(content).finish();
}

function redactedEntry(name: string, place: FeaturePlace, standIn: FeatureStandIn): Uint8Array | undefined {
  const key = field(1, Buffer.from(name, 'utf8'));
  if (place.kind === undefined) return field(1, Buffer.concat([key, field(2, new Uint8Array(0))]));
  const value = place.count > maxValues ? undefined : standIn(name, place);
  const list = value === undefined ? undefined : valueList(place, value);
  return list && field(1, Buffer.concat([key, field(2, list)]));
}

function valueList({ kind, count }: FeaturePlace, value: ContractValue): Uint8Array | undefined {
  if (kind === 'bytes') {
    const one = field(1, Buffer.from(String(value), 'utf8'));
    return field(1, Buffer.concat(Array.from({ length: count }, () => one)));
  }
  const packed = new BinaryWriter();
  if (kind === 'float') {
    const number = Math.fround(Number(value));
    if (!Number.isFinite(number)) return undefined;
    for (let at = 0; at < count; at++) packed.float(number);
    return field(2, count === 0 ? new Uint8Array(0) : field(1, packed.finish()));
  }
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) return undefined;
  for (let at = 0; at < count; at++) packed.int64(BigInt(value));
  return field(3, count === 0 ? new Uint8Array(0) : field(1, packed.finish()));
}
