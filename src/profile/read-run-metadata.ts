// Reads TensorFlow's RunMetadata, as a worker passes it on, into a RunProfile. The bytes are hostile, and the server answers nobody while it reads them: whatever they are, this ends
// within some 50 ms, with a profile, with nothing where there is more than that to read, or with PROFILE_INVALID. That they are true nobody can check: a worker that was taken over may say what it likes of its own model.
//
// Field numbers: tensorflow/core/framework/step_stats.proto, tensor_description.proto, allocation_description.proto and tensorflow/core/protobuf/config.proto of 2.21;
// the same since 1.15.
import { AllocationPeak } from './allocation-peak.ts';
import { opOfModel } from './op-name.ts';
import type { NodeRun, RunProfile } from './run-profile.ts';
import { selfTimes } from './self-time.ts';
import { invalidProfile, TraceReader } from './trace-reader.ts';

/** 500 steps of a recurrent network with 30 operations each. */
const maxNodeRuns = 16_384;
const maxRecords = 65_536;
/** 16 MiB of the smallest fields are 8 million, and a second. */
const maxFields = 1_000_000;
const maxNameBytes = 2_048;
/** 16 TiB: more than any worker has. */
const maxBytes = 2 ** 44;
/** Two weeks. */
const maxSpanNs = 1.2e15;
const maxMicros = Number.MAX_SAFE_INTEGER;

interface RawNode {
  readonly node: string;
  readonly op: string;
  /** After the first node of the trace. */
  startUs: number;
  readonly durationUs: number;
  readonly endUs: number;
  readonly peakBytes: number;
  readonly outputBytes: number;
  readonly thread: number;
}

/** The state of one reading. */
interface Trace {
  readonly reader: TraceReader;
  readonly peak: AllocationPeak;
  readonly nodes: RawNode[];
  /** The start of the first node, in halves: nanoseconds since 1970 have more bits than a number holds exactly. */
  base: { readonly low: number; readonly high: number } | undefined;
}

/**
 * Undefined for one of more than 16,384 runs of nodes, 65,536 allocations or a million fields: an honest worker may have such a model.
 * @throws PROFILE_INVALID for bytes that are no RunMetadata.
 */
export function readRunMetadata(bytes: Uint8Array): RunProfile | undefined {
  const reader = new TraceReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), maxFields);
  const trace: Trace = { reader, peak: new AllocationPeak(), nodes: [], base: undefined };
  try {
    while (reader.next()) {
      // RunMetadata.step_stats
      if (reader.field === 1) readStepStats(trace);
    }
  } catch (thrown) {
    if (reader.isTooLong) return undefined;
    throw thrown;
  }
  return profileOf(trace, bytes.byteLength);
}

function profileOf({ nodes, peak }: Trace, traceBytes: number): RunProfile {
  nodes.sort((a, b) => a.startUs - b.startUs || b.durationUs - a.durationUs);
  const firstUs = nodes[0]?.startUs ?? 0;
  let durationUs = 0;
  for (const node of nodes) {
    durationUs = Math.max(durationUs, node.endUs - firstUs);
    node.startUs -= firstUs;
  }
  const selfUs = selfTimes(nodes);
  return {
    nodes: nodes.map(
      ({ node, op, startUs, durationUs, peakBytes, outputBytes, thread }, index): NodeRun => ({
        node,
        op,
        startUs,
        durationUs,
        selfUs: selfUs[index],
        peakBytes,
        outputBytes,
        thread,
      }),
    ),
    durationUs,
    peakBytes: peak.bytes,
    traceBytes,
  };
}

function readStepStats(trace: Trace): void {
  const { reader } = trace;
  const outer = reader.enterField();
  while (reader.next()) {
    // StepStats.dev_stats
    if (reader.field === 1) readDevice(trace);
  }
  reader.leave(outer);
}

function readDevice(trace: Trace): void {
  const { reader } = trace;
  const { start, end } = reader;
  const outer = reader.enterField();
  // What an accelerator's streams and copies took is there a second time, under a device of their own ("/device:GPU:0/stream:all"), beside the nodes that queued it.
  let isSecond: boolean | undefined;
  while (reader.next()) {
    if (reader.field === 1 && isSecond === undefined) isSecond = /\/(?:stream|memcpy)/.test(readText(reader));
  }
  reader.enter(start, end);
  while (reader.next()) {
    // DeviceStepStats.node_stats
    if (reader.field === 2 && isSecond !== true) readNode(trace);
  }
  reader.leave(outer);
}

function readText(reader: TraceReader): string {
  const length = reader.length();
  if (length > maxNameBytes) throw invalidProfile(`a name of ${length} bytes`);
  return reader.bytes.toString('latin1', reader.start, reader.end);
}

