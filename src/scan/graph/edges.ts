// Turns the names in the inputs of nodes into edges. The forms are TensorFlow's: `node`, `node:1` and `^node` in graphs; `argument`, `node:output:1` and
// `^node` in functions, where old graphs also have `node:1`.
import { bytesType, WireReader } from '../../core/index.ts';
import { graphLimits } from './graph-limits.ts';
import { GrowingList } from './growing-list.ts';
import { type NodeTable, nodeField } from './node-table.ts';
import type { OutputNumbers } from './output-numbers.ts';

/** In `outputs`: a control input; an output that is not known. Others are flat numbers of outputs. */
export const controlOutput = -2;
export const unknownOutput = -1;

/** Inputs of row `r` are at `starts[r]` to `starts[r + 1]`, in order. */
export interface Edges {
  readonly starts: Int32Array;
  /** Rows. */
  readonly sources: GrowingList;
  readonly outputs: GrowingList;
  /** By range; bounded by `graphLimits.maxOddNames` in all. */
  readonly dangling: ReadonlyMap<number, readonly { readonly row: number; readonly input: string }[]>;
}

const [caret, colon, zero, nine] = [0x5e, 0x3a, 0x30, 0x39];

export interface ResolvedInput {
  row: number;
  output: number;
}

export class InputResolver {
  readonly #table: NodeTable;
  readonly #numbers: OutputNumbers;

  constructor(table: NodeTable, numbers: OutputNumbers) {
    this.#table = table;
    this.#numbers = numbers;
  }

  /** The number that the bytes between the two are; -1 when they are none, or one that no output has. */
  static #digits(bytes: Buffer, start: number, end: number): number {
    if (start === end || end - start > 9) return -1;
    let value = 0;
    for (let at = start; at < end; at++) {
      if (bytes[at] < zero || bytes[at] > nine) return -1;
      value = value * 10 + bytes[at] - zero;
    }
    return value;
  }

  /** False when the name leads nowhere. `bytes` may be another buffer than the file: a name of a signature. */
  resolve(group: number, bytes: Buffer, start: number, end: number, into: ResolvedInput): boolean {
    const { index } = this.#table;
    if (start < end && bytes[start] === caret) {
      into.row = index.find(group, bytes, start + 1, end);
      into.output = controlOutput;
      return into.row >= 0;
    }
    return group === 0 ? this.#inGraph(bytes, start, end, into) : this.#inFunction(group, bytes, start, end, into);
  }

  #inGraph(bytes: Buffer, start: number, end: number, into: ResolvedInput): boolean {
    let digits = end;
    while (digits > start && bytes[digits - 1] >= zero && bytes[digits - 1] <= nine) digits--;
    const hasNumber = digits < end && digits - 1 > start && bytes[digits - 1] === colon;
    const number = hasNumber ? InputResolver.#digits(bytes, digits, end) : 0;
    into.row = this.#table.index.find(0, bytes, start, hasNumber ? digits - 1 : end);
    into.output = number;
    return into.row >= 0;
  }

  #inFunction(group: number, bytes: Buffer, start: number, end: number, into: ResolvedInput): boolean {
    let first = start;
    while (first < end && bytes[first] !== colon) first++;
    into.row = this.#table.index.find(group, bytes, start, first);
    into.output = 0;
    if (into.row < 0) return false;
    if (first === end) return true;
    const number = InputResolver.#digits(bytes, first + 1, end);
    if (number >= 0) {
      into.output = number;
      return true;
    }
    let last = end;
    while (last > first + 1 && bytes[last - 1] !== colon) last--;
    const hasIndex = last > first + 1;
    const index = hasIndex ? InputResolver.#digits(bytes, last, end) : 0;
    const name = bytes.toString('utf8', first + 1, hasIndex ? last - 1 : end);
    into.output = (index < 0 ? undefined : this.#numbers.flat(into.row, name, index)) ?? unknownOutput;
    return true;
  }
}

/** @throws MODEL_INVALID when a node has more than `graphLimits.maxInputsPerNode` inputs. */
export function readEdges(table: NodeTable, resolver: InputResolver): Edges {
  const { bytes, ranges, groups, messageStarts, messageEnds, rowCount } = table;
  const reader = new WireReader(bytes, table.file);
  const starts = new Int32Array(rowCount + 1);
  const sources = new GrowingList();
  const outputs = new GrowingList();
  const dangling = new Map<number, { row: number; input: string }[]>();
  let danglingCount = 0;
  const found: ResolvedInput = { row: 0, output: 0 };
  for (let row = 0; row < rowCount; row++) {
    starts[row] = sources.length;
    const group = groups[row];
    if (row < ranges[group].first + ranges[group].argCount) continue;
    let count = 0;
    reader.enter(messageStarts[row], messageEnds[row]);
    while (reader.next()) {
      if (reader.field !== nodeField.input || reader.wireType !== bytesType) continue;
      if (++count > graphLimits.maxInputsPerNode)
        throw reader.damaged(`a node has more than ${graphLimits.maxInputsPerNode} inputs`);
      if (resolver.resolve(group, bytes, reader.start, reader.end, found)) {
        sources.push(found.row);
        outputs.push(found.output);
      } else if (danglingCount++ < graphLimits.maxOddNames) {
        const input = bytes.toString('utf8', reader.start, Math.min(reader.end, reader.start + 1000));
        const list = dangling.get(group);
        if (list === undefined) dangling.set(group, [{ row, input }]);
        else list.push({ row, input });
      }
    }
  }
  starts[rowCount] = sources.length;
  return { starts, sources, outputs, dangling };
}
