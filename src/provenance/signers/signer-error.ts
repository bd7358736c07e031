// The one error of a signature that does not count, so that all kinds of signers speak alike.
import { AirlockError, printable } from '../../core/index.ts';

/**
 * SIGNER_UNTRUSTED: says which signer of the trust section was compared, and what did not fit. `what` must be printable
 * already.
 */
export function untrusted(signer: string, what: string, cause?: unknown): AirlockError {
  return new AirlockError('SIGNER_UNTRUSTED', { message: `Signer "${printable(signer)}" did not sign this: ${what}`, cause });
}
