// What is wrong with a graph or function as a whole: names given twice, inputs that name nothing, results that nothing makes.
import type { Body } from '../graph/index.ts';
import type { Case } from './hazard-types.ts';
import { reportHazard, reportModel, triggersAt } from './report-hazard.ts';

const maxReported = 20;

function place(body: Body): string {
  return body.function === undefined ? 'the graph' : `the function ${body.function}`;
}

// As tensorflow/core/graph/graph_constructor.cc has it; nodes that TensorFlow adds itself begin with an underscore.
const nodeName = /^[A-Za-z0-9._][A-Za-z0-9_>./\\-]*$/;

function judgeNames(c: Case, body: Body): void {
  for (let node = body.argCount; node < body.nodeCount; node++) {
    const name = body.name(node);
    if (nodeName.test(name)) continue;
    reportHazard(c, body, node, {
      ruleId: 'malformed/node-name',
      severity: 'medium',
      message: `${body.op(node)} "${name}" has a name that TensorFlow does not allow: the model fails`,
      always: triggersAt(c, body, node)[0] ?? 'load',
    });
    return;
  }
}

/** Judges names and edges of one body. */
export function judgeBody(c: Case, body: Body): void {
  judgeNames(c, body);
  for (const name of body.duplicateNames.slice(0, maxReported)) {
    reportModel(c, {
      ruleId: 'malformed/duplicate-node',
      severity: 'medium',
      trigger: 'load',
      message: `${place(body)} has more than one node "${name}": which of them runs depends on who reads it`,
      path: name,
    });
  }
  for (const name of body.missingReturns.slice(0, maxReported)) {
    reportModel(c, {
      ruleId: 'malformed/dangling-input',
      severity: 'medium',
      trigger: 'load',
      message: `${place(body)} gives back ${name}, which no node makes`,
      path: body.function ?? '',
    });
  }
  for (const { node, input } of body.danglingInputs.slice(0, maxReported)) {
    reportHazard(c, body, node, {
      ruleId: 'malformed/dangling-input',
      severity: 'medium',
      message: `${body.op(node)} "${body.name(node)}" has the input ${input}, which no node makes: it fails`,
      argument: { name: 'input', value: input },
      always: triggersAt(c, body, node)[0] ?? 'load',
    });
  }
}

/** Number of data inputs of each node that name nothing. */
export function danglingCounts(body: Body): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const { node, input } of body.danglingInputs) {
    if (!input.startsWith('^')) counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return counts;
}

// Twice the same is an accident; different contents let two readers see two models.
const harmlessDifference = /wire type|unknown field|passes? over/;

/** Judges what two readers of the file may read differently. */
export function judgeDifferentials(c: Case): void {
  for (const what of c.program.differentials.slice(0, maxReported)) {
    reportModel(c, {
      ruleId: 'parser-differential/graph',
      severity: harmlessDifference.test(what) ? 'low' : 'medium',
      trigger: 'parse',
      message: `Two readers of this file may see two models: ${what}`,
    });
  }
}
