// Resources that a model uses but did not make: a variable or table that another model of the same process filled, by its name. And state that
// requests change, and variables that serving will not restore.
import type { Body, NodeRef } from '../graph/index.ts';
import type { Case } from './hazard-types.ts';
import { shapeAttr, stringAttr, typeAttr } from './node-facts.ts';
import { named, reportHazard, reportModel, triggersAt } from './report-hazard.ts';
import { resourceName } from './resource-index.ts';

const set = (text: string): readonly string[] => text.split(' ');

const variableOps = set('VarHandleOp _VarHandlesOp Variable VariableV2');
const tableOps = set(
  'HashTable HashTableV2 MutableHashTable MutableHashTableV2 MutableHashTableOfTensors MutableHashTableOfTensorsV2 MutableDenseHashTable ' +
    'MutableDenseHashTableV2',
);
const variableWriters = set(
  'AssignVariableOp AssignAddVariableOp AssignSubVariableOp Assign AssignAdd AssignSub ResourceScatterUpdate ResourceScatterAdd ' +
    'ResourceScatterSub ResourceScatterMul ResourceScatterDiv ResourceScatterMin ResourceScatterMax ResourceScatterNdUpdate ' +
    'ResourceScatterNdAdd ResourceScatterNdSub ResourceStridedSliceAssign ScatterUpdate ScatterAdd ScatterNdUpdate StridedSliceAssign ' +
    'AssignVariableXlaConcatND',
);
const tableWriters = set(
  'InitializeTable InitializeTableV2 InitializeTableFromTextFile InitializeTableFromTextFileV2 InitializeTableFromDataset ' +
    'LookupTableImport LookupTableImportV2 LookupTableInsert LookupTableInsertV2',
);

export const resourceOps: readonly string[] = [...variableOps, ...tableOps, ...variableWriters, ...tableWriters];

interface Written {
  /** Names that loading, restoring or training writes. */
  readonly names: ReadonlySet<string>;
  readonly restored: ReadonlySet<string>;
  /** True when some writer's target could not be told. */
  readonly isPartial: boolean;
}

function writtenBy(c: Case, ops: readonly string[]): Written {
  const names = new Set<string>();
  const restored = new Set<string>();
  let isPartial = false;
  for (const { body, node } of ops.flatMap((op) => c.resources.nodesOf(op))) {
    const triggers = triggersAt(c, body, node);
    const isOnlyRequest =
      c.program.kind === 'saved-model' && triggers.length > 0 && triggers.every((trigger) => trigger === 'inference');
    const isLoad = triggers.some((trigger) => trigger === 'load' || trigger === 'load-cpp');
    for (const name of c.resources.namesAt(body, node, 0)) {
      if (name === '?') isPartial = true;
      else if (!isOnlyRequest) names.add(name);
      if (isLoad) restored.add(name);
    }
  }
  return { names, restored, isPartial };
}

function isRequested(c: Case, { body, node }: NodeRef): boolean {
  return triggersAt(c, body, node).includes('inference');
}

/** True when the checkpoint has a tensor that this variable may be restored from, by its name or by its form. */
function isInCheckpoint(c: Case, body: Body, node: number): boolean {
  const { variables } = c.folder;
  // A checkpoint that could not be read says nothing; without a saver there is none.
  if (variables === undefined) return c.program.saver !== undefined;
  const name = stringAttr(body, node, 'shared_name') ?? body.name(node);
  if (variables.has(name) || variables.has(body.name(node))) return true;
  const dtype = typeAttr(body, node, 'dtype');
  const shape = shapeAttr(body, node, 'shape');
  if (shape === undefined || shape.includes(-1)) return true;
  for (const tensor of variables.values()) {
    if (
      tensor.dtype === dtype &&
      tensor.shape.length === shape.length &&
      tensor.shape.every((size, axis) => size === shape[axis])
    )
      return true;
  }
  return false;
}

function reportForeign(c: Case, { body, node }: NodeRef, what: string): void {
  const container = stringAttr(body, node, 'container') ?? '';
  const shared = stringAttr(body, node, 'shared_name') ?? '';
  const name = `${container === '' ? '' : `${container}/`}${shared === '' ? body.name(node) : shared}`;
  reportHazard(c, body, node, {
    ruleId: 'cross-model/foreign-resource',
    severity: 'medium',
    message: `${named(body, node)} uses the ${what} ${name}, which this model neither makes nor restores: another model's, where a process has several,`,
    argument: { name: container === '' ? 'shared_name' : 'container', value: name },
  });
}

function judgeVariables(c: Case): void {
  const { names, restored, isPartial } = writtenBy(c, variableWriters);
  const unrestored: string[] = [];
  for (const ref of variableOps.flatMap((op) => c.resources.nodesOf(op))) {
    if (!isRequested(c, ref)) continue;
    const name = resourceName(ref);
    const isOther = (stringAttr(ref.body, ref.node, 'container') ?? '') !== '';
    if (restored.has(name)) continue;
    if (ref.body.op(ref.node) === 'VarHandleOp') unrestored.push(ref.body.name(ref.node));
    if (names.has(name) || isPartial || (c.program.kind !== 'saved-model' && !isOther)) continue;
    if (isOther || !isInCheckpoint(c, ref.body, ref.node)) reportForeign(c, ref, 'variable');
  }
  if (unrestored.length === 0 || c.program.kind !== 'saved-model' || isPartial || c.program.saver === undefined) return;
  reportModel(c, {
    ruleId: 'servability/unrestored-variable',
    severity: 'low',
    trigger: 'inference',
    message: `Signatures use ${unrestored.length} variables that the restore operation does not restore (${unrestored
      .slice(0, 3)
      .join(', ')}): TensorFlow Serving answers with an error`,
  });
}

function judgeTables(c: Case): void {
  const { names, isPartial } = writtenBy(c, tableWriters);
  if (isPartial) return;
  for (const ref of tableOps.flatMap((op) => c.resources.nodesOf(op))) {
    if (!isRequested(c, ref) || names.has(resourceName(ref))) continue;
    const { body, node } = ref;
    const isOther = (stringAttr(body, node, 'container') ?? '') !== '';
    const hasName = (stringAttr(body, node, 'shared_name') ?? '') !== '';
    // A table that only requests fill is a counter or a cache of this model; one that cannot be filled at all must be somebody else's.
    if (isOther || (hasName && !body.op(node).startsWith('Mutable'))) reportForeign(c, ref, 'lookup table');
  }
}

/** Requests that write a variable or table: ordinary for counters, and said because answers then depend on who asked before. */
function judgeWrites(c: Case): void {
  const writers = [...variableWriters, ...tableWriters]
    .flatMap((op) => c.resources.nodesOf(op))
    .filter((ref) => isRequested(c, ref));
  const [first] = writers;
  if (first === undefined) return;
  const { body, node } = first;
  const more = writers.length > 1 ? ` and ${writers.length - 1} more` : '';
  reportHazard(c, body, node, {
    ruleId: 'cross-model/request-writes-state',
    severity: 'info',
    message: `${named(body, node)}${more} changes what the model remembers between requests`,
  });
}

/** Judges what the graph shares with others by name. */
export function judgeResources(c: Case): void {
  judgeVariables(c);
  judgeTables(c);
  judgeWrites(c);
}
