// One signature of a loaded model: its tensors in the graph, found once, and the slots that each request fills. Every tensor that gets
// in here is deleted here, on every path; Outputs die before `run` returns.
import { AirlockError } from '../core/index.ts';
import { type DType, dtypeName, dtypes, type TensorSpec } from '../tensor/index.ts';
import { allocateNumeric, createStringTensor, fillNumeric, readNumeric } from './input-tensor.ts';
import type { Pointer } from './libc.ts';
import { type Output, readOutput } from './output-tensor.ts';
import type { TensorFlowLibrary } from './tensorflow-library.ts';

/** TF_Output: a pointer, an int, four bytes of padding. */
const tfOutputBytes = 16;

/** The inputs or the outputs of a signature, with their places in the graph. */
export interface Endpoint {
  readonly specs: readonly TensorSpec[];
  /** TF_Output records of `specs`. */
  readonly places: Buffer;
}

/** Finds the tensors of a signature in the graph. @throws MODEL_INVALID when one is not there or has another type. */
export function resolveEndpoint(library: TensorFlowLibrary, graph: Pointer, specs: readonly TensorSpec[]): Endpoint {
  const places = Buffer.alloc(specs.length * tfOutputBytes);
  specs.forEach((spec, i) => {
    // TensorFlow reads a name without a number as output 0.
    const match = /^([^:^]+)(?::(\d{1,9}))?$/.exec(spec.tensorName);
    if (match === null) throw new AirlockError('MODEL_INVALID', { message: 'A signature names no tensor of the graph' });
    const [, name, rawIndex] = match;
    const index = Number(rawIndex ?? 0);
    // SAFETY: koffi copies the name; the graph owns the operation and lives as long as the session. The index is compared with the
    // number of outputs before the type is asked for, which TensorFlow would answer by aborting.
    const operation = library.operationByName(graph, name);
    if (operation === null || index >= library.operationNumOutputs(operation)) {
      throw new AirlockError('MODEL_INVALID', { message: 'A signature names a tensor that the graph does not have' });
    }
    // SAFETY: as above. A reference to a variable (type + 100) is read as its value.
    const typeCode = library.operationOutputType(operation, index) % 100;
    if (typeCode !== dtypes[spec.dtype].code) {
      const message = `A signature says ${spec.dtype} where the graph has ${dtypeName(typeCode)}`;
      throw new AirlockError('MODEL_INVALID', { message });
    }
    places.writeBigUInt64LE(operation, i * tfOutputBytes);
    places.writeInt32LE(index, i * tfOutputBytes + 8);
  });
  return { specs, places };
}

/** One signature of a session, ready to be fed and run; reused for every request, so a request makes no objects here. */
export class SignatureCall {
  readonly #session: NativeSession;
  readonly #inputs: Endpoint;
  readonly #outputs: Endpoint;
  readonly #inputTensors: BigUint64Array;
  readonly #inputBytes: Uint8Array;
  readonly #outputTensors: BigUint64Array;
  readonly #outputBytes: Uint8Array;

  constructor(session: NativeSession, inputs: Endpoint, outputs: Endpoint) {
    this.#session = session;
    this.#inputs = inputs;
    this.#outputs = outputs;
    this.#inputTensors = new BigUint64Array(inputs.specs.length);
    this.#inputBytes = new Uint8Array(this.#inputTensors.buffer);
    this.#outputTensors = new BigUint64Array(outputs.specs.length);
    this.#outputBytes = new Uint8Array(this.#outputTensors.buffer);
  }

  /**
   * Sets input number `index` from the bytes of a frame's body; they are copied.
   * @throws INPUT_UNKNOWN, TENSOR_TYPE_MISMATCH, TENSOR_INVALID.
   */
  setInput(index: number, dtypeCode: number, shape: readonly number[], body: Uint8Array): void {
    const { library } = this.#session;
    const dtype = this.#checkInput(index, dtypeCode);
    if (dtype === 'DT_STRING') {
      this.#inputTensors[index] = createStringTensor(library, shape, body);
      return;
    }
    const tensor = allocateNumeric(library, dtype, shape, body.byteLength);
    this.#inputTensors[index] = tensor;
    fillNumeric(library, tensor, body);
  }

