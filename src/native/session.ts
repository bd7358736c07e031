// A loaded SavedModel and how it is run: one call after another, in the calling thread. What a request
// brings and gets goes through a SignatureCall.
import { AirlockError, isAirlockError } from '../core/index.ts';
import type { Signature } from '../tensor/index.ts';
import type { Pointer } from './libc.ts';
import { encodeConfigProto, RunOptionsBuffer, readBuffer, type ThreadOptions } from './protobuf.ts';
import { type NativeSession, resolveEndpoint, SignatureCall } from './signature-call.ts';
import { loadError, runError, throwOnError } from './status.ts';
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

/** A model that TensorFlow has loaded. */
export class Session implements NativeSession {
  readonly library: TensorFlowLibrary;
  readonly maxOutputBytes: number;
  readonly #status: Pointer;
  readonly #graph: Pointer;
  readonly #session: Pointer;
  readonly #runOptions: RunOptionsBuffer;
  #tracedOptions: RunOptionsBuffer | undefined;
  readonly #calls: readonly (SignatureCall | AirlockError)[];

  private constructor(options: SessionOptions, native: NativeObjects & { readonly session: Pointer }) {
    const { library } = options;
    this.library = library;
    this.maxOutputBytes = options.maxOutputBytes;
    this.#status = native.status;
    this.#graph = native.graph;
    this.#session = native.session;
    this.#calls = options.signatures.map((signature) => this.#prepare(signature, native.graph));
    const misfit = this.#calls.find((call) => isAirlockError(call) && call.cause !== undefined);
    if (isAirlockError(misfit) && this.#calls.every(isAirlockError))
      throw new AirlockError('MODEL_INVALID', { message: misfit.message });
    this.#runOptions = new RunOptionsBuffer();
  }

  /** One signature that does not fit the graph must not take the others away: old exports have such beside good ones. */
  #prepare({ inputs, outputs, unsupported }: Signature, graph: Pointer): SignatureCall | AirlockError {
    if (unsupported !== undefined) return new AirlockError('SIGNATURE_UNSUITABLE', { message: unsupported });
    try {
      return new SignatureCall(this, resolveEndpoint(this.library, graph, inputs), resolveEndpoint(this.library, graph, outputs));
    } catch (thrown) {
      return new AirlockError('SIGNATURE_UNSUITABLE', { message: AirlockError.from(thrown).message, cause: thrown });
    }
  }

  /**
   * Loads a SavedModel and finds the tensors of its signatures; one that is marked `unsupported` is left out.
   * @throws MODEL_LOAD_FAILED with TensorFlow's message as `detail`; MODEL_INVALID when no signature fits the graph.
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
      throwOnError(library, status, (_code, message) => loadError(message));
      session = library.loadSavedModel(sessionOptions, null, options.modelDirectory, tags, tags.length, graph, null, status);
      throwOnError(library, status, (_code, message) => loadError(message));
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
    this.#tracedOptions?.close();
  }

  /**
   * The call of a signature, by its number in the list given to `load`.
   * @throws SIGNATURE_NOT_FOUND; SIGNATURE_UNSUITABLE for one that was marked `unsupported` or does not fit the graph.
   */
  call(signatureIndex: number): SignatureCall {
    const call = this.#calls[signatureIndex];
    if (call === undefined) throw new AirlockError('SIGNATURE_NOT_FOUND');
    if (isAirlockError(call)) throw call;
    return call;
  }

  execute(inputs: Buffer, inputTensors: Uint8Array, outputs: Buffer, outputTensors: Uint8Array, timeoutMs: number): void {
    if (timeoutMs > 0) this.#runOptions.setTimeoutMs(timeoutMs);
    const options = timeoutMs > 0 ? this.#runOptions.pointer : null;
    this.#run(inputs, inputTensors, outputs, outputTensors, options, null);
  }

  executeTraced(
    inputs: Buffer,
    inputTensors: Uint8Array,
    outputs: Buffer,
    outputTensors: Uint8Array,
    timeoutMs: number,
    maxTraceBytes: number,
  ): Buffer | undefined {
    this.#tracedOptions ??= new RunOptionsBuffer(true);
    this.#tracedOptions.setTimeoutMs(timeoutMs);
    // SAFETY: made by TensorFlow, empty as TF_SessionRun wants it, and deleted below, on every path, with what was written into it.
    const metadata = this.library.newBuffer();
    try {
      this.#run(inputs, inputTensors, outputs, outputTensors, this.#tracedOptions.pointer, metadata);
      return readBuffer(metadata, maxTraceBytes);
    } finally {
      this.library.deleteBuffer(metadata);
    }
  }

  #run(
    inputs: Buffer,
    inputTensors: Uint8Array,
    outputs: Buffer,
    outputTensors: Uint8Array,
    options: Pointer | null,
    metadata: Pointer | null,
  ): void {
    const { library } = this;
    // SAFETY: places and tensors have the same number of entries, both made in SignatureCall; TensorFlow reads the inputs and writes
    // one pointer per output, only during the call. The tensors stay ours: the inputs are alive, and what it wrote is deleted by reset.
    library.sessionRun(
      this.#session,
      options,
      inputs,
      inputTensors,
      inputTensors.byteLength / 8,
      outputs,
      outputTensors,
      outputTensors.byteLength / 8,
      null,
      0,
      metadata,
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
