// What the gateway says about an answer in its headers.

/** The limit of which least is left, after this request's own reservation. */
export interface Limit {
  limit: number;
  remaining: number;
  /** Until all of it is free; null: that is not known. */
  resetMs: number | null;
}

/** Members are null where the gateway did not say them. */
export interface Meta {
  /** The gateway's own id (`req_...`), which `client.mesh.request()` takes. */
  requestId: string | null;
  /** What the request said itself in `requestId`. */
  clientRequestId: string | null;
  /** Who answered: the version, if the caller could have called that by its name. */
  model: string | null;
  tenant: string | null;
  project: string | null;
  /** How long the request waited for its turn. null: no engine was to run it, or, of a stream, it began to answer before its turn. */
  queueMs: number | null;
  /** The gateway's own part of the time; of plain answers alone. */
  overheadMs: number | null;
  processingMs: number | null;
  /** Engines that were asked, if more than one. */
  attempts: number | null;
  /** Millionths of the tenant's currency; of plain answers that have a price alone. */
  costMicro: number | null;
  /** The limit that ended the answer early (`finish_reason: "length"`), as `tenant:aurora`; of plain answers alone. */
  limitedBy: string | null;
  /** This is the answer of an earlier request with the same Idempotency-Key, and costs nothing. */
  replayed: boolean;
  requests: Limit | null;
  tokens: Limit | null;
}

/** Reads the headers of a response (`.withResponse()`, an error's). What is not well formed is as if it were not there. */
export function meta(response: { headers: Headers }): Meta {
  const { headers } = response;
  const requestId = headers.get("x-sm-request-id");
  const shown = headers.get("x-request-id");
  return {
    requestId,
    clientRequestId: shown === requestId ? null : shown,
    model: headers.get("x-sm-model"),
    tenant: headers.get("openai-organization"),
    project: headers.get("openai-project"),
    queueMs: number(headers.get("x-sm-queue-ms")),
    overheadMs: number(headers.get("x-sm-overhead-ms")),
    processingMs: number(headers.get("openai-processing-ms")),
    attempts: number(headers.get("x-sm-attempts")),
    costMicro: number(headers.get("x-sm-cost-micro")),
    limitedBy: headers.get("x-sm-limit"),
    replayed: headers.get("x-sm-idempotent-replay") === "true",
    requests: limit(headers, "requests"),
    tokens: limit(headers, "tokens"),
  };
}

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 1e-3, µs: 1e-3, ns: 1e-6 };

/** Milliseconds of `120ms`, `6m0s`, `1h2m3.5s`: the form of `x-ratelimit-reset-*`. */
export function parseGoDuration(text: string): number | null {
  if (!/^([0-9]+(\.[0-9]+)?(ms|us|µs|ns|h|m|s))+$/.test(text)) return null;
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/([0-9.]+)(ms|us|µs|ns|h|m|s)/g)) {
    sum += Number(count) * (UNITS[unit ?? ""] ?? Number.NaN);
  }
  return sum;
}

function number(text: string | null): number | null {
  return text !== null && /^-?[0-9]{1,15}(\.[0-9]+)?$/.test(text) ? Number(text) : null;
}

function limit(headers: Headers, unit: "requests" | "tokens"): Limit | null {
  const most = number(headers.get(`x-ratelimit-limit-${unit}`));
  const remaining = number(headers.get(`x-ratelimit-remaining-${unit}`));
  if (most === null || remaining === null) return null;
  const reset = headers.get(`x-ratelimit-reset-${unit}`);
  return { limit: most, remaining, resetMs: reset === null ? null : parseGoDuration(reset) };
}
