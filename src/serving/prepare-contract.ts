// From a contract's file to the guard of one version, or the reason why the two do not belong together. Fails closed: a version whose
// signatures the contract does not describe as they are is not served.
import { assertContractFits, compileContract, type LoadedContract } from '../contract/index.ts';
import { AirlockError } from '../core/index.ts';
import { readEmbeddedContract } from '../model/index.ts';
import type { Signature } from '../tensor/index.ts';
import { ContractGuard, type ContractGuardOptions } from './contract-guard.ts';

/** The contract of a model, for all its versions. */
export interface ModelContract extends Pick<ContractGuardOptions, 'images' | 'imagesTimeoutMs' | 'draw'> {
  readonly loaded: LoadedContract;
}

export interface PrepareContractOptions extends ModelContract, Pick<ContractGuardOptions, 'onNotice'> {
  readonly modelDirectory: string;
  /** All of the model, also those that cannot be called. */
  readonly signatures: readonly Signature[];
}

/** Those that may be called: what the contract does not name is closed. */
export function namedIn({ contract }: LoadedContract, signatures: readonly Signature[]): readonly Signature[] {
  return signatures.filter(({ name }) => contract.signatures.has(name));
}

/**
 * @throws CONTRACT_MISMATCH when the contract does not fit the signatures, or is not the one that is built into the model's graph;
 * CONTRACT_INVALID; MODEL_INVALID when the mark of such a contract cannot be read.
 */
export async function prepareContract(options: PrepareContractOptions): Promise<ContractGuard> {
  const { loaded, modelDirectory, signatures, ...rest } = options;
  const { contract, digest } = loaded;
  assertContractFits(contract, signatures);
  const embedded = await readEmbeddedContract(modelDirectory);
  if (embedded !== undefined && embedded.digest !== digest) {
    const shown = (hex: string) => hex.slice(0, 12);
    throw new AirlockError('CONTRACT_MISMATCH', {
      message:
        `The contract that is built into the model is another one: ${embedded.id} revision ${embedded.revision} ` +
        `(${shown(embedded.digest)}), and ${contract.metadata.id} revision ${contract.metadata.revision} (${shown(digest)}) is configured`,
    });
  }
  return new ContractGuard({ ...rest, contract, digest, compiled: compileContract(contract, namedIn(loaded, signatures)) });
}
