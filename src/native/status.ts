// TensorFlow's status codes and messages as errors of the registry.
// A message of TensorFlow may hold file paths and addresses of this machine, and bytes that the model's author chose: what a
// client may read keeps the sentence and loses those.
import { AirlockError, type ErrorCode, printable } from '../core/index.ts';
import type { Pointer } from './libc.ts';
import type { TensorFlowLibrary } from './tensorflow-library.ts';

// Index = TF_Code (tensorflow/c/tf_status.h, the numbers of google.rpc.Code).
const codes: readonly ErrorCode[] = [
  'TENSORFLOW_UNKNOWN',
  'TENSORFLOW_CANCELLED',
  'TENSORFLOW_UNKNOWN',
  'TENSORFLOW_INVALID_ARGUMENT',
  'TENSORFLOW_DEADLINE_EXCEEDED',
  'TENSORFLOW_NOT_FOUND',
  'TENSORFLOW_ALREADY_EXISTS',
  'TENSORFLOW_PERMISSION_DENIED',
  'TENSORFLOW_RESOURCE_EXHAUSTED',
  'TENSORFLOW_FAILED_PRECONDITION',
  'TENSORFLOW_ABORTED',
  'TENSORFLOW_OUT_OF_RANGE',
  'TENSORFLOW_UNIMPLEMENTED',
  'TENSORFLOW_INTERNAL',
  'TENSORFLOW_UNAVAILABLE',
  'TENSORFLOW_DATA_LOSS',
  'TENSORFLOW_UNAUTHENTICATED',
];

const maxClientCharacters = 512;
const maxDetailCharacters = 4096;

// A slash that does not continue a name begins an absolute path; node names such as model/dense/MatMul stay readable. A path may hold
// blanks, so as long as a slash follows, what lies between belongs to it.
const absolutePath = /(?:\b[a-z][a-z0-9+.-]*:\/\/|(?<![\w.)\]}-])\/)(?:[^'"`,;:()[\]{}<>|\n]*\/)?[^\s'"`,;:()[\]{}<>|]*/gi;
const address = /\b0x[0-9a-f]{5,}\b/gi;

/** TensorFlow's message as a client may see it: no absolute path or address of this machine, printable, at most 512 characters. */
export function clientMessage(message: string): string {
  // Cut first: the patterns must not run over megabytes that a model chose.
  const head = message.slice(0, 4 * maxClientCharacters);
  return printable(head.replace(absolutePath, '<path>').replace(address, '<address>'), maxClientCharacters);
}

/** The error of a failed run: a TENSORFLOW_ code by `statusCode`, with what a client may know as its message. */
export function runError(statusCode: number, message: string): AirlockError {
  const code = codes[statusCode] ?? 'TENSORFLOW_UNKNOWN';
  const detail = printable(message, maxDetailCharacters);
  return message === '' ? new AirlockError(code) : new AirlockError(code, { message: clientMessage(message), detail });
}

/** The error of a model that TensorFlow refused to load. A client learns nothing of why; `detail` is TensorFlow's message. */
export function loadError(message: string): AirlockError {
  return new AirlockError('MODEL_LOAD_FAILED', { detail: printable(message, maxDetailCharacters) });
}

/** Throws what `toError` makes of a status that is not OK, which is OK again afterwards. */
export function throwOnError(
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
