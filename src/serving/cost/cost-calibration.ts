// Measures a freshly loaded model with some small runs of our own, so that predicted operations become milliseconds before anybody asks. It runs only while the worker
// has nothing to do, keeps each run short, and gives up quietly: what it does not learn is learned from real requests.
import { setTimeout as pause } from 'node:timers/promises';
import type { CostSample, ModelCosts, RequestCost, SignatureCosts } from '../../cost/index.ts';
import { byteCount, dtypes, type Signature, type Tensor, type TensorSpec, tensorFromValue } from '../../tensor/index.ts';
import type { ContractGuard } from '../contract-guard.ts';
import type { SeatWorker } from '../worker-seat.ts';
import type { MemoryEvidence } from './cost-memory.ts';

export interface CostCalibrationOptions {
  readonly costs: ModelCosts;
  /** In the order in which the worker knows them. */
  readonly signatures: readonly Signature[];
  readonly worker: Pick<SeatWorker, 'run' | 'state' | 'pendingCount'>;
  /** Whether the contract lets such a request through; one that it refuses is never sent. Default all. */
  readonly accepts?: ((signature: Signature, inputs: readonly Tensor[]) => boolean) | undefined;
  /** Told how much of its bound a run took, where the worker can say. */
  readonly evidence?: ((signatureIndex: number) => MemoryEvidence | undefined) | undefined;
  readonly signal: AbortSignal;
  /** For all runs together. Default 1,000. */
  readonly budgetMs?: number;
  /** For waiting until nobody else needs the worker. Default 30,000. */
  readonly maxWaitMs?: number;
}

/** Sizes of the first axis, and of all others, that a request chooses. */
const sizes: readonly (readonly [batch: number, other: number])[] = [
  [1, 16],
  [8, 16],
  [1, 64],
  [32, 64],
];
/** A run of ours that is larger could make somebody wait. */
const maxFlops = 5e8;
const maxPeakBytes = 64 * 1024 * 1024;
const maxInputBytes = 1024 * 1024;
const maxRunMs = 20;
/** The first run of a size plans and allocates. */
const runsOfSize = 4;
const waitMs = 20;
const loadingWaitMs = 100;
/** Operations that leave something behind: a run of ours would change what later requests are told. */
const stateful =
  /^(?:Assign|Scatter(?!Nd$)|Resource(?:Scatter|Apply|Sparse|Strided|Conditional)|Sparse\w*Apply|Apply|Queue|Stack(?:Push|Pop)|Lookup\w*(?:Insert|Import|Remove)|InitializeTable|Mutable|Write|Save|Barrier|Map(?:Stage|Unstage)|Stage|Unstage|Print|StringFormat|EagerPyFunc|PyFunc|Send|IteratorGetNext|AnonymousIterator|Reader)/;

/** Measures, and gives what it measured to `costs.rates`. Never throws. @returns how many sizes were measured. */
export async function calibrateCost(options: CostCalibrationOptions): Promise<number> {
  const samples: CostSample[] = [];
  const state = { leftMs: options.budgetMs ?? 1_000, leftWaitMs: options.maxWaitMs ?? 30_000 };
  // What the contract takes is known when the version is loaded, and not before.
  if (!(await isIdle(options, state))) return 0;
  for (const [index, signature] of options.signatures.entries()) {
    const known = options.costs.signatures[index];
    if (known === undefined || known.nodes.some(({ op }) => stateful.test(op))) continue;
    const measured = new Set<string>();
    let last: { readonly inputs: readonly Tensor[]; readonly cost: RequestCost } | undefined;
    for (const [batch, other] of sizes) {
      const inputs = inputsOf(signature, batch, other, options.accepts);
      const cost = inputs && known.cost(inputs);
      if (inputs === undefined || cost === undefined || isLarge(cost) || measured.has(cost.values.join())) continue;
      measured.add(cost.values.join());
      const milliseconds = await measure(options, index, inputs, state);
      if (state.leftMs <= 0) break;
      if (milliseconds === undefined) continue;
      samples.push({ flops: cost.flops, bytes: cost.bytes, milliseconds });
      last = { inputs, cost };
      if (milliseconds > maxRunMs) break;
    }
    if (last !== undefined) await observeMemory(options, index, last, state, known);
  }
  if (samples.length > 0 && !options.signal.aborted) options.costs.rates.calibrate(samples);
  return samples.length;
}

