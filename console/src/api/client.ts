import { SseReader, type ServerEvent } from "../lib/sse";
import type { Page, Session } from "./types";

// Every call to the server goes through here. A caller is known by the session's cookie, which no
// script can read, or by an admin token, which stays in this object and is gone with the page.

export class ApiError extends Error {
  constructor(
    readonly status: number, // 0: no answer
    readonly code: string,
    message: string,
    readonly param: string | null = null,
  ) {
    super(message);
  }
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

interface CallOptions {
  body?: unknown;
  revision?: number | undefined; // what the caller has seen: the write fails when that is past
  signal?: AbortSignal;
  deadline?: AbortSignal; // in place of the usual one
  accept?: string;
  after?: string; // the last event that was heard
}

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const TIMEOUT_MS = 30_000;
const STALL_MS = 40_000; // of a stream, whose server says something every 15 s
const PAGE_MAX = 1_000; // of the API

export async function errorOf(answer: Response): Promise<ApiError> {
  const text = await answer.text();
  try {
    const { error } = JSON.parse(text) as { error: { message: string; code: string | null; param: string | null } };
    return new ApiError(answer.status, error.code ?? "", error.message, error.param);
  } catch {
    return new ApiError(answer.status, "", text.slice(0, 200) || answer.statusText);
  }
}

export class Client {
  private token: string | null = null;
  private csrf: string | null = null;
  // Told when the server does not know the caller any more.
  onSignedOut: () => void = () => {};

  constructor(private readonly fetch_: Fetch = (url, init) => fetch(url, init)) {}

  useToken(token: string) {
    this.token = token;
    this.csrf = null;
  }
  useSession(session: Session) {
    this.token = null;
    this.csrf = session.csrf_token;
  }
  forget() {
    this.token = null;
    this.csrf = null;
  }

  async send(method: Method, url: string, options: CallOptions = {}): Promise<Response> {
    const headers: Record<string, string> = {};
    if (this.token !== null) headers["authorization"] = `Bearer ${this.token}`;
    if (this.csrf !== null && method !== "GET") headers["x-sm-csrf"] = this.csrf;
    if (options.body !== undefined) headers["content-type"] = "application/json";
    if (options.revision !== undefined) headers["if-match"] = `"${options.revision}"`;
    if (options.accept !== undefined) headers["accept"] = options.accept;
    if (options.after) headers["last-event-id"] = options.after;
    const deadline = options.deadline ?? AbortSignal.timeout(TIMEOUT_MS);
    let answer: Response;
    try {
      answer = await this.fetch_(url, {
        method,
        headers,
        body: options.body === undefined ? null : JSON.stringify(options.body),
        signal: options.signal ? AbortSignal.any([options.signal, deadline]) : deadline,
        credentials: "same-origin",
        redirect: "error",
        cache: "no-store",
      });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new ApiError(0, deadline.aborted ? "timeout" : "unreachable", String(error));
    }
    if (answer.ok) return answer;
    const failed = await errorOf(answer);
    if (failed.status === 401 && (this.token !== null || this.csrf !== null)) this.onSignedOut();
    throw failed;
  }

  async call<T>(method: Method, path: string, options: CallOptions = {}): Promise<T> {
    const answer = await this.send(method, `/api/v1/${path}`, options);
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  }
  get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.call<T>("GET", path, signal ? { signal } : {});
  }
  // Tells server-sent events until the server ends them. With fetch rather than EventSource, which can
  // send no token and says nothing of why it is refused.
  // `opened`: when it has begun.
  async events(path: string, tell: (event: ServerEvent) => void, signal: AbortSignal, after = "", opened = () => {}): Promise<void> {
    const stalled = new AbortController();
    const timer = () => setTimeout(() => stalled.abort(), STALL_MS);
    let running = timer();
    try {
      const answer = await this.send("GET", `/api/v1/${path}`, { signal, deadline: stalled.signal, accept: "text/event-stream", after });
      if (!answer.body || !answer.headers.get("content-type")?.startsWith("text/event-stream")) throw new ApiError(0, "no_stream", "");
      opened();
      const reader = new SseReader();
      const bytes = answer.body.getReader();
      for (let piece = await bytes.read(); !piece.done; piece = await bytes.read()) {
        clearTimeout(running);
        running = timer();
        for (const event of reader.push(piece.value)) tell(event);
      }
    } finally {
      clearTimeout(running);
    }
  }
  async text(path: string): Promise<string> {
    return await (await this.send("GET", `/api/v1/${path}`)).text();
  }
  // A file of the audit log (C2SP tlog-tiles).
  async logFile(path: string): Promise<Uint8Array> {
    return new Uint8Array(await (await this.send("GET", `/audit/${path}`)).arrayBuffer());
  }

  // All objects of a list up to `max`. `complete` says whether that is all there are.
  async list<T>(path: string, max = 100_000, signal?: AbortSignal): Promise<{ data: T[]; complete: boolean }> {
    const data: T[] = [];
    const first = path + (path.includes("?") ? "&" : "?") + `limit=${PAGE_MAX}`;
    for (let next: string | null = null; ; ) {
      const page: Page<T> = await this.get<Page<T>>(
        next === null ? first : `${first}&after=${encodeURIComponent(next)}`,
        signal,
      );
      data.push(...page.data);
      if (!page.has_more || page.next === null) return { data, complete: true };
      if (data.length >= max) return { data, complete: false };
      next = page.next;
    }
  }
}

export const client = new Client();

// "?a=1&b=x" of what is said; nothing of what is empty.
export function query(values: Record<string, string | number | undefined | null>): string {
  const said = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  if (said.length === 0) return "";
  return "?" + said.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&");
}

export const at = (...parts: string[]) => parts.map(encodeURIComponent).join("/");
