// Every code that Airlock can give to a client, an operator or a log, in one table.
// A code is born here and nowhere else: errors.test.ts counts them and checks that each has a row in docs/errors.md.
// Texts never hold a value, a path of this machine or another client's data; details travel in `violations`.

/** The 16 canonical gRPC status names that Airlock uses; HTTP numbers are derived from them once, in `httpStatus`. */
export type StatusName =
  | 'invalid_argument'
  | 'failed_precondition'
  | 'out_of_range'
  | 'unauthenticated'
  | 'permission_denied'
  | 'not_found'
  | 'already_exists'
  | 'aborted'
  | 'resource_exhausted'
  | 'cancelled'
  | 'unknown'
  | 'internal'
  | 'data_loss'
  | 'unimplemented'
  | 'unavailable'
  | 'deadline_exceeded';

/** Exit codes of the command line: 1 findings or refusal, 2 usage, 3 bad configuration, 4 the environment lacks something, 5 not judged. */
export type ExitCode = 1 | 2 | 3 | 4 | 5;

export interface ErrorSpec {
  readonly status: StatusName;
  /** HTTP number where it differs from the one that `status` gives. */
  readonly http?: number;
  /** True when the same request may succeed if it is sent again. */
  readonly retry: boolean;
  readonly exit: ExitCode;
  /** What a client may read when nothing more precise is known. */
  readonly text: string;
}

const invalid = (text: string): ErrorSpec => ({ status: 'invalid_argument', retry: false, exit: 1, text });
const lacking = (text: string): ErrorSpec => ({ status: 'failed_precondition', retry: false, exit: 4, text });
const refused = (text: string): ErrorSpec => ({ status: 'failed_precondition', retry: false, exit: 1, text });
const tooLarge = (text: string): ErrorSpec => ({ status: 'resource_exhausted', http: 413, retry: false, exit: 1, text });
const tensorflow = (status: StatusName, text: string): ErrorSpec => ({ status, retry: status === 'unavailable', exit: 1, text });