function isLarge({ flops, peakBytes }: RequestCost): boolean {
  return flops > maxFlops || peakBytes > maxPeakBytes;
}

interface Budget {
  leftMs: number;
  leftWaitMs: number;
}

/** The middle of some runs; undefined when the model does not take such inputs, or there is no more time. */
async function measure(
  options: CostCalibrationOptions,
  index: number,
  inputs: readonly Tensor[],
  budget: Budget,
): Promise<number | undefined> {
  const times: number[] = [];
  for (let run = 0; run < runsOfSize; run++) {
    if (!(await isIdle(options, budget))) return undefined;
    const startMs = performance.now();
    try {
      await options.worker.run(index, inputs);
    } catch {
      return undefined;
    } finally {
      budget.leftMs -= performance.now() - startMs;
    }
    if (run > 0) times.push(performance.now() - startMs);
    if (budget.leftMs <= 0) break;
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
}

async function observeMemory(
  options: CostCalibrationOptions,
  index: number,
  { inputs, cost }: { readonly inputs: readonly Tensor[]; readonly cost: RequestCost },
  budget: Budget,
  known: SignatureCosts,
): Promise<void> {
  const evidence = options.evidence?.(index);
  if (evidence === undefined || !known.isBounded || !(await isIdle(options, budget))) return;
  const onProfile = ({ peakBytes }: { readonly peakBytes: number }) => evidence.observe(cost.peakBytes, peakBytes);
  await options.worker.run(index, inputs, { onProfile }).catch(() => undefined);
}

/** Whether a request of our own passes the contract; asked without counting it. */
export function passesContract(contract: ContractGuard | undefined, { name }: Signature, inputs: readonly Tensor[]): boolean {
  if (contract === undefined) return true;
  const paths = inputs.map(() => () => '');
  return contract.compiled.signature(name)?.checkInputs(inputs, paths, { draw: 0 }).findings.refused === false;
}

/** Waits for it, for as long as it loads its model; false when there is no more time for waiting, or never will be. */
async function isIdle({ worker, signal }: CostCalibrationOptions, budget: Budget): Promise<boolean> {
  while (!signal.aborted && budget.leftMs > 0 && budget.leftWaitMs > 0) {
    const { state } = worker;
    if (state === 'ready' && worker.pendingCount === 0) return true;
    if (state === 'closing' || state === 'closed') break;
    const isLoading = state === 'new' || state === 'starting';
    await pause(isLoading ? loadingWaitMs : waitMs, undefined, { ref: false });
    if (!isLoading) budget.leftWaitMs -= waitMs;
  }
  budget.leftMs = 0;
  return false;
}

/** Zeros, or ones where the contract wants no zeros; undefined when neither can be had. */
function inputsOf(
  signature: Signature,
  batch: number,
  other: number,
  accepts: CostCalibrationOptions['accepts'],
): readonly Tensor[] | undefined {
  for (const value of [0, 1]) {
    const tensors = signature.inputs.map((spec) => filled(spec, batch, other, value));
    const made = tensors.filter((tensor) => tensor !== undefined);
    if (made.length < tensors.length) return undefined;
    if (accepts?.(signature, made) !== false) return made;
  }
  return undefined;
}

function filled(
  { alias, tensorName, dtype, shape }: TensorSpec,
  batch: number,
  other: number,
  value: number,
): Tensor | undefined {
  // An empty string is nothing that a model which reads strings is made for; a complex number has no form in JavaScript.
  const { kind } = dtypes[dtype];
  if (dtype === 'DT_STRING' || kind === 'complex' || shape === null) return undefined;
  const chosen = shape.map((size, axis) => (size !== -1 ? size : axis === 0 ? batch : other));
  const byteLength = byteCount(dtype, chosen);
  if (!(byteLength <= maxInputBytes)) return undefined;
  const one = tensorFromValue({ alias, tensorName, dtype, shape: [] }, kind === 'bool' ? value === 1 : value);
  const bytes = new Uint8Array(byteLength);
  for (let at = 0; at < byteLength; at += one.bytes.length) bytes.set(one.bytes, at);
  return { dtype, shape: chosen, bytes };
}
