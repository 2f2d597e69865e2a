import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

import { Mesh, type RetryPolicy, retryingFetch } from "../src/index.ts";
import { type Clock, policyOf } from "../src/retry.ts";
import { FakeServer, OWN, chat, chunk, refusal } from "./fake.ts";

const KEY = { "idempotency-key": "i-1" };
const URL = "http://mesh/v1/chat/completions";
type Reply = [number, Record<string, string>?] | Error;

/** Time that passes only while somebody sleeps, and a server of a list of answers. */
class World implements Clock {
  time = 100;
  readonly waits: number[] = [];
  readonly requests: { body: unknown; headers: Headers }[] = [];
  readonly #replies: Reply[];
  readonly #chance: number;

  constructor(replies: Reply[], chance = 0) {
    this.#replies = replies;
    this.#chance = chance;
  }

  now(): number {
    return this.time;
  }

  random(): number {
    return this.#chance;
  }

  async sleep(ms: number): Promise<void> {
    this.waits.push(ms);
    this.time += ms;
  }

  fetch(policy?: Partial<RetryPolicy>) {
    return retryingFetch(async (_, init) => {
      this.requests.push({ body: init?.body, headers: new Headers(init?.headers) });
      const reply = this.#replies.length > 1 ? this.#replies.shift()! : this.#replies[0]!;
      if (reply instanceof Error) throw reply;
      return Response.json({}, { status: reply[0], headers: reply[1] ?? {} });
    }, policy, this);
  }

  async send(init: RequestInit = {}, policy?: Partial<RetryPolicy>): Promise<number> {
    return (await this.fetch(policy)(URL, { method: "POST", body: "{}", ...init })).status;
  }
}

const putOff = (status = 429, headers: Record<string, string> = {}): Reply => [status, { ...OWN, ...headers }];
const OK: Reply = [200];

function broken(code: string): Error {
  return new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code }) });
}

test("what the gateway puts off is tried again without a key", async () => {
  for (const status of [408, 429, 502, 503]) {
    const world: World = new World([putOff(status), OK]);
    assert.equal(await world.send(), 200);
    assert.equal(world.requests.length, 2);
  }
});

test("what may have run, or may have been charged, is tried again only with a key", async () => {
  for (const status of [408, 429, 500, 502, 503, 504]) {
    const world: World = new World([[status], OK]);
    assert.equal(await world.send(), status);
    assert.deepEqual(world.waits, []);
    assert.equal(await new World([[status], OK]).send({ headers: KEY }), 200);
  }
  for (const status of [500, 504]) {
    assert.equal(await new World([putOff(status), OK]).send(), status);
    assert.equal(await new World([putOff(status), OK]).send({ headers: KEY }), 200);
  }
});

test("what would be refused again is not tried again", async () => {
  for (const status of [400, 401, 403, 404, 413, 422]) {
    assert.equal(await new World([putOff(status), OK]).send({ headers: KEY }), status);
  }
});

test("no is obeyed, and yes does not go beyond what is safe", async () => {
  assert.equal(await new World([putOff(503, { "x-should-retry": "false" }), OK]).send({ headers: KEY }), 503);
  assert.equal(await new World([putOff(520, { "x-should-retry": "true" }), OK]).send(), 520);
  assert.equal(await new World([putOff(520, { "x-should-retry": "true" }), OK]).send({ headers: KEY }), 200);
});

test("a conflict of a key is waited for, other conflicts are not", async () => {
  const later = { "retry-after-ms": "1000" };
  assert.equal(await new World([putOff(409, later), OK]).send({ headers: KEY }), 200);
  assert.equal(await new World([putOff(409, later), OK]).send(), 409);
  assert.equal(await new World([putOff(409), OK]).send({ headers: KEY }), 409);
});

