// Whether a condition looks for one particular input: a pattern of numbers, a word, a hash. Comparing with 0, 1 or another marker value is how
// ordinary models mask, pad and guard, and says nothing.
import type { Body, NodeRef } from '../graph/index.ts';
import type { Constant, Value } from '../values/index.ts';
import type { Case } from './hazard-types.ts';
import { intAttr, stringAttr } from './node-facts.ts';
import { measureTensor } from './tensor-measure.ts';
import { type Place, walkBack } from './walk-back.ts';

export interface TriggerFound {
  readonly at: NodeRef;
  /** `equals the constant [0.1, 0.2, …]`. */
  readonly what: string;
  /** True for what no ordinary model compares with: patterns, words, hashes. */
  readonly isStrong: boolean;
}

const maxCondition = 400;
const maxOperand = 300;
const minPattern = 3;
const minWord = 3;
const markers: ReadonlySet<number> = new Set([
  0, 1, -1, 2, -2, 10, 100, 255, -255, 127, -128, 128, 999, -999, 99, -99, 9999, -9999,
]);

const logic =
  /^(?:Logical\w+|All|Any|Cast|Identity|IdentityN|Reshape|Squeeze|ExpandDims|Pack|ConcatV2|Min|Max|Prod|Sum|Mean|StridedSlice|Equal|_Arg|Mul|BroadcastTo|Tile|Switch)$/;
const comparing = /^(?:Equal|NotEqual|Less|LessEqual|Greater|GreaterEqual|ApproximateEqual)$/;
const aggregating = /^(?:Sum|Mean|Max|Min|Prod|EuclideanNorm|L2Loss|BitwiseXor|ArgMax)$/;
const slicing = /^(?:StridedSlice|Slice|GatherNd|GatherV2|CropAndResize|ExtractImagePatches)$/;
const hashing = /^(?:StringToHashBucket\w*|Fingerprint|UnsortedSegmentSum|Bincount|DenseBincount)$/;
const differing = /^(?:Sub|SquaredDifference|BitwiseXor)$/;

function isPattern({ numbers }: Constant): boolean {
  return numbers !== undefined && numbers.length >= minPattern && numbers.some((number) => number !== numbers[0]);
}

function wordOf({ strings }: Constant): string | undefined {
  return strings?.map((bytes) => bytes.toString('utf8')).find((text) => text.length >= minWord);
}

function isFromRequest(value: Value): boolean {
  return value.origins.has('request') && !value.origins.has('variable');
}

function shown(constant: Constant): string {
  const { numbers } = constant;
  if (numbers === undefined) return `"${wordOf(constant)}"`;
  const some = numbers.slice(0, 4).join(', ');
  return numbers.length === 1 ? some : `[${some}${numbers.length > 4 ? ', …' : ''}]`;
}

interface Operand {
  readonly isAggregated: boolean;
  readonly isSliced: boolean;
  readonly isHashed: boolean;
  readonly hasPattern: boolean;
}

/** True when the node takes a part of the request; a slice that only adds an axis takes all of it. */
function isNarrowed(c: Case, body: Body, node: number): boolean {
  const [input] = body.inputs(node);
  if (input === undefined || !c.values.of(body, input).origins.has('request')) return false;
  return (intAttr(body, node, 'new_axis_mask') ?? 0) === 0;
}

/** What is done to the request before it is compared. */
function operandOf(c: Case, place: Place): Operand {
  let [isAggregated, isSliced, isHashed, hasPattern] = [false, false, false, false];
  for (const { body, edge } of walkBack(c.program, place, maxOperand)) {
    const op = body.op(edge.node);
    isAggregated ||= aggregating.test(op);
    isSliced ||= slicing.test(op) && isNarrowed(c, body, edge.node);
    isHashed ||= hashing.test(op);
    if (!differing.test(op)) continue;
    for (const input of body.inputs(edge.node)) hasPattern ||= knownOf(c, { body, edge: input })?.isPattern === true;
  }
  return { isAggregated, isSliced, isHashed, hasPattern };
}

