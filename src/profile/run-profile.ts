// What one traced run said of each node. Plain data; whoever reads it out of a worker's bytes (TensorFlow's RunMetadata) has checked and bounded it.

export interface NodeRun {
  readonly node: string;
  readonly op: string;
  /** From the beginning of the run. */
  readonly startUs: number;
  readonly durationUs: number;
  /** Bytes that it had allocated at one time for outputs and for itself, as the allocators of TensorFlow say. */
  readonly peakBytes: number;
  /** Bytes of its outputs. */
  readonly outputBytes: number;
  /** TensorFlow's own thread number, for nodes that ran side by side. */
  readonly thread: number;
}

export interface RunProfile {
  readonly nodes: readonly NodeRun[];
  readonly durationUs: number;
  /** The most that all nodes together had allocated at one time during the run, without what was there before. */
  readonly peakBytes: number;
}
