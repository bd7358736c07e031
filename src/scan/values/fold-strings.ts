// Folding of string operations: a path may be put together from letters, decoded, lowered or cut, so that no constant of the model holds it.
// Regular expressions are taken literally or not at all: a pattern of the model never runs here.
import { unzipSync } from 'node:zlib';
import type { Fold } from './fold.ts';
import { readTensorProto } from './tensor-proto.ts';
import { type Atom, axisOf, broadcastTo, numbersOf, stringsOf, type Tensor, transpose, vector } from './tensors.ts';

/** Longer strings are not built: 64 KiB hide no path. */
const maxStringBytes = 65_536;

function small(strings: readonly Buffer[]): readonly Buffer[] | undefined {
  return strings.reduce((sum, text) => sum + text.length, 0) <= maxStringBytes ? strings : undefined;
}

function tensorOf(shape: readonly number[], strings: readonly Buffer[] | undefined): Tensor | undefined {
  return strings === undefined || small(strings) === undefined ? undefined : { shape, atoms: strings };
}

const each =
  (change: (text: Buffer, view: Parameters<Fold>[0]) => Buffer | undefined): Fold =>
  (view, [input]) => {
    const strings = stringsOf(input);
    if (input === undefined || strings === undefined) return undefined;
    const changed = strings.map((text) => change(text, view));
    return changed.every((text) => text !== undefined) ? tensorOf(input.shape, changed as Buffer[]) : undefined;
  };

const latin = (text: Buffer) => text.toString('latin1');
const bytes = (text: string) => Buffer.from(text, 'latin1');

function changeCase(text: Buffer, encoding: string | undefined, isUpper: boolean): Buffer {
  if (encoding === 'utf-8')
    return Buffer.from(isUpper ? text.toString('utf8').toUpperCase() : text.toString('utf8').toLowerCase());
  // Without an encoding, TensorFlow changes ASCII letters only.
  const [first, last, change] = isUpper ? [0x61, 0x7a, -32] : [0x41, 0x5a, 32];
  return Buffer.from(text.map((byte) => (byte >= first && byte <= last ? byte + change : byte)));
}

/** ASCII white space at both ends, as absl::StripAsciiWhitespace has it. */
function strip(text: Buffer): Buffer {
  const isSpace = (byte: number) => byte === 0x20 || (byte >= 9 && byte <= 13);
  let [start, end] = [0, text.length];
  while (start < end && isSpace(text[start])) start++;
  while (end > start && isSpace(text[end - 1])) end--;
  return text.subarray(start, end);
}

const special = /[\\^$.|?*+()[\]{}]/;

/** `\.` and `\/` stand for themselves. Undefined when it is a real pattern. */
function literalOf(pattern: string): { text: string; isStart: boolean; isEnd: boolean } | undefined {
  const isStart = pattern.startsWith('^');
  const isEnd = pattern.endsWith('$') && !pattern.endsWith('\\$');
  let text = '';
  const body = pattern.slice(isStart ? 1 : 0, isEnd ? -1 : undefined);
  for (let i = 0; i < body.length; i++) {
    if (body[i] === '\\') {
      i++;
      if (body[i] === undefined || /[a-zA-Z0-9]/.test(body[i])) return undefined;
      text += body[i];
    } else if (special.test(body[i])) return undefined;
    else text += body[i];
  }
  return { text, isStart, isEnd };
}

function replaceLiteral(
  text: Buffer,
  pattern: string | undefined,
  rewrite: string | undefined,
  isGlobal: boolean,
): Buffer | undefined {
  const wanted = pattern === undefined ? undefined : literalOf(pattern);
  if (wanted === undefined || rewrite === undefined || rewrite.includes('\\') || wanted.text.length === 0) return undefined;
  const source = latin(text);
  if (wanted.isStart && wanted.isEnd) return source === wanted.text ? bytes(rewrite) : text;
  if (wanted.isStart) return source.startsWith(wanted.text) ? bytes(rewrite + source.slice(wanted.text.length)) : text;
  if (wanted.isEnd) return source.endsWith(wanted.text) ? bytes(source.slice(0, -wanted.text.length) + rewrite) : text;
  const pieces = source.split(wanted.text);
  if (pieces.length * rewrite.length + source.length > maxStringBytes * 2) return undefined;
  return bytes(
    isGlobal ? pieces.join(rewrite) : pieces.length === 1 ? source : pieces[0] + rewrite + pieces.slice(1).join(wanted.text),
  );
}

