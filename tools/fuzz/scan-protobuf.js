// Damages protobuf messages by their structure and without a schema: fields are taken out, repeated, nested in themselves and exchanged with
// others that stand at the same place, and the lengths around them are mended, so that the damage gets past the first check.
import { mutateBytes } from './mutations.js';

const extremes = [
  0n,
  1n,
  2n,
  7n,
  127n,
  128n,
  65_535n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
];
const maxRepeatBytes = 300_000;
/** Beyond it a message is damaged no further: making it would take longer than reading it. */
const maxFields = 60_000;

export function varint(value) {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes = [];
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

export const numberField = (number, value) => Buffer.concat([varint(number * 8), varint(value)]);

export function bytesField(number, content) {
  const bytes = Buffer.from(content);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function readVarint(bytes, start) {
  let value = 0n;
  for (let at = start; at < bytes.length && at < start + 10; at++) {
    value |= BigInt(bytes[at] & 0x7f) << BigInt(7 * (at - start));
    if (bytes[at] < 0x80) return { value: BigInt.asUintN(64, value), end: at + 1 };
  }
  return undefined;
}

const isText = (bytes) => bytes.every((byte) => byte >= 0x20 && byte < 0x7f);

/** The fields of a message, those inside of it too; undefined for what is none. */
export function readTree(bytes, depth = 0) {
  const fields = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = readVarint(bytes, at);
    if (tag === undefined || tag.value >= 8n * 100_000n) return undefined;
    const number = Number(tag.value >> 3n);
    const wire = Number(tag.value & 7n);
    if (number === 0) return undefined;
    if (wire === 0) {
      const found = readVarint(bytes, tag.end);
      if (found === undefined) return undefined;
      fields.push({ number, wire, value: found.value });
      at = found.end;
      continue;
    }
    const length =
      wire === 1
        ? { value: 8n, end: tag.end }
        : wire === 5
          ? { value: 4n, end: tag.end }
          : wire === 2
            ? readVarint(bytes, tag.end)
            : undefined;
    if (length === undefined || length.end + Number(length.value) > bytes.length) return undefined;
    at = length.end + Number(length.value);
    const content = bytes.subarray(length.end, at);
    const children =
      wire === 2 && content.length > 1 && depth < 30 && !isText(content) ? readTree(content, depth + 1) : undefined;
    fields.push(children === undefined ? { number, wire, content } : { number, wire, children });
  }
  return fields;
}

export function writeTree(fields) {
  return Buffer.concat(fields.map(writeField));
}

function writeField({ number, wire, value, content, children }) {
  const tag = varint(number * 8 + wire);
  if (wire === 0) return Buffer.concat([tag, varint(value)]);
  const body = children === undefined ? content : writeTree(children);
  return wire === 2 ? Buffer.concat([tag, varint(body.length), body]) : Buffer.concat([tag, body]);
}

const copyTree = (fields) =>
  fields.map((field) => (field.children === undefined ? { ...field } : { ...field, children: copyTree(field.children) }));

function collect(fields, path, places) {
  for (const field of fields) {
    const own = `${path}.${field.number}`;
    places.push({ siblings: fields, field, path: own });
    if (field.children !== undefined) collect(field.children, own, places);
  }
}

/** Fields of valid messages by their place, from which mutations take. */
export class FieldPool {
  #byPath = new Map();
  #texts = [];

  add(tree, root = '') {
    const places = [];
    collect(tree, root, places);
    for (const { field, path } of places) {
      const known = this.#byPath.get(path) ?? [];
      this.#byPath.set(path, known);
      if (known.length < 5000) known.push(field);
      if (field.content !== undefined && field.wire === 2 && this.#texts.length < 50_000) this.#texts.push(field.content);
    }
  }

  addTexts(texts) {
    for (const text of texts) this.#texts.push(Buffer.from(text));
  }

  like(random, path) {
    const known = this.#byPath.get(path);
    return known === undefined ? undefined : random.of(known);
  }

  text(random) {
    return this.#texts.length === 0 ? Buffer.alloc(0) : random.of(this.#texts);
  }
}

/** `count` changes of a copy of `tree`. `gentle` ones leave the message one that parses, for what judges whole graphs. */
export function mutateTree(random, tree, pool, { count = 1 + random.below(5), gentle = false, root = '' } = {}) {
  const copy = copyTree(tree);
  for (; count > 0; count--) {
    const places = [];
    collect(copy, root, places);
    if (places.length === 0 || places.length > maxFields) break;
    change(random, random.of(places), places, pool, gentle);
  }
  return copy;
}

function change(random, { siblings, field, path }, places, pool, gentle) {
  const index = siblings.indexOf(field);
  const other = pool.like(random, path);
  switch (random.below(gentle ? 8 : 12)) {
    case 0:
      siblings.splice(index, 1);
      break;
    case 1:
      siblings.splice(random.below(siblings.length + 1), 0, field);
      break;
    case 2:
    case 3:
    case 4:
      if (other !== undefined) siblings[index] = copyTree([other])[0];
      break;
    case 5:
      if (field.wire === 0) field.value = random.of(extremes);
      else if (field.children === undefined)
        field.content =
          field.wire === 2 ? pool.text(random) : mutateBytes(random, field.content).subarray(0, field.content.length);
      break;
    case 6: {
      const size = writeField(field).length;
      const times = Math.min(random.of([2, 10, 300, 3000]), Math.floor(maxRepeatBytes / size));
      // Copies: what is repeated in one of them must not be repeated in all.
      siblings.splice(index, 0, ...Array.from({ length: times }, () => copyTree([field])[0]));
      break;
    }
    case 7: {
      // Another place of the same kind in the same message: names of nodes and functions lead elsewhere, also in circles.
      const same = places.filter((place) => place.path === path);
      const from = random.of(same).field;
      if (from !== field) siblings[index] = copyTree([from])[0];
      break;
    }
    case 8:
      if (field.content !== undefined && field.wire === 2) field.content = mutateBytes(random, field.content);
      else if (field.value !== undefined) field.value += BigInt(random.below(3)) - 1n;
      break;
    case 9:
      siblings[index] = { ...field, number: random.of([1, 2, 3, 4, 5, 6, 8, 15, 16, 1000, 536_870_911]) };
      break;
    case 10:
      siblings[index] = nest(field, random.of([2, 10, 98, 150, 3000]), random.below(2) === 0);
      break;
    default:
      if (field.children === undefined) siblings[index] = { number: field.number, wire: 0, value: random.of(extremes) };
      else siblings[index] = { number: field.number, wire: 2, content: mutateBytes(random, writeTree(field.children)) };
  }
}

/** A field in itself, many times; without its content where that would grow too large. */
function nest(field, times, isBare) {
  let content = isBare || field.children === undefined ? Buffer.alloc(0) : writeTree(field.children);
  if (content.length * times > maxRepeatBytes) content = Buffer.alloc(0);
  let body = content;
  for (let depth = 0; depth < times; depth++)
    body = Buffer.concat([varint(field.number * 8 + 2), varint(body.length), body, content]);
  return { number: field.number, wire: 2, content: body };
}
