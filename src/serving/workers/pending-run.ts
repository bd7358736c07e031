// One request on its way through a ModelWorker, and what must hold before it may go.
import { AirlockError } from '../../core/index.ts';
import { type RunProfile, readRunMetadata } from '../../profile/index.ts';
import { bodyBytesOf, type Signature, type Tensor } from '../../tensor/index.ts';
import type { OnBlamed } from '../runner.ts';
import type { WorkerCall } from './worker-connection.ts';

/** A request from `run` until its promise settles, and in the pipeline until it is answered. */
export class PendingRun implements WorkerCall {
  readonly signatureIndex: number;
  readonly inputs: readonly Tensor[];
  /** On the clock of the DeadlineTimer of the pipeline that it is in. */
  deadlineAtMs: number;
  settled = false;
  /** How often it was taken out of a worker that ended before it came to it. */
  moves = 0;
  /** Sees each failure of a request that was sent, and may replace it; of the worker that it is with. */
  onFailure: (error: AirlockError) => AirlockError;
  #onBlamed: OnBlamed | undefined;
  readonly #onProfile: ((profile: RunProfile) => void) | undefined;
  readonly #resolve: (outputs: Tensor[]) => void;
  readonly #reject: (error: AirlockError) => void;

  constructor(
    request: { signatureIndex: number; inputs: readonly Tensor[]; deadlineAtMs: number },
    onFailure: (error: AirlockError) => AirlockError,
    resolve: (outputs: Tensor[]) => void,
    reject: (error: AirlockError) => void,
    onBlamed?: OnBlamed,
    onProfile?: (profile: RunProfile) => void,
  ) {
    this.signatureIndex = request.signatureIndex;
    this.inputs = request.inputs;
    this.deadlineAtMs = request.deadlineAtMs;
    this.onFailure = onFailure;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#onBlamed = onBlamed;
    this.#onProfile = onProfile;
  }

  get isTraced(): boolean {
    return this.#onProfile !== undefined;
  }

  /** An empty trace is one that was too large to be sent; nobody waits for that of a request that is over. @throws PROFILE_INVALID */
  takeTrace(trace: Buffer): void {
    if (trace.length === 0 || this.settled) return;
    const profile = readRunMetadata(trace);
    if (profile !== undefined) this.#onProfile?.(profile);
  }

  succeed(outputs: Tensor[]): void {
    this.settled = true;
    this.#resolve(outputs);
  }

  fail(error: AirlockError): void {
    this.settled = true;
    this.#reject(this.onFailure(error));
  }

  /** The worker ended at this; only the first reason is told. */
  blame(error: AirlockError, ranMs?: number): void {
    const onBlamed = this.#onBlamed;
    this.#onBlamed = undefined;
    onBlamed?.(this.signatureIndex, this.inputs, error, ranMs);
  }

  /** A request that waited behind a slow one is given the grace time from when the worker came to it. */
  killAtMs(headSinceMs: number, graceMs: number): number {
    return Math.max(this.deadlineAtMs, headSinceMs) + graceMs;
  }
}

/**
 * Fails before anything is sent: a worker refuses these too, but only after it was made to read them.
 * @throws SIGNATURE_NOT_FOUND, SIGNATURE_UNSUITABLE, INPUT_MISSING, TENSOR_TYPE_MISMATCH, TENSOR_TOO_LARGE.
 */
export function checkInputs(
  signatures: readonly Signature[],
  index: number,
  inputs: readonly Tensor[],
  maxInputBytes: number,
): void {
  const signature = signatures[index];
  if (signature === undefined) throw new AirlockError('SIGNATURE_NOT_FOUND');
  if (signature.unsupported !== undefined) throw new AirlockError('SIGNATURE_UNSUITABLE', { message: signature.unsupported });
  if (inputs.length !== signature.inputs.length) throw new AirlockError('INPUT_MISSING');
  let bytes = 0;
  for (let i = 0; i < inputs.length; i++) {
    if (inputs[i].dtype !== signature.inputs[i].dtype) throw new AirlockError('TENSOR_TYPE_MISMATCH');
    bytes += bodyBytesOf(inputs[i]);
  }
  if (bytes > maxInputBytes) throw new AirlockError('TENSOR_TOO_LARGE');
}