/** NodeExecStats. */
function readNode(trace: Trace): void {
  const { reader, peak, nodes } = trace;
  if (nodes.length >= maxNodeRuns) throw reader.tooLong(`more than ${maxNodeRuns} runs of nodes`);
  const outer = reader.enterField();
  peak.startNode();
  // Only the first of each is read: a text costs a hundred times what a number does.
  let node: string | undefined;
  let op: string | undefined;
  let thread = 0;
  let peakBytes = 0;
  let outputBytes = 0;
  let startNs = 0;
  let hasNanos = false;
  let [startUs, opStartUs, opEndUs, allEndUs] = [0, 0, 0, 0];
  let [opStartNs, opEndNs, allEndNs] = [0, 0, 0];
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        if (node === undefined) node = readText(reader);
        break;
      case 2:
        startUs = reader.bounded(maxMicros);
        break;
      case 3:
        opStartUs = reader.bounded(maxSpanNs);
        break;
      case 4:
        opEndUs = reader.bounded(maxSpanNs);
        break;
      case 5:
        allEndUs = reader.bounded(maxSpanNs);
        break;
      case 6:
        peakBytes += readAllocator(trace);
        break;
      case 7:
        outputBytes += readOutput(reader);
        break;
      case 8:
        if (op === undefined) op = readOp(reader);
        break;
      case 10:
        thread = reader.bounded(0xffff_ffff);
        break;
      case 13:
        reader.number();
        trace.base ??= { low: reader.low, high: reader.high };
        startNs = (reader.high - trace.base.high) * 0x1_0000_0000 + (reader.low - trace.base.low);
        if (Math.abs(startNs) > maxSpanNs) throw invalidProfile('a run takes weeks');
        hasNanos = true;
        break;
      case 14:
        opStartNs = reader.bounded(maxSpanNs);
        break;
      case 15:
        opEndNs = reader.bounded(maxSpanNs);
        break;
      case 16:
        allEndNs = reader.bounded(maxSpanNs);
        break;
    }
  }
  reader.leave(outer);
  if (!hasNanos) {
    trace.base ??= { low: 0, high: 0 };
    startNs = startUs * 1000;
    [opStartNs, opEndNs, allEndNs] = [opStartUs * 1000, opEndUs * 1000, allEndUs * 1000];
  }
  nodes.push({
    node: node ?? '',
    op: op ?? '',
    startUs: (startNs + Math.max(0, opStartNs)) / 1000,
    durationUs: Math.max(0, opEndNs - opStartNs) / 1000,
    endUs: (startNs + Math.max(0, opEndNs, allEndNs)) / 1000,
    peakBytes: Math.min(peakBytes, maxBytes),
    outputBytes: Math.min(outputBytes, maxBytes),
    thread,
  });
}

const equals = Buffer.from(' = ');

/** The label is `[allocator 2.0MB 2.0MB] name = Op(inputs)`, its first part only for large nodes, and as long as the list of inputs is. */
function readOp(reader: TraceReader): string {
  const { start } = reader;
  const head = reader.bytes.subarray(start, start + Math.min(reader.length(), maxNameBytes + 512));
  const at = head.indexOf(equals);
  if (at === -1) return '';
  const from = at + equals.length;
  const to = head.indexOf(0x28, from);
  if (to === -1 || to - from > 256) return '';
  const op = head.toString('latin1', from, to);
  return /^[A-Za-z_][A-Za-z0-9_>.]*$/.test(op) ? opOfModel(op) : '';
}

/** AllocatorMemoryUsed; gives the most that it held for the node at one time. */
function readAllocator({ reader, peak }: Trace): number {
  const outer = reader.enterField();
  let totalBytes = 0;
  let peakBytes = 0;
  while (reader.next()) {
    if (reader.field === 2) totalBytes = Math.max(0, reader.bounded(maxBytes));
    else if (reader.field === 3) peakBytes = Math.max(0, reader.bounded(maxBytes));
    else if (reader.field === 6) readRecord(reader, peak);
  }
  reader.leave(outer);
  // An allocator that does not know the size of what is given back knows the sum only.
  return peakBytes > 0 ? peakBytes : totalBytes;
}

/** AllocationRecord. */
function readRecord(reader: TraceReader, peak: AllocationPeak): void {
  if (peak.length >= maxRecords) throw reader.tooLong(`more than ${maxRecords} allocations`);
  const outer = reader.enterField();
  let timeUs = 0;
  let bytes = 0;
  while (reader.next()) {
    if (reader.field === 1) timeUs = reader.bounded(maxMicros);
    else if (reader.field === 2) bytes = reader.bounded(maxBytes);
  }
  reader.leave(outer);
  if (bytes !== 0) peak.add(timeUs, bytes);
}

/** NodeOutput.tensor_description.allocation_description.requested_bytes: by its field numbers from the outside in. */
const pathOfOutputBytes = [3, 4, 1] as const;

function readOutput(reader: TraceReader, depth = 0): number {
  const outer = reader.enterField();
  const field = pathOfOutputBytes[depth];
  const isNumber = depth === pathOfOutputBytes.length - 1;
  let bytes = 0;
  while (reader.next()) {
    if (reader.field !== field) continue;
    if (isNumber) bytes = Math.max(0, reader.bounded(maxBytes));
    else bytes += readOutput(reader, depth + 1);
  }
  reader.leave(outer);
  return bytes;
}
