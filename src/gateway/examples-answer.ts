// The answers to `:classify` and `:regress`, and what a signature must look like to be called that way (TensorFlow Serving's
// classifier.cc and regressor.cc at 9d981c5). The tensors come from a worker and are checked before they are written.
import { AirlockError } from '../core/index.ts';
import {
  JsonWriter,
  type NumericTensor,
  type Signature,
  type StringTensor,
  type Tensor,
  type TensorSpec,
} from '../tensor/index.ts';

/** @throws SIGNATURE_UNSUITABLE when the signature has no single string input called `inputs`, or not the outputs of the method. */
export function assertExampleSignature(signature: Signature, verb: 'classify' | 'regress'): void {
  const [input] = signature.inputs;
  if (signature.inputs.length !== 1 || input.alias !== 'inputs' || input.dtype !== 'DT_STRING') {
    throw unsuitable(`${verb} needs a signature with one string input called inputs`);
  }
  const outputs = new Map(signature.outputs.map((spec) => [spec.alias, spec]));
  const has = (alias: string, dtype: TensorSpec['dtype']) => outputs.get(alias)?.dtype === dtype;
  if (verb === 'regress') {
    if (!has('outputs', 'DT_FLOAT')) throw unsuitable('regress needs a float output called outputs');
  } else if (!has('classes', 'DT_STRING') && !has('scores', 'DT_FLOAT')) {
    throw unsuitable('classify needs a string output called classes or a float output called scores');
  }
}

function unsuitable(message: string): AirlockError {
  return new AirlockError('SIGNATURE_UNSUITABLE', { message });
}

function wrongShape(): AirlockError {
  return new AirlockError('MODEL_OUTPUT_INVALID', {
    message: 'The model gave results of another shape than one row per example',
  });
}

/** {"results": [[["label", score], …], …]}: a row per example; the label is empty where the model has none. */
export function encodeClassifications(
  signature: Signature,
  tensors: readonly Tensor[],
  examples: number,
  allowNonFinite: boolean,
): Buffer {
  const classes = find(signature, tensors, 'classes');
  const scores = find(signature, tensors, 'scores');
  const shape = (classes ?? scores)?.shape ?? [];
  const agree = [classes, scores].every(
    (tensor) => tensor === undefined || (tensor.shape.length === 2 && tensor.shape.every((size, i) => size === shape[i])),
  );
  if (shape[0] !== examples || !agree) throw wrongShape();
  const score = scores === undefined ? undefined : floats(scores, allowNonFinite);
  const label = classes?.dtype === 'DT_STRING' ? classes : undefined;
  const perExample = shape[1];
  const writer = new JsonWriter(256);
  writer.raw('{"results":[');
  for (let row = 0; row < examples; row++) {
    writer.raw(row === 0 ? '[' : ',[');
    for (let column = 0; column < perExample; column++) {
      const index = row * perExample + column;
      writer.raw(column === 0 ? '[' : ',[');
      if (label === undefined) writer.string('');
      else writer.text(labelBytes(label, index));
      writer.raw(',');
      writer.float32(score?.[index] ?? 0);
      writer.raw(']');
    }
    writer.raw(']');
  }
  writer.raw(']}');
  return writer.finish();
}

/** {"results": [v, …]}: a value per example. */
export function encodeRegressions(
  signature: Signature,
  tensors: readonly Tensor[],
  examples: number,
  allowNonFinite: boolean,
): Buffer {
  const outputs = find(signature, tensors, 'outputs');
  const [rows, columns = 1, ...more] = outputs?.shape ?? [];
  if (outputs === undefined || rows !== examples || columns !== 1 || more.length > 0) throw wrongShape();
  const writer = new JsonWriter(256);
  for (const [index, value] of floats(outputs, allowNonFinite).entries()) {
    writer.raw(index === 0 ? '{"results":[' : ',');
    writer.float32(value);
  }
  writer.raw(']}');
  return writer.finish();
}

function find(signature: Signature, tensors: readonly Tensor[], alias: string): Tensor | undefined {
  const index = signature.outputs.findIndex((spec) => spec.alias === alias);
  return index < 0 ? undefined : tensors[index];
}

function floats(tensor: Tensor, allowNonFinite: boolean): Float32Array {
  if (tensor.dtype !== 'DT_FLOAT') throw wrongShape();
  const { bytes }: NumericTensor = tensor;
  const values = new Float32Array(bytes.slice().buffer);
  if (!allowNonFinite && !values.every(Number.isFinite)) {
    throw new AirlockError('MODEL_OUTPUT_INVALID', {
      message: 'The model gave NaN or an infinite number, which JSON cannot express',
    });
  }
  return values;
}

function labelBytes(tensor: StringTensor, index: number): Buffer {
  return Buffer.from(tensor.bytes.subarray(tensor.offsets[index], tensor.offsets[index + 1]));
}