test("never sooner than told, and not all at once", async () => {
  for (const [chance, headers, wait] of [
    [0, { "retry-after-ms": "2000", "retry-after": "3" }, 2000], [0.5, { "retry-after-ms": "2000" }, 2250],
    [0.5, { "retry-after": "40" }, 40_500],
  ] as const) {
    const world: World = new World([putOff(429, headers), OK], chance);
    await world.send();
    assert.deepEqual(world.waits, [wait]);
  }
});

test("without advice waits grow and are spread", async () => {
  const world: World = new World([putOff()], 1);
  assert.equal(await world.send({}, { attemptsMax: 4, budget: 10 }), 429);
  assert.deepEqual(world.waits, [500, 1000, 2000]);
});

test("a wait that is too long is the caller's to decide", async () => {
  const world: World = new World([putOff(429, { "retry-after": "61" }), OK]);
  assert.equal(await world.send(), 429);
  assert.deepEqual(world.waits, []);
  assert.equal(await new World([putOff(429, { "retry-after": "61" }), OK]).send({}, { waitMaxMs: 61_000 }), 200);
});

test("a call ends when its time is up", async () => {
  const world: World = new World([putOff(429, { "retry-after": "40" })]);
  await world.send({}, { attemptsMax: 10, elapsedMaxMs: 100_000, budget: 10 });
  assert.deepEqual(world.waits, [40_000, 40_000]);
});

test("when everything fails a server sees a fifth more and the budget", async () => {
  const world: World = new World([putOff(503)]);
  const send = world.fetch();
  for (let i = 0; i < 100; ++i) await send(URL, { method: "POST", body: "{}" });
  assert.ok(world.requests.length >= 121 && world.requests.length <= 123, String(world.requests.length));
});

