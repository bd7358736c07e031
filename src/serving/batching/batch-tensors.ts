// Several requests made one along the first dimension, and its answer cut again. Every part of an answer is a copy of its own: a view would have the answers of
// others behind it. Knows nothing of queues.
import { byteCount, elementCount, type Signature, type Tensor, type TensorSpec } from '../../tensor/index.ts';

/** True when the signature says that every input and output has a first dimension of any size. Whether that is one of rows is for BatchProof to find out. */
export function hasRows({ inputs, outputs, unsupported }: Signature): boolean {
  const isOpen = ({ shape }: TensorSpec): boolean => shape !== null && shape.length > 0 && shape[0] === -1;
  return unsupported === undefined && inputs.length > 0 && outputs.length > 0 && inputs.every(isOpen) && outputs.every(isOpen);
}

/** The first dimension that all inputs share; 0 when they share none, so that they are no rows. */
export function rowsOf(inputs: readonly Tensor[]): number {
  const rows = inputs[0]?.shape[0] ?? 0;
  for (const { shape } of inputs) if (shape[0] !== rows) return 0;
  return rows;
}

/** Requests with the same key differ in their rows only. */
export function groupKey(signatureIndex: number, inputs: readonly Tensor[]): string {
  let key = String(signatureIndex);
  for (const { dtype, shape } of inputs) {
    key += `|${dtype}`;
    for (let at = 1; at < shape.length; at++) key += `,${shape[at]}`;
  }
  return key;
}

export function bytesOf(tensors: readonly Tensor[]): number {
  let bytes = 0;
  for (const tensor of tensors) bytes += tensor.bytes.byteLength + (tensor.dtype === 'DT_STRING' ? 4 * tensor.offsets.length : 0);
  return bytes;
}

/** One request out of several with the same group key. */
export function joinRows(members: readonly (readonly Tensor[])[]): Tensor[] {
  return members[0].map((first, index) => joinOne(first, members, index));
}

function joinOne(first: Tensor, members: readonly (readonly Tensor[])[], index: number): Tensor {
  let rows = 0;
  let length = 0;
  let strings = 0;
  for (const inputs of members) {
    rows += inputs[index].shape[0];
    length += inputs[index].bytes.byteLength;
    const tensor = inputs[index];
    if (tensor.dtype === 'DT_STRING') strings += tensor.offsets.length - 1;
  }
  // Not from a pool that others wrote into: what is not filled must be zeros.
  const bytes = new Uint8Array(length);
  const shape = [rows, ...first.shape.slice(1)];
  let at = 0;
  if (first.dtype !== 'DT_STRING') {
    for (const inputs of members) {
      bytes.set(inputs[index].bytes, at);
      at += inputs[index].bytes.byteLength;
    }
    return { dtype: first.dtype, shape, bytes };
  }
  const offsets = new Uint32Array(strings + 1);
  let entry = 0;
  for (const inputs of members) {
    const tensor = inputs[index];
    bytes.set(tensor.bytes, at);
    if (tensor.dtype === 'DT_STRING') for (let i = 1; i < tensor.offsets.length; i++) offsets[++entry] = at + tensor.offsets[i];
    at += tensor.bytes.byteLength;
  }
  return { dtype: 'DT_STRING', shape, bytes, offsets };
}

/** True when every output has exactly so many rows. */
export function haveRows(outputs: readonly Tensor[], rows: number): boolean {
  return outputs.every(({ shape }) => shape.length > 0 && shape[0] === rows);
}

/** `outputs` cut into pieces of so many rows, in order; they must add up to the rows that the outputs have. */
export function splitRows(outputs: readonly Tensor[], rows: readonly number[]): Tensor[][] {
  let at = 0;
  return rows.map((count) => {
    const from = at;
    at += count;
    return outputs.map((tensor) => sliceRows(tensor, from, count));
  });
}

function sliceRows(tensor: Tensor, from: number, rows: number): Tensor {
  const shape = [rows, ...tensor.shape.slice(1)];
  if (tensor.dtype !== 'DT_STRING') {
    const rowBytes = byteCount(tensor.dtype, tensor.shape.slice(1));
    return { dtype: tensor.dtype, shape, bytes: tensor.bytes.slice(from * rowBytes, (from + rows) * rowBytes) };
  }
  const perRow = elementCount(tensor.shape.slice(1));
  const { offsets } = tensor;
  const begin = offsets[from * perRow];
  const piece = offsets.slice(from * perRow, (from + rows) * perRow + 1);
  for (let i = 0; i < piece.length; i++) piece[i] -= begin;
  return { dtype: 'DT_STRING', shape, bytes: tensor.bytes.slice(begin, begin + piece[piece.length - 1]), offsets: piece };
}

/** A copy that shares nothing with the tensor. */
export function copyOf(tensor: Tensor): Tensor {
  return tensor.dtype === 'DT_STRING'
    ? { ...tensor, bytes: tensor.bytes.slice(), offsets: tensor.offsets.slice() }
    : { ...tensor, bytes: tensor.bytes.slice() };
}

/** Whether two requests hold the same bytes; for strings without looking where one ends. */
export function sameBytes(a: readonly Tensor[], b: readonly Tensor[]): boolean {
  return a.every(({ bytes }, index) => Buffer.compare(bytes, b[index].bytes) === 0);
}
