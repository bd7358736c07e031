// What every reader and judge in src/scan is given: where to say what it found, how much it may still use, and which TensorFlow is meant.
// They are synchronous on purpose: a scan has a process of its own, and whoever started that ends it when it takes too long.
import type { CostModel } from '../cost/index.ts';
import type { OpRegistry } from './ops/index.ts';
import type { Artifact, Finding, Use } from './scan-types.ts';

/** Bytes to read: a file, or the member of an archive in memory. */
export interface Source {
  /** As `Location.file` has it. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Exactly `length` bytes from `offset`, which may be shared: never write to them. @throws MODEL_INCOMPLETE when there are fewer. */
  read(offset: number, length: number): Buffer;
  /** Absolute path of a plain file that threads may open, where there is one. */
  readonly path?: string;
}

export interface ScanLimits {
  /** All that archives and compressed parts may grow to, together. Default 1 GiB. */
  readonly maxExpandedBytes: number;
  /** Archives in archives. Default 3. */
  readonly maxNesting: number;
  /** Files and members together. Default 100,000. */
  readonly maxFiles: number;
  /** A graph, or a file that must be held in memory. Default 2 GiB - 1, as protobuf has it. */
  readonly maxGraphBytes: number;
  /** Memory that an operation may ask for before it is a finding. Default 1 GiB. */
  readonly memoryBudgetBytes: number;
  /** Iterations of a loop before it is a finding. Default 10,000,000. */
  readonly maxIterations: number;
}

export interface ScanContext {
  readonly limits: ScanLimits;
  /** Version of the TensorFlow that is meant, `2.21.0`. */
  readonly tensorflow: string;
  readonly ops: OpRegistry;
  /** Text from the model may be given as it is: it is made safe to show and shortened here. */
  report(finding: Finding): void;
  /** Says that a part could not be judged; the verdict can then not be `clean`. */
  unreadable(file: string, reason: string): void;
  artifact(artifact: Artifact): void;
  use(use: Use): void;
  /** What requests to the model will cost; the first one counts. Absent where nobody asked. */
  cost?(cost: CostModel): void;
  /** Takes from `maxExpandedBytes`. @throws MODEL_INVALID when it is used up. */
  takeExpanded(bytes: number, file: string): void;
  /** @throws MODEL_INVALID when there are more than `maxFiles`. */
  takeFile(file: string): void;
  /** Scans a file or member whatever it is, found out by its content. */
  scanSource(source: Source): Promise<void>;
  /** Called now and then by long loops: moves the progress bar. */
  progress(bytes: number): void;
}
