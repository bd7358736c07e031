// What one traced run said of each node. Plain data; whoever reads it out of a worker's bytes (read-run-metadata.ts) has checked and bounded it.

/** One time that a node ran; a node in a loop has one for each turn. */
export interface NodeRun {
  readonly node: string;
  /** As the model has it, also where TensorFlow ran a kernel of its own instead (op-name.ts); empty when the trace does not say. */
  readonly op: string;
  /** From the beginning of the run. */
  readonly startUs: number;
  readonly durationUs: number;
  /** `durationUs` without the time of nodes that ran inside of it, which only calls of functions have. */
  readonly selfUs: number;
  /** Bytes that it had allocated at one time for outputs and for itself, as the allocators of TensorFlow say. */
  readonly peakBytes: number;
  /** Bytes of its outputs. */
  readonly outputBytes: number;
  /** TensorFlow's own thread number, for nodes that ran side by side. */
  readonly thread: number;
}

export interface RunProfile {
  /** In the order in which they started. */
  readonly nodes: readonly NodeRun[];
  readonly durationUs: number;
  /** The most that all nodes together had allocated at one time during the run, without what was there before: inputs, variables, constants. */
  readonly peakBytes: number;
  /** How long the trace was; what reading it cost grows with it. */
  readonly traceBytes: number;
}
