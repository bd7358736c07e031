// What one request will cost, as predicted from its sizes.

export interface PredictedCost {
  /** Floating-point operations. */
  readonly flops: number;
  /** Bytes read and written. */
  readonly bytes: number;
  /** The most that lives at one time, beside the model itself. */
  readonly peakBytes: number;
  /** Time in a worker; absent while nothing was measured. */
  readonly milliseconds?: number | undefined;
  /** False when a part is not bounded: the numbers are those of the part that is. */
  readonly isBounded: boolean;
  /** The operations that cost most, with their share of the whole (0 to 1); worked out when it is asked for. */
  top(): readonly { readonly op: string; readonly node: string; readonly share: number }[];
}
