// Runs a model in its jail with zeros of given sizes, and says what that took: what `airlock cost --measure` compares predictions with.
import type { CostRates, ModelCosts, RequestCost } from '../cost/index.ts';
import { calibrateCost, type OpenedWorker } from '../serving/index.ts';
import { byteCount, type Signature, type Tensor } from '../tensor/index.ts';
import type { MeasuredCost } from './cost-report.ts';

const runs = 9;
const maxInputBytes = 256 * 1024 * 1024;

/** Fits rates to runs of small sizes of all signatures. */
export async function fitTo(opened: OpenedWorker, costs: ModelCosts, signal: AbortSignal): Promise<CostRates> {
  await calibrateCost({ costs, signatures: opened.signatures, worker: opened.worker, signal, budgetMs: 10_000 });
  return costs.rates;
}

/** Undefined for a signature that zeros cannot be made for, or that does not take them. */
export async function measureCost(
  opened: OpenedWorker,
  signatureIndex: number,
  cost: RequestCost,
  signal: AbortSignal,
): Promise<MeasuredCost | undefined> {
  const inputs = zeros(opened.signatures[signatureIndex], cost);
  if (inputs === undefined) return undefined;
  // What the rates say before they have seen these runs.
  const predictedMilliseconds = cost.milliseconds;
  const times: number[] = [];
  let peakBytes: number | undefined;
  try {
    await opened.run(signatureIndex, inputs);
    for (let run = 0; run < runs && !signal.aborted; run++) {
      const startMs = performance.now();
      await opened.run(signatureIndex, inputs);
      times.push(performance.now() - startMs);
    }
    await opened.run(signatureIndex, inputs, { onProfile: (profile) => (peakBytes = profile.peakBytes) });
  } catch {
    if (times.length === 0) return undefined;
  }
  const [milliseconds] = times.sort((a, b) => a - b).slice(Math.floor(times.length / 2));
  return { milliseconds, predictedMilliseconds, peakBytes };
}

function zeros({ inputs }: Signature, { signature: { variables }, values }: RequestCost): readonly Tensor[] | undefined {
  const tensors: Tensor[] = [];
  for (const { alias, dtype, shape } of inputs) {
    if (dtype === 'DT_STRING' || shape === null) return undefined;
    const sizes = shape.map((size, axis) => {
      const at = variables.findIndex((variable) => variable.input === alias && variable.axis === axis);
      return size !== -1 ? size : at < 0 ? 1 : values[at];
    });
    const bytes = byteCount(dtype, sizes);
    if (!(bytes <= maxInputBytes)) return undefined;
    tensors.push({ dtype, shape: sizes, bytes: new Uint8Array(bytes) });
  }
  return tensors;
}
