// The two documents about a model that TensorFlow Serving answers to GET: the states of its versions and the signatures of one.
import { errorSpec } from '../core/index.ts';
import type { MetaGraphInfo } from '../model/index.ts';
import type { ModelVersion } from '../serving/index.ts';
import type { TensorSpec } from '../tensor/index.ts';

/** GetModelStatusResponse as JSON. A version that failed says why, without paths of this machine. */
export function statusJson(versions: readonly ModelVersion[]): string {
  const model_version_status = versions.map((version) => ({
    version: String(version.version),
    state: version.state,
    status: {
      error_code: version.error === undefined ? 'OK' : errorSpec(version.error.code).status.toUpperCase(),
      error_message: version.error?.message ?? '',
    },
  }));
  return JSON.stringify({ model_version_status });
}

/** GetModelMetadataResponse as JSON, with `signature_def` as its only field, which is all that TensorFlow Serving has. */
export function metadataJson(model: string, version: ModelVersion): string {
  return JSON.stringify({
    model_spec: { name: model, signature_name: '', version: String(version.version) },
    metadata: { signature_def: { signature_def: signatureDefs(version.metaGraph) } },
  });
}

function signatureDefs(metaGraph: MetaGraphInfo): Record<string, unknown> {
  return withoutPrototype(
    metaGraph.signatures.map((signature) => [
      signature.name,
      {
        inputs: tensorInfos(signature.inputs),
        outputs: tensorInfos(signature.outputs),
        method_name: signature.methodName,
        defaults: {},
      },
    ]),
  );
}

function tensorInfos(specs: readonly TensorSpec[]): Record<string, unknown> {
  return withoutPrototype(
    specs.map((spec) => [
      spec.alias,
      {
        dtype: spec.dtype,
        tensor_shape: {
          dim: (spec.shape ?? []).map((size) => ({ size: String(size), name: '' })),
          unknown_rank: spec.shape === null,
        },
        name: spec.tensorName,
      },
    ]),
  );
}

/** A model's author chooses these names; `__proto__` must be a key like any other. */
function withoutPrototype(entries: readonly (readonly [string, unknown])[]): Record<string, unknown> {
  const record: Record<string, unknown> = Object.create(null);
  for (const [key, value] of entries) record[key] = value;
  return record;
}
