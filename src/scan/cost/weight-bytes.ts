// How much memory the variables and constants of a program take: what a model needs before anybody asks it anything.
import { type Body, bodiesOf, type Program } from '../graph/index.ts';
import type { Trigger } from '../scan-types.ts';
import { bytesPerElement, readTensorFacts, unknownDim, viewOf } from '../values/index.ts';

const variables: ReadonlySet<string> = new Set(['VarHandleOp', 'Variable', 'VariableV2']);
/**
 * What runs in a server. An export of Keras 3 has each variable three times: one that its restore fills and its signatures read, one that only its
 * restore fills (the object graph's own), and one that was left over from tracing, which nothing in C++ ever makes.
 */
const served: ReadonlySet<Trigger> = new Set(['load', 'load-cpp', 'inference']);

function isServed({ reach }: Program, body: Body, node: number): boolean {
  return reach.triggersOf(body, node).some((trigger) => served.has(trigger));
}

/** ResourceHandle::ANONYMOUS_NAME: each node of this name makes a variable of its own. */
const anonymous = 'cd2c89b7-88b7-44c8-ad83-06c2a9158347';

/** By the names that TensorFlow gives resources: nodes of one container and one name share one variable. */
function nameOf(body: Body, node: number): string {
  const text = (name: string): string => {
    const attr = body.attr(node, name);
    return attr?.case === 's' ? Buffer.from(attr.value).toString('latin1') : '';
  };
  const name = text('shared_name');
  // Without a name it is its node's; two functions may have nodes of one name, and are not taken for one.
  const isOwn = name === '' || name === anonymous;
  return isOwn
    ? JSON.stringify([body.function ?? '', body.name(node)])
    : JSON.stringify([text('container'), name, body.op(node)]);
}

function variableBytes(body: Body, node: number): number {
  const view = viewOf(body, node, body.op(node), [], unknownDim);
  const elements = view.shape('shape')?.reduce<number>((all, dim) => all * (typeof dim === 'number' ? dim : 0), 1) ?? 0;
  return elements * bytesPerElement(view.type('dtype'));
}

/** In the file, which TensorFlow keeps, or in memory where that is more: a splat is a few bytes in the file. */
function constantBytes(body: Body, node: number, isLive: boolean): number {
  const encoded = body.attrBytes(node, 'value');
  if (encoded === undefined) return 0;
  const facts = isLive ? readTensorFacts(encoded) : undefined;
  const elements = facts?.shape?.reduce((all, size) => all * Math.max(0, Number(size)), 1) ?? 0;
  return Math.max(encoded.length, elements * bytesPerElement(facts?.dtype));
}

/** @param restoredBytes Of all that lies in the model's checkpoint: a variable may be restored that declares no shape, or another one. */
export function weightBytes(program: Program, restoredBytes: number): number {
  const byName = new Map<string, number>();
  let bytes = 0;
  for (const body of bodiesOf(program)) {
    for (let node = body.argCount; node < body.nodeCount; node++) {
      const op = body.op(node);
      if (op === 'Const') bytes += constantBytes(body, node, isServed(program, body, node));
      else if (variables.has(op) && isServed(program, body, node)) {
        const name = nameOf(body, node);
        byName.set(name, Math.max(byName.get(name) ?? 0, variableBytes(body, node)));
      }
    }
  }
  let declared = 0;
  for (const own of byName.values()) declared += own;
  bytes += Math.max(declared, restoredBytes);
  return Number.isSafeInteger(bytes) ? bytes : Number.MAX_SAFE_INTEGER;
}
