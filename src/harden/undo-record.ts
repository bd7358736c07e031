// What has to be put back when the checks are taken out again and cannot be seen in the graph any more. It lies in the model itself, beside
// the mark, so whoever reads it reads hostile bytes.
import { AirlockError } from '../core/index.ts';
import type { NodeDef } from '../model/index.ts';
import { attributeOf } from './graph-attributes.ts';

export const undoNodeName = 'airlock/undo';

export interface UndoRecord {
  /** Nodes of the main graph that were PartitionedCall: a call of a function with an Assert is stateful. */
  readonly calls: string[];
  /** Objects whose function had this value of jit_compile. */
  readonly jit: [node: number, value: number][];
  /** Inputs of nodes of the main graph: what stands there now, and what stood there. */
  readonly inputs: [now: string, before: string][];
  /** Outputs of signatures: the signature, its output, and the tensor that it named. */
  readonly outputs: [signature: string, alias: string, tensor: string][];
}

const maxBytes = 64 * 1024 ** 2;

export function emptyUndo(): UndoRecord {
  return { calls: [], jit: [], inputs: [], outputs: [] };
}

export function formatUndo({ calls, jit, inputs, outputs }: UndoRecord): string {
  return JSON.stringify({ calls, jit, inputs, outputs });
}

/** The refusal of a model that has names of ours and was not written by us. */
export function notOurs(what: string): AirlockError {
  return new AirlockError('MODEL_NOT_HARDENABLE', {
    message: `The model has parts below airlock/ that this command did not write (${what})`,
  });
}

/** @throws MODEL_NOT_HARDENABLE when the node is not one that `formatUndo` was written into */
export function parseUndo(node: NodeDef | undefined): UndoRecord {
  const value = node === undefined ? undefined : attributeOf(node, 'value');
  if (value?.case !== 'tensor' || value.value.stringVal.length !== 1 || value.value.stringVal[0].length > maxBytes)
    throw notOurs(undoNodeName);
  const text = Buffer.from(value.value.stringVal[0]).toString('utf8');
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    throw notOurs(undoNodeName);
  }
  if (!isUndoRecord(record) || formatUndo(record) !== text) throw notOurs(undoNodeName);
  return record;
}

function isUndoRecord(value: unknown): value is UndoRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { calls, jit, inputs, outputs } = value as Record<string, unknown>;
  return isRows(calls, isText) && isRows(jit, isNumbers(2)) && isRows(inputs, isTexts(2)) && isRows(outputs, isTexts(3));
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isTexts = (count: number) => (row: unknown) => Array.isArray(row) && row.length === count && row.every(isText);
const isNumbers = (count: number) => (row: unknown) =>
  Array.isArray(row) && row.length === count && row.every(Number.isSafeInteger);
const isRows = (value: unknown, isRow: (row: unknown) => boolean): boolean => Array.isArray(value) && value.every(isRow);
