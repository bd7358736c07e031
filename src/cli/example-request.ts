// The request that `airlock serve` offers to try: the one that lies beside the model, or zeros of the signature's shape.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelVersion } from '../serving/index.ts';
import { dtypes, type Signature, type TensorSpec } from '../tensor/index.ts';

/** Elements up to which a request is written out. */
const maxElements = 32;

/** The arguments of curl, ready to paste into a POSIX shell. `folder` is the model's, as the user would name it. */
export function exampleRequest(folder: string, version: ModelVersion, url: string): string {
  const file = join(folder, 'request.json');
  if (existsSync(file)) return `-d @${quote(file)} ${url}:predict`;
  const signature = version.metaGraph.signatures.find((one) => one.name === 'serving_default' && one.unsupported === undefined);
  const body = signature === undefined ? undefined : zeroRequest(signature);
  return body === undefined ? `${url}/metadata` : `-d ${quote(body)} ${url}:predict`;
}

function zeroRequest(signature: Signature): string | undefined {
  const inputs = signature.inputs.map((spec) => [spec.alias, zeros(spec)] as const);
  if (inputs.length === 0 || inputs.some(([, value]) => value === undefined)) return undefined;
  return JSON.stringify({ inputs: Object.fromEntries(inputs) });
}

function zeros(spec: TensorSpec): unknown {
  const shape = (spec.shape ?? [1]).map((size) => Math.max(size, 1));
  if (shape.reduce((product, size) => product * size, 1) > maxElements) return undefined;
  const { kind } = dtypes[spec.dtype];
  if (kind === 'complex') return undefined;
  const zero = kind === 'string' ? '' : kind === 'bool' ? false : 0;
  return shape.reduceRight<unknown>((inner, size) => Array.from({ length: size }, () => inner), zero);
}

/** As one word of a POSIX shell. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
