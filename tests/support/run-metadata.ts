// Writes TensorFlow's RunMetadata from plain objects, as protobuf bytes by hand, for tests of what reads it.

function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

export const integer = (field: number, value: number | bigint): Buffer => Buffer.concat([varint(field << 3), varint(value)]);

export function message(field: number, ...content: readonly (string | Uint8Array)[]): Buffer {
  const body = Buffer.concat(content.map((part) => Buffer.from(part as Uint8Array)));
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]);
}

export interface TracedNode {
  readonly name: string;
  readonly op: string;
  readonly inputs?: readonly string[];
  /** In front of the label, as TensorFlow has it for nodes that allocate much. */
  readonly labelPrefix?: string;
  /** Nanoseconds since 1970. Default 1.8e18 and something, where a number of JavaScript is not exact any more. */
  readonly startNs?: bigint;
  readonly durationNs?: number;
  readonly thread?: number;
  /** [microseconds after the start of the run, bytes] */
  readonly records?: readonly (readonly [number, number])[];
  readonly peakBytes?: number;
  readonly outputBytes?: readonly number[];
}

export const runStartNs = 1_796_054_888_355_841_841n;

/** DeviceStepStats.node_stats: one NodeExecStats. */
export function nodeStats({
  name,
  op,
  inputs = [],
  labelPrefix = '',
  startNs = runStartNs,
  durationNs = 1_000,
  thread = 0,
  records = [],
  peakBytes = 0,
  outputBytes = [],
}: TracedNode): Buffer {
  return message(
    2,
    message(1, name),
    integer(2, startNs / 1000n),
    integer(13, startNs),
    integer(14, 100),
    integer(15, 100 + durationNs),
    integer(16, 200 + durationNs),
    message(
      6,
      message(1, 'mklcpu'),
      integer(3, peakBytes),
      ...records.map(([afterUs, bytes]) => message(6, integer(1, runStartNs / 1000n + BigInt(afterUs)), integer(2, bytes))),
    ),
    ...outputBytes.map((bytes, slot) => message(7, integer(1, slot), message(3, message(4, integer(1, bytes), integer(6, -1n))))),
    message(8, `${labelPrefix}${name} = ${op}(${inputs.join(', ')})`),
    integer(10, thread),
  );
}

const cpu = '/job:localhost/replica:0/task:0/device:CPU:0';

/** RunMetadata with one device that ran these. */
export function runMetadata(nodes: readonly TracedNode[], device = cpu): Buffer {
  return message(1, deviceStats(nodes, device));
}

export function deviceStats(nodes: readonly TracedNode[], device = cpu): Buffer {
  return message(1, message(1, device), ...nodes.map(nodeStats));
}
