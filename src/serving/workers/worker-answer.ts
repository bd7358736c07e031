// Checks what a worker answers. Whoever holds the worker writes these bytes: types, shapes, codes and texts are compared with what
// the request allows, and anything else is a protocol violation, which ends the worker.
import { AirlockError, type ErrorCode, isErrorCode, printable } from '../../core/index.ts';
import {
  decodeTensor,
  dtypes,
  type FrameHeader,
  formatShape,
  maxRank,
  readTensorHeads,
  type Signature,
  shapeFits,
  type Tensor,
  type TensorHead,
} from '../../tensor/index.ts';
import {
  type LoadRequest,
  type PreparedAnswer,
  type ReadyAnswer,
  type SelfTestName,
  type SelfTestResult,
  selfTestNames,
} from '../../worker/index.ts';

const maxMessageCharacters = 1024;
const maxDetailCharacters = 4096;
const maxVersionCharacters = 64;
/** The largest description of a PREPARED, READY or ERROR frame: its texts escaped as JSON, with room. */
export const maxJsonMetaBytes = 64 * 1024;

const loadCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MODEL_LOAD_FAILED',
  'MODEL_INVALID',
  'RUNTIME_LOAD_FAILED',
  'WORKER_START_FAILED',
  'INTERNAL',
]);
const runCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INPUT_UNKNOWN',
  'INPUT_MISSING',
  'INTERNAL',
  'MODEL_OUTPUT_INVALID',
  'SIGNATURE_NOT_FOUND',
  'SIGNATURE_UNSUITABLE',
  'TENSOR_INVALID',
  'TENSOR_TYPE_MISMATCH',
]);

/** As `errnoName` in src/kernel gives them. */
const errnoPattern = /^(?:E[A-Z0-9]{1,20}|errno \d{1,5})$/;

/** A breach of the protocol between server and worker, with what it was for the log. */
export function protocolViolation(detail: string): AirlockError {
  return new AirlockError('WORKER_PROTOCOL_VIOLATION', { detail });
}

/** The largest description that a RESULT frame for this signature can have. */
export function maxResultMetaBytes(signature: Signature): number {
  return signature.outputs.length * (16 + maxRank * 8);
}

/**
 * The descriptions of a RESULT frame, compared with the signature's outputs: number, order, types and shapes.
 * @throws WORKER_PROTOCOL_VIOLATION
 */
export function readResultHeads(header: FrameHeader, meta: Buffer, signature: Signature): TensorHead[] {
  const { outputs } = signature;
  if (header.tensorCount !== outputs.length) throw protocolViolation(`${header.tensorCount} outputs, not ${outputs.length}`);
  const heads = readTensorHeads(meta, header);
  heads.forEach((head, i) => {
    const spec = outputs[i];
    if (head.index !== i) throw protocolViolation(`output ${head.index} in place of ${i}`);
    if (head.dtypeCode !== dtypes[spec.dtype].code) throw protocolViolation(`output ${i} has data type ${head.dtypeCode}`);
    if (!shapeFits(spec.shape, head.shape)) throw protocolViolation(`output ${i} has shape ${formatShape(head.shape)}`);
  });
  return heads;
}

/**
 * The tensors of a RESULT frame. Their bytes are plain arrays that begin at a multiple of 8, so that a reader may lay a typed array
 * over them.
 * @throws WORKER_PROTOCOL_VIOLATION when the lengths of strings do not add up.
 */
export function readResultTensors(heads: readonly TensorHead[], body: Buffer): Tensor[] {
  let at = body.byteOffset;
  return heads.map((head) => {
    const bytes = new Uint8Array(body.buffer, at, head.bodyBytes);
    const aligned = at % 8 === 0 || head.dtypeCode === dtypes.DT_STRING.code;
    at += head.bodyBytes;
    return decodeTensor(head, aligned ? bytes : bytes.slice());
  });
}

type Json = Readonly<Record<string, unknown>>;

function readJson(meta: Buffer): Json {
  try {
    return objectOf(JSON.parse(meta.toString('utf8')));
  } catch {
    throw protocolViolation('a description is not a JSON object');
  }
}

function objectOf(value: unknown): Json {
  if (typeof value !== 'object' || value === null) throw protocolViolation('an object is missing');
  return value as Json;
}

/**
 * The content of a PREPARED frame: exactly the known fields, printable and bounded.
 * @throws WORKER_PROTOCOL_VIOLATION
 */
export function readPrepared(meta: Buffer): PreparedAnswer {
  const { tensorflowVersion, selfTest } = readJson(meta);
  if (typeof tensorflowVersion !== 'string') throw protocolViolation('PREPARED without a version');
  if (!Array.isArray(selfTest) || selfTest.length !== selfTestNames.length)
    throw protocolViolation('PREPARED without a self-test');
  return {
    tensorflowVersion: printable(tensorflowVersion, maxVersionCharacters),
    selfTest: selfTestNames.map((name, index) => readSelfTest(name, objectOf(selfTest[index]))),
  };
}

/** One that is left out could be one that worked. */
function readSelfTest(expected: SelfTestName, { name, outcome, errno }: Json): SelfTestResult {
  if (name !== expected) throw protocolViolation(`a self-test without ${expected}`);
  if (outcome === 'worked') return { name: expected, outcome };
  if (outcome !== 'refused' || typeof errno !== 'string' || !errnoPattern.test(errno))
    throw protocolViolation(`a self-test of ${expected} without an outcome`);
  return { name: expected, outcome, errno };
}

/**
 * The content of a READY frame.
 * @throws WORKER_PROTOCOL_VIOLATION, also when executable memory is not what was asked for.
 */
export function readReady(meta: Buffer, asked: LoadRequest['executableMemory']): ReadyAnswer {
  const { warmUp, executableMemory } = readJson(meta);
  const possible = asked === 'denied' ? (['denied', 'not deniable'] as const) : (['allowed'] as const);
  const found = possible.find((value) => value === executableMemory);
  if (found === undefined) throw protocolViolation('READY with another state of executable memory than was asked for');
  const { ran, failed, skipped } = objectOf(warmUp);
  return { warmUp: { ran: countOf(ran), failed: countOf(failed), skipped: countOf(skipped) }, executableMemory: found };
}

function countOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw protocolViolation('READY with no count');
  return value;
}

/**
 * The error that an ERROR frame carries. Only codes that a worker has reason to send pass: a model must not be able to make the
 * server say that a client is not authorised or that the server is stopping.
 * @throws WORKER_PROTOCOL_VIOLATION
 */
export function readWorkerError(meta: Buffer, phase: 'load' | 'run'): AirlockError {
  const { code, message, detail } = readJson(meta);
  if (typeof code !== 'string' || typeof message !== 'string') throw protocolViolation('ERROR without code and message');
  if (!isErrorCode(code) || !mayCome(code, phase)) throw protocolViolation(`ERROR with code ${printable(code)}`);
  const details = typeof detail === 'string' ? { detail: printable(detail, maxDetailCharacters) } : {};
  // TensorFlow's own deadline is the request's; the client reads the same as when the server gave up waiting.
  if (code === 'TENSORFLOW_DEADLINE_EXCEEDED') return new AirlockError('DEADLINE_EXCEEDED', details);
  return new AirlockError(code, { message: printable(message, maxMessageCharacters), ...details });
}

function mayCome(code: ErrorCode, phase: 'load' | 'run'): boolean {
  return code.startsWith('TENSORFLOW_') || (phase === 'load' ? loadCodes : runCodes).has(code);
}