export const errorRegistry = {
  // the request as HTTP
  REQUEST_MALFORMED: invalid('Malformed request'),
  REQUEST_TOO_LARGE: tooLarge('The request body is larger than the limit'),
  REQUEST_ENCODING_UNSUPPORTED: {
    status: 'invalid_argument',
    http: 415,
    retry: false,
    exit: 1,
    text: 'Only gzip is accepted as Content-Encoding',
  },
  REQUEST_ENCODING_INVALID: invalid('The request body is not valid gzip'),
  REQUEST_TIMEOUT: {
    status: 'deadline_exceeded',
    http: 408,
    retry: true,
    exit: 1,
    text: 'The request did not arrive in time',
  },
  REQUEST_INCOMPLETE: { status: 'invalid_argument', retry: true, exit: 1, text: 'The request body ended early' },

  // the body as JSON
  JSON_EMPTY: invalid('The request body is empty'),
  JSON_SYNTAX: invalid('The request body is not valid JSON'),
  JSON_TRAILING_DATA: invalid('The request body goes on after the JSON value'),
  JSON_DUPLICATE_KEY: invalid('An object has the same key twice'),
  JSON_INVALID_UTF8: invalid('The request body is not valid UTF-8'),
  JSON_LONE_SURROGATE: invalid('A string holds half of a surrogate pair'),
  JSON_TOO_DEEP: tooLarge('The JSON is nested deeper than the limit'),
  JSON_TOO_MANY_TOKENS: tooLarge('The JSON has more tokens than the limit'),
  JSON_TOKEN_TOO_LONG: tooLarge('A number or name is longer than the limit'),

  // the body as a request of the model server
  REQUEST_FIELD_UNKNOWN: invalid('The request has a key that is not part of the interface'),
  REQUEST_FIELD_MISSING: invalid('The request lacks a key that the interface demands'),
  REQUEST_FIELD_INVALID: invalid('A key of the request has a value of the wrong kind'),

  // the tensors
  INPUT_UNKNOWN: invalid('The signature has no such input'),
  INPUT_MISSING: invalid('An input that the signature demands is missing'),
  TENSOR_TYPE_MISMATCH: invalid('A value has the wrong type'),
  TENSOR_NOT_INTEGER: invalid('An integer was expected'),
  TENSOR_OUT_OF_RANGE: invalid('A number does not fit the data type'),
  TENSOR_NOT_FINITE: invalid('NaN and Infinity are not accepted'),
  TENSOR_RAGGED: invalid('The lists of a tensor have different lengths'),
  TENSOR_SHAPE_MISMATCH: invalid('The shape does not match the signature'),
  TENSOR_TOO_LARGE: tooLarge('A tensor has more elements or bytes than the limit'),
  TENSOR_DTYPE_UNSUPPORTED: { status: 'unimplemented', retry: false, exit: 1, text: 'This data type cannot be sent this way' },
  TENSOR_BASE64_INVALID: invalid('A string is not valid base64'),
  TENSOR_INVALID: invalid('A tensor is not well formed'),
  FEATURE_INVALID: invalid('A feature of a tf.Example is not valid'),

  // contracts
  CONTRACT_VIOLATION: invalid('The input breaks the contract of the model'),
  MODEL_OUTPUT_REFUSED: {
    status: 'internal',
    http: 502,
    retry: false,
    exit: 1,
    text: 'The model gave an answer that breaks its contract',
  },
  IMAGE_UNDECODABLE: invalid('An image cannot be decoded'),
  RATE_LIMITED: { status: 'resource_exhausted', retry: true, exit: 1, text: 'Too much was asked for in too short a time' },
  CONTRACT_INVALID: { status: 'invalid_argument', retry: false, exit: 3, text: 'The contract is not valid' },
  CONTRACT_MISMATCH: {
    status: 'failed_precondition',
    retry: false,
    exit: 1,
    text: 'The contract and the model do not belong together',
  },
  DATASET_INVALID: { status: 'invalid_argument', retry: false, exit: 1, text: 'The data set cannot be read' },
  MODEL_NOT_HARDENABLE: {
    status: 'failed_precondition',
    retry: false,
    exit: 1,
    text: 'The checks of the contract cannot be built into this model',
  },

  // provenance: what was signed, and by whom
  MODEL_UNSIGNED: {
    status: 'failed_precondition',
    retry: false,
    exit: 1,
    text: 'The model has no signature that its trust policy accepts',
  },
  BUNDLE_INVALID: { status: 'failed_precondition', retry: false, exit: 1, text: 'The signature bundle is not valid' },
  BUNDLE_UNSUPPORTED: { status: 'unimplemented', retry: false, exit: 1, text: 'This kind of signature bundle is not accepted' },
  SIGNER_UNTRUSTED: {
    status: 'failed_precondition',
    retry: false,
    exit: 1,
    text: 'Nobody whom the trust policy names has signed this',
  },
  MODEL_TAMPERED: {
    status: 'data_loss',
    retry: false,
    exit: 1,
    text: 'The files of the model are not the ones that were signed',
  },
  MODEL_ROLLBACK: {
    status: 'failed_precondition',
    retry: false,
    exit: 1,
    text: 'A newer version of the model has been served before',
  },
  TRUST_REFUSED: { status: 'failed_precondition', retry: false, exit: 1, text: 'The trust policy refuses the model' },
  TRUST_INVALID: {
    status: 'invalid_argument',
    retry: false,
    exit: 3,
    text: 'Something that the trust policy names cannot be used',
  },
  STORE_UNSAFE: lacking('Others can change what lies in the store'),
  KEY_INVALID: { status: 'invalid_argument', retry: false, exit: 3, text: 'The key or certificate cannot be used' },
  SIGNING_FAILED: { status: 'failed_precondition', retry: false, exit: 1, text: 'The model could not be signed' },

  // the scanner and the audit log
  SCAN_REFUSED: {
    status: 'failed_precondition',
    retry: false,
    exit: 1,
    text: 'The scan of the model found something that its policy does not accept',
  },
  SCAN_INCOMPLETE: {
    status: 'failed_precondition',
    retry: false,
    exit: 5,
    text: 'The model could not be judged: a part of it cannot be read, or the scan did not end',
  },
  SCAN_RULES_INVALID: {
    status: 'invalid_argument',
    retry: false,
    exit: 3,
    text: 'The file of suppressions, baselines or advisories is not valid',
  },
  AUDIT_LOG_INVALID: {
    status: 'data_loss',
    retry: false,
    exit: 1,
    text: 'The audit log is not what was written: lines are missing, changed or in another order',
  },
  AUDIT_LOG_FAILED: lacking('The audit log cannot be written'),

  // models and signatures
  MODEL_NOT_FOUND: { status: 'not_found', retry: false, exit: 1, text: 'No such model' },
  MODEL_VERSION_NOT_FOUND: { status: 'not_found', retry: false, exit: 1, text: 'No such version of the model' },
  MODEL_LABEL_NOT_FOUND: invalid('No such version label of the model'),
  MODEL_NOT_AVAILABLE: { status: 'unavailable', retry: true, exit: 1, text: 'The model is not available now' },
  SIGNATURE_NOT_FOUND: invalid('The model has no such signature'),
  SIGNATURE_UNSUITABLE: invalid('The signature cannot be called this way'),
  MODEL_INVALID: { status: 'failed_precondition', retry: false, exit: 1, text: 'The model cannot be read' },
  MODEL_FORMAT_UNSUPPORTED: { status: 'unimplemented', retry: false, exit: 1, text: 'This model format is not supported' },
  MODEL_INCOMPLETE: { status: 'failed_precondition', retry: true, exit: 1, text: 'Files of the model are missing or cut short' },
  MODEL_LOAD_FAILED: { status: 'failed_precondition', retry: false, exit: 1, text: 'TensorFlow could not load the model' },
  MODEL_OUTPUT_INVALID: {
    status: 'internal',
    retry: false,
    exit: 1,
    text: 'The model gave an answer that may not leave the server',
  },

  // TensorFlow's own status codes while a request runs, one to one
  TENSORFLOW_CANCELLED: tensorflow('cancelled', 'TensorFlow cancelled the request'),
  TENSORFLOW_UNKNOWN: tensorflow('unknown', 'TensorFlow failed'),
  TENSORFLOW_INVALID_ARGUMENT: tensorflow('invalid_argument', 'TensorFlow refused the input'),
  TENSORFLOW_DEADLINE_EXCEEDED: tensorflow('deadline_exceeded', 'TensorFlow did not finish in time'),
  TENSORFLOW_NOT_FOUND: tensorflow('not_found', 'TensorFlow did not find something that the model needs'),
  TENSORFLOW_ALREADY_EXISTS: tensorflow('already_exists', 'TensorFlow found something that should not exist'),
  TENSORFLOW_PERMISSION_DENIED: tensorflow('permission_denied', 'TensorFlow was denied something'),
  TENSORFLOW_UNAUTHENTICATED: tensorflow('unauthenticated', 'TensorFlow lacked credentials'),
  TENSORFLOW_RESOURCE_EXHAUSTED: tensorflow('resource_exhausted', 'TensorFlow ran out of a resource'),
  TENSORFLOW_FAILED_PRECONDITION: tensorflow('failed_precondition', 'The model is not in a state to run'),
  TENSORFLOW_ABORTED: tensorflow('aborted', 'TensorFlow gave up the request'),
  TENSORFLOW_OUT_OF_RANGE: tensorflow('out_of_range', 'A value is out of the range that the model takes'),
  TENSORFLOW_UNIMPLEMENTED: tensorflow('unimplemented', 'TensorFlow does not implement what the model asks'),
  TENSORFLOW_INTERNAL: tensorflow('internal', 'TensorFlow failed inside'),
  TENSORFLOW_UNAVAILABLE: tensorflow('unavailable', 'TensorFlow is not available'),
  TENSORFLOW_DATA_LOSS: tensorflow('data_loss', 'TensorFlow found damaged data'),

  // workers and load
  WORKER_CRASHED: { status: 'unavailable', retry: true, exit: 1, text: 'The worker of the model stopped; it is being restarted' },
  WORKER_PROTOCOL_VIOLATION: {
    status: 'unavailable',
    retry: true,
    exit: 1,
    text: 'The worker of the model misbehaved and was stopped; it is being restarted',
  },
  WORKER_OUT_OF_MEMORY: {
    status: 'resource_exhausted',
    http: 500,
    retry: false,
    exit: 1,
    text: 'The request needs more memory than the model may have; its worker is being restarted',
  },
  WORKER_FORBIDDEN: {
    status: 'internal',
    retry: false,
    exit: 1,
    text: 'The model tried something that its worker may not do; the worker is being restarted',
  },
  WORKER_START_FAILED: { status: 'unavailable', retry: true, exit: 4, text: 'The worker of the model did not start' },
  DEADLINE_EXCEEDED: { status: 'deadline_exceeded', retry: true, exit: 1, text: 'The request was not finished in time' },
  SERVER_OVERLOADED: { status: 'resource_exhausted', retry: true, exit: 1, text: 'Too many requests are waiting' },
  CLIENT_OVERLOADED: { status: 'resource_exhausted', retry: true, exit: 1, text: 'This client has too much under way' },
  DEADLINE_UNREACHABLE: {
    status: 'resource_exhausted',
    retry: true,
    exit: 1,
    text: 'The request could not be finished in time, so it was not begun',
  },
  COST_EXCEEDED: tooLarge('The request would cost more than the limit'),
  COST_UNKNOWN: tooLarge('What the request would cost cannot be bounded'),
  CPU_TIME_EXCEEDED: {
    status: 'deadline_exceeded',
    retry: false,
    exit: 1,
    text: 'The request took more processor time than the limit',
  },
  REQUEST_POISONED: {
    status: 'invalid_argument',
    http: 422,
    retry: false,
    exit: 1,
    text: 'This input ended a worker before, and is not run again',
  },
  MEMORY_BUDGET_EXCEEDED: {
    status: 'unavailable',
    retry: true,
    exit: 1,
    text: 'There is no memory for this model beside those that are busy',
  },
  PROFILE_INVALID: { status: 'data_loss', retry: false, exit: 1, text: 'The profile cannot be read' },
  SERVER_STOPPING: { status: 'unavailable', retry: true, exit: 1, text: 'The server is stopping' },

  // the TensorFlow runtime
  PLATFORM_UNSUPPORTED: lacking('This platform is not supported'),
  PIP_MISSING: lacking("Python's pip was not found"),
  RUNTIME_VERSION_UNKNOWN: { status: 'not_found', retry: false, exit: 2, text: 'This TensorFlow version is not pinned' },
  RUNTIME_NOT_INSTALLED: lacking('This TensorFlow version is not installed'),
  RUNTIME_DOWNLOAD_FAILED: { status: 'unavailable', retry: true, exit: 4, text: 'The TensorFlow wheel could not be downloaded' },
  RUNTIME_HASH_MISMATCH: {
    status: 'data_loss',
    retry: false,
    exit: 1,
    text: 'The TensorFlow wheel is not the one that is pinned',
  },
  RUNTIME_WHEEL_INVALID: { status: 'data_loss', retry: false, exit: 1, text: 'The TensorFlow wheel is not well formed' },
  RUNTIME_SLOT_INVALID: {
    status: 'data_loss',
    retry: false,
    exit: 1,
    text: 'The installed TensorFlow files are not the ones that were verified',
  },
  RUNTIME_UNOFFICIAL: {
    status: 'permission_denied',
    retry: false,
    exit: 1,
    text: 'This is not an official distribution of TensorFlow, or it would come from more than one package index',
  },
  RUNTIME_YANKED: refused('This release was withdrawn by its publisher'),
  RUNTIME_PINS_INVALID: { status: 'invalid_argument', retry: false, exit: 3, text: 'The file of pins is not valid' },
  RUNTIME_ATTESTATION_INVALID: {
    status: 'permission_denied',
    retry: false,
    exit: 1,
    text: 'The attestation of this TensorFlow does not verify',
  },
  RUNTIME_VULNERABLE: refused('This TensorFlow has published vulnerabilities that models can reach'),
  RUNTIME_OVERDUE: refused('The deadline for replacing this TensorFlow has passed'),
  FEED_UNAVAILABLE: {
    status: 'unavailable',
    retry: true,
    exit: 4,
    text: 'The package index or the advisory feed gave no answer that can be used',
  },
  ADVISORIES_INVALID: { status: 'invalid_argument', retry: false, exit: 3, text: 'The document of advisories is not valid' },
  ADVISORIES_UNTRUSTED: {
    status: 'permission_denied',
    retry: false,
    exit: 1,
    text: 'The document of advisories is not signed by a key that was given',
  },
  REHEARSAL_NO_TRAFFIC: { status: 'failed_precondition', retry: false, exit: 5, text: 'There are no requests to rehearse with' },
  REHEARSAL_MISSING: refused('No rehearsal says that this TensorFlow may take over'),
  REHEARSAL_DIFFERS: refused('The rehearsal found differences that a person has to decide about'),
  PROMOTION_FAILED: {
    status: 'aborted',
    retry: false,
    exit: 1,
    text: 'The promotion did not succeed, and what served before serves again',
  },
  PROMOTION_BUSY: { status: 'aborted', retry: true, exit: 1, text: 'Another promotion is under way' },
  RECORDING_REFUSED: refused('The configuration does not allow recording of this model'),
  RECORDING_INVALID: { status: 'data_loss', retry: false, exit: 1, text: 'The recording cannot be read' },
  SUPPLY_CHAIN_FINDINGS: refused('The project has findings at or above the severity that refuses'),
  RUNTIME_LOAD_FAILED: lacking('The TensorFlow libraries could not be loaded'),
  ENVIRONMENT_LACKING: lacking('This machine lacks something that Airlock needs'),
  DISK_FULL: lacking('The disk has not enough free space'),
  STORE_NOT_WRITABLE: lacking('The store folder cannot be written'),

  // configuration and command line
  CONFIG_INVALID: { status: 'invalid_argument', retry: false, exit: 3, text: 'The configuration is not valid' },
  CONFIG_NOT_FOUND: { status: 'not_found', retry: false, exit: 3, text: 'The configuration was not found' },
  USAGE: { status: 'invalid_argument', retry: false, exit: 2, text: 'The command line is not valid' },
  LISTEN_FAILED: lacking('The server could not listen on its address'),
  CANCELLED: { status: 'cancelled', retry: true, exit: 1, text: 'Stopped before it was finished' },
  INTERNAL: { status: 'internal', retry: false, exit: 1, text: 'Internal error' },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof errorRegistry;

const specs: Readonly<Record<ErrorCode, ErrorSpec>> = errorRegistry;

/** The registry's row of a code. */
export function errorSpec(code: ErrorCode): ErrorSpec {
  return specs[code];
}

/** True when `text` is a code of the registry; anything a worker sends must pass this first. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorRegistry, text);
}

// TensorFlow Serving's own mapping (model_servers/http_server.cc at 9d981c5), so that its clients see the numbers they know.
const httpByStatus: Readonly<Record<StatusName, number>> = {
  invalid_argument: 400,
  failed_precondition: 400,
  out_of_range: 400,
  unauthenticated: 401,
  permission_denied: 403,
  not_found: 404,
  already_exists: 409,
  aborted: 409,
  resource_exhausted: 429,
  cancelled: 499,
  unknown: 500,
  internal: 500,
  data_loss: 500,
  unimplemented: 501,
  unavailable: 503,
  deadline_exceeded: 504,
};

/** The HTTP status number of a code. */
export function httpStatus(code: ErrorCode): number {
  const spec = errorSpec(code);
  return spec.http ?? httpByStatus[spec.status];
}
