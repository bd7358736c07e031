// The requests that `airlock profile` runs: bodies of REST predict requests from a file, one in each line, or zeros of the sizes that a signature takes.
import { readFileSync } from 'node:fs';
import { AirlockError, errnoOf, printable } from '../core/index.ts';
import { byteCount, defaultJsonLimits, PredictDecoder, type Signature, type Tensor, type TensorSpec } from '../tensor/index.ts';

export interface ProfileRequest {
  readonly signatureIndex: number;
  readonly inputs: readonly Tensor[];
}

const maxRequests = 10_000;
const maxZeroBytes = 256 * 1024 * 1024;

/** @throws USAGE when the file cannot be read or has none; what the decoder throws, with the number of the line. */
export function readRequests(file: string, signatures: readonly Signature[]): readonly ProfileRequest[] {
  const requests: ProfileRequest[] = [];
  for (const [index, line] of textOf(file).split('\n').entries()) {
    if (line.trim() === '') continue;
    if (requests.length >= maxRequests) break;
    try {
      requests.push(decode(Buffer.from(line), signatures));
    } catch (thrown) {
      const { code, message, violations } = AirlockError.from(thrown);
      throw new AirlockError(code, { message: `Line ${index + 1}: ${message}`, violations });
    }
  }
  if (requests.length === 0) throw new AirlockError('USAGE', { message: 'The file has no requests: one JSON body in each line' });
  return requests;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const why = errnoOf(cause) ?? 'unknown reason';
    throw new AirlockError('USAGE', { message: `The file ${printable(file, 256)} could not be read (${why})`, cause });
  }
}

function decode(body: Buffer, signatures: readonly Signature[]): ProfileRequest {
  const named = (name: string): Signature => {
    const found = signatures.find((signature) => signature.name === name);
    if (found === undefined) throw new AirlockError('SIGNATURE_NOT_FOUND');
    return found;
  };
  const decoder = new PredictDecoder({
    limits: defaultJsonLimits,
    sizeHint: body.length,
    shapes: 'strict',
    allowNonFinite: true,
    signature: named,
    hasChoice: signatures.length > 1 || signatures[0]?.name !== 'serving_default',
    rules: undefined,
  });
  decoder.push(body);
  const { signature, tensors } = decoder.finish();
  return { signatureIndex: signatures.indexOf(signature), inputs: tensors };
}

/** Zeros and empty strings, with `batch` for the first size where any is taken and 1 for others; undefined where the number of sizes is not known. */
export function zeroRequest(signatures: readonly Signature[], signatureIndex: number, batch: number): ProfileRequest | undefined {
  const inputs = signatures[signatureIndex].inputs.map((spec) => zeros(spec, batch));
  return inputs.every((input) => input !== undefined) ? { signatureIndex, inputs } : undefined;
}

function zeros({ dtype, shape }: TensorSpec, batch: number): Tensor | undefined {
  if (shape === null) return undefined;
  const sizes = shape.map((size, axis) => (size !== -1 ? size : axis === 0 ? batch : 1));
  if (dtype === 'DT_STRING') {
    const elements = sizes.reduce((product, size) => product * size, 1);
    if (!(elements <= maxZeroBytes / 4)) return undefined;
    return { dtype, shape: sizes, bytes: new Uint8Array(0), offsets: new Uint32Array(elements + 1) };
  }
  const bytes = byteCount(dtype, sizes);
  return bytes <= maxZeroBytes ? { dtype, shape: sizes, bytes: new Uint8Array(bytes) } : undefined;
}
