// Finds who calls whom: by attributes, by an operation that has a function's name, by gradients, and by what grappler may put in place of a call.
import { damagedFile } from '../../core/index.ts';
import { Interner } from './byte-index.ts';
import type { GraphBody } from './graph-body.ts';
import { graphLimits } from './graph-limits.ts';
import type { Call, CallKind } from './graph-types.ts';
import type { NodeTable } from './node-table.ts';

/** Strings with these names hold the name of a function, and nothing calls it for that. */
const noCalls: ReadonlySet<string> = new Set([
  '_forward_func_name',
  'forward_function_name',
  'backward_function_name',
  '_original_func_name',
  '_user_specified_name',
  '_gradient_op_type',
  '_class',
  'shared_name',
  'container',
  'api_implements',
  'api_preferred_device',
]);

/** A call as this folder sees it. */
export interface GraphCall extends Call {
  readonly callee: GraphBody;
  /** Of the caller. */
  readonly body: GraphBody;
  readonly row: number;
}

export class CallGraph {
  readonly all: GraphCall[] = [];
  readonly #byRow = new Map<number, GraphCall[]>();
  /** Of rows with many calls: what is known already. */
  readonly #keys = new Map<number, Set<string>>();
  readonly #byCallee = new Map<GraphBody, GraphCall[]>();
  readonly #names = new Interner();
  /** By number of the interned name; several when a library has a name twice, which loaders decide differently. */
  readonly #byName: GraphBody[][] = [];
  readonly #byOp = new Map<number, readonly GraphBody[]>();
  readonly #bodies: readonly GraphBody[];
  readonly #table: NodeTable;
  readonly #gradients: ReadonlyMap<string, string>;

  /** `bodies`: by range. */
  constructor(table: NodeTable, bodies: readonly GraphBody[], gradients: ReadonlyMap<string, string>) {
    this.#table = table;
    this.#bodies = bodies;
    this.#gradients = gradients;
    for (const body of bodies) {
      if (body.function === undefined) continue;
      const bytes = Buffer.from(body.function);
      const number = this.#names.intern(bytes, 0, bytes.length);
      this.#byName[number] ??= [];
      this.#byName[number].push(body);
    }
    for (const [op, name] of table.opNames.names.entries()) {
      const called = this.#named(name);
      if (called.length > 0) this.#byOp.set(op, called);
    }
  }

  #named(name: string): readonly GraphBody[] {
    const bytes = Buffer.from(name);
    const number = this.#names.find(bytes, 0, bytes.length);
    return number === undefined ? [] : this.#byName[number];
  }

  #add(row: number, kind: CallKind, attr: string, callee: GraphBody): void {
    const known = this.#byRow.get(row);
    if (known !== undefined && this.#isKnown(row, known, kind, attr, callee)) return;
    if (this.all.length >= graphLimits.maxCalls) {
      throw damagedFile(this.#table.file, `it has more than ${graphLimits.maxCalls} calls of functions`);
    }
    const body = this.#bodies[this.#table.groups[row]];
    const call: GraphCall = { caller: { body, node: row - body.first }, kind, attr, callee, body, row };
    this.all.push(call);
    if (known === undefined) this.#byRow.set(row, [call]);
    else known.push(call);
    const calls = this.#byCallee.get(callee);
    if (calls === undefined) this.#byCallee.set(callee, [call]);
    else calls.push(call);
  }

  /** A node may have 100,000 attributes that name functions: from a dozen on, a set answers. */
  #isKnown(row: number, known: readonly GraphCall[], kind: CallKind, attr: string, callee: GraphBody): boolean {
    if (known.length < 12) return known.some((call) => call.callee === callee && call.kind === kind && call.attr === attr);
    const keyOf = (call: Pick<GraphCall, 'kind' | 'attr' | 'callee'>) => `${call.kind} ${call.callee.group} ${call.attr}`;
    let keys = this.#keys.get(row);
    if (keys === undefined) {
      keys = new Set(known.map(keyOf));
      this.#keys.set(row, keys);
    }
    const key = keyOf({ kind, attr, callee });
    if (keys.has(key)) return true;
    keys.add(key);
    return false;
  }

  /** The attribute names a function, or might: a string. */
  onName(row: number, attr: string, start: number, end: number, isString: boolean): void {
    if (this.#names.names.length === 0) return;
    const { bytes } = this.#table;
    if (attr === '_gradient_op_type') this.#onGradient(row, bytes.toString('utf8', start, end));
    if (isString && noCalls.has(attr)) return;
    const number = this.#names.find(bytes, start, end);
    if (number === undefined) return;
    for (const callee of this.#byName[number]) this.#add(row, 'attr', attr, callee);
    const op = this.#table.opNames.names[this.#table.ops[row]];
    if (op === 'SymbolicGradient') this.#onGradient(row, this.#names.names[number]);
  }

  #onGradient(row: number, name: string): void {
    const gradient = this.#gradients.get(name);
    if (gradient === undefined) return;
    for (const callee of this.#named(gradient)) this.#add(row, 'gradient', 'f', callee);
  }

  /** To be asked of every row that is no argument. */
  onNode(row: number): void {
    for (const callee of this.#byOp.get(this.#table.ops[row]) ?? []) this.#add(row, 'op', '', callee);
  }

  /**
   * Grappler's implementation selector replaces a function by another one with the same `api_implements`, called or not: TensorFlow 2.21 read
   * a file this way that no call leads to. To be called when all calls are known.
   */
  addImplementations(): void {
    const groups = new Map<string, GraphBody[]>();
    for (const body of this.#bodies) {
      const value = body.functionAttr('api_implements');
      if (value?.case !== 's' || value.value.length === 0) continue;
      const key = Buffer.from(value.value).toString('latin1');
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [body]);
      else group.push(body);
    }
    let swaps = 0;
    for (const [, group] of groups) {
      if (group.length < 2) continue;
      for (const original of group) {
        for (const call of this.callsTo(original).filter(({ kind }) => kind !== 'implements')) {
          for (const other of group) {
            if (other === original) continue;
            if (++swaps > graphLimits.maxSwappedCalls) {
              throw damagedFile(this.#table.file, `more than ${graphLimits.maxSwappedCalls} calls have other implementations`);
            }
            this.#add(call.row, 'implements', call.attr, other);
          }
        }
      }
    }
  }

  callsFromRow(row: number): readonly GraphCall[] {
    return this.#byRow.get(row) ?? [];
  }

  callsTo(callee: GraphBody): readonly GraphCall[] {
    return this.#byCallee.get(callee) ?? [];
  }
}
