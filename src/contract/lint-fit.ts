// Whether a contract and a model belong together: the same signatures, inputs, types and shapes. The server asks before it serves a model;
// a contract that names another input than the model has would check nothing.
import { formatPath, violationsError } from '../config/index.ts';
import { printable, type Violation } from '../core/index.ts';
import { formatShape, type Signature, type TensorSpec } from '../tensor/index.ts';
import type { Contract, DimExpression, DimRules, TensorRules } from './contract-types.ts';
import { formatDimExpression } from './schema-dims.ts';
import { dtypeShortName } from './schema-tensor.ts';

const maxListed = 200;

/** True when a dimension of the contract can have this size. */
function canBe(dim: DimExpression, size: number, dims: ReadonlyMap<string, DimRules>): boolean {
  if (dim.kind !== 'symbol') return dim.kind === 'any' || dim.size === size;
  const limits = dims.get(dim.name);
  const value = (size - dim.offset) / dim.multiplier;
  if (limits === undefined || !Number.isInteger(value)) return false;
  return value >= limits.min && value <= limits.max && value % (limits.multipleOf ?? 1) === 0;
}

/** True when some shape is allowed by both. */
export function shapesMeet(
  shape: readonly DimExpression[] | undefined,
  signature: readonly number[] | null,
  dims: ReadonlyMap<string, DimRules>,
): boolean {
  if (shape === undefined || signature === null) return true;
  return (
    shape.length === signature.length &&
    shape.every((dim, index) => signature[index] === -1 || canBe(dim, signature[index], dims))
  );
}

/** `[batch,2*seq,3]`, in the words of the contract. */
export function contractShapeText(shape: readonly DimExpression[]): string {
  return `[${shape.map((dim) => formatDimExpression(dim) ?? '?').join(',')}]`;
}

function compareTensors(
  kind: 'inputs' | 'outputs',
  place: readonly string[],
  rules: ReadonlyMap<string, TensorRules>,
  specs: readonly TensorSpec[],
  dims: ReadonlyMap<string, DimRules>,
): Violation[] {
  const found: Violation[] = [];
  const one = kind.slice(0, -1);
  const byAlias = new Map(specs.map((spec) => [spec.alias, spec]));
  for (const [alias, tensor] of rules) {
    const at = (...keys: readonly string[]) => formatPath([...place, kind, alias, ...keys]);
    const spec = byAlias.get(alias);
    if (spec === undefined) {
      const expected = `one of the ${kind} of the model: ${printable([...byAlias.keys()].join(', '), 200)}`;
      found.push({ path: at(), rule: 'modelMismatch', expected, got: `an ${one} that the model does not have` });
      continue;
    }
    if (spec.dtype !== tensor.dtype)
      found.push({
        path: at('dtype'),
        rule: 'modelMismatch',
        expected: dtypeShortName(spec.dtype),
        got: dtypeShortName(tensor.dtype),
      });
    if (!shapesMeet(tensor.shape, spec.shape, dims)) {
      const expected = `a shape that fits ${formatShape(spec.shape)}`;
      found.push({ path: at('shape'), rule: 'modelMismatch', expected, got: contractShapeText(tensor.shape ?? []) });
    }
  }
  // What a model answers may go unchecked, which lint warns of; what it is sent may not.
  for (const alias of kind === 'inputs' ? byAlias.keys() : [])
    if (!rules.has(alias))
      found.push({
        path: formatPath([...place, kind, alias]),
        rule: 'modelMismatch',
        expected: 'rules for each input of the model',
        got: 'none',
      });
  return found;
}

/** Everything in which the contract and the signatures of a model differ; signatures that the contract does not name are no difference. */
export function contractDifferences(contract: Contract, signatures: readonly Signature[]): readonly Violation[] {
  const byName = new Map(signatures.map((signature) => [signature.name, signature]));
  const found: Violation[] = [];
  for (const [name, { inputs, outputs }] of contract.signatures) {
    const place = ['signatures', name];
    const signature = byName.get(name);
    if (signature === undefined) {
      const expected = `one of the signatures of the model: ${printable([...byName.keys()].join(', '), 200)}`;
      found.push({ path: formatPath(place), rule: 'modelMismatch', expected, got: 'a signature that the model does not have' });
      continue;
    }
    if (signature.unsupported !== undefined) {
      const got = `one that cannot be: ${printable(signature.unsupported, 200)}`;
      found.push({ path: formatPath(place), rule: 'modelMismatch', expected: 'a signature that can be called', got });
      continue;
    }
    found.push(...compareTensors('inputs', place, inputs, signature.inputs, contract.dims));
    found.push(...compareTensors('outputs', place, outputs, signature.outputs, contract.dims));
  }
  return found;
}

/**
 * Refuses a model that the contract was not written for. The server calls it before it serves a version.
 * @throws CONTRACT_MISMATCH with every difference (at most 200) in `violations`.
 */
export function assertContractFits(contract: Contract, signatures: readonly Signature[]): void {
  const differences = contractDifferences(contract, signatures);
  if (differences.length > 0) throw violationsError('CONTRACT_MISMATCH', differences.slice(0, maxListed));
}
