// The text of a contract that was derived, checked before anybody can take it for one: a draft that no loader takes helps nobody.
import { type Contract, contractMistakes, formatContract, maxContractBytes } from '../../contract/index.ts';
import { AirlockError } from '../../core/index.ts';

/**
 * What `loadContract` reads as `contract`. `comments` are those of formatContract.
 * @throws CONTRACT_INVALID when the contract is not valid, or larger than a contract file may be.
 */
export function contractText(contract: Contract, comments: ReadonlyMap<string, string> = new Map()): string {
  const [mistake] = contractMistakes(contract);
  if (mistake !== undefined)
    throw new AirlockError('CONTRACT_INVALID', {
      message: `What was derived is no valid contract: ${mistake.path}: expected ${mistake.expected}, got ${mistake.got}`,
    });
  const text = formatContract(contract, { comments });
  if (Buffer.byteLength(text) > maxContractBytes)
    throw new AirlockError('CONTRACT_INVALID', { message: `The contract would be larger than ${maxContractBytes} bytes` });
  return text;
}
