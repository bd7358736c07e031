// A contract made ready for one model: each rule bound to the tensor that it is about, once, so that a request only runs checks. The
// verdict on a request is data; it is the server that turns it into an answer. Nothing here throws on what a client or a model sent.
import { AirlockError, printable } from '../core/index.ts';
import type { Signature } from '../tensor/index.ts';
import { compileSignature } from './compile-signature.ts';
import type { CompiledContract, CompiledSignature } from './compiled-contract-types.ts';
import type { Contract } from './contract-types.ts';

/**
 * @throws CONTRACT_MISMATCH when the contract names a signature that the model does not have, or a signature has an input that the
 * contract does not name, or one of another type; CONTRACT_INVALID when what an action puts in place breaks another rule
 */
export function compileContract(contract: Contract, signatures: readonly Signature[]): CompiledContract {
  const compiled = new Map<string, CompiledSignature>();
  for (const [name, rules] of contract.signatures) {
    const signature = signatures.find((candidate) => candidate.name === name);
    if (signature === undefined) {
      throw new AirlockError('CONTRACT_MISMATCH', { message: `The model has no signature ${printable(name)}` });
    }
    compiled.set(name, compileSignature(contract, signature, rules));
  }
  return { signature: (name) => compiled.get(name), requestRules: contract.request };
}
