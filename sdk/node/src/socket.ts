// `fetch` over a Unix socket: Node's own cannot.
import http from "node:http";
import { Readable } from "node:stream";

import type { Fetch } from "./retry.ts";

export function socketFetch(socketPath: string): Fetch {
  return (input, init = {}) =>
    new Promise((resolve, reject) => {
      const url = new URL(String(input));
      const body = init.body as string | Uint8Array | null | undefined;
      const headers = Object.fromEntries(new Headers(init.headers));
      if (body != null) headers["content-length"] = String(Buffer.byteLength(body));
      const request = http.request(
        {
          socketPath,
          path: url.pathname + url.search,
          method: init.method ?? "GET",
          headers: { host: "localhost", ...headers },
          ...(init.signal ? { signal: init.signal } : {}),
        },
        (message) => {
          const fields = new Headers();
          for (const [name, values] of Object.entries(message.headersDistinct)) {
            for (const value of values ?? []) fields.append(name, value);
          }
          const status = message.statusCode ?? 502;
          const hasBody = status !== 204 && status !== 304 && init.method !== "HEAD";
          if (!hasBody) message.resume();
          const stream = hasBody ? (Readable.toWeb(message) as ReadableStream<Uint8Array>) : null;
          resolve(new Response(stream, { status, statusText: message.statusMessage ?? "", headers: fields }));
        },
      );
      request.on("error", reject);
      request.end(body ?? undefined);
    });
}