function substring(text: Buffer, position: number, length: number, unit: string | undefined): Buffer | undefined {
  if (unit === 'UTF8_CHAR') {
    const letters = [...text.toString('utf8')];
    const start = position < 0 ? letters.length + position : position;
    return start < 0 || start > letters.length ? undefined : Buffer.from(letters.slice(start, start + length).join(''));
  }
  const start = position < 0 ? text.length + position : position;
  return start < 0 || start > text.length ? undefined : text.subarray(start, start + Math.max(0, length));
}

function joinAll(parts: readonly Buffer[], separator: string): Buffer {
  const between = bytes(separator);
  return Buffer.concat(parts.flatMap((part, i) => (i === 0 ? [part] : [between, part])));
}

/** An number as AsString writes it. Undefined where the format of C's printf would be needed. */
function written(x: Atom, isWhole: boolean): Buffer | undefined {
  if (typeof x !== 'number') return undefined;
  if (isWhole) return Number.isSafeInteger(x) ? bytes(String(x)) : undefined;
  return Number.isFinite(x) && Math.abs(x) < 1e15 ? bytes(x.toFixed(6)) : undefined;
}

const wholeTypes = new Set([3, 4, 5, 6, 9, 17, 22, 23]);

function encodePoints(points: readonly number[], encoding: string | undefined): Buffer | undefined {
  if (!points.every((point) => Number.isInteger(point) && point >= 0 && point <= 0x10ffff)) return undefined;
  if (encoding === undefined || encoding === 'UTF-8') return Buffer.from(String.fromCodePoint(...points));
  return undefined;
}

function splitAtAny(text: Buffer, separators: ReadonlySet<number>): readonly Buffer[] {
  const parts: Buffer[] = [];
  let start = 0;
  for (const [at, byte] of text.entries()) {
    if (!separators.has(byte)) continue;
    parts.push(text.subarray(start, at));
    start = at + 1;
  }
  return [...parts, text.subarray(start)];
}

/** As a sparse tensor: places, values, shape. */
function splitResult(rows: readonly (readonly Buffer[])[], output: number): Tensor | undefined {
  const values = rows.flat();
  if (values.length > 4096) return undefined;
  if (output === 0) return { shape: [values.length, 2], atoms: rows.flatMap((row, at) => row.flatMap((_, i) => [at, i])) };
  if (output === 1) return tensorOf([values.length], values);
  return vector([rows.length, rows.reduce((most, row) => Math.max(most, row.length), 0)]);
}

/** Undefined when it is damaged, or larger than anything that is held here. */
function inflated(text: Buffer, type: string): Buffer | undefined {
  if (type === '') return text;
  try {
    return type === 'ZLIB' || type === 'GZIP' ? unzipSync(text, { maxOutputLength: maxStringBytes }) : undefined;
  } catch {
    return undefined;
  }
}

