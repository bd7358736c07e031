// The one way of decoded tensors to a model and back, with its contract or without: nothing runs before it is paid for, and nothing of a model
// with a contract goes past it.
import type { ElementPath } from '../contract/index.ts';
import type { Signature, Tensor } from '../tensor/index.ts';
import type { ContractCheck } from './contract-check.ts';
import type { ModelVersion } from './model-version.ts';
import type { RunContext } from './runner.ts';

/** Told what a request costs, before the model runs: by its contract, or where it has none by its tensors. Throws to refuse it. */
export type Charge = (tensors: readonly Tensor[], contractUnits: number | undefined) => void;

export interface TensorRequest {
  readonly signature: Signature;
  /** In the order of the signature's inputs. */
  readonly tensors: readonly Tensor[];
  /** Asked for only under a contract. */
  readonly paths: () => readonly ElementPath[];
  readonly charge?: Charge | undefined;
  /** Default: a request of our own. */
  readonly context?: RunContext | undefined;
}

/**
 * Runs the model on inputs that its contract lets through. `check` is the one that was opened when the request began; undefined for a
 * model without a contract. @throws what the contract, `charge` and the worker throw.
 */
export function runChecked(
  version: ModelVersion,
  check: ContractCheck | undefined,
  { signature, tensors, paths, charge, context }: TensorRequest,
): Promise<readonly Tensor[]> {
  if (check === undefined) {
    charge?.(tensors, undefined);
    return version.run(signature, tensors, context);
  }
  return check.run({
    signature,
    tensors,
    paths: paths(),
    charge: charge && ((units) => charge(tensors, units)),
    run: (inputs) => version.run(signature, inputs, context),
  });
}
