// How many bytes the strings of a tensor hold, from those of a request: operations that cut, join and look up strings.
import {
  addSizes,
  constantSize,
  type Dim,
  largerSize,
  multiplySizes,
  type NodeView,
  type Size,
  scaleSize,
  type Value,
} from '../values/index.ts';
import { elementsOf } from './cost-formulas.ts';
import type { Flow, TextSize } from './flow-types.ts';

/** Longest text of a number: a double with its sign and exponent; what `precision` and `width` add is in the attributes. */
const longestNumber = 64;

const shortening: ReadonlySet<string> = new Set([
  'StringLower',
  'StringUpper',
  'StringStrip',
  'Substr',
  'UnicodeTranscode',
  'StringSplitV2',
]);
/** Bytes that one byte can become: U+FFFD for each invalid one, UTF-8 to UTF-32. */
const growth: Readonly<Record<string, number>> = { UnicodeTranscode: 4, StringLower: 3, StringUpper: 3, EncodeBase64: 2 };

/** Undefined for what is no string. */
export function textAfter(view: NodeView, inputs: readonly Flow[], value: Value, _output: number): TextSize | undefined {
  if (value.dtype !== 7) return undefined;
  const own = constantText(value);
  if (own !== undefined) return own;
  const texts = inputs.filter((flow) => flow.value.dtype === 7).map((flow) => flow.text);
  const count = elementsOf(value);
  const longest = longestAfter(view, texts);
  const all = multiplySizes(count, longest);
  const [first] = texts;
  const isCut = texts.length === 1 && (shortening.has(view.op) || view.op === 'Reshape' || view.op === 'Identity');
  if (isCut && first?.total !== undefined) return { total: scaleSize(first.total, growth[view.op] ?? 1), longest };
  return { total: all, longest };
}

function constantText(value: Value): TextSize | undefined {
  const strings = value.constants?.flatMap((constant) => constant.strings ?? []);
  if (strings === undefined || strings.length === 0) return undefined;
  const total = strings.reduce((sum, text) => sum + text.length, 0);
  const longest = strings.reduce((most, text) => Math.max(most, text.length), 0);
  return { total: constantSize(total), longest: constantSize(longest) };
}

function longestAfter(view: NodeView, texts: readonly (TextSize | undefined)[]): Size | undefined {
  if (view.op === 'AsString') return constantSize(Math.max(longestNumber, view.int('width') ?? 0) + 400);
  const sizes = texts.map((text) => text?.longest);
  if (view.op === 'StringJoin') {
    const separator = Buffer.byteLength(view.text('separator') ?? '', 'latin1') * Math.max(0, texts.length - 1);
    return sizes.reduce<Size | undefined>(addSizes, constantSize(separator));
  }
  // A replacement may be put in at every place of the text.
  if (view.op === 'StaticRegexReplace') {
    const rewrite = (view.text('rewrite') ?? '').length;
    return scaleSize(addSizes(sizes[0], constantSize(1)), rewrite + 1);
  }
  if (sizes.length === 0 || view.op.startsWith('LookupTableFind') || view.op === 'RegexReplace' || view.op === 'ReduceJoin')
    return undefined;
  const most = sizes.slice(1).reduce<Size | undefined>(largerSize, sizes[0]);
  return scaleSize(most, growth[view.op] ?? 1);
}

/** How many parts a text can be cut into: one for each byte, and one more for each string. */
export function shapeFromText(view: NodeView, output: number, total: Size | undefined): readonly Dim[] | undefined {
  if (view.op !== 'StringSplitV2' && view.op !== 'StringSplit' && view.op !== 'UnicodeDecode') return undefined;
  const upper = addSizes(total, elementsOf(view.inputs[0]));
  if (upper === undefined) return undefined;
  const parts: Dim = { isRequest: true, min: 0, max: undefined, upper };
  if (view.op === 'UnicodeDecode') return output === 1 ? [parts] : undefined;
  return output === 0 ? [parts, 2] : output === 1 ? [parts] : [2];
}
