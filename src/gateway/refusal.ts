// The log's side of a refusal: one line per request that was refused or failed, with where and which rule but no value of the input.
import type { FastifyRequest } from 'fastify';
import { AirlockError, type Violation } from '../core/index.ts';
import type { ModelTarget } from './rest-url.ts';

/** One line of the log per request that was refused or failed. No value of the input is in it, only where and which rule. */
export interface RefusalLine {
  readonly code: string;
  readonly status: number;
  /** `-` when what came was not even a request. */
  readonly method: string;
  /** The configured model that was asked for, or undefined: a name that a client made up is not repeated. */
  readonly model?: string;
  readonly verb?: string;
  readonly path?: string;
  readonly rule?: string;
  /** Of the model's contract. */
  readonly ruleId?: string;
  readonly expected?: string;
  /** For the operator: the cause inside. */
  readonly detail?: string;
  /** Of a request that is traced, 32 hex digits; it may be the one that the client chose. */
  readonly traceId?: string;
}

/** @param target what was asked for, if it is a configured model. */
export function refusalLine(
  error: AirlockError,
  status: number,
  method: string,
  target?: ModelTarget,
  traceId?: string,
): RefusalLine {
  const [violation] = error.violations;
  const detail = error.detail ?? (error.code === 'INTERNAL' && error.cause instanceof Error ? error.cause.stack : undefined);
  return {
    code: error.code,
    status,
    method,
    ...(target === undefined ? {} : { model: target.model, verb: target.verb }),
    ...(violation === undefined ? {} : whereAndWhich(violation)),
    ...(detail === undefined ? {} : { detail }),
    ...(traceId === undefined ? {} : { traceId }),
  };
}

function whereAndWhich({ path, rule, ruleId, expected }: Violation): Partial<RefusalLine> {
  return { path, rule, ...(ruleId === undefined ? {} : { ruleId }), expected };
}

/** Fastify's own refusals (a URL that cannot be decoded, a header that it does not take) as ours; anything unknown is internal. */
export function fromFastify(thrown: unknown, { method }: FastifyRequest): AirlockError {
  const error = AirlockError.from(thrown);
  if (error.code !== 'INTERNAL' || !(error.cause instanceof Error) || !('statusCode' in error.cause)) return error;
  const { statusCode } = error.cause;
  if (statusCode === 413) return new AirlockError('REQUEST_TOO_LARGE', { cause: error.cause });
  return typeof statusCode === 'number' && statusCode < 500
    ? new AirlockError('REQUEST_MALFORMED', { message: `Malformed request: ${method}`, cause: error.cause })
    : error;
}
