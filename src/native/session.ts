// A loaded SavedModel and how it is run: one call after another, in the calling thread. Native memory never leaves this folder but
// as Outputs that die before `run` returns, and every tensor is deleted on every path.
import { AirlockError } from '../core/index.ts';
import { type DType, dtypeName, dtypes, type Signature, type TensorSpec } from '../tensor/index.ts';
import { allocateNumeric, createStringTensor, fillNumeric, readNumeric } from './input-tensor.ts';
import type { Pointer } from './libc.ts';
import { type Output, readOutput } from './output-tensor.ts';
import { encodeConfigProto, RunOptionsBuffer, type ThreadOptions } from './protobuf.ts';
import { loadError, runError } from './status.ts';
import type { TensorFlowLibrary } from './tensorflow-library.ts';

export interface SessionOptions extends ThreadOptions {
  readonly library: TensorFlowLibrary;
  readonly modelDirectory: string;
  /** The tags of the MetaGraph, for example `serve`. */
  readonly tags: readonly string[];
  readonly signatures: readonly Signature[];
  /** The most bytes that the outputs of one run may have together. */
  readonly maxOutputBytes: number;
}

/** TF_Output: a pointer, an int, four bytes of padding. */
const tfOutputBytes = 16;

interface Endpoint {
  readonly specs: readonly TensorSpec[];
  /** TF_Output records of `specs`. */
  readonly places: Buffer;
}

function resolve(library: TensorFlowLibrary, graph: Pointer, specs: readonly TensorSpec[]): Endpoint {
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

/** What SignatureCall sees of its session. */
interface NativeSession {
  readonly library: TensorFlowLibrary;
  readonly maxOutputBytes: number;
  execute(inputs: Buffer, inputTensors: Uint8Array, outputs: Buffer, outputTensors: Uint8Array, timeoutMs: number): void;
}

/** A model that TensorFlow has loaded. */
export class Session implements NativeSession {
  readonly library: TensorFlowLibrary;
  readonly maxOutputBytes: number;
  readonly #status: Pointer;
  readonly #graph: Pointer;
  readonly #session: Pointer;
  readonly #runOptions: RunOptionsBuffer;
  readonly #calls: readonly (SignatureCall | undefined)[];

  private constructor(options: SessionOptions, native: NativeObjects & { readonly session: Pointer }) {
    const { library } = options;
    this.library = library;
    this.maxOutputBytes = options.maxOutputBytes;
    this.#status = native.status;
    this.#graph = native.graph;
    this.#session = native.session;
    this.#calls = options.signatures.map(({ inputs, outputs, unsupported }) =>
      unsupported === undefined
        ? new SignatureCall(this, resolve(library, native.graph, inputs), resolve(library, native.graph, outputs))
        : undefined,
    );
    this.#runOptions = new RunOptionsBuffer();
  }

  /**
   * Loads a SavedModel and finds the tensors of its signatures; one that is marked `unsupported` is left out.
   * @throws MODEL_LOAD_FAILED with TensorFlow's message as `detail`; MODEL_INVALID when a signature does not fit the graph.
   */
  static load(options: SessionOptions): Session {
    const { library, tags } = options;
    // SAFETY: objects that TensorFlow allocates and we delete: the options below, status and graph with the session or when loading
    // fails. Strings and the proto are copied during the call.
    const status = library.newStatus();
    const graph = library.newGraph();
    const sessionOptions = library.newSessionOptions();
    let session: Pointer | null = null;
    try {
      const config = encodeConfigProto(options);
      library.setConfig(sessionOptions, config, config.byteLength, status);
      throwOnError(library, status, loadErrorOf);
      session = library.loadSavedModel(sessionOptions, null, options.modelDirectory, tags, tags.length, graph, null, status);
      throwOnError(library, status, loadErrorOf);
      if (session === null) throw loadError('');
      return new Session(options, { status, graph, session });
    } catch (thrown) {
      deleteNative(library, { status, graph, session });
      throw thrown;
    } finally {
      library.deleteSessionOptions(sessionOptions);
    }
  }

  /** Frees the model. Nothing of this session may be used afterwards. */
  close(): void {
    deleteNative(this.library, { status: this.#status, graph: this.#graph, session: this.#session });
    this.#runOptions.close();
  }

  /**
   * The call of a signature, by its number in the list given to `load`.
   * @throws SIGNATURE_NOT_FOUND; SIGNATURE_UNSUITABLE for one that was marked `unsupported`.
   */
  call(signatureIndex: number): SignatureCall {
    const call = this.#calls[signatureIndex];
    if (call !== undefined) return call;
    throw new AirlockError(signatureIndex in this.#calls ? 'SIGNATURE_UNSUITABLE' : 'SIGNATURE_NOT_FOUND');
  }

  execute(inputs: Buffer, inputTensors: Uint8Array, outputs: Buffer, outputTensors: Uint8Array, timeoutMs: number): void {
    const { library } = this;
    if (timeoutMs > 0) this.#runOptions.setTimeoutMs(timeoutMs);
    // SAFETY: places and tensors have the same number of entries, both made in SignatureCall; TensorFlow reads the inputs and writes
    // one pointer per output, only during the call. The tensors stay ours: the inputs are alive, and what it wrote is deleted by reset.
    library.sessionRun(
      this.#session,
      timeoutMs > 0 ? this.#runOptions.pointer : null,
      inputs,
      inputTensors,
      inputTensors.byteLength / 8,
      outputs,
      outputTensors,
      outputTensors.byteLength / 8,
      null,
      0,
      null,
      this.#status,
    );
    throwOnError(library, this.#status, runError);
  }
}

interface NativeObjects {
  readonly status: Pointer;
  readonly graph: Pointer;
  readonly session: Pointer | null;
}

function deleteNative(library: TensorFlowLibrary, { status, graph, session }: NativeObjects): void {
  // SAFETY: each was made by TensorFlow for this session alone and is deleted once; the session goes first because it uses the graph.
  if (session !== null) {
    library.closeSession(session, status);
    library.deleteSession(session, status);
  }
  library.deleteGraph(graph);
  library.deleteStatus(status);
}

function loadErrorOf(_code: number, message: string): AirlockError {
  return loadError(message);
}

function throwOnError(
  library: TensorFlowLibrary,
  status: Pointer,
  toError: (code: number, message: string) => AirlockError,
): void {
  // SAFETY: the status is alive; koffi copies the message before TF_SetStatus replaces it.
  const code = library.getCode(status);
  if (code === 0) return;
  const message = library.message(status);
  library.setStatus(status, 0, '');
  throw toError(code, message);
}
