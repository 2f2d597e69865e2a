// The admin API (docs/api.md): openapi-fetch over the types of api/openapi.yaml, with who calls, what is tried
// again, and errors that are thrown.
import { join } from "node:path";

import createClient, { type Client } from "openapi-fetch";

import type { components, paths } from "./api.ts";
import { ConfigurationError, type Environment } from "./environment.ts";
import { type Problem, problemOf } from "./errors.ts";
import { type Fetch, type RetryPolicy, retryingFetch } from "./retry.ts";
import { socketFetch } from "./socket.ts";

export type { components, operations, paths } from "./api.ts";
export type Schemas = components["schemas"];
type DryRun = Schemas["DryRun"];

/** Any refusal. `problem` has its code, `param` and when to come back; docs/api.md what to do. */
export class AdminError extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(`${status} ${problem.code}: ${problem.message}`);
    this.name = new.target.name;
    this.status = status;
    this.problem = problem;
  }
}
/** 401: no token or session, or one that is over. */
export class Unauthorized extends AdminError {}
/** 403: the caller's roles do not allow it. */
export class Forbidden extends AdminError {}
/** 404: no such object, or none that the caller sees. */
export class NotFound extends AdminError {}
/** 409: something is in the way; the message says what. */
export class Conflict extends AdminError {}
/** 412: the object has changed since it was read. */
export class PreconditionFailed extends AdminError {}
/** 429, 503: not now. Nothing has been changed. */
export class Unavailable extends AdminError {}

const CLASSES: Readonly<Record<number, typeof AdminError>> = {
  401: Unauthorized,
  403: Forbidden,
  404: NotFound,
  409: Conflict,
  412: PreconditionFailed,
  429: Unavailable,
  503: Unavailable,
};

async function errorOf(response: Response): Promise<AdminError> {
  // What is no JSON is of a proxy on the way.
  const said = (await response.json().catch(() => null)) as { error?: unknown } | null;
  const problem = problemOf(said?.error, response.headers, `the answer is no error of the admin API: ${response.statusText}`);
  return new (CLASSES[response.status] ?? AdminError)(response.status, problem);
}

export interface AdminOptions {
  /** https://mesh.example:8081; else SOVMESH_ADMIN_URL. */
  url?: string;
  /** What DATA_DIR/admin.token has; else SOVMESH_ADMIN_TOKEN. */
  token?: string;
  /** DATA_DIR/admin.sock, which knows its callers; else that of SM_DATA_DIR, where there is no URL. */
  socket?: string;
  /** What is put off (429, 503) is tried again; a lost answer only where doing it twice is doing it once. */
  retry?: Partial<RetryPolicy>;
  /** Of one attempt (60,000). */
  timeoutMs?: number;
}

/** What `ifMatch` wants so that the object is still as it was `shown`. */
export function etag(shown: { revision?: number }): string {
  if (shown.revision === undefined) throw new TypeError("this object has no revision");
  return `"${shown.revision}"`;
}

/** What a call answers. Refusals are thrown; a dry run is none (`tried()`). */
export async function done<T>(call: Promise<{ data?: T }>): Promise<Exclude<T, DryRun | undefined>> {
  const { data } = await call;
  if ((data as Partial<DryRun> | undefined)?.dry_run === true) throw new TypeError("a dry run is read by tried()");
  return data as Exclude<T, DryRun | undefined>;
}

/** What a call with `dry_run: true` would do. */
export async function tried(call: Promise<{ data?: unknown }>): Promise<DryRun> {
  const { data } = await call;
  if ((data as Partial<DryRun> | undefined)?.dry_run !== true) throw new TypeError("this was done: dry_run was not asked for");
  return data as DryRun;
}

/** Paths whose answers come in pages. */
export type ListPath = {
  [P in keyof paths]: paths[P] extends {
    get: { parameters: { query?: { after?: string } }; responses: { 200: { content: { "application/json": { data: unknown[]; next: string | null } } } } };
  }
    ? P
    : never;
}[keyof paths];
type Get<P extends ListPath> = paths[P]["get"];
export type Item<P extends ListPath> = Get<P>["responses"][200]["content"]["application/json"]["data"][number];
export type Filters<P extends ListPath> = Omit<NonNullable<Get<P>["parameters"]["query"]>, "after">;

type Session = Schemas["Session"];

export class Admin {
  /** `GET`, `POST`... of every path: `admin.api.GET("/api/v1/tenants/{tenant}", { params: { path: { tenant } } })`. */
  readonly api: Client<paths>;
  readonly #credentials: Record<string, string>;
  #csrf: string | null = null;

  constructor(options: AdminOptions = {}, environment: Environment = process.env) {
    const { url, socket } = placeOf(options, environment);
    this.#credentials = socket ? {} : { authorization: `Bearer ${tokenOf(options.token, environment)}` };
    this.api = this.#client(url, socket, options);
  }

