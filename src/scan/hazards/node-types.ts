// Numbers and types of a node's inputs and outputs, by the operation's definition and the node's attributes.
import { DataType } from '../../model/index.ts';
import type { Body } from '../graph/index.ts';
import type { OpArg } from '../ops/index.ts';
import { intAttr, typeAttr, typeListAttr } from './node-facts.ts';

const byName: Readonly<Record<string, unknown>> = DataType;

/** Types of the tensors of one argument; undefined when an attribute that would say it is missing. `undefined` in it: a type that is not known. */
function argTypes(body: Body, node: number, arg: OpArg): readonly (number | undefined)[] | undefined {
  if (arg.isTypeList) return typeListAttr(body, node, arg.type);
  const fixed = byName[arg.type];
  const type = typeof fixed === 'number' ? fixed : typeAttr(body, node, arg.type);
  if (arg.numberAttr === undefined) return [type];
  const count = intAttr(body, node, arg.numberAttr);
  if (count === undefined || count < 0 || count > 1_000_000) return undefined;
  return new Array<number | undefined>(count).fill(type);
}

/** Types of all tensors of these arguments in order; undefined when their number cannot be told. */
export function tensorTypes(body: Body, node: number, args: readonly OpArg[]): readonly (number | undefined)[] | undefined {
  const types: (number | undefined)[] = [];
  for (const arg of args) {
    const some = argTypes(body, node, arg);
    if (some === undefined) return undefined;
    for (const type of some) types.push(type);
  }
  return types;
}
