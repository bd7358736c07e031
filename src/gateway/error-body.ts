// What a client sees of a refusal: TensorFlow Serving's {"error": "…"}, and beside it the code and the violations for programs.
// Never a stack, a path of this machine, or the `detail` that is meant for the operator.
import { type AirlockError, errorSpec, httpStatus } from '../core/index.ts';

export interface ErrorAnswer {
  readonly status: number;
  readonly body: string;
  /** When the client should send the same request again; undefined where that does not help. */
  readonly retryAfterSeconds: number | undefined;
}

/** The HTTP answer of an error. Internal errors give their registry text only. */
export function errorAnswer(error: AirlockError): ErrorAnswer {
  const { code } = error;
  const message = code === 'INTERNAL' ? errorSpec(code).text : error.message;
  return {
    status: httpStatus(code),
    body: JSON.stringify({ error: message, code, violations: error.violations }),
    retryAfterSeconds: error.retry ? wholeSeconds(error.retryAfterMs) : undefined,
  };
}

/** Rounded up: a client that waits as long as it is told must not come too early. */
function wholeSeconds(ms = 1000): number {
  return Math.max(1, Math.ceil(ms / 1000));
}
