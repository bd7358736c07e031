// Attributes of a node in plain values. A wrong kind of attribute counts as absent here; judge-attributes.ts says that it is wrong.
import type { Body } from '../graph/index.ts';

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}

export function stringAttr(body: Body, node: number, name: string): string | undefined {
  const value = body.attr(node, name);
  return value?.case === 's' ? text(value.value) : undefined;
}

export function bytesAttr(body: Body, node: number, name: string): Uint8Array | undefined {
  const value = body.attr(node, name);
  return value?.case === 's' ? value.value : undefined;
}

/** Empty when there is none. */
export function stringListAttr(body: Body, node: number, name: string): readonly string[] {
  const value = body.attr(node, name);
  return value?.case === 'list' ? value.value.s.map(text) : [];
}

/** A safe integer, or the nearest infinity. */
export function intAttr(body: Body, node: number, name: string): number | undefined {
  const value = body.attr(node, name);
  return value?.case === 'i' ? Number(value.value) : undefined;
}

/** Empty when there is none. */
export function intsAttr(body: Body, node: number, name: string): readonly number[] {
  const value = body.attr(node, name);
  return value?.case === 'list' ? value.value.i.map(Number) : [];
}

export function boolAttr(body: Body, node: number, name: string): boolean | undefined {
  const value = body.attr(node, name);
  return value?.case === 'b' ? value.value : undefined;
}

/** DataType's number. */
export function typeAttr(body: Body, node: number, name: string): number | undefined {
  const value = body.attr(node, name);
  return value?.case === 'type' ? value.value : undefined;
}

export function typeListAttr(body: Body, node: number, name: string): readonly number[] | undefined {
  const value = body.attr(node, name);
  return value?.case === 'list' ? value.value.type : undefined;
}

/** Sizes, -1 for unknown; undefined when the rank is unknown or there is no shape. */
export function shapeAttr(body: Body, node: number, name: string): readonly number[] | undefined {
  const value = body.attr(node, name);
  if (value?.case !== 'shape' || value.value.unknownRank) return undefined;
  return value.value.dim.map(({ size }) => Number(size));
}

/** Names of functions in an attribute, those inside of the arguments of functions too. */
export function functionNames(body: Body, node: number, name: string): readonly string[] {
  const value = body.attr(node, name);
  const todo = value === undefined ? [] : [value];
  const found: string[] = [];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const functions = next.case === 'func' ? [next.value] : next.case === 'list' ? next.value.func : [];
    for (const func of functions) {
      found.push(func.name);
      for (const { value: inner } of func.attr) if (inner !== undefined) todo.push(inner.value);
    }
  }
  return found;
}
