// All nodes of a graph and its functions as columns: where each message lies, its name, operation and device. A row is one node or one argument of
// a function. Attributes stay in the file until somebody asks for one.
import { bytesType, WireReader } from '../../core/index.ts';
import { Interner, NameIndex } from './byte-index.ts';
import type { GraphDefinition } from './graph-definition.ts';
import { graphLimits } from './graph-limits.ts';
import type { Notes } from './notes.ts';

/** The rows of one graph or function; its arguments come first. */
export interface RowRange {
  readonly first: number;
  readonly count: number;
  readonly argCount: number;
}

/** Field numbers of NodeDef. */
export const nodeField = { name: 1, op: 2, input: 3, device: 4, attr: 5 } as const;

export interface NodeTable {
  readonly bytes: Buffer;
  readonly file: string;
  readonly rowCount: number;
  /** Of the graph, then of each function, as `definition.functions` has them. */
  readonly ranges: readonly RowRange[];
  /** Which range a row belongs to. */
  readonly groups: Int32Array;
  readonly messageStarts: Int32Array;
  readonly messageEnds: Int32Array;
  readonly nameStarts: Int32Array;
  readonly nameLengths: Int32Array;
  readonly ops: Int32Array;
  readonly devices: Int32Array;
  readonly opNames: Interner;
  readonly deviceNames: Interner;
  readonly index: NameIndex;
  /** By range: names that more than one row has. */
  readonly duplicates: ReadonlyMap<number, readonly string[]>;
}

const empty = Buffer.alloc(0);
const argOp = Buffer.from('_Arg');

function layOut(definition: GraphDefinition): { ranges: RowRange[]; rowCount: number } {
  const ranges: RowRange[] = [{ first: 0, count: definition.mainCount, argCount: 0 }];
  let rowCount = definition.mainCount;
  for (const { args, nodeCount } of definition.functions) {
    ranges.push({ first: rowCount, count: args.length + nodeCount, argCount: args.length });
    rowCount += args.length + nodeCount;
  }
  return { ranges, rowCount };
}

/** @throws MODEL_INVALID when a node is damaged or there are too many. */
export function readNodeTable(bytes: Buffer, file: string, definition: GraphDefinition, notes: Notes): NodeTable {
  const { ranges, rowCount } = layOut(definition);
  const reader = new WireReader(bytes, file);
  if (rowCount > graphLimits.maxNodes) throw reader.damaged(`it has more than ${graphLimits.maxNodes} nodes and arguments`);
  const column = () => new Int32Array(rowCount);
  const [groups, messageStarts, messageEnds, nameStarts, nameLengths] = [column(), column(), column(), column(), column()];
  const [ops, devices] = [column(), column()];
  const opNames = new Interner();
  const deviceNames = new Interner();
  const argNumber = opNames.intern(argOp, 0, argOp.length);
  const noOp = opNames.intern(empty, 0, 0);
  deviceNames.intern(empty, 0, 0);

  const readNode = (row: number): void => {
    let [names, opCount, deviceCount] = [0, 0, 0];
    ops[row] = noOp;
    reader.enter(messageStarts[row], messageEnds[row]);
    while (reader.next()) {
      const { field } = reader;
      if (field > nodeField.attr) continue;
      if (reader.wireType !== bytesType) notes.add('a node has a field with a wire type that decoders pass over');
      else if (field === nodeField.name) {
        names++;
        nameStarts[row] = reader.start;
        nameLengths[row] = reader.end - reader.start;
      } else if (field === nodeField.op) {
        opCount++;
        ops[row] = opNames.intern(bytes, reader.start, reader.end);
      } else if (field === nodeField.device) {
        deviceCount++;
        devices[row] = deviceNames.intern(bytes, reader.start, reader.end);
      }
    }
    if (names > 1 || opCount > 1 || deviceCount > 1) {
      const name = bytes.toString('utf8', nameStarts[row], nameStarts[row] + nameLengths[row]);
      notes.add('name, operation or device is given more than once in the node', name);
    }
  };

  const readArg = (row: number): void => {
    ops[row] = argNumber;
    reader.enter(messageStarts[row], messageEnds[row]);
    while (reader.next()) {
      if (reader.field !== 1 || reader.wireType !== bytesType) continue;
      nameStarts[row] = reader.start;
      nameLengths[row] = reader.end - reader.start;
    }
  };

  const index = new NameIndex(bytes, nameStarts, nameLengths, groups);
  const duplicates = new Map<number, string[]>();
  let duplicateCount = 0;
  for (const [group, { first, count, argCount }] of ranges.entries()) {
    const owner = group === 0 ? undefined : definition.functions[group - 1];
    for (let at = 0; at < count; at++) {
      const row = first + at;
      groups[row] = group;
      if (owner !== undefined && at < argCount) {
        const { start, end } = owner.args[at].span;
        messageStarts[row] = start;
        messageEnds[row] = end;
        readArg(row);
      } else {
        const node = (owner?.firstNode ?? 0) + at - argCount;
        messageStarts[row] = definition.nodeStarts.at(node);
        messageEnds[row] = definition.nodeEnds.at(node);
        readNode(row);
      }
      if (index.add(row) || duplicateCount++ >= graphLimits.maxOddNames) continue;
      const name = bytes.toString('utf8', nameStarts[row], nameStarts[row] + nameLengths[row]);
      const list = duplicates.get(group);
      if (list === undefined) duplicates.set(group, [name]);
      else list.push(name);
    }
  }
  return {
    bytes,
    file,
    rowCount,
    ranges,
    groups,
    messageStarts,
    messageEnds,
    nameStarts,
    nameLengths,
    ops,
    devices,
    opNames,
    deviceNames,
    index,
    duplicates,
  };
}
