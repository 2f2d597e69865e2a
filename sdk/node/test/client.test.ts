import assert from "node:assert/strict";
import { test } from "node:test";

import OpenAI from "openai";

import { ConfigurationError, Mesh, options } from "../src/index.ts";
import { apiKeyFrom, baseURLFrom } from "../src/environment.ts";
import { FakeServer, chat } from "./fake.ts";

for (const name of ["SOVMESH_BASE_URL", "SOVMESH_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_KEY"]) delete process.env[name];

test("names of ours win over those of OpenAI, and arguments over both", () => {
  const environment = {
    SOVMESH_BASE_URL: "http://mesh:8080/v1", OPENAI_BASE_URL: "http://other/v1", SOVMESH_API_KEY: "sm-1", OPENAI_API_KEY: "sk-1",
  };
  assert.equal(baseURLFrom(undefined, undefined, environment), "http://mesh:8080/v1");
  assert.equal(apiKeyFrom(undefined, environment), "sm-1");
  assert.equal(baseURLFrom("https://a", undefined, environment), "https://a/v1");
  assert.equal(apiKeyFrom("b", environment), "b");
  assert.equal(baseURLFrom(null, undefined, { OPENAI_BASE_URL: "http://o/v1" }), "http://o/v1");
  assert.equal(apiKeyFrom(undefined, { SOVMESH_API_KEY: " ", OPENAI_API_KEY: "k" }), "k");
});

test("base URLs", () => {
  for (const [given, tenant, wanted] of [
    ["http://mesh:8080", undefined, "http://mesh:8080/v1"],
    ["http://mesh:8080/v1/", undefined, "http://mesh:8080/v1"],
    ["http://mesh:8080/v1", "aurora", "http://mesh:8080/t/aurora/v1"],
    ["http://mesh/llm/v1", "aurora", "http://mesh/llm/t/aurora/v1"],
    ["http://mesh/t/aurora/v1", "aurora", "http://mesh/t/aurora/v1"],
  ] as const) {
    assert.equal(baseURLFrom(given, tenant, {}), wanted);
  }
});

test("what is no base URL or key is said", () => {
  for (const [given, tenant, word] of [
    [undefined, undefined, /SOVMESH_BASE_URL/], ["", undefined, /SOVMESH_BASE_URL/], ["mesh:8080", undefined, /baseURL/],
    ["ftp://mesh", undefined, /baseURL/], ["http://u:p@mesh/v1", undefined, /no user/],
    ["http://mesh/v1?x=1", undefined, /no query/], ["http://mesh", "../x", /slug/], ["http://mesh/t/aurora/v1", "boreal", /aurora/],
  ] as const) {
    assert.throws(() => baseURLFrom(given, tenant, {}), (error: Error) => error instanceof ConfigurationError && word.test(error.message));
  }
  for (const key of [undefined, "", "two words", "line\n", "schlüssel"]) {
    assert.throws(() => apiKeyFrom(key, {}), (error: Error) => error instanceof ConfigurationError && !(key && error.message.includes(key)));
  }
});

test("a client is never pointed at a public service", () => {
  assert.throws(() => new Mesh({ apiKey: "k" }), ConfigurationError);
});

test("nothing of the environment that is of another service", () => {
  process.env["OPENAI_ORG_ID"] = "org-of-another-service";
  const client = new Mesh({ baseURL: "http://mesh:8080", apiKey: "k", tenant: "aurora" });
  delete process.env["OPENAI_ORG_ID"];
  assert.ok(client instanceof OpenAI);
  assert.equal(client.baseURL, "http://mesh:8080/t/aurora/v1");
  assert.equal(client.organization, null);
});

test("the SDK's own retries are refused", () => {
  const said = { baseURL: "http://mesh", apiKey: "k" };
  assert.throws(() => new Mesh({ ...said, maxRetries: 2 }), /retry/);
  const client = new Mesh(said);
  assert.equal(client.maxRetries, 0);
  assert.throws(() => client.withOptions({ maxRetries: 2 }), /retry/);
  assert.equal(client.withOptions({ timeout: 3 }).timeout, 3);
});

test("options are headers of the call", async () => {
  await using server = await FakeServer.start([{ body: chat() }]);
  const client = new Mesh({ baseURL: server.url, apiKey: "k" });
  await client.chat.completions.create({ model: "m", messages: [] }, {
    headers: options({
      timeoutMs: 1500, priority: "batch", session: "s-1", channel: "preview", idempotencyKey: "i-1", requestId: "r_1",
      clientRequestId: "c-1", traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }),
  });
  const headers = server.asked[0]!.headers;
  assert.equal(headers["x-sm-timeout-ms"], "1500");
  assert.equal(headers["x-sm-priority"], "batch");
  assert.equal(headers["x-sm-session"], "s-1");
  assert.equal(headers["x-sm-channel"], "preview");
  assert.equal(headers["idempotency-key"], "i-1");
  assert.equal(headers["x-request-id"], "r_1");
  assert.equal(headers["x-client-request-id"], "c-1");
  assert.match(String(headers["traceparent"]), /^00-0af/);
  assert.equal(headers["authorization"], "Bearer k");
});

test("what the gateway would ignore or refuse is an error", () => {
  assert.deepEqual(options({}), {});
  for (const said of [
    { timeoutMs: 0 }, { timeoutMs: Number.NaN }, { priority: "urgent" }, { session: "" }, { session: "a b" }, { channel: "Preview" },
    { idempotencyKey: "x".repeat(256) }, { idempotencyKey: "a\nb" }, { requestId: "a.b" }, { requestId: "x".repeat(65) },
    { clientRequestId: "" }, { traceparent: "00-1-2-3" },
  ]) {
    const name = new RegExp(Object.keys(said)[0] ?? "");
    assert.throws(() => options(said as never), (error: Error) => error instanceof ConfigurationError && name.test(error.message));
  }
});
