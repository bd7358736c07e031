// Whether a path is the model's own: the place of an asset, which the loader fills in, or the file name that a saver is given. Both flow through
// a few operations only; whatever else takes part in a path makes it somebody's choice.
import type { Body, NodeRef } from '../graph/index.ts';
import type { Case } from './hazard-types.ts';
import { type Place, placesBefore, walkBack } from './walk-back.ts';

const maxSteps = 400;
// What is beyond is no asset's: a finding too many, for graphs that nobody writes.
const maxWays = 3_000;
// Old savers restore each variable by an operation of its own.
const maxSaverWays = 50_000;

const toNode = (tensor: string): string => tensor.replace(/:\d+$/, '');

/** `own`: the path comes from here; `part`: it may be part of such a path, and makes none by itself; `other`: it is somebody's choice. */
type Verdict = 'own' | 'part' | 'behind' | 'other';

/** Walks every way back to where a path comes from: none may be another's, and one must be the model's own. */
function allWays(c: Case, start: Place, judge: (place: Place) => Verdict): boolean {
  const todo: Place[] = [start];
  const seen = new Map<Body, Set<number>>();
  let hasEnd = false;
  for (let steps = 0; steps < maxSteps; steps++) {
    const place = todo.pop();
    if (place === undefined) return hasEnd;
    const nodes = seen.get(place.body) ?? new Set<number>();
    seen.set(place.body, nodes);
    if (nodes.has(place.edge.node)) continue;
    nodes.add(place.edge.node);
    const verdict = judge(place);
    if (verdict === 'other') return false;
    if (verdict === 'own') hasEnd = true;
    if (verdict !== 'behind') continue;
    const before = placesBefore(c.program, place);
    if (before.length === 0) return false;
    todo.push(...before);
  }
  return false;
}

const arranging =
  /^(?:Identity|IdentityN|Pack|ConcatV2|ExpandDims|Reshape|Squeeze|GatherV2|StridedSlice|Switch|Merge|Enter|Exit|Select|SelectV2|If|StatelessIf|Shape|Size|Range|RandomShuffle|\w+Dataset(?:V\d)?|PartitionedCall|StatefulPartitionedCall|Unique(?:V2)?)$/;

function isNumber(c: Case, { body, edge }: Place): boolean {
  const { constants } = c.values.of(body, edge);
  return constants?.every(({ strings }) => strings === undefined || strings.every(({ length }) => length === 0)) === true;
}

// TensorFlow 2 puts the path of an asset into a variable when it initialises the model: the placeholder of the asset is the only thing that is
// ever assigned to it (verified with exports of 2.21).
function isAssetVariable(c: Case, read: NodeRef): boolean {
  const names = c.resources.namesAt(read.body, read.node, 0);
  const own = assetVariables(c);
  return names.size > 0 && [...names].every((name) => own.has(name));
}

const known = new WeakMap<Case, ReadonlySet<string>>();

/** Names of variables that nothing but paths of assets is assigned to. */
function assetVariables(c: Case): ReadonlySet<string> {
  const before = known.get(c);
  if (before !== undefined) return before;
  const own = new Set<string>();
  const others = new Set<string>();
  for (const { body, node } of ['AssignVariableOp', 'AssignAddVariableOp'].flatMap((op) => c.resources.nodesOf(op))) {
    const [, edge] = body.inputs(node);
    const isAsset = edge !== undefined && isAssetTensor(c, { body, edge });
    for (const name of c.resources.namesAt(body, node, 0)) (isAsset ? own : others).add(name);
  }
  for (const name of others) own.delete(name);
  // A writer whose variable cannot be told may write any of them.
  if (others.has('?')) own.clear();
  known.set(c, own);
  return own;
}

function isAssetTensor(c: Case, { body, edge }: Place): boolean {
  if (body !== c.program.main) return false;
  const name = body.name(edge.node);
  return c.program.assetFiles.some(({ tensorName }) => toNode(tensorName) === name);
}

/**
 * What a constant says that calls itself an asset and lies outside of the model, when a call reads it. Loaders put the place of an asset there for
 * initialisers and for restoring only (loader.cc RunInitOp and RunRestore, 2.21): a call gets what the graph says itself.
 */
export function assetTextOfCall(c: Case, start: Place, node: number): string | undefined {
  if (!c.program.reach.triggersOf(start.body, node).includes('inference')) return undefined;
  for (const place of walkBack(c.program, start, maxSteps)) {
    const { body, edge } = place;
    if (!isAssetTensor(c, place) || body.op(edge.node) !== 'Const') continue;
    const value = body.attr(edge.node, 'value');
    const texts = value?.case === 'tensor' ? value.value.stringVal : [];
    const outside = texts.map((bytes) => Buffer.from(bytes).toString('utf8')).find((text) => outsidePath.test(text));
    if (outside !== undefined) return outside;
  }
  return undefined;
}