  /**
   * Sets numeric input number `index` straight from a blocking file descriptor: first `head`, which was read already, then
   * `source.restBytes` more. False when the descriptor ends first.
   * @throws as `setInput`; TENSOR_TYPE_MISMATCH also for strings, whose records cannot be read from anywhere.
   */
  readInput(
    index: number,
    dtypeCode: number,
    shape: readonly number[],
    head: Uint8Array,
    source: { readonly fd: number; readonly restBytes: number },
  ): boolean {
    const { library } = this.#session;
    const dtype = this.#checkInput(index, dtypeCode);
    if (dtype === 'DT_STRING') throw new AirlockError('TENSOR_TYPE_MISMATCH');
    const tensor = allocateNumeric(library, dtype, shape, head.byteLength + source.restBytes);
    this.#inputTensors[index] = tensor;
    return readNumeric(library, tensor, head, source);
  }

  #checkInput(index: number, dtypeCode: number): DType {
    const spec = this.#inputs.specs[index];
    if (spec === undefined || this.#inputTensors[index] !== 0n) throw new AirlockError('INPUT_UNKNOWN');
    if (dtypes[spec.dtype].code !== dtypeCode) throw new AirlockError('TENSOR_TYPE_MISMATCH');
    return spec.dtype;
  }

  /**
   * Runs and hands the outputs to `use`; they must not be used after it returns. The inputs are gone afterwards, however
   * it ends.
   * @param timeoutMs how long TensorFlow may wait inside; 0 for no limit. It does not stop an operation that computes.
   * @throws INPUT_MISSING; a TENSORFLOW_ code; MODEL_OUTPUT_INVALID; whatever `use` throws.
   */
  run<Result>(timeoutMs: number, use: (outputs: readonly Output[]) => Result): Result {
    try {
      for (const tensor of this.#inputTensors) if (tensor === 0n) throw new AirlockError('INPUT_MISSING');
      this.#session.execute(this.#inputs.places, this.#inputBytes, this.#outputs.places, this.#outputBytes, timeoutMs);
      return use(this.#readOutputs());
    } finally {
      this.reset();
    }
  }

  /**
   * As `run`, with TensorFlow's tracing on: `use` also gets the bytes of RunMetadata, or undefined when there are more than `maxTraceBytes`.
   * @throws as `run`; a run that fails has no trace.
   */
  runTraced<Result>(
    timeoutMs: number,
    maxTraceBytes: number,
    use: (outputs: readonly Output[], trace: Buffer | undefined) => Result,
  ): Result {
    try {
      for (const tensor of this.#inputTensors) if (tensor === 0n) throw new AirlockError('INPUT_MISSING');
      const { places: inputs } = this.#inputs;
      const { places: outputs } = this.#outputs;
      const session = this.#session;
      const trace = session.executeTraced(inputs, this.#inputBytes, outputs, this.#outputBytes, timeoutMs, maxTraceBytes);
      return use(this.#readOutputs(), trace);
    } finally {
      this.reset();
    }
  }

  #readOutputs(): Output[] {
    const { library } = this.#session;
    let bytesLeft = this.#session.maxOutputBytes;
    return this.#outputs.specs.map((spec, i) => {
      const output = readOutput(library, this.#outputTensors[i], spec, bytesLeft);
      bytesLeft -= output.bodyBytes;
      return output;
    });
  }

  /** Deletes every tensor that is set; for a request that is given up before `run`. */
  reset(): void {
    const { library } = this.#session;
    deleteAll(library, this.#inputTensors);
    deleteAll(library, this.#outputTensors);
  }
}

function deleteAll(library: TensorFlowLibrary, tensors: BigUint64Array): void {
  for (let i = 0; i < tensors.length; i++) {
    const tensor = tensors[i];
    if (tensor === 0n) continue;
    tensors[i] = 0n;
    // SAFETY: the entry was ours and is gone from the list before the call, so that no tensor is deleted twice.
    library.deleteTensor(tensor);
  }
}

/** What a call needs of its session. */
export interface NativeSession {
  readonly library: TensorFlowLibrary;
  readonly maxOutputBytes: number;
  execute(inputs: Buffer, inputTensors: Uint8Array, outputs: Buffer, outputTensors: Uint8Array, timeoutMs: number): void;
  /** Gives what TensorFlow wrote as RunMetadata. */
  executeTraced(
    inputs: Buffer,
    inputTensors: Uint8Array,
    outputs: Buffer,
    outputTensors: Uint8Array,
    timeoutMs: number,
    maxTraceBytes: number,
  ): Buffer | undefined;
}
