// The form of a node against the definition of its operation: how many inputs it has, and which attributes of which kind. TensorFlow refuses
// such a graph when it loads it, readers with less care do not, and what is left of it is not what the author's tools show.
import type { Body } from '../graph/index.ts';
import type { OpDefinition } from '../ops/index.ts';
import type { Case } from './hazard-types.ts';
import { functionNames, intAttr, intsAttr, stringAttr, typeListAttr } from './node-facts.ts';
import { tensorTypes } from './node-types.ts';
import { named, reportHazard, triggersAt } from './report-hazard.ts';

// Field numbers of AttrValue: the kind of an attribute stands in its first byte, so that half a million nodes need no decoding.
const listField = 1;
const placeholderField = 9;
const fieldOfType: Readonly<Record<string, number>> = {
  string: 2,
  int: 3,
  float: 4,
  bool: 5,
  type: 6,
  shape: 7,
  tensor: 8,
  func: 10,
};

const windowAttrs: ReadonlySet<string> = new Set(['strides', 'ksize', 'dilations', 'ksizes', 'rates']);
const paddings: ReadonlySet<string> = new Set(['SAME', 'VALID', 'EXPLICIT']);

/** Nodes of one operation whose attributes are looked at. */
const maxAttributes = 20_000;

function report(c: Case, body: Body, node: number, ruleId: string, what: string): void {
  reportHazard(c, body, node, {
    ruleId,
    severity: 'medium',
    message: `${named(body, node)} ${what}, and fails or does something else`,
    always: triggersAt(c, body, node)[0] ?? 'load',
  });
}

/** What is wrong with the attributes; undefined when nothing is. */
function attributeProblem(c: Case, body: Body, node: number, definition: OpDefinition): string | undefined {
  for (const { name, type, default: fallback } of definition.attrs.values()) {
    const [tag] = body.attrBytes(node, name) ?? [];
    if (tag === undefined) {
      // Writers of JSON leave empty lists of types and shapes out; strides and windows have no default and are never empty.
      if (fallback === undefined && (!type.startsWith('list(') || type === 'list(int)'))
        return `has no attribute ${name}, which its operation needs`;
      continue;
    }
    // In a function, an attribute may stand for one that the caller gives.
    const field = tag >> 3;
    if (field === placeholderField) continue;
    const wanted = type.startsWith('list(') ? listField : fieldOfType[type];
    if (wanted !== undefined && field !== wanted) return `has an attribute ${name} of another kind than ${type}`;
    const badWindow =
      windowAttrs.has(name) && type === 'list(int)' ? intsAttr(body, node, name).find((size) => size < 1) : undefined;
    if (badWindow !== undefined) return `has ${badWindow} in ${name}, which divides by it or never moves on`;
    if (name === 'padding' && type === 'string' && definition.attrs.has('strides')) {
      const padding = stringAttr(body, node, name);
      if (padding !== undefined && !paddings.has(padding)) return `has the ${name} ${padding}, which its operation does not know`;
    }
    if (type !== 'func' && type !== 'list(func)') continue;
    const unknown = functionNames(body, node, name).find(
      (callee) => callee !== '' && !c.program.functions.has(callee) && c.context.ops.get(callee) === undefined,
    );
    if (unknown !== undefined) return `calls the function ${unknown} (${name}), which the model does not have`;
  }
  return undefined;
}

/** Number of tensors that the operation takes; undefined where an attribute that would say it is missing. */
function inputCount(body: Body, node: number, { inputs }: OpDefinition): number | undefined {
  let count = 0;
  for (const { type, isTypeList, numberAttr } of inputs) {
    const some = isTypeList
      ? typeListAttr(body, node, type)?.length
      : numberAttr === undefined
        ? 1
        : intAttr(body, node, numberAttr);
    if (some === undefined || some < 0) return undefined;
    count += some;
  }
  return count;
}

/** What is wrong with the number of inputs; undefined when nothing is. */
function inputProblem(body: Body, node: number, definition: OpDefinition, dangling: number): string | undefined {
  const wanted = inputCount(body, node, definition);
  if (wanted === undefined) return undefined;
  const count = body.inputs(node).length + dangling;
  return count === wanted ? undefined : `has ${count} inputs where its operation takes ${wanted}`;
}

/** An input that is an output which its node does not have; undefined when there is none. First outputs are always there. */
function outputProblem(c: Case, body: Body, node: number): string | undefined {
  for (const { node: source, output } of body.inputs(node)) {
    if (output === undefined || output === 0 || source < body.argCount) continue;
    const op = body.op(source);
    const callee = c.program.functions.get(op);
    const outputs = c.context.ops.get(op)?.outputs;
    const count = callee?.returns.length ?? (outputs === undefined ? undefined : tensorTypes(body, source, outputs)?.length);
    if (count !== undefined && output >= count) {
      return `takes ${body.name(source)}:${output} for an input, and ${op} "${body.name(source)}" has ${count} outputs`;
    }
  }
  return undefined;
}

/** Judges one node; `dangling` is how many of its data inputs name nothing. */
export function judgeNodeForm(c: Case, body: Body, node: number, dangling: number): void {
  const op = body.op(node);
  const callee = c.program.functions.get(op);
  const definition = c.context.ops.get(op);
  if (definition === undefined || callee !== undefined) {
    if (callee === undefined) return;
    const count = body.inputs(node).length + dangling;
    if (count !== callee.argCount) {
      report(c, body, node, 'malformed/inputs', `has ${count} inputs where its function takes ${callee.argCount}`);
    }
    return;
  }
  const attribute = c.budget.takes(op, maxAttributes) ? attributeProblem(c, body, node, definition) : undefined;
  if (attribute !== undefined) report(c, body, node, 'malformed/attribute', attribute);
  const input = inputProblem(body, node, definition, dangling);
  if (input !== undefined) report(c, body, node, 'malformed/inputs', input);
  const output = outputProblem(c, body, node);
  if (output !== undefined) report(c, body, node, 'malformed/inputs', output);
}

const plainCalls: ReadonlySet<string> = new Set(['PartitionedCall', 'StatefulPartitionedCall', 'While', 'StatelessWhile']);

/** Judges what a call gives its function: TensorFlow 2.21 refuses another number of arguments when it runs the call. */
export function judgeCallForm(c: Case, body: Body, node: number): void {
  if (!plainCalls.has(body.op(node))) return;
  const count = body.inputs(node).length;
  for (const { callee, kind, attr } of c.program.callsFrom(body, node)) {
    if (kind !== 'attr' || attr.includes('.') || !['f', 'cond', 'body'].includes(attr) || callee.argCount === count) continue;
    report(c, body, node, 'malformed/inputs', `gives ${count} arguments to ${callee.function}, which takes ${callee.argCount}`);
    return;
  }
}
