// The life of a worker: one LOAD, then one RUN after another until the server closes the socket. Single-threaded and synchronous, so
// that at most one request is inside TensorFlow and the jail can forbid everything but reading and writing.
// Never trusts TensorFlow's outputs to be of the announced type or size, and never sends a client's data anywhere but back.
import { AirlockError, isAirlockError, printable } from '../core/index.ts';
import { loadTensorFlow, Session, type SignatureCall } from '../native/index.ts';
import { dtypes, type FrameHeader, frameKinds, readTensorHeads, type TensorHead } from '../tensor/index.ts';
import { FrameInput } from './frame-input.ts';
import { FrameOutput } from './frame-output.ts';
import type { ErrorAnswer, LoadRequest, ReadyAnswer } from './load-request.ts';

/** Numeric inputs from this size are read into TensorFlow's memory without passing through a buffer. */
const directBytes = 32 * 1024;

/** A run that took longer is answered at once; answers of shorter ones wait for those whose requests are here already. */
const gatherMs = 0.1;

function errorAnswer(thrown: unknown): ErrorAnswer {
  if (isAirlockError(thrown)) {
    const { code, message, detail } = thrown;
    return detail === undefined ? { code, message } : { code, message, detail };
  }
  const detail = printable(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown), 512);
  return { code: 'INTERNAL', message: 'Internal error', detail };
}

interface Loaded {
  readonly session: Session;
  readonly maxBodyBytes: number;
}

function loadModel({ ccPath, frameworkPath, limits, ...request }: LoadRequest): { loaded: Loaded; ready: ReadyAnswer } {
  const library = loadTensorFlow({ ccPath, frameworkPath });
  const session = Session.load({ ...request, library, maxOutputBytes: limits.maxOutputBytes });
  return { loaded: { session, maxBodyBytes: limits.maxBodyBytes }, ready: { tensorflowVersion: library.version } };
}

/** Undefined when there is nothing to serve: the socket ended, or the model did not load, which the server has been told. */
function load(input: FrameInput, output: FrameOutput): Loaded | undefined {
  const header = input.readHeader(0);
  if (header === undefined) return undefined;
  const json = input.readBytes(header.metaBytes);
  if (json === undefined) return undefined;
  if (header.kind !== frameKinds.load) throw new AirlockError('WORKER_PROTOCOL_VIOLATION', { detail: 'no LOAD frame' });
  try {
    const { loaded, ready } = loadModel(JSON.parse(json.toString('utf8')) as LoadRequest);
    output.sendJson(frameKinds.ready, header.id, ready);
    return loaded;
  } catch (thrown) {
    output.sendJson(frameKinds.error, header.id, errorAnswer(thrown));
    return undefined;
  }
}

/** Sets one input, telling `consume` what was read of its body also when the call refuses it; false when the socket ended. */
function readTensor(input: FrameInput, call: SignatureCall, head: TensorHead, consume: (byteLength: number) => void): boolean {
  const { index, dtypeCode, shape, bodyBytes } = head;
  if (bodyBytes < directBytes || dtypeCode === dtypes.DT_STRING.code) {
    const body = input.readBytes(bodyBytes);
    if (body === undefined) return false;
    consume(bodyBytes);
    call.setInput(index, dtypeCode, shape, body);
    return true;
  }
  const buffered = input.takeBuffered(bodyBytes);
  consume(buffered.length);
  const restBytes = bodyBytes - buffered.length;
  if (!call.readInput(index, dtypeCode, shape, buffered, { fd: input.fd, restBytes })) return false;
  consume(restBytes);
  return true;
}

/** Answers one RUN frame; false when the socket ended within it. */
function serveRun(input: FrameInput, output: FrameOutput, session: Session, header: FrameHeader): boolean {
  const meta = input.readBytes(header.metaBytes);
  if (meta === undefined) return false;
  const heads = readTensorHeads(meta, header);
  let bodyLeft = header.bodyBytes;
  const consume = (byteLength: number): void => {
    bodyLeft -= byteLength;
  };
  let call: SignatureCall | undefined;
  try {
    call = session.call(header.argument);
    for (const head of heads) if (!readTensor(input, call, head, consume)) return false;
    call.run(header.timeoutMs, (outputs) => output.addResult(header.id, outputs));
  } catch (thrown) {
    // The rest of a refused request must not be read as the next frame.
    if (!input.skip(bodyLeft)) return false;
    output.sendJson(frameKinds.error, header.id, errorAnswer(thrown));
  } finally {
    call?.reset();
  }
  return true;
}

/**
 * Serves the server at the other end of a blocking socket until it closes it. Returns then, or when the model did not load.
 * @throws WORKER_PROTOCOL_VIOLATION when a frame is not well formed; a system error when the socket breaks.
 */
export function serveFrames(fd: number): void {
  const input = new FrameInput(fd);
  const output = new FrameOutput(fd);
  const loaded = load(input, output);
  if (loaded === undefined) return;
  const { session, maxBodyBytes } = loaded;
  for (;;) {
    const header = input.readHeader(maxBodyBytes);
    if (header === undefined) return;
    if (header.kind !== frameKinds.run) throw new AirlockError('WORKER_PROTOCOL_VIOLATION', { detail: 'no RUN frame' });
    const startMs = performance.now();
    if (!serveRun(input, output, session, header)) return;
    if (performance.now() - startMs > gatherMs || !input.hasFrame(maxBodyBytes)) output.flush();
  }
}