test("what was never sent is sent again; a lost answer is asked for again only with a key", async () => {
  for (const code of ["ECONNREFUSED", "ENOTFOUND", "UND_ERR_CONNECT_TIMEOUT"]) {
    assert.equal(await new World([broken(code), OK]).send(), 200);
  }
  for (const code of ["ECONNRESET", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT", "EPIPE"]) {
    await assert.rejects(new World([broken(code), OK]).send(), /fetch failed/);
    assert.equal(await new World([broken(code), OK]).send({ headers: KEY }), 200);
    assert.equal(await new World([broken(code), OK]).send({ method: "GET", body: null }), 200);
    assert.equal(await new World([broken(code), OK]).send({ method: "PUT" }), 200);
    await assert.rejects(new World([broken(code), OK]).send({ method: "PUT", headers: { "if-match": '"1"' } }));
    await assert.rejects(new World([broken(code), OK]).send({ method: "DELETE" }));
  }
});

test("who hangs up is not called again", async () => {
  const world: World = new World([broken("ECONNREFUSED"), OK]);
  await assert.rejects(world.send({ signal: AbortSignal.abort(), headers: KEY }));
  assert.equal(world.requests.length, 1);
});

test("a body that can be read once is sent once, others the same each time", async () => {
  const once: World = new World([putOff(), OK]);
  assert.equal(await once.send({ body: new Blob(["part"]).stream() }), 429);
  const world: World = new World([putOff(), putOff(), OK]);
  await world.send({ headers: KEY, body: '{"a":1}' });
  assert.deepEqual(world.requests.map((each) => each.body), ['{"a":1}', '{"a":1}', '{"a":1}']);
});

const QUESTION = { model: "m", messages: [] };

test("the SDK does not try again on top", async () => {
  const world: World = new World([putOff(503, { "retry-after-ms": "1" })]);
  const client = new OpenAI({ baseURL: "http://mesh/v1", apiKey: "k", maxRetries: 2, fetch: world.fetch({ attemptsMax: 2 }) as typeof fetch });
  await assert.rejects(client.chat.completions.create(QUESTION).asResponse(), OpenAI.InternalServerError);
  assert.equal(world.requests.length, 2);
});

test("two policies at once are an error before anything is sent twice", async () => {
  await using server = await FakeServer.start([{ drop: true }]);
  const client = new Mesh({ baseURL: server.url, apiKey: "k" });
  await assert.rejects(client.chat.completions.create(QUESTION, { maxRetries: 1 }).asResponse(), (error: Error) =>
    /leave maxRetries at 0/.test(String((error.cause as Error | undefined)?.message)));
  assert.equal(server.asked.length, 1);
});

test("a client of another one's options does not wrap twice", async () => {
  await using server = await FakeServer.start([refusal(429, "queue_full", { "retry-after-ms": "1" })]);
  const client = new Mesh({ baseURL: server.url, apiKey: "k", retry: { attemptsMax: 2 } }).withOptions({ timeout: 5000 });
  await assert.rejects(client.chat.completions.create(QUESTION).asResponse(), OpenAI.RateLimitError);
  assert.equal(server.asked.length, 2);
});

test("calls and streams over a socket", async () => {
  const later = refusal(429, "queue_full", { "retry-after-ms": "1" });
  await using server = await FakeServer.start([
    later, { body: chat("plain") }, later, { events: [chunk("streamed"), chunk(undefined, "stop"), "[DONE]"] },
  ]);
  const client = new Mesh({ baseURL: server.url, apiKey: "k" });
  assert.equal((await client.chat.completions.create(QUESTION)).choices[0]?.message.content, "plain");
  const texts = [];
  for await (const each of await client.chat.completions.create({ ...QUESTION, stream: true })) texts.push(each.choices[0]?.delta.content);
  assert.equal(texts[0], "streamed");
  assert.equal(server.asked.length, 4);
});

test("what has begun to stream is never asked for again", async () => {
  await using server = await FakeServer.start([
    { events: [chunk("one"), { error: { message: "gone", type: "server_error", param: null, code: "upstream_error" } }] },
  ]);
  const client = new Mesh({ baseURL: server.url, apiKey: "k" });
  const stream = await client.chat.completions.create({ ...QUESTION, stream: true }, { headers: KEY });
  await assert.rejects(async () => {
    for await (const _ of stream);
  }, /gone/);
  assert.equal(server.asked.length, 1);
});

test("a dropped connection is not a second charge", async () => {
  for (const [headers, asked] of [[{}, 1], [KEY, 2]] as const) {
    await using server = await FakeServer.start([{ drop: true }, { body: chat() }]);
    const client = new Mesh({ baseURL: server.url, apiKey: "k", retry: { backoffFirstMs: 0 } });
    const call = client.chat.completions.create(QUESTION, { headers });
    if (asked === 1) await assert.rejects(call.asResponse(), OpenAI.APIConnectionError);
    else assert.ok((await call).choices);
    assert.equal(server.asked.length, asked);
  }
});

test("a policy that makes no sense is refused", () => {
  for (const wrong of [{ attemptsMax: 0 }, { attemptsMax: 11 }, { attemptsMax: 1.5 }, { waitMaxMs: -1 }, { budget: Number.NaN }, { backoffFirstMs: 9000 }]) {
    assert.throws(() => policyOf(wrong), RangeError);
  }
});

test("what the SDK does by itself: told to wait for more than 60 s it comes back all the same", async () => {
  await using server = await FakeServer.start([{ status: 429, body: {}, headers: { "retry-after": "3600" } }, { body: chat() }]);
  const client = new OpenAI({ baseURL: server.url, apiKey: "k", maxRetries: 1 });
  assert.ok((await client.chat.completions.create(QUESTION)).choices);
  assert.equal(server.asked.length, 2);
});

test("what the SDK does by itself: it asks again for a lost answer", async () => {
  await using server = await FakeServer.start([{ drop: true }, { body: chat() }]);
  const client = new OpenAI({ baseURL: server.url, apiKey: "k", maxRetries: 1 });
  assert.ok((await client.chat.completions.create(QUESTION)).choices);
  assert.equal(server.asked[0]?.headers["idempotency-key"], undefined);
});
