// What a request says to the gateway beside its body.
import { ConfigurationError } from "./environment.ts";

export type Priority = "interactive" | "agent" | "batch";

export interface Options {
  /** How long the gateway may take, never longer than it allows itself. Past it the answer is 504, and what was generated until then is charged. */
  timeoutMs?: number;
  /** Gives way to others; at most what the key may. */
  priority?: Priority;
  /** Requests with the same one stay at one version of a route (`sticky: session`). */
  session?: string;
  /** Asks for the version behind a route's grey channel. */
  channel?: string;
  /** The same request with the same key is never run or charged twice, for 24 hours. */
  idempotencyKey?: string;
  /** Comes back as `x-request-id` (the gateway's own id is always in `x-sm-request-id`). */
  requestId?: string;
  /** For the gateway's log alone. */
  clientRequestId?: string;
  /** W3C trace context, which engines get, too. */
  traceparent?: string;
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const PRINTABLE = /^[!-~]{1,255}$/;
const FORMS: readonly [keyof Options, string, RegExp, string][] = [
  ["priority", "x-sm-priority", /^(interactive|agent|batch)$/, "interactive, agent or batch"],
  ["session", "x-sm-session", PRINTABLE, "1 to 255 printable ASCII characters, no spaces"],
  ["channel", "x-sm-channel", /^[a-z0-9-]{1,64}$/, "1 to 64 of a-z, 0-9 and '-'"],
  ["idempotencyKey", "Idempotency-Key", PRINTABLE, "1 to 255 printable ASCII characters, no spaces"],
  ["requestId", "X-Request-ID", NAME, "1 to 64 letters, digits, '_' and '-'"],
  ["clientRequestId", "X-Client-Request-Id", NAME, "1 to 64 letters, digits, '_' and '-'"],
  ["traceparent", "traceparent", /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/, "00-TRACE-SPAN-FLAGS in hexadecimal digits"],
];

/** `headers` of a call. What the gateway would ignore or refuse is a ConfigurationError. */
export function options(said: Options): Record<string, string> {
  const headers: Record<string, string> = {};
  if (said.timeoutMs !== undefined) {
    if (!(said.timeoutMs >= 1 && said.timeoutMs <= 1e12)) {
      throw new ConfigurationError(`timeoutMs: want at least 1, not ${said.timeoutMs}.`);
    }
    headers["x-sm-timeout-ms"] = String(Math.round(said.timeoutMs));
  }
  for (const [member, header, form, want] of FORMS) {
    const value = said[member];
    if (value === undefined) continue;
    if (typeof value !== "string" || !form.test(value)) {
      throw new ConfigurationError(`${member}: want ${want}, not ${JSON.stringify(value)}.`);
    }
    headers[header] = value;
  }
  return headers;
}
