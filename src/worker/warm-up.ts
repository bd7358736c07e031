// Runs each signature once with zeros, so that what TensorFlow compiles for their shapes is there before executable memory is denied.
// Only for models whose shapes are all known; what a run answers is not looked at.
import { isAirlockError } from '../core/index.ts';
import type { Session, SignatureCall } from '../native/index.ts';
import { byteCount, dtypes, elementCount, type Signature, type TensorSpec } from '../tensor/index.ts';
import type { WarmUp } from './worker-messages.ts';

const maxInputBytes = 64 * 1024 * 1024;

interface ZeroInput {
  readonly dtypeCode: number;
  readonly shape: readonly number[];
  readonly body: Uint8Array;
}

/** Zeros, or empty strings, with a size of 1 where the signature takes any; undefined when the rank is unknown or it is too large. */
function zeroInput({ dtype, shape }: TensorSpec): ZeroInput | undefined {
  if (shape === null) return undefined;
  const sizes = shape.map((size) => (size === -1 ? 1 : size));
  // A string in a frame is its length, four bytes.
  const bytes = dtype === 'DT_STRING' ? elementCount(sizes) * 4 : byteCount(dtype, sizes);
  // Not a number fails the comparison too.
  if (!(bytes <= maxInputBytes)) return undefined;
  return { dtypeCode: dtypes[dtype].code, shape: sizes, body: new Uint8Array(bytes) };
}

function runZeros(session: Session, signatureIndex: number, inputs: readonly ZeroInput[]): boolean {
  let call: SignatureCall | undefined;
  try {
    call = session.call(signatureIndex);
    for (const [index, { dtypeCode, shape, body }] of inputs.entries()) call.setInput(index, dtypeCode, shape, body);
    call.run(0, () => undefined);
    return true;
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    return false;
  } finally {
    call?.reset();
  }
}

/** Never fails: a model may have good reasons to refuse zeros, or to have a signature that does not fit its graph. */
export function warmUp(session: Session, signatures: readonly Signature[]): WarmUp {
  const counts = { ran: 0, failed: 0, skipped: 0 };
  signatures.forEach((signature, index) => {
    const inputs = signature.unsupported === undefined ? signature.inputs.map(zeroInput) : [undefined];
    const known = inputs.filter((input) => input !== undefined);
    if (known.length < inputs.length) counts.skipped++;
    else counts[runZeros(session, index, known) ? 'ran' : 'failed']++;
  });
  return counts;
}
