// Which failures of a request another worker may answer instead, because they need not lie in the request. A table, so that it can be read.
import type { AirlockError, ErrorCode } from '../core/index.ts';

/**
 * What a worker that is ill gives for any request. TensorFlow's own codes are among them whatever they say, since a TensorFlow that no longer takes what it
 * took says `invalid argument`; whether the request is to blame shows when the other worker says the same.
 */
const doubtful: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'WORKER_CRASHED',
  'WORKER_PROTOCOL_VIOLATION',
  'WORKER_OUT_OF_MEMORY',
  'WORKER_FORBIDDEN',
  'WORKER_START_FAILED',
  'MODEL_NOT_AVAILABLE',
  'MODEL_OUTPUT_INVALID',
  'INTERNAL',
]);

const ends: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'WORKER_CRASHED',
  'WORKER_PROTOCOL_VIOLATION',
  'WORKER_OUT_OF_MEMORY',
  'WORKER_FORBIDDEN',
]);

/** True when the worker is gone that the request was in. */
export function isEnd({ code }: AirlockError): boolean {
  return ends.has(code);
}

/** True when another worker should be asked the same. A deadline is not among them: the time is gone. */
export function mayBeTheWorkers({ code }: AirlockError): boolean {
  return code.startsWith('TENSORFLOW_') || doubtful.has(code);
}
