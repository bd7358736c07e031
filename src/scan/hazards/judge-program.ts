// What one graph can do to whoever loads it or calls it: every node is looked at once, and what concerns the whole graph after that. Sizes and
// loops are judged by src/scan/values, published vulnerabilities by src/scan/advisories. It only reads; nothing of a model is ever run.
import { type Body, bodiesOf, type NestedProgram, type Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import type { Values } from '../values/index.ts';
import { blockingPairs } from './blocking-pairs.ts';
import type { Budget, Case, FolderFacts } from './hazard-types.ts';
import { clockComparisons, judgeClock, judgeTriggers } from './judge-backdoor.ts';
import { danglingCounts, judgeBody, judgeDifferentials } from './judge-bodies.ts';
import { isCustomOp, judgeCustomOp } from './judge-custom-op.ts';
import { judgeCycles } from './judge-cycles.ts';
import { ForeignDevices } from './judge-device.ts';
import { judgeCallDepth, judgeKernels, judgeRecursion, judgeServability, judgeVersions } from './judge-model.ts';
import { judgeGraphFromString, judgeNested } from './judge-nested.ts';
import { judgeCallForm, judgeNodeForm } from './judge-node-form.ts';
import { judgeResources, resourceOps } from './judge-resources.ts';
import { judgeSignatures } from './judge-signatures.ts';
import { opJudges } from './op-judges.ts';
import { indexResources } from './resource-index.ts';

const indexedOps: ReadonlySet<string> = new Set([
  ...resourceOps,
  ...blockingPairs.flatMap(({ takes, gives }) => [...takes, ...gives]),
  ...clockComparisons,
  'Timestamp',
]);

function judgeNodes(c: Case, body: Body, devices: ForeignDevices): readonly NestedProgram[] {
  const computed: NestedProgram[] = [];
  const dangling = danglingCounts(body);
  const custom = new Map<string, boolean>();
  for (let node = body.argCount; node < body.nodeCount; node++) {
    const op = body.op(node);
    opJudges.get(op)?.(c, body, node);
    if (op === 'DatasetFromGraph') computed.push(...judgeGraphFromString(c, body, node));
    const isCustom = custom.get(op) ?? isCustomOp(c, op);
    custom.set(op, isCustom);
    if (isCustom) judgeCustomOp(c, body, node);
    judgeNodeForm(c, body, node, dangling.get(node) ?? 0);
    judgeCallForm(c, body, node);
    devices.look(c, body, node);
    if (node % 65_536 === 65_535) c.context.progress(0);
  }
  return computed;
}

function judgeCase(c: Case): void {
  const computed: NestedProgram[] = [];
  const devices = new ForeignDevices();
  for (const body of bodiesOf(c.program)) {
    computed.push(...judgeNodes(c, body, devices));
    judgeBody(c, body);
    judgeCycles(c, body);
  }
  devices.report(c);
  judgeDifferentials(c);
  judgeRecursion(c);
  judgeCallDepth(c);
  judgeSignatures(c);
  judgeVersions(c);
  judgeResources(c);
  judgeServability(c);
  judgeKernels(c);
  judgeTriggers(c);
  judgeClock(c);
  judgeNested(c, computed, (nested) =>
    judgeCase({ ...nested, resources: indexResources(nested.program, indexedOps), budget: openBudget() }),
  );
}

function openBudget(): Budget {
  const counts = new Map<string, number>();
  return {
    takes(name, count) {
      const taken = counts.get(name) ?? 0;
      if (taken < count) counts.set(name, taken + 1);
      return taken < count;
    },
  };
}

/**
 * Reports what a graph can do, and what is wrong with it; graphs that lie in its strings included.
 * `folder` says what lies beside it: a path is the model's own only when it is an asset.
 */
export function judgeProgram(program: Program, values: Values, context: ScanContext, folder: FolderFacts): void {
  judgeCase({
    program,
    values,
    context,
    folder,
    depth: 0,
    isHeld: false,
    resources: indexResources(program, indexedOps),
    budget: openBudget(),
  });
}