interface Known {
  readonly constant: Constant | undefined;
  readonly isPattern: boolean;
}

/** A constant, or where it is not held as a value the form of the node that it comes from. */
function knownOf(c: Case, place: Place): Known | undefined {
  const value = c.values.of(place.body, place.edge);
  const [constant] = value.constants ?? [];
  if (constant !== undefined) return { constant, isPattern: isPattern(constant) };
  if (value.origins.size !== 1 || !value.origins.has('constant')) return undefined;
  for (const { body, edge } of walkBack(c.program, place, 20, (ref) => /^(?:Identity|_Arg)$/.test(ref.body.op(ref.node)))) {
    if (body.op(edge.node) !== 'Const') continue;
    const [held] = c.values.of(body, edge).constants ?? [];
    if (held !== undefined) return { constant: held, isPattern: isPattern(held) };
    const measure = measureTensor(body.attrBytes(edge.node, 'value') ?? Buffer.alloc(0));
    const isLarge = (measure?.elements ?? 0) >= minPattern && (measure?.contentBytes ?? 0) > 0;
    return { constant: undefined, isPattern: isLarge };
  }
  return undefined;
}

function comparison(c: Case, at: NodeRef, hasAll: boolean): TriggerFound | undefined {
  const { body, node } = at;
  const sides = body.inputs(node).map((edge) => ({ place: { body, edge }, known: knownOf(c, { body, edge }) }));
  const known = sides.find((side) => side.known !== undefined)?.known;
  const other = sides.find((side) => side.known === undefined);
  if (known === undefined || other === undefined || !isFromRequest(c.values.of(body, other.place.edge))) return undefined;
  const { constant } = known;
  const op = body.op(node);
  const isEquality = /Equal$/.test(op) && !/^(?:Less|Greater)/.test(op);
  const what = `${op} compares the request with ${constant === undefined ? 'a constant' : shown(constant)}`;
  if (known.isPattern) return isEquality || hasAll ? { at, what, isStrong: true } : undefined;
  if (constant === undefined) return undefined;
  if (wordOf(constant) !== undefined && isEquality) return { at, what, isStrong: true };
  if (constant.numbers === undefined) return undefined;
  const operand = operandOf(c, other.place);
  if (operand.hasPattern && operand.isAggregated) {
    return { at, what: `${op} compares how far the request is from a constant pattern with ${shown(constant)}`, isStrong: true };
  }
  if (operand.isHashed && isEquality)
    return { at, what: `${op} compares a hash of the request with ${shown(constant)}`, isStrong: true };
  const [first = 0] = constant.numbers;
  // Nothing at all in one place is padding.
  if (operand.isSliced && first !== 0 && (hasAll || operand.isAggregated))
    return { at, what: `${what} in one place of it`, isStrong: true };
  if (markers.has(first) || (!isEquality && !operand.isAggregated && !operand.isSliced)) return undefined;
  return { at, what, isStrong: false };
}

/** What the condition looks for; undefined when it is an ordinary one. */
export function triggerOf(c: Case, condition: Place): TriggerFound | undefined {
  let hasAll = false;
  let weak: TriggerFound | undefined;
  const passes = ({ body, node }: NodeRef): boolean => logic.test(body.op(node)) || c.program.callsFrom(body, node).length > 0;
  for (const { body, edge } of walkBack(c.program, condition, maxCondition, passes)) {
    const { node } = edge;
    const op = body.op(node);
    hasAll ||= op === 'All' || op === 'Prod' || op === 'Min' || op === 'Sum';
    if (/^(?:Static)?RegexFullMatch$/.test(op)) {
      const [input] = body.inputs(node);
      const pattern = stringAttr(body, node, 'pattern') ?? '';
      if (input !== undefined && isFromRequest(c.values.of(body, input)) && pattern.length >= minWord) {
        return { at: { body, node }, what: `${op} compares the request with the pattern ${pattern}`, isStrong: true };
      }
    }
    if (!comparing.test(op)) continue;
    const found = comparison(c, { body, node }, hasAll);
    if (found?.isStrong === true) return found;
    weak ??= found;
  }
  return weak;
}
