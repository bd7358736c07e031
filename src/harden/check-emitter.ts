// One tensor's checks in the making: the conditions and Asserts that were written so far. What a check looks at is not decided here.
import { type AttrValue, DataType } from '../model/index.ts';
import type { DType } from '../tensor/index.ts';
import { boolAttribute, intAttribute, typeAttribute, typesAttribute } from './graph-attributes.ts';
import type { CheckText } from './graph-checks.ts';
import type { GraphScope } from './graph-scope.ts';

/** The size of one named axis, as it is in the graph. */
export interface AxisSize {
  readonly name: string;
  /** An int64 scalar. */
  readonly size: string;
  readonly multiplier: number;
  readonly offset: number;
  readonly text: CheckText;
}

/** One tensor's checks in the making. `prefix` is relative to `airlock/` and unique in the scope. */
export class CheckEmitter {
  readonly scope: GraphScope;
  readonly prefix: string;
  readonly dtype: DType;
  readonly asserts: string[] = [];
  readonly conditions: string[] = [];
  readonly axes: AxisSize[] = [];
  #flat: string | undefined;

  constructor(scope: GraphScope, prefix: string, dtype: DType) {
    this.scope = scope;
    this.prefix = prefix;
    this.dtype = dtype;
  }

  /** Fails the step, with the rule's text, when `condition` is false. */
  assert(name: string, condition: string, text: CheckText): void {
    this.conditions.push(condition);
    this.asserts.push(addAssert(this.scope, `${this.prefix}/${name}`, condition, text));
  }

  /** The elements of `value` as a vector. */
  flat(value: string): string {
    if (this.#flat === undefined) {
      const { scope, prefix } = this;
      const shape = scope.constant(`${prefix}/flat/shape`, 'DT_INT32', [-1], [1]);
      const attributes = { T: typeAttribute(this.dtype), Tshape: typeAttribute('DT_INT32') };
      this.#flat = scope.add(`${prefix}/flat`, 'Reshape', [value, shape], attributes);
    }
    return this.#flat;
  }
}

export function assertText({ ruleIds, expected }: CheckText): string {
  return `[airlock] ${ruleIds.join(', ')}: expected ${expected}`;
}

export function addAssert(scope: GraphScope, name: string, condition: string, text: CheckText): string {
  const message = scope.scalar(`${name}/text`, 'DT_STRING', assertText(text));
  return scope.addWithoutOutput(`${name}/assert`, 'Assert', [condition, message], {
    T: typesAttribute([DataType.DT_STRING]),
    summarize: intAttribute(3),
  });
}

export function equalAttributes(dtype: DType): Readonly<Record<string, AttrValue>> {
  return { T: typeAttribute(dtype), incompatible_shape_error: boolAttribute(true) };
}
