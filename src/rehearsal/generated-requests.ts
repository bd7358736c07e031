// Requests that are made up from a contract: values at and between its bounds, in the smallest shapes that it takes, for each signature that it names. They are no
// traffic of anybody's and say little about accuracy; they show that the model loads, runs and answers alike where its inputs end.
import type { Contract, DimExpression, TensorRules } from '../contract/index.ts';
import { filledTensor, standInTensors } from '../recording/index.ts';
import type { ModelVersion } from '../serving/index.ts';
import { dtypes, elementCount, type Signature, type Tensor, type TensorSpec } from '../tensor/index.ts';
import type { CollectedRequests, RehearsalRequest } from './rehearsal-types.ts';

/** Attempts for each signature; what its contract refuses is no request. */
const attempts = 64;
const maxElements = 1_000_000;

/** Up to `limit` requests for each signature; none for a model without a contract. The same contract gives the same requests. */
export function generatedRequests(version: ModelVersion, limit: number): CollectedRequests {
  const guard = version.contract;
  if (guard === undefined) return { requests: [], notes: [] };
  const { contract, compiled } = guard;
  const requests: RehearsalRequest[] = [];
  const notes: string[] = [];
  for (const signature of version.metaGraph.signatures) {
    const rules = contract.signatures.get(signature.name);
    const checks = compiled.signature(signature.name);
    if (rules === undefined || checks === undefined) continue;
    const made: RehearsalRequest[] = [];
    for (let attempt = 0; attempt < attempts && made.length < limit; attempt++) {
      const tensors = makeTensors(signature, rules.inputs, contract, attempt);
      if (tensors === undefined) break;
      const paths = tensors.map(() => () => '');
      if (!checks.checkInputs(tensors, paths, { draw: 0 }).findings.refused)
        made.push({ source: 'generated', signature: signature.name, tensors });
    }
    if (made.length === 0) notes.push(`no request could be made up that the contract takes for signature ${signature.name}`);
    requests.push(...made);
  }
  return { requests, notes };
}

function makeTensors(
  signature: Signature,
  rules: ReadonlyMap<string, TensorRules>,
  contract: Contract,
  attempt: number,
): readonly Tensor[] | undefined {
  const random = randomFrom(attempt + 1);
  const tensors: Tensor[] = [];
  for (const spec of signature.inputs) {
    const shape = shapeFor(spec, rules.get(spec.alias)?.shape, contract, attempt);
    if (!(elementCount(shape) <= maxElements)) return undefined;
    const tensor = makeTensor(spec, shape, rules.get(spec.alias), attempt, random);
    if (tensor === undefined) return undefined;
    tensors.push(tensor);
  }
  return tensors;
}

/** First single values everywhere, the most telling first; then random numbers between the bounds. */
function makeTensor(
  { dtype }: TensorSpec,
  shape: readonly number[],
  rules: TensorRules | undefined,
  attempt: number,
  random: () => number,
): Tensor | undefined {
  const fixed = standInTensors(dtype, shape, rules);
  const { kind } = dtypes[dtype];
  if (attempt < 6 || kind === 'string' || kind === 'complex' || kind === 'bool' || rules?.allowed !== undefined)
    return fixed[attempt % Math.max(1, fixed.length)];
  const low = Number(rules?.min ?? rules?.exclusiveMin ?? 0);
  const high = Number(rules?.max ?? rules?.exclusiveMax ?? low + 1);
  const one = () => {
    const value = low + random() * (high - low);
    return filledTensor(dtype, [], kind === 'int' ? Math.round(value) : value)?.bytes;
  };
  const elements = Array.from({ length: elementCount(shape) }, one);
  if (elements.some((bytes) => bytes === undefined)) return fixed[0];
  return { dtype, shape, bytes: new Uint8Array(Buffer.concat(elements.flatMap((bytes) => bytes ?? []))) } as Tensor;
}

function shapeFor(
  { shape }: TensorSpec,
  wished: readonly DimExpression[] | undefined,
  { dims }: Contract,
  attempt: number,
): readonly number[] {
  const rank = wished?.length ?? shape?.length ?? 1;
  return Array.from({ length: rank }, (_, axis) => {
    const size = shape?.[axis] ?? -1;
    if (size >= 0) return size;
    const dim = wished?.[axis];
    if (dim?.kind === 'fixed') return dim.size;
    if (dim?.kind !== 'symbol') return 1;
    const { min, max, multipleOf = 1 } = dims.get(dim.name) ?? { min: 1, max: 1 };
    // Another size now and then, as far as the contract goes.
    const least = Math.max(1, Math.ceil(min / multipleOf)) * multipleOf;
    const chosen = Math.min(max, least + (attempt % 3) * multipleOf);
    return dim.multiplier * chosen + dim.offset;
  });
}

/** Numbers from 0 to 1 that look random and are the same each time (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
