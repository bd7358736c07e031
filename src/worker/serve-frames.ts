// The life of a worker: it is prepared, takes a model, and answers one RUN after another until the server closes the socket.
// Single-threaded and synchronous, so that at most one request is inside TensorFlow and the jail can forbid everything but reading,
// writing and computing. Never sends a client's data anywhere but back, and after the seal calls nothing of Node but readSync and
// writeSync: what else it does may be a forbidden system call, which ends the process.
import { AirlockError, isAirlockError, printable } from '../core/index.ts';
import type { Session, SignatureCall } from '../native/index.ts';
import { dtypes, type FrameHeader, frameKinds, maxTraceBytes, readTensorHeads, type TensorHead } from '../tensor/index.ts';
import { FrameInput } from './frame-input.ts';
import { FrameOutput } from './frame-output.ts';
import { loadModel } from './load-model.ts';
import { type Prepared, prepare } from './prepare.ts';
import { receiveModel } from './receive-model.ts';
import type { ErrorAnswer, LoadRequest, PrepareRequest } from './worker-messages.ts';

/** Numeric inputs from this size are read into TensorFlow's memory without passing through a buffer. */
const directBytes = 32 * 1024;

/** A run that took longer is answered at once; answers of shorter ones wait for those whose requests are here already. */
const gatherMs = 0.1;

interface Channel {
  readonly input: FrameInput;
  readonly output: FrameOutput;
}

interface Loaded {
  readonly session: Session;
  readonly maxBodyBytes: number;
}

function errorAnswer(thrown: unknown): ErrorAnswer {
  if (isAirlockError(thrown)) {
    const { code, message, detail } = thrown;
    return detail === undefined ? { code, message } : { code, message, detail };
  }
  const detail = printable(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown), 512);
  return { code: 'INTERNAL', message: 'Internal error', detail };
}

/**
 * One step before the first request. Undefined when there is nothing to serve: the socket ended, or the step failed, which the server
 * has been told.
 */
function attempt<Result>({ input, output }: Channel, step: () => Result | undefined): Result | undefined {
  try {
    return step();
  } catch (thrown) {
    output.sendJson(frameKinds.error, 0, errorAnswer(thrown));
    // A socket that is closed with unread bytes in it takes the error with it.
    input.skipAll();
    return undefined;
  }
}

function prepareFirst({ input, output }: Channel): Prepared | undefined {
  const header = input.readHeader(0);
  if (header === undefined) return undefined;
  if (header.kind !== frameKinds.prepare) throw new AirlockError('WORKER_PROTOCOL_VIOLATION', { detail: 'no PREPARE frame' });
  const request = input.readJson<PrepareRequest>(header);
  if (request === undefined) return undefined;
  const prepared = prepare(request);
  output.sendJson(frameKinds.prepared, 0, prepared.answer);
  return prepared;
}

function loadNext({ input, output }: Channel, prepared: Prepared): Loaded | undefined {
  const received = receiveModel(input, prepared.library);
  if (received === undefined) return undefined;
  const { files, header } = received;
  if (header.kind !== frameKinds.load) throw new AirlockError('WORKER_PROTOCOL_VIOLATION', { detail: 'no LOAD frame' });
  const request = input.readJson<LoadRequest>(header);
  if (request === undefined) return undefined;
  const { session, answer } = loadModel(prepared, files, request);
  output.sendJson(frameKinds.ready, 0, answer);
  return { session, maxBodyBytes: request.limits.maxBodyBytes };
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

/** Answers one RUN or RUN_TRACED frame; false when the socket ended within it. */
function serveRun({ input, output }: Channel, session: Session, header: FrameHeader): boolean {
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
    if (header.kind === frameKinds.run) call.run(header.timeoutMs, (outputs) => output.addResult(header.id, outputs));
    else
      call.runTraced(header.timeoutMs, maxTraceBytes, (outputs, trace) => {
        output.sendTrace(header.id, trace);
        output.addResult(header.id, outputs);
      });
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
 * Serves the server at the other end of a blocking socket until it closes it. Returns then, or when there is nothing to serve.
 * @throws WORKER_PROTOCOL_VIOLATION when a RUN frame is not well formed; a system error when the socket breaks.
 */
export function serveFrames(fd: number): void {
  const channel = { input: new FrameInput(fd), output: new FrameOutput(fd) };
  const prepared = attempt(channel, () => prepareFirst(channel));
  const loaded = prepared && attempt(channel, () => loadNext(channel, prepared));
  if (loaded === undefined) return;
  const { input, output } = channel;
  const { session, maxBodyBytes } = loaded;
  for (;;) {
    const header = input.readHeader(maxBodyBytes);
    if (header === undefined) return;
    if (header.kind !== frameKinds.run && header.kind !== frameKinds.runTraced)
      throw new AirlockError('WORKER_PROTOCOL_VIOLATION', { detail: 'no RUN frame' });
    const startMs = performance.now();
    if (!serveRun(channel, session, header)) return;
    if (performance.now() - startMs > gatherMs || !input.hasFrame(maxBodyBytes)) output.flush();
  }
}
