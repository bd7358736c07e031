// From a contract's file to the guard of one version, or the reason why the two do not belong together. Fails closed: a version whose
// signatures the contract does not describe as they are is not served.
import { assertContractFits, compileContract, type LoadedContract } from '../contract/index.ts';
import { AirlockError } from '../core/index.ts';
import { type MetaGraphInfo, readEmbeddedContract } from '../model/index.ts';
import type { Signature } from '../tensor/index.ts';
import { ContractGuard, type ContractGuardOptions } from './contract-guard.ts';

/** The contract of a model, for all its versions. */
export interface ModelContract extends Pick<ContractGuardOptions, 'images' | 'imagesTimeoutMs' | 'draw'> {
  readonly loaded: LoadedContract;
}

/** What a client may call: with a contract only what it names, everything else is closed. */
export function callableOf({ signatures }: MetaGraphInfo, loaded: LoadedContract | undefined): readonly Signature[] {
  const possible = signatures.filter((signature) => signature.unsupported === undefined);
  return loaded === undefined ? possible : namedIn(loaded, possible);
}

function namedIn({ contract }: LoadedContract, signatures: readonly Signature[]): readonly Signature[] {
  return signatures.filter(({ name }) => contract.signatures.has(name));
}

/**
 * @throws CONTRACT_MISMATCH when the contract does not fit the signatures, or is not the one that is built into the model's graph;
 * CONTRACT_INVALID; MODEL_INVALID when the mark of such a contract cannot be read.
 */
export async function prepareContract(
  { loaded, ...options }: ModelContract,
  modelDirectory: string,
  { signatures }: MetaGraphInfo,
  onNotice?: ContractGuardOptions['onNotice'],
): Promise<ContractGuard> {
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
  const compiled = compileContract(contract, namedIn(loaded, signatures));
  return new ContractGuard({ ...options, ...(onNotice && { onNotice }), contract, digest, compiled });
}
