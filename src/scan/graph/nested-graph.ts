// Strings that are graphs. A string is cheap to refuse: it must begin as a GraphDef does, and its first node must name an operation. What only looks
// like one (tf.Example, vocabularies that begin with a line feed) has no such node.
import { bytesType, fixed32Type, fixed64Type, varintType, WireReader } from '../../core/index.ts';
import type { OpRegistry } from '../ops/index.ts';
import type { CallGraph } from './calls.ts';
import { controlOutput, type Edges } from './edges.ts';
import type { GraphBody } from './graph-body.ts';
import type { NodeTable } from './node-table.ts';
import type { Span } from './wire-message.ts';

export interface NestedString extends Span {
  readonly row: number;
  /** Name of the attribute; undefined for an element of a tensor. */
  readonly attr: string | undefined;
}

const opName = /^[A-Za-z_][A-Za-z0-9_>./\\-]{1,200}$/;
const nodeName = /^[A-Za-z0-9.^_][A-Za-z0-9_>./\\: -]*$/;
function readNames(reader: WireReader, start: number, end: number): { name: string; op: string } {
  let [name, op] = ['', ''];
  reader.enter(start, end);
  while (reader.next()) {
    if (reader.wireType !== bytesType || reader.end - reader.start > 1000) continue;
    if (reader.field === 1) name = reader.bytes.toString('latin1', reader.start, reader.end);
    else if (reader.field === 2) op = reader.bytes.toString('latin1', reader.start, reader.end);
  }
  return { name, op };
}

/**
 * True when the fields of a message fill the bytes and the first one of number 1 is a message too. Refuses without an exception, which would cost
 * seconds for the million strings of a vocabulary.
 */
function hasFields(bytes: Buffer, start: number, end: number): boolean {
  let hasFirst = false;
  for (let at = start; at < end; ) {
    let [tag, scale, byte] = [0, 1, 0x80];
    for (; at < end && byte >= 0x80 && scale < 2 ** 35; scale *= 128) {
      byte = bytes[at++];
      tag += (byte & 0x7f) * scale;
    }
    if (byte >= 0x80 || tag < 8) return false;
    const wireType = tag % 8;
    let [length, lengthScale] = [0, 1];
    if (wireType === varintType || wireType === bytesType) {
      for (byte = 0x80; at < end && byte >= 0x80 && lengthScale < 2 ** 70; lengthScale *= 128) {
        byte = bytes[at++];
        length += (byte & 0x7f) * lengthScale;
      }
      if (byte >= 0x80) return false;
      if (wireType === varintType) continue;
    } else if (wireType === fixed32Type) length = 4;
    else if (wireType === fixed64Type) length = 8;
    else return false;
    if (length > end - at) return false;
    hasFirst ||= tag === 10 && length > 4;
    at += length;
  }
  return hasFirst;
}

/** True when the bytes between the two are a GraphDef with at least one node of an operation that is known, or that at least looks like one. */
export function isGraph(bytes: Buffer, start: number, end: number, registry: OpRegistry): boolean {
  if (end - start < 8 || !hasFields(bytes, start, end)) return false;
  const outer = new WireReader(bytes, 'a string').enter(start, end);
  const inner = new WireReader(bytes, 'a string');
  let hasNode = false;
  try {
    while (outer.next()) {
      // TensorFlow passes over fields that it does not know, and so does this.
      if (outer.field !== 1 || outer.wireType !== bytesType) continue;
      const { name, op } = readNames(inner, outer.start, outer.end);
      if (!nodeName.test(name) || !opName.test(op)) return false;
      if (registry.get(op) !== undefined) return true;
      hasNode = true;
    }
  } catch {
    // No message at all.
    return false;
  }
  return hasNode;
}

/** Operations that run a graph in one of their attributes. */
const attrRunners: ReadonlySet<string> = new Set(['TRTEngineOp', 'RemoteFusedGraphExecute']);
/** Operations that run a graph that one of their inputs is. */
const inputRunners: ReadonlySet<string> = new Set(['DatasetFromGraph']);
const oneToOne: ReadonlySet<string> = new Set(['PartitionedCall', 'StatefulPartitionedCall']);

export interface FlowInput {
  readonly table: NodeTable;
  readonly edges: Edges;
  readonly calls: CallGraph;
  readonly bodies: readonly GraphBody[];
}

/** Rows whose output may come to an operation that runs graphs, against the direction of data from those operations, through calls. */
export function rowsThatAreRun({ table, edges, calls, bodies }: FlowInput): Uint8Array {
  const marks = new Uint8Array(table.rowCount);
  const queue: number[] = [];
  const push = (row: number): void => {
    if (marks[row] !== 0) return;
    marks[row] = 1;
    queue.push(row);
  };
  const pushInput = (row: number, wanted: number | undefined): void => {
    let place = 0;
    for (let at = edges.starts[row]; at < edges.starts[row + 1]; at++) {
      if (edges.outputs.at(at) !== controlOutput && (wanted === undefined || place++ === wanted)) push(edges.sources.at(at));
    }
  };
  const runners = new Set([...table.opNames.names.keys()].filter((op) => inputRunners.has(table.opNames.names[op])));
  if (runners.size === 0) return marks;
  for (let row = 0; row < table.rowCount; row++) if (runners.has(table.ops[row])) pushInput(row, undefined);
  for (let row = queue.pop(); row !== undefined; row = queue.pop()) {
    const body = bodies[table.groups[row]];
    if (row - body.first < body.argCount) {
      for (const { row: caller, kind } of calls.callsTo(body)) {
        const isExact = kind === 'op' || oneToOne.has(table.opNames.names[table.ops[caller]]);
        pushInput(caller, isExact ? row - body.first : undefined);
      }
      continue;
    }
    pushInput(row, undefined);
    for (const { callee } of calls.callsFromRow(row)) {
      for (const { edge } of callee.returns) push(callee.first + edge.node);
    }
  }
  return marks;
}

export function isRunByAttr(op: string): boolean {
  return attrRunners.has(op);
}
