// The gateway's error codes as classes. Each is a class of the official SDK, too, so that
// `error instanceof OpenAI.RateLimitError` says what it always did. docs/errors.md has all codes.
import {
  APIError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from "openai";

/** An error of the gateway, taken apart. null: it was not said. */
export interface Problem {
  code: string | null;
  type: string | null;
  param: string | null;
  message: string;
  requestId: string | null;
  /** Coming back sooner gets the same answer. */
  retryAfterMs: number | null;
  /** false: doing the same again does not help. */
  shouldRetry: boolean | null;
  /** Whose limit it is, as `tenant:aurora`. */
  scope: string | null;
  limit: number | null;
  resetAt: Date | null;
  /** Why waiting does not help: `resets` (the limit is for a lifetime) or `fits` (the request is larger than it). */
  never: string | null;
  /** Of a repeated Idempotency-Key: the request that ran. */
  firstRequestId: string | null;
  /** How that one ended. */
  finish: string | null;
  /** What that one used. */
  usage: Readonly<Record<string, number>> | null;
}

type Members = Readonly<Record<string, unknown>>;

function members(value: unknown): Members {
  return typeof value === "object" && value !== null ? (value as Members) : {};
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function time(value: unknown): Date | null {
  const at = typeof value === "string" ? new Date(value) : null;
  return at && !Number.isNaN(at.valueOf()) ? at : null;
}

/** Milliseconds. The gateway says them twice; other servers may say one. */
export function retryAfterOf(headers: Headers | undefined): number | null {
  for (const [name, scale] of [["retry-after-ms", 1], ["retry-after", 1000]] as const) {
    const said = headers?.get(name)?.trim();
    const wait = said ? Number(said) * scale : Number.NaN;
    if (Number.isFinite(wait) && wait >= 0) return wait;
  }
  return null;
}

/** `body`: the object behind `error`. */
export function problemOf(body: unknown, headers?: Headers, message = ""): Problem {
  const error = members(body);
  const details = members(error["details"]);
  const should = headers?.get("x-should-retry");
  return {
    code: text(error["code"]),
    type: text(error["type"]),
    param: text(error["param"]),
    message: text(error["message"]) ?? message,
    requestId: headers?.get("x-sm-request-id") ?? text(details["request_id"]),
    retryAfterMs: retryAfterOf(headers),
    shouldRetry: should === "true" ? true : should === "false" ? false : null,
    scope: text(details["scope"]),
    limit: typeof details["limit"] === "number" ? details["limit"] : null,
    resetAt: time(details["reset_at"]),
    never: text(details["never"]),
    firstRequestId: text(details["rid"]),
    finish: text(details["finish"]),
    usage: details["usage"] ? (members(details["usage"]) as Record<string, number>) : null,
  };
}

/** Of any error of the SDK, one in the middle of a stream included. */
export function problem(error: APIError): Problem {
  // In a stream the headers are those of the 200 before it: they do not speak of the error.
  const headers = error.status === undefined ? undefined : error.headers;
  return problemOf(error.error, headers, error.message);
}

/** `rate_limit_exceeded`: so many in a second, minute or hour. */
export class RateLimited extends RateLimitError {
  readonly problem = problem(this);
}
/** `insufficient_quota`: a budget is used up; `problem.resetAt` says until when. */
export class QuotaExhausted extends RateLimitError {
  readonly problem = problem(this);
}
/** `concurrency_limit_exceeded`: too many at once. */
export class ConcurrencyLimited extends RateLimitError {
  readonly problem = problem(this);
}
/** `queue_full`: too many of the tenant's requests wait, or it would have waited too long. */
export class QueueFull extends RateLimitError {
  readonly problem = problem(this);
}
/** `model_loading`: the engine is still starting. */
export class ModelLoading extends InternalServerError {
  readonly problem = problem(this);
}
/** `no_healthy_backend`: no engine for the model now. */
export class NoHealthyBackend extends InternalServerError {
  readonly problem = problem(this);
}
/** `overloaded`: too much to do, or shutting down. */
export class Overloaded extends InternalServerError {
  readonly problem = problem(this);
}
/** `dependency_unavailable`: something that the gateway needs is away. */
export class DependencyUnavailable extends InternalServerError {
  readonly problem = problem(this);
}
/** `metering_unavailable`: usage cannot be recorded, so nothing runs. */
export class MeteringUnavailable extends InternalServerError {
  readonly problem = problem(this);
}
/** `upstream_error`, `upstream_invalid_response`: the engine failed. */
export class UpstreamError extends InternalServerError {
  readonly problem = problem(this);
}
/** `upstream_timeout`, `first_token_timeout`: the engine was too late, or the request's time was over. */
export class UpstreamTimeout extends InternalServerError {
  readonly problem = problem(this);
}
/** `context_length_exceeded`: prompt and answer do not fit into the model. */
export class ContextLengthExceeded extends BadRequestError {
  readonly problem = problem(this);
}
/** `idempotency_key_reused`: the key came with another request before. */
export class IdempotencyKeyReused extends BadRequestError {
  readonly problem = problem(this);
}
/** `idempotency_replay_unavailable`: the request with this key is over and is not made again; `problem` says how it ended. */
export class ReplayUnavailable extends BadRequestError {
  readonly problem = problem(this);
}
/** `idempotency_in_progress`: the first request with this key still runs. */
export class IdempotencyInProgress extends ConflictError {
  readonly problem = problem(this);
}
/** `model_not_found`: no such model, or not for this key. */
export class ModelNotFound extends NotFoundError {
  readonly problem = problem(this);
}
/** `invalid_api_key`: none, a wrong one, or one that is over. */
export class InvalidApiKey extends AuthenticationError {
  readonly problem = problem(this);
}
/** `insufficient_permissions`: the key lacks the scope. */
export class InsufficientPermissions extends PermissionDeniedError {
  readonly problem = problem(this);
}

type Named = new (status: never, error: Object | undefined, message: string | undefined, headers: Headers) => APIError;

export const ERRORS: Readonly<Record<string, Named>> = {
  rate_limit_exceeded: RateLimited,
  insufficient_quota: QuotaExhausted,
  concurrency_limit_exceeded: ConcurrencyLimited,
  queue_full: QueueFull,
  model_loading: ModelLoading,
  no_healthy_backend: NoHealthyBackend,
  overloaded: Overloaded,
  dependency_unavailable: DependencyUnavailable,
  metering_unavailable: MeteringUnavailable,
  upstream_error: UpstreamError,
  upstream_invalid_response: UpstreamError,
  upstream_timeout: UpstreamTimeout,
  first_token_timeout: UpstreamTimeout,
  context_length_exceeded: ContextLengthExceeded,
  idempotency_key_reused: IdempotencyKeyReused,
  idempotency_replay_unavailable: ReplayUnavailable,
  idempotency_in_progress: IdempotencyInProgress,
  model_not_found: ModelNotFound,
  invalid_api_key: InvalidApiKey,
  insufficient_permissions: InsufficientPermissions,
};

/** `plain`, as the class of its code. Other codes, and other servers' errors, stay what they are. */
export function statusError(plain: APIError, message: string | undefined): APIError {
  const named = Object.hasOwn(ERRORS, plain.code ?? "") ? ERRORS[plain.code ?? ""] : undefined;
  if (!named || !plain.headers || !(named.prototype instanceof plain.constructor)) return plain;
  return new named(plain.status as never, plain.error, message, plain.headers);
}
