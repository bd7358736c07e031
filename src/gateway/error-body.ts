// What a client sees of a refusal: TensorFlow Serving's {"error": "…"}, and beside it the code and the violations for programs.
// Never a stack, a path of this machine, or the `detail` that is meant for the operator.
import { type AirlockError, errorSpec, httpStatus } from '../core/index.ts';

export interface ErrorAnswer {
  readonly status: number;
  readonly body: string;
  /** True when the client should send the same request again later. */
  readonly retry: boolean;
}

/** The HTTP answer of an error. Internal errors give their registry text only. */
export function errorAnswer(error: AirlockError): ErrorAnswer {
  const { code } = error;
  const message = code === 'INTERNAL' ? errorSpec(code).text : error.message;
  return {
    status: httpStatus(code),
    body: JSON.stringify({ error: message, code, violations: error.violations }),
    retry: errorSpec(code).retry,
  };
}
