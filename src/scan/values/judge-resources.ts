// What operations take besides tensors: lists, tables, threads, buffers, decompressed data.
import type { Body, Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { bytesPerElement } from './data-types.ts';
import { fewestElements } from './dims.ts';
import { DatasetLength } from './judge-datasets.ts';
import { countText, judge, sizeText } from './judgement.ts';
import { elementBounds } from './lattice.ts';
import { viewOf } from './node-view.ts';
import { listSizes } from './size-inputs.ts';
import { readTensorProto } from './tensor-proto.ts';
import type { Values } from './value-types.ts';

const maxThreads = 4096;
// An element of a list is a Tensor: 32 bytes and what it holds.
const listElementBytes = 32;
const tables: ReadonlySet<string> = new Set([
  'MutableDenseHashTable',
  'MutableDenseHashTableV2',
  'AnonymousMutableDenseHashTable',
]);
const threadAttrs: ReadonlyMap<string, string> = new Map([
  ['ThreadPoolHandle', 'num_threads'],
  ['ExperimentalThreadPoolHandle', 'num_threads'],
  ['BatchFunction', 'num_batch_threads'],
  ['Batch', 'num_batch_threads'],
  ['MapDefun', 'max_intra_op_parallelism'],
]);
const threadInputs: ReadonlyMap<string, string> = new Map([
  ['PrivateThreadPoolDataset', 'num_threads'],
  ['ExperimentalPrivateThreadPoolDataset', 'num_threads'],
  ['MaxIntraOpParallelismDataset', 'max_intra_op_parallelism'],
]);
const bufferInputs: ReadonlySet<string> = new Set([
  'ShuffleDataset',
  'ShuffleDatasetV2',
  'ShuffleDatasetV3',
  'ShuffleAndRepeatDataset',
  'PrefetchDataset',
  'BatchDataset',
  'BatchDatasetV2',
  'ParallelBatchDataset',
  'PaddedBatchDataset',
  'PaddedBatchDatasetV2',
  'WindowDataset',
]);
const isBatch = (op: string): boolean => op.includes('Batch');
const maxBufferElements = 100_000_000;
// 64 KiB of zlib are 64 MiB at most.
const deflateRatio = 1032;

const timeoutAttrs: ReadonlyMap<string, readonly string[]> = new Map([
  ['BatchFunction', ['batch_timeout_micros', 'low_priority_batch_timeout_micros']],
  ['Batch', ['batch_timeout_micros', 'grad_timeout_micros']],
  ['Unbatch', ['timeout_micros']],
]);
const maxTimeoutMicros = 600_000_000;
const otherOps: ReadonlySet<string> = new Set(['DecodeCompressed', 'AsString', 'ParseTensor', 'StringNGrams']);
// Far more than anybody reads of words at once.
const maxNgramWidth = 10_000_000;

/** True when this operation is one of these. */
export function takesResources(op: string): boolean {
  return (
    listSizes.has(op) ||
    tables.has(op) ||
    threadAttrs.has(op) ||
    threadInputs.has(op) ||
    bufferInputs.has(op) ||
    timeoutAttrs.has(op) ||
    otherOps.has(op)
  );
}

export function judgeResources(
  program: Program,
  values: Values,
  context: ScanContext,
  body: Body,
  node: number,
  op: string,
): void {
  const view = viewOf(body, node, op, [], 0);
  const budget = context.limits.memoryBudgetBytes;
  const found = (ruleId: string, severity: 'low' | 'medium' | 'high', says: string, name: string, value: number) =>
    judge(program, context, {
      body,
      node,
      ruleId,
      severity,
      says,
      argument: { name, value: String(value), origin: 'constant-inside' },
    });

  const listInput = listSizes.get(op);
  if (listInput !== undefined) {
    const input = values.input(body, node, listInput);
    const count = input === undefined ? undefined : elementBounds(input).min;
    if (count !== undefined && count * listElementBytes > budget) {
      found('memory/large-list', 'high', `makes a list of ${countText(count)} elements`, 'num_elements', count);
    }
  }
  if (tables.has(op)) {
    const buckets = view.int('initial_num_buckets') ?? 131_072;
    const width = fewestElements(view.shape('value_shape') ?? []) ?? 1;
    const bytes = buckets * (bytesPerElement(view.type('key_dtype')) + width * bytesPerElement(view.type('value_dtype')));
    if (bytes > budget) {
      const says = `makes a table of ${countText(buckets)} buckets, ${sizeText(bytes)}`;
      found('memory/large-list', 'high', says, 'initial_num_buckets', buckets);
    }
  }
  const threadAttr = threadAttrs.get(op);
  const attrThreads = threadAttr === undefined ? undefined : view.int(threadAttr);
  if (threadAttr !== undefined && attrThreads !== undefined && attrThreads > maxThreads) {
    found('hang/threads', 'high', `starts ${countText(attrThreads)} threads`, threadAttr, attrThreads);
  }
  const threadInput = threadInputs.get(op);
  if (threadInput !== undefined) {
    const [value] = values.namedInput(body, node, threadInput);
    const threads = value === undefined ? undefined : elementBounds(value).min;
    if (threads !== undefined && threads > maxThreads) {
      found('hang/threads', 'high', `starts ${countText(threads)} threads`, threadInput, threads);
    }
  }
  if (bufferInputs.has(op)) {
    const size = values.input(body, node, 1);
    const count = size === undefined ? undefined : elementBounds(size).min;
    if (count !== undefined && count > maxBufferElements) {
      // A buffer for "all of it" is ordinary as long as there is not so much.
      const [edge] = body.inputs(node);
      const least = edge === undefined ? 0 : new DatasetLength(program, values).of({ body, edge, caller: undefined }).least;
      const isFilled = least > maxBufferElements;
      const verb = isBatch(op) ? 'puts into one tensor' : 'keeps a buffer of';
      const says = `${verb} ${countText(count)} elements${isFilled ? ` of a dataset that has ${Number.isFinite(least) ? countText(least) : 'no end'}` : ''}`;
      found('memory/large-buffer', isFilled ? 'high' : 'low', says, isBatch(op) ? 'batch_size' : 'buffer_size', count);
    }
  }
  if (op.startsWith('PaddedBatchDataset')) {
    for (const value of values.namedInput(body, node, 'padded_shapes')) {
      const sizes = value.constants?.[0]?.numbers ?? [];
      const elements = sizes.reduce((product, width) => product * Math.max(width, 1), 1);
      if (elements <= budget) continue;
      found('memory/large-tensor', 'high', `pads each element to ${countText(elements)} values`, 'padded_shapes', elements);
    }
  }
  if (op === 'AsString') {
    const width = view.int('width') ?? -1;
    const elements = fewestElements(values.input(body, node, 0)?.shape) ?? 1;
    if (width * elements > budget) {
      found(
        'memory/large-tensor',
        'high',
        `writes each number ${countText(width)} characters wide: ${sizeText(width * elements)}`,
        'width',
        width,
      );
    }
  }
  for (const name of timeoutAttrs.get(op) ?? []) {
    const micros = view.int(name) ?? 0;
    if (micros <= maxTimeoutMicros) continue;
    found(
      'hang/batch-timeout',
      'medium',
      `lets a request wait ${countText(Math.round(micros / 1e6))} seconds for others`,
      name,
      micros,
    );
  }
  if (op === 'StringNGrams') {
    const widest = [view.int('pad_width') ?? 0, ...(view.ints('ngram_widths') ?? [])].reduce(
      (most, width) => Math.max(most, width),
      0,
    );
    if (widest > maxNgramWidth) {
      found('memory/large-tensor', 'high', `makes strings of ${countText(widest)} words each`, 'ngram_widths', widest);
    }
  }
  if (op === 'ParseTensor') judgeParsed(program, values, context, body, node);
  if (op === 'DecodeCompressed') judgeDecompression(program, values, context, body, node);
}

/** A tensor in a string: its shape may say more than its bytes hold. */
function judgeParsed(program: Program, values: Values, context: ScanContext, body: Body, node: number): void {
  const strings = values.input(body, node, 0)?.constants?.flatMap((constant) => constant.strings ?? []) ?? [];
  for (const text of strings) {
    const facts = readTensorProto(text);
    if (facts?.shape === undefined) continue;
    const bytes = facts.shape.reduce((all, size) => all * Math.max(Number(size), 0), 1) * bytesPerElement(facts.dtype);
    if (bytes <= context.limits.memoryBudgetBytes) continue;
    judge(program, context, {
      body,
      node,
      ruleId: 'memory/large-tensor',
      severity: 'high',
      says: `makes a tensor of ${sizeText(bytes)} of ${countText(text.length)} bytes in a string`,
      argument: { name: 'serialized', origin: 'constant-inside' },
    });
    return;
  }
}

function judgeDecompression(program: Program, values: Values, context: ScanContext, body: Body, node: number): void {
  const input = values.input(body, node, 0);
  if (input === undefined) return;
  const largest = (input.constants ?? [])
    .flatMap(({ strings }) => strings ?? [])
    .reduce((most, { length }) => Math.max(most, length), 0);
  if (input.constants !== undefined && largest * deflateRatio < context.limits.memoryBudgetBytes) return;
  const isRequest = input.origins.has('request');
  judge(program, context, {
    body,
    node,
    ruleId: 'memory/decompression',
    severity: 'medium',
    says: `decompresses ${isRequest ? 'what a request sends' : 'data that is not known'}, without a limit`,
    argument: { name: 'bytes', origin: isRequest ? 'request' : 'computed' },
  });
}
