// Ways to damage an input: bytes as such, the tokens of JSON, the values of JSON, and the elements of DER with their lengths
// mended, so that the damage gets past the first check of a length.

const jsonPieces = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '""',
  '"__proto__":',
  '"sha256":',
  'null',
  'true',
  '0',
  '-1',
  '1e999',
  '"\\ud800"',
  '\ufeff',
  '\0',
  '\u2028',
];
const values = [
  null,
  true,
  0,
  -1,
  2 ** 53,
  '',
  '.',
  '..',
  'a/../b',
  '/',
  'a//b',
  'a\0b',
  'é',
  '00',
  'AA==',
  'A',
  [],
  {},
  [null],
  { x: 1 },
];

/** One to four changes of bytes: flipped, set, taken out, repeated, or taken from `other`. */
export function mutateBytes(random, bytes, other = bytes) {
  let result = Buffer.from(bytes);
  for (let count = 1 + random.below(4); count > 0; count--) {
    const at = random.below(result.length + 1);
    const length = 1 + random.below(random.of([1, 4, 64]));
    const head = result.subarray(0, at);
    const change = random.below(5);
    if (change === 0 && result.length > 0) result[at % result.length] ^= 1 << random.below(8);
    else if (change === 1 && result.length > 0) result[at % result.length] = random.below(256);
    else if (change === 2) result = Buffer.concat([head, result.subarray(at + length)]);
    else if (change === 3) result = Buffer.concat([head, result.subarray(at, at + length), result.subarray(at)]);
    else {
      const from = random.below(other.length + 1);
      result = Buffer.concat([head, other.subarray(from, from + length), result.subarray(at + random.below(length + 1))]);
    }
  }
  return result;
}

/** A piece of JSON put, or put in place of another, somewhere between tokens. */
export function mutateJsonText(random, bytes) {
  const tokens = bytes.toString('utf8').match(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^"{}[\],:]+/g) ?? [];
  for (let count = 1 + random.below(3); count > 0; count--) {
    const at = random.below(tokens.length + 1);
    tokens.splice(
      at,
      random.below(3),
      random.below(2) === 0 ? random.of(jsonPieces) : (tokens[random.below(tokens.length)] ?? ''),
    );
  }
  return Buffer.from(tokens.join(''));
}

/** A copy of a JSON value with one or two of its values replaced, taken out, repeated, or given to a neighbour. */
export function mutateJsonValue(random, value) {
  const copy = structuredClone(value);
  for (let count = 1 + random.below(2); count > 0; count--) {
    const places = [];
    collect(copy, places);
    if (places.length === 0) break;
    const [parent, key] = random.of(places);
    const [otherParent, otherKey] = random.of(places);
    const change = random.below(5);
    if (change === 0) parent[key] = structuredClone(random.of(values));
    else if (change === 1 && typeof parent[key] === 'string')
      parent[key] = mutateBytes(random, Buffer.from(parent[key])).toString('utf8');
    else if (change === 2) Array.isArray(parent) ? parent.splice(key, 1) : delete parent[key];
    else if (change === 3) parent[key] = structuredClone(otherParent[otherKey]);
    else if (Array.isArray(parent)) parent.push(structuredClone(parent[key]));
    else parent[random.of(['x', '__proto__x', 'name', 'sha256'])] = structuredClone(parent[key]);
  }
  return copy;
}

function collect(value, places) {
  if (typeof value !== 'object' || value === null) return;
  for (const key of Object.keys(value)) {
    places.push([value, Array.isArray(value) ? Number(key) : key]);
    collect(value[key], places);
  }
}

/** DER with one element changed, taken out, repeated or replaced by one of `other`, and the lengths around it mended. */
export function mutateDer(random, der, other = der) {
  if (random.below(4) === 0) return mutateBytes(random, der, other);
  const tree = readDer(der);
  const places = [];
  collectDer(tree, places);
  if (places.length === 0) return mutateBytes(random, der, other);
  const [siblings, index] = random.of(places);
  const node = siblings[index];
  const change = random.below(5);
  if (change === 0) siblings.splice(index, 1);
  else if (change === 1) siblings.splice(index, 0, node);
  else if (change === 2) {
    const others = [];
    collectDer(readDer(other), others);
    const [from, at] = random.of(others);
    siblings[index] = from[at];
  } else if (change === 3) siblings[index] = { ...node, tag: random.below(256) };
  else if (node.children === undefined) siblings[index] = { ...node, content: mutateBytes(random, node.content) };
  else node.children.reverse();
  return Buffer.concat(tree.map(writeDer));
}

/** The elements of well-formed DER; what is not is kept as content. */
function readDer(der, depth = 0) {
  const nodes = [];
  for (let at = 0; at < der.length; ) {
    const tag = der[at];
    let length = der[at + 1] ?? 0;
    let head = 2;
    if (length >= 0x80) {
      const size = length & 0x7f;
      if (size === 0 || size > 4 || at + 2 + size > der.length) return [];
      length = der.readUIntBE(at + 2, size);
      head += size;
    }
    if (at + head + length > der.length) return [];
    const content = der.subarray(at + head, at + head + length);
    const mayNest = (tag & 0x20) !== 0 || tag === 0x04;
    const children = mayNest && depth < 24 ? readDer(content, depth + 1) : [];
    nodes.push(children.length > 0 ? { tag, children } : { tag, content });
    at += head + length;
  }
  return nodes;
}

function collectDer(nodes, places) {
  for (const [index, node] of nodes.entries()) {
    places.push([nodes, index]);
    if (node.children !== undefined) collectDer(node.children, places);
  }
}

function writeDer({ tag, children, content }) {
  const body = children === undefined ? content : Buffer.concat(children.map(writeDer));
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.from(
    body.length.toString(16).padStart(body.length > 0xffff ? 6 : body.length > 0xff ? 4 : 2, '0'),
    'hex',
  );
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}
