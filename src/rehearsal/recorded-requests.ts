// Requests from recordings, opened with an identity that the operator gives. A recording may be of an older version of the model, or somebody may have made it: what
// does not fit the signature that it names is left out and counted.
import { printable } from '../core/index.ts';
import { readRecordings } from '../recording/index.ts';
import type { ModelVersion } from '../serving/index.ts';
import { shapeFits, type Tensor } from '../tensor/index.ts';
import type { CollectedRequests, RehearsalRequest } from './rehearsal-types.ts';

export interface RecordingSource {
  readonly store: string;
  /** Of age; none reads nothing. */
  readonly identities: readonly string[];
}

/** The newest `limit` recorded requests of a model. @throws RECORDING_INVALID for a recording that these identities do not open. */
export async function recordedRequests(
  { store, identities }: RecordingSource,
  model: string,
  version: ModelVersion,
  shapes: 'strict' | 'compat',
  limit: number,
): Promise<CollectedRequests> {
  if (identities.length === 0) return { requests: [], notes: [] };
  const requests: RehearsalRequest[] = [];
  let unfit = 0;
  for await (const { signature, inputs } of readRecordings({ store, identities, model })) {
    const tensors = fitting(version, signature, inputs, shapes);
    if (tensors === undefined) unfit++;
    else requests.push({ source: 'recorded', signature, tensors });
    if (requests.length > 2 * limit) requests.splice(0, requests.length - limit);
  }
  const notes =
    unfit === 0
      ? []
      : [`${unfit} recorded requests do not fit the signatures of ${printable(model, 128)} version ${version.version}`];
  return { requests: requests.slice(-limit), notes };
}

/** The tensors in the order of the signature's inputs; undefined when they are not exactly those. */
export function fitting(
  version: ModelVersion,
  name: string,
  inputs: ReadonlyMap<string, Tensor>,
  shapes: 'strict' | 'compat',
): readonly Tensor[] | undefined {
  const signature = signatureOf(version, name);
  if (signature === undefined || signature.inputs.length !== inputs.size) return undefined;
  const tensors: Tensor[] = [];
  for (const { alias, dtype, shape } of signature.inputs) {
    const tensor = inputs.get(alias);
    if (tensor?.dtype !== dtype || (shapes === 'strict' && !shapeFits(shape, tensor.shape))) return undefined;
    tensors.push(tensor);
  }
  return tensors;
}

function signatureOf(version: ModelVersion, name: string) {
  try {
    return version.signature(name);
  } catch {
    return undefined;
  }
}