export const foldStrings: Readonly<Record<string, Fold>> = {
  StringJoin: (view, inputs) => {
    const parts = inputs.map(stringsOf);
    if (parts.length === 0 || !parts.every((part) => part !== undefined)) return undefined;
    const shape = inputs.find((input) => (input?.atoms.length ?? 1) !== 1 || input?.shape.length !== 0)?.shape ?? [];
    const spread = inputs.map((input) => (input?.shape.length === 0 ? stringsOf(broadcastTo(input, shape)) : stringsOf(input)));
    const count = spread[0]?.length ?? 0;
    if (!spread.every((part) => part?.length === count)) return undefined;
    const separator = view.text('separator') ?? '';
    return tensorOf(
      shape,
      Array.from({ length: count }, (_, i) =>
        joinAll(
          spread.map((part) => part?.[i] ?? Buffer.alloc(0)),
          separator,
        ),
      ),
    );
  },
  StringFormat: (view, inputs) => {
    const [template, placeholder] = [view.text('template') ?? '%s', view.text('placeholder') ?? '%s'];
    const pieces = template.split(placeholder);
    // Only scalars: how TensorFlow writes a whole tensor is not repeated here.
    const parts = inputs.map((input, i) =>
      input?.shape.length !== 0
        ? undefined
        : Buffer.isBuffer(input.atoms[0])
          ? input.atoms[0]
          : written(input.atoms[0], wholeTypes.has(view.inputs[i]?.dtype ?? 0)),
    );
    if (pieces.length !== parts.length + 1 || !parts.every((part) => part !== undefined)) return undefined;
    const all = pieces.flatMap((piece, i) => [bytes(piece), ...(i < parts.length ? [parts[i] as Buffer] : [])]);
    return tensorOf([], [Buffer.concat(all)]);
  },
  AsString: (view, [input]) => {
    if (input === undefined || (view.int('width') ?? -1) > 0 || (view.text('fill') ?? '') !== '') return undefined;
    const dtype = view.inputs[0]?.dtype ?? 0;
    if (dtype === 7) return input;
    const isBool = dtype === 10;
    if (
      !isBool &&
      !wholeTypes.has(dtype) &&
      ((view.int('precision') ?? -1) >= 0 || view.flag('shortest') || view.flag('scientific'))
    ) {
      return undefined;
    }
    const strings = input.atoms.map((x) => (isBool ? bytes(x === 0 ? 'false' : 'true') : written(x, wholeTypes.has(dtype))));
    return strings.every((text) => text !== undefined) ? tensorOf(input.shape, strings as Buffer[]) : undefined;
  },
  Substr: (view, [input, position, length]) => {
    const [strings, [from] = [], [count] = []] = [stringsOf(input), numbersOf(position) ?? [], numbersOf(length) ?? []];
    if (input === undefined || strings === undefined || from === undefined || count === undefined) return undefined;
    if (position?.atoms.length !== 1 || length?.atoms.length !== 1) return undefined;
    const cuts = strings.map((text) => substring(text, from, count, view.text('unit')));
    return cuts.every((text) => text !== undefined) ? tensorOf(input.shape, cuts as Buffer[]) : undefined;
  },
  StringLower: each((text, view) => changeCase(text, view.text('encoding'), false)),
  StringUpper: each((text, view) => changeCase(text, view.text('encoding'), true)),
  StringStrip: each(strip),
  DecodeBase64: each((text) => Buffer.from(latin(text).replaceAll('-', '+').replaceAll('_', '/'), 'base64')),
  EncodeBase64: each((text, view) => {
    const coded = text.toString('base64').replaceAll('+', '-').replaceAll('/', '_');
    return bytes(view.flag('pad') ? coded : coded.replaceAll('=', ''));
  }),
  StaticRegexReplace: each((text, view) =>
    replaceLiteral(
      text,
      view.text('pattern'),
      view.text('rewrite'),
      view.body.attr(view.node, 'replace_global')?.value !== false,
    ),
  ),
  RegexReplace: (view, [input, pattern, rewrite]) => {
    const [[from] = [], [to] = []] = [stringsOf(pattern) ?? [], stringsOf(rewrite) ?? []];
    const isGlobal = view.body.attr(view.node, 'replace_global')?.value !== false;
    const change = each((text) =>
      from === undefined || to === undefined ? undefined : replaceLiteral(text, latin(from), latin(to), isGlobal),
    );
    return change(view, [input], 0);
  },
  ReduceJoin: (view, [input, axisInput]) => {
    const [strings, axes] = [stringsOf(input), numbersOf(axisInput)];
    if (input === undefined || strings === undefined || axes === undefined || view.flag('keep_dims')) return undefined;
    const rank = input.shape.length;
    const chosen = (axes.length === 0 ? input.shape.map((_, i) => rank - 1 - i) : axes).map((axis) => axisOf(axis, rank));
    if (chosen.includes(undefined) || new Set(chosen).size !== chosen.length) return undefined;
    const gone = chosen as number[];
    const kept = input.shape.map((_, axis) => axis).filter((axis) => !gone.includes(axis));
    const moved = transpose(input, [...kept, ...gone]);
    const width = gone.reduce((product, axis) => product * input.shape[axis], 1);
    const all = stringsOf(moved);
    if (all === undefined) return undefined;
    const shape = kept.map((axis) => input.shape[axis]);
    const count = shape.reduce((product, size) => product * size, 1);
    return tensorOf(
      shape,
      Array.from({ length: count }, (_, i) => joinAll(all.slice(i * width, (i + 1) * width), view.text('separator') ?? '')),
    );
  },
  UnicodeEncode: (view, [values, splits]) => {
    const [points, ends] = [numbersOf(values), numbersOf(splits)];
    if (points === undefined || ends === undefined || ends.length === 0) return undefined;
    const strings = ends.slice(1).map((end, i) => encodePoints(points.slice(ends[i], end), view.text('output_encoding')));
    return strings.every((text) => text !== undefined) ? tensorOf([ends.length - 1], strings as Buffer[]) : undefined;
  },
  UnicodeDecode: (_, [input], output) => {
    const strings = stringsOf(input);
    if (strings === undefined) return undefined;
    const points = strings.map((text) => [...text.toString('utf8')].map((letter) => letter.codePointAt(0) ?? 0));
    if (output === 1) return vector(points.flat());
    let end = 0;
    return output === 0 ? vector([0, ...points.map((some) => (end += some.length))]) : undefined;
  },
  StringSplitV2: (view, [input, separator], output) => {
    const [strings, [between] = []] = [stringsOf(input), stringsOf(separator) ?? []];
    if (strings === undefined || between === undefined || (view.int('maxsplit') ?? -1) >= 0) return undefined;
    const split = (text: Buffer) =>
      between.length === 0
        ? latin(text)
            .split(/[\t\n\v\f\r ]+/)
            .filter((part) => part !== '')
        : latin(text).split(latin(between));
    return splitResult(
      strings.map((text) => split(text).map(bytes)),
      output,
    );
  },
  StringSplit: (view, [input, separator], output) => {
    const [strings, [between] = []] = [stringsOf(input), stringsOf(separator) ?? []];
    if (strings === undefined || between === undefined) return undefined;
    const keepsEmpty = view.body.attr(view.node, 'skip_empty')?.value === false;
    // Any of the separator's bytes separates; without one, every byte is a part.
    const separators = new Set(between);
    const split = (text: Buffer) =>
      between.length === 0 ? [...text].map((byte) => Buffer.from([byte])) : splitAtAny(text, separators);
    return splitResult(
      strings.map((text) => split(text).filter(({ length }) => keepsEmpty || length > 0)),
      output,
    );
  },
  UnsortedSegmentJoin: (view, [input, ids, count]) => {
    const [strings, places, [segments] = []] = [stringsOf(input), numbersOf(ids), numbersOf(count) ?? []];
    if (strings === undefined || places?.length !== strings.length || segments === undefined || !(segments <= 4096))
      return undefined;
    const joined = Array.from({ length: segments }, (_, at) => strings.filter((_, i) => places[i] === at));
    if (segments * strings.length > 65_536) return undefined;
    return tensorOf(
      [segments],
      joined.map((parts) => joinAll(parts, view.text('separator') ?? '')),
    );
  },
  DecodeCompressed: (view, [input]) => {
    const type = view.text('compression_type') ?? '';
    return each((text) => inflated(text, type))(view, [input], 0);
  },
  ParseTensor: (_, [input]) => {
    const [text] = stringsOf(input) ?? [];
    const content = text === undefined ? undefined : readTensorProto(text).content();
    const atoms = content?.numbers ?? content?.strings;
    return content === undefined || atoms === undefined ? undefined : { shape: content.shape, atoms };
  },
  StringLength: (_, [input]) => {
    const strings = stringsOf(input);
    return input === undefined || strings === undefined
      ? undefined
      : { shape: input.shape, atoms: strings.map(({ length }) => length) };
  },
  StringToNumber: (_, [input]) => {
    const numbers = stringsOf(input)?.map((text) => (text.length <= 400 ? Number(latin(text).trim() || 'x') : Number.NaN));
    return input === undefined || numbers === undefined || numbers.some(Number.isNaN)
      ? undefined
      : { shape: input.shape, atoms: numbers };
  },
  ShardedFilename: (_, [base, shard, shards]) => {
    const [[name] = [], [index] = [], [count] = []] = [stringsOf(base) ?? [], numbersOf(shard) ?? [], numbersOf(shards) ?? []];
    if (name === undefined || index === undefined || count === undefined) return undefined;
    return tensorOf(
      [],
      [Buffer.concat([name, bytes(`-${String(index).padStart(5, '0')}-of-${String(count).padStart(5, '0')}`)])],
    );
  },
  StaticRegexFullMatch: (view, [input]) => {
    const strings = stringsOf(input);
    const wanted = literalOf(view.text('pattern') ?? '(');
    if (input === undefined || strings === undefined || wanted === undefined) return undefined;
    return { shape: input.shape, atoms: strings.map((text) => Number(latin(text) === wanted.text)) };
  },
  DecodeRaw: (view, [input]) => {
    const strings = stringsOf(input);
    if (input === undefined || strings?.length !== 1 || strings[0].length > 4096 || view.type('out_type') !== 4) return undefined;
    return { shape: [...input.shape, strings[0].length], atoms: [...strings[0]] };
  },
};
