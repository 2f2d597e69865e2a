// A server of a test's own, on a free port: it answers what it is told, and remembers what it was asked.
import http from "node:http";
import type { AddressInfo } from "node:net";

export const OWN = { "x-sm-request-id": `req_${"1".repeat(32)}` };

export interface Answer {
  status?: number;
  body?: unknown;
  headers?: Record<string, string>;
  /** Of a stream; what is no text is sent as JSON. */
  events?: unknown[];
  /** The connection is closed without an answer. */
  drop?: boolean;
}

export interface Asked {
  method: string;
  path: string;
  headers: http.IncomingHttpHeaders;
  body: unknown;
}

/** As the gateway refuses. */
export function refusal(status: number, code: string, headers: Record<string, string> = {}, details?: object): Answer {
  const error = { message: `It is ${code}.`, type: "requests", param: null, code, ...(details ? { details } : {}) };
  return { status, body: { error }, headers: { ...OWN, ...headers } };
}

export function chat(content = "hello", more: object = {}): object {
  return {
    id: "c", object: "chat.completion", created: 1, model: "m",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }, ...more,
  };
}

export function chunk(content?: string, finish: string | null = null, index = 0, more: object = {}): object {
  return {
    id: "c", object: "chat.completion.chunk", created: 1, model: "m",
    choices: [{ index, delta: content ? { content } : {}, finish_reason: finish }], ...more,
  };
}

/** Its answers come in their order; the last one again and again. */
export class FakeServer {
  readonly asked: Asked[] = [];
  readonly #answers: Answer[];
  readonly #server: http.Server;

  private constructor(answers: Answer[]) {
    this.#answers = answers;
    this.#server = http.createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => this.#serve(request, response, Buffer.concat(parts).toString()));
    });
  }

  static async start(answers: Answer[], socket?: string): Promise<FakeServer> {
    const made = new FakeServer([...answers]);
    await new Promise<void>((resolve) => (socket ? made.#server.listen(socket, resolve) : made.#server.listen(0, "127.0.0.1", resolve)));
    return made;
  }

  get root(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.root}/v1`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: http.IncomingMessage, response: http.ServerResponse, body: string): void {
    this.asked.push({
      method: request.method ?? "", path: request.url ?? "", headers: request.headers,
      body: body ? (JSON.parse(body) as unknown) : null,
    });
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    if (!answer || answer.drop) {
      request.socket.destroy();
      return;
    }
    if (answer.events) {
      response.writeHead(200, { ...answer.headers, "content-type": "text/event-stream; charset=utf-8" });
      for (const event of answer.events) {
        response.write(`data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`);
      }
      response.end();
      return;
    }
    response.writeHead(answer.status ?? 200, { ...answer.headers, ...(answer.body === undefined ? {} : { "content-type": "application/json" }) });
    response.end(answer.body === undefined ? "" : JSON.stringify(answer.body));
  }
}
