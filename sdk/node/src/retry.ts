// When a request is sent again: the rules, and a `fetch` that follows them.
//
// The rules are below the SDK, where one place sees every call, plain or streamed. An answer is handed on
// as soon as its status is known, so nothing that has begun to stream is ever sent again.
import { setTimeout as delay } from "node:timers/promises";

import { OpenAIError } from "openai";

import { retryAfterOf } from "./errors.ts";

/** How often and for how long. */
export interface RetryPolicy {
  /** Of one call, the first included (3); 1: never again. */
  attemptsMax: number;
  /** A call that is told to come back later than this fails at once (60,000). */
  waitMaxMs: number;
  /** No attempt begins later than this after the first (120,000). */
  elapsedMaxMs: number;
  /** Where no `Retry-After` says how long: at most this (500), doubled each time... */
  backoffFirstMs: number;
  /** ... up to this (8,000). */
  backoffMaxMs: number;
  /** Retries that a client may make beyond a fifth of its calls (3): when everything fails, a server sees 1.2 times the calls and these, not `attemptsMax` times. */
  budget: number;
}

export const DEFAULT_POLICY: Readonly<RetryPolicy> = {
  attemptsMax: 3,
  waitMaxMs: 60_000,
  elapsedMaxMs: 120_000,
  backoffFirstMs: 500,
  backoffMaxMs: 8_000,
  budget: 3,
};

export function policyOf(said: Partial<RetryPolicy> = {}): RetryPolicy {
  const policy = { ...DEFAULT_POLICY, ...said };
  if (!Number.isInteger(policy.attemptsMax) || policy.attemptsMax < 1 || policy.attemptsMax > 10) {
    throw new RangeError("attemptsMax: want 1 to 10");
  }
  for (const name of ["waitMaxMs", "elapsedMaxMs", "backoffFirstMs", "backoffMaxMs", "budget"] as const) {
    if (!(policy[name] >= 0)) throw new RangeError(`${name}: want a number, not below 0`);
  }
  if (policy.backoffMaxMs < policy.backoffFirstMs) throw new RangeError("backoffMaxMs: want at least backoffFirstMs");
  return policy;
}

/** What passes time; of tests. */
export interface Clock {
  now(): number;
  sleep(ms: number, signal: AbortSignal | null | undefined): Promise<unknown>;
  random(): number;
}

const REAL: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal ? { signal } : {}),
  random: Math.random,
};

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

// Of these answers the gateway promises that nothing was charged.
const UNCHARGED = new Set([408, 429, 502, 503]);
// Others may come after the request has run: from a proxy on the way, or when its time was over.
const PASSING = new Set([...UNCHARGED, 500, 504]);
// Nothing of the request has left.
const NEVER_SENT = new Set([
  "ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "UND_ERR_CONNECT_TIMEOUT",
]);

/** Whether sending it twice does no more than sending it once. */
function canRepeat(method: string, headers: Headers): boolean {
  if (method === "GET" || method === "HEAD" || headers.has("idempotency-key")) return true;
  return method === "PUT" && !headers.has("if-match");
}

/** Whether the gateway itself, and not a proxy on the way, says that it did nothing. */
function isUncharged(response: Response): boolean {
  if (response.headers.has("x-sm-request-id")) return UNCHARGED.has(response.status);
  // The admin API: everything that it puts off has this field.
  return (response.status === 429 || response.status === 503) && response.headers.has("retry-after-ms");
}

/** Whether another attempt may follow this answer, time and budget aside. */
function mayFollow(method: string, headers: Headers, response: Response): boolean {
  const should = response.headers.get("x-should-retry");
  if (response.status < 400 || should === "false") return false;
  if (isUncharged(response)) return true;
  if (!canRepeat(method, headers)) return false;
  // The first request with this key is still running; other conflicts stay.
  if (response.status === 409) return headers.has("idempotency-key") && retryAfterOf(response.headers) !== null;
  return should === "true" || PASSING.has(response.status);
}

function wasNeverSent(error: unknown): boolean {
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined;
  const own = (error as { code?: unknown } | undefined)?.code;
  return NEVER_SENT.has(String(cause?.code ?? own));
}

/** A body that can be sent once more: a stream of the caller's may have been read. */
function isAtHand(body: RequestInit["body"]): boolean {
  return body == null || typeof body === "string" || body instanceof URLSearchParams || body instanceof Uint8Array;
}

// Tells the SDK above that the decision has been made, whatever its own maxRetries is.
function lastWord(response: Response): Response {
  if (response.status < 400) return response;
  const headers = new Headers(response.headers);
  headers.set("x-should-retry", "false");
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

// So that a client that is made of another one's options does not try again on top.
const retrying = new WeakSet<Fetch>();

/** `inner` (takes a URL and its `init`), by the rules of `policy`. */
export function retryingFetch(inner: Fetch = fetch, said: Partial<RetryPolicy> = {}, clock: Clock = REAL): Fetch {
  if (retrying.has(inner)) return inner;
  const policy = policyOf(said);
  let budget = policy.budget;

  const made: Fetch = async (input, init = {}) => {
    const headers = new Headers(init.headers);
    if ((headers.get("x-stainless-retry-count") ?? "0") !== "0") {
      throw new OpenAIError("The SDK tries again by itself (maxRetries), and so does `retry`: leave maxRetries at 0.");
    }
    const method = (init.method ?? "GET").toUpperCase();
    const began = clock.now();
    budget = Math.min(policy.budget, budget + 0.2);

    // Milliseconds until the next attempt; null: this was the last.
    const waitFor = (attempt: number, told: number | null): number | null => {
      if (attempt >= policy.attemptsMax || !isAtHand(init.body) || input instanceof Request) return null;
      if (told !== null && told > policy.waitMaxMs) return null;
      // Never sooner than told, and not all at the same moment.
      const most = told !== null ? Math.min(told / 4, 1000) : Math.min(policy.backoffMaxMs, policy.backoffFirstMs * 2 ** (attempt - 1));
      const wait = (told ?? 0) + clock.random() * most;
      if (clock.now() + wait - began > policy.elapsedMaxMs || budget < 1) return null;
      budget -= 1;
      return wait;
    };

    for (let attempt = 1; ; ++attempt) {
      let wait: number | null;
      try {
        const response = await inner(input, init);
        const told = retryAfterOf(response.headers);
        wait = mayFollow(method, headers, response) ? waitFor(attempt, told) : null;
        if (wait === null) return lastWord(response);
        await response.body?.cancel();
      } catch (error) {
        if (init.signal?.aborted || error instanceof OpenAIError) throw error;
        wait = wasNeverSent(error) || canRepeat(method, headers) ? waitFor(attempt, null) : null;
        if (wait === null) throw error;
      }
      await clock.sleep(wait, init.signal);
    }
  };
  retrying.add(made);
  return made;
}

export function isRetrying(candidate: Fetch | undefined): boolean {
  return candidate !== undefined && retrying.has(candidate);
}