const outsidePath = /^\/|^[a-z][a-z0-9+.-]*:\/\/|(?:^|\/)\.\.(?:\/|$)/;

/** True when the path is surely that of assets of the model. */
export function isAssetPath(c: Case, start: Place): boolean {
  if (c.program.assetFiles.length === 0 || !c.budget.takes('way to an asset', maxWays)) return false;
  return allWays(c, start, (place) => {
    const { body, edge } = place;
    const op = body.op(edge.node);
    if (isAssetTensor(c, place)) return 'own';
    if (op === 'ReadVariableOp') return isAssetVariable(c, { body, node: edge.node }) ? 'own' : 'other';
    if (edge.node < body.argCount) return c.program.callsTo(body).length > 0 ? 'behind' : 'other';
    if (isNumber(c, place)) return 'part';
    return arranging.test(op) || c.program.callsFrom(body, edge.node).length > 0 ? 'behind' : 'other';
  });
}

const saverPassing =
  /^(?:Identity|IdentityN|Pack|ShardedFilename|ShardedFilespec|StringJoin|ExpandDims|Reshape|PartitionedCall|StatefulPartitionedCall)$/;

function isSaverRoot(c: Case, body: Body): boolean {
  return c.program.roots.some(
    (root) =>
      root.body === body && (root.trigger === 'saver' || root.label.startsWith('restore of') || root.label.startsWith('save of')),
  );
}

/** Saver of TensorFlow 1: a placeholder over the constant "model", of which a graph may have several and name one. */
function isDefaultName(c: Case, { body, edge }: Place): boolean {
  if (body !== c.program.main) return false;
  if (!/^(?:Const|PlaceholderWithDefault)$/.test(body.op(edge.node))) return false;
  const [inner] = body.inputs(edge.node);
  if (inner !== undefined) return isDefaultName(c, { body, edge: inner });
  const texts = c.values.of(body, edge).constants?.flatMap(({ strings }) => strings ?? []) ?? [];
  return texts.length > 0 && texts.every((text) => text.toString('utf8') === 'model');
}

/** True when the path is surely the one that a saver is given, with at most something appended. */
export function isSaverPath(c: Case, start: Place): boolean {
  if (!c.budget.takes('way to the saver', maxSaverWays)) return false;
  const filename = toNode(c.program.saver?.filenameTensor ?? '');
  return allWays(c, start, (place) => {
    const { body, edge } = place;
    if (body === c.program.main && filename !== '' && body.name(edge.node) === filename) return 'own';
    if (edge.node < body.argCount) {
      if (c.program.callsTo(body).length > 0) return 'behind';
      return isSaverRoot(c, body) ? 'own' : 'other';
    }
    if (isDefaultName(c, place)) return 'own';
    const op = body.op(edge.node);
    if (op === 'StringJoin' || op.startsWith('Sharded')) return beginsOwn(c, body, edge.node) ? 'behind' : 'other';
    if (saverPassing.test(op)) return 'behind';
    return isPart(c, place) ? 'part' : 'other';
  });
}

/** True when the first of several parts is not a constant of somebody's choice: what is appended to it is judged by itself. */
function beginsOwn(c: Case, body: Body, node: number): boolean {
  const [first] = body.inputs(node);
  if (first === undefined) return false;
  const isNamed = body === c.program.main && body.name(first.node) === toNode(c.program.saver?.filenameTensor ?? '');
  return body.op(first.node) !== 'Const' || isNamed || isDefaultName(c, { body, edge: first });
}

/** Parts that a saver appends: `_temp/part`, `.part`, a random number. */
function isPart(c: Case, { body, edge }: Place): boolean {
  const op = body.op(edge.node);
  if (op === 'Select' || op === 'SelectV2')
    return body
      .inputs(edge.node)
      .slice(1)
      .every((input) => isPart(c, { body, edge: input }));
  const { constants } = c.values.of(body, edge);
  if (constants === undefined) return false;
  const texts = constants.flatMap(({ strings }) => strings ?? []);
  return texts.every(
    (text) => /^(?:[._]?[\w-]{0,64}(?:\/part|_temp|\/)?[\w.-]{0,64})$/.test(text.toString('latin1')) && !text.includes('..'),
  );
}