  /** As a person. `close()` signs out. */
  static async signedIn(login: string, password: string, options: Omit<AdminOptions, "token" | "socket"> = {}): Promise<Admin> {
    const admin = new Admin({ ...options, token: "-" });
    delete admin.#credentials["authorization"];
    const { data, response } = await admin.api.POST("/api/v1/sessions", { body: { login, password } });
    const cookie = response.headers.getSetCookie().map((each) => each.split(";")[0]).find((each) => each?.startsWith("sm_session="));
    if (!cookie) throw new TypeError("the answer to the sign-in has no session");
    admin.#credentials["cookie"] = cookie;
    admin.#csrf = (data as Session).csrf_token;
    return admin;
  }

  /** The objects of a list, page after page. */
  async *each<P extends ListPath>(path: P, filters?: Filters<P>): AsyncGenerator<Item<P>> {
    let after: string | null = null;
    do {
      const query: Record<string, unknown> = { ...filters, ...(after === null ? {} : { after }) };
      const call = this.api.GET as (path: string, init: object) => Promise<{ data?: unknown }>;
      const page = (await call(path, { params: { query } })).data as { data: Item<P>[]; has_more: boolean; next: string | null };
      yield* page.data;
      after = page.has_more ? page.next : null;
    } while (after !== null);
  }

  /**
   * Reads an object and writes it only if nobody else has meanwhile, else reads it again:
   * `admin.change(() => done(admin.api.GET(...)), (shown, etag) => done(admin.api.PATCH(..., { params: { header: { "If-Match": etag } } })))`.
   */
  async change<T extends { revision?: number }, R>(
    readIt: () => Promise<T>,
    write: (shown: T, etag: string) => Promise<R>,
    attemptsMax = 5,
  ): Promise<R> {
    for (let attempt = 1; ; ++attempt) {
      const shown = await readIt();
      try {
        return await write(shown, etag(shown));
      } catch (error) {
        if (!(error instanceof PreconditionFailed) || attempt >= attemptsMax) throw error;
      }
    }
  }

  /** Signs out who has signed in. */
  async close(): Promise<void> {
    if (this.#csrf === null) return;
    try {
      await this.api.DELETE("/api/v1/session");
    } catch {} // It ends by itself.
    this.#csrf = null;
    delete this.#credentials["cookie"];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #client(url: string, socket: string | undefined, options: AdminOptions): Client<paths> {
    const inner: Fetch = socket ? socketFetch(socket) : fetch;
    const timeoutMs = options.timeoutMs ?? 60_000;
    const send = retryingFetch((to, init) => inner(to, { ...init, signal: AbortSignal.timeout(timeoutMs) }), options.retry);
    const client = createClient<paths>({
      baseUrl: url,
      // Read once, so that it can be sent again.
      fetch: async (request) => {
        const body = request.body === null ? null : new Uint8Array(await request.arrayBuffer());
        return send(request.url, { method: request.method, headers: request.headers, body });
      },
    });
    client.use({
      onRequest: ({ request, params }) => {
        for (const [name, value] of Object.entries(params.path ?? {})) {
          if (["", ".", ".."].includes(String(value))) throw new TypeError(`${name}: '${String(value)}' is no name`);
        }
        for (const [name, value] of Object.entries(this.#credentials)) request.headers.set(name, value);
        if (this.#csrf !== null && request.method !== "GET") request.headers.set("x-sm-csrf", this.#csrf);
        return request;
      },
      onResponse: async ({ response }) => {
        if (!response.ok) throw await errorOf(response);
      },
    });
    return client;
  }
}

function placeOf(options: AdminOptions, environment: Environment): { url: string; socket?: string } {
  if (options.url !== undefined && options.socket !== undefined) throw new ConfigurationError("url, socket: want one of them");
  let url = options.url;
  let socket = options.socket;
  if (url === undefined && socket === undefined) {
    url = environment["SOVMESH_ADMIN_URL"]?.trim() || undefined;
    const data = environment["SM_DATA_DIR"]?.trim();
    if (url === undefined && data) socket = join(data, "admin.sock");
  }
  if (socket !== undefined) {
    if (options.token !== undefined) throw new ConfigurationError("token: has no effect on a socket, which knows its callers");
    return { url: "http://localhost", socket };
  }
  if (url === undefined) {
    throw new ConfigurationError(
      "It is not known where the admin API is: pass url or socket, or set SOVMESH_ADMIN_URL " +
        "(and SOVMESH_ADMIN_TOKEN), or SM_DATA_DIR for the socket of a data folder.",
    );
  }
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !["http:", "https:"].includes(parsed.protocol) || parsed.pathname !== "/" || parsed.search || parsed.username) {
    throw new ConfigurationError(`url: want http://HOST:PORT or https://HOST, not '${url}'.`);
  }
  return { url: parsed.origin };
}

function tokenOf(given: string | undefined, environment: Environment): string {
  const token = given ?? environment["SOVMESH_ADMIN_TOKEN"]?.trim() ?? "";
  if (!/^[!-~]+$/.test(token)) {
    throw new ConfigurationError(
      "There is no token: pass token or set SOVMESH_ADMIN_TOKEN (what DATA_DIR/admin.token has), or use Admin.signedIn().",
    );
  }
  return token;
}
