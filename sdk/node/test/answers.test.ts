import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import OpenAI from "openai";

import { Mesh, QuotaExhausted, ReplayUnavailable, TruncatedStream, cutOf, meta, problem, read } from "../src/index.ts";
import { ERRORS } from "../src/errors.ts";
import { parseGoDuration } from "../src/meta.ts";
import { type Answer, FakeServer, OWN, chat, chunk, refusal } from "./fake.ts";

const HEADERS = {
  ...OWN, "x-request-id": "mine", "x-sm-model": "m-2", "openai-organization": "aurora", "openai-project": "default",
  "x-sm-queue-ms": "12", "x-sm-overhead-ms": "0.345", "openai-processing-ms": "90", "x-sm-attempts": "2", "x-sm-cost-micro": "1234",
  "x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59", "x-ratelimit-reset-requests": "1m0.5s",
  "x-ratelimit-limit-tokens": "1000", "x-ratelimit-remaining-tokens": "0",
};
const USED_UP = {
  message: "used up", type: "insufficient_quota", param: null, code: "insufficient_quota",
  details: { scope: "tenant:aurora", limit: 10, reset_at: "2026-03-29T22:00:00.000000Z" },
};
const QUESTION = { model: "m", messages: [] };

function clientOf(server: FakeServer): Mesh {
  return new Mesh({ baseURL: server.url, apiKey: "k", retry: { attemptsMax: 1 } });
}

test("durations", () => {
  for (const [text, ms] of [["120ms", 120], ["6m0s", 360_000], ["1h2m3.5s", 3_723_500], ["0s", 0]] as const) {
    assert.equal(parseGoDuration(text), ms);
  }
  for (const text of ["", "5", "s", "1m5", "-1s", "1 s"]) assert.equal(parseGoDuration(text), null);
});

test("headers of a response", async () => {
  await using server = await FakeServer.start([{ body: chat(), headers: HEADERS }]);
  const { response } = await clientOf(server).chat.completions.create(QUESTION).withResponse();
  assert.deepEqual(meta(response), {
    requestId: OWN["x-sm-request-id"], clientRequestId: "mine", model: "m-2", tenant: "aurora", project: "default", queueMs: 12,
    overheadMs: 0.345, processingMs: 90, attempts: 2, costMicro: 1234, limitedBy: null, replayed: false,
    requests: { limit: 60, remaining: 59, resetMs: 60_500 }, tokens: { limit: 1000, remaining: 0, resetMs: null },
  });
});

test("what is not there or no number is null", () => {
  const seen = meta(new Response(null, { headers: { "x-sm-request-id": "req_1", "x-request-id": "req_1", "x-sm-queue-ms": "soon" } }));
  assert.equal(seen.clientRequestId, null);
  assert.equal(seen.queueMs, null);
  assert.equal(seen.requests, null);
});

test("an answer that a limit ended", async () => {
  await using server = await FakeServer.start([{ body: chat("x", { sm_limit: USED_UP }) }, { body: chat() }]);
  const cut = cutOf(await clientOf(server).chat.completions.create(QUESTION));
  assert.equal(cut?.scope, "tenant:aurora");
  assert.equal(cut.resetAt?.toISOString(), "2026-03-29T22:00:00.000Z");
  assert.equal(cutOf(await clientOf(server).chat.completions.create(QUESTION)), null);
});

// Codes that stay the SDK's own classes: mistakes in the request, and the admin API's.
const PLAIN = new RegExp(
  "^(invalid_(json|type|value)|duplicate_key|nesting_too_deep|missing_\\w+|unsupported_\\w+|empty_array|integer_\\w+|string_\\w+|array_\\w+" +
    "|unknown_\\w+|not_found|method_not_supported|request_\\w+|conflict|precondition_failed|client_closed|internal_error)$",
);
const DOCUMENTED = [...readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8").matchAll(/^\| (\d{3}) \| `(\w+)` \|/gm)]
  .map(([, status, code]) => ({ status: Number(status), code: code ?? "" }))
  .filter(({ code }) => code !== "null");

async function failure(answer: Answer): Promise<unknown> {
  await using server = await FakeServer.start([answer]);
  return await clientOf(server).chat.completions.create(QUESTION).then(() => assert.fail("no error"), (error: unknown) => error);
}

test("every documented code has a class or stays plain", async () => {
  assert.ok(DOCUMENTED.length > 40);
  const named = DOCUMENTED.filter(({ code }) => !PLAIN.test(code));
  assert.deepEqual(Object.keys(ERRORS).sort(), named.map(({ code }) => code).sort());
  for (const { status, code } of named) {
    const error = await failure(refusal(status, code));
    assert.equal((error as Error).constructor, ERRORS[code]);
    assert.ok(error instanceof OpenAI.APIError && error.code === code && error.status === status);
    assert.equal(problem(error).requestId, OWN["x-sm-request-id"]);
  }
});

test("a used-up budget says until when", async () => {
  const error = await failure(refusal(429, "insufficient_quota", { "retry-after": "30", "x-should-retry": "false" }, USED_UP.details));
  assert.ok(error instanceof QuotaExhausted && error instanceof OpenAI.RateLimitError);
  assert.equal(error.problem.resetAt?.toISOString(), "2026-03-29T22:00:00.000Z");
  assert.equal(error.problem.retryAfterMs, 30_000);
  assert.equal(error.problem.shouldRetry, false);
  assert.equal(error.problem.limit, 10);
});

test("a repeated key says what the first request came to", async () => {
  const error = await failure(refusal(400, "idempotency_replay_unavailable", {}, { rid: "req_2", finish: "stop", usage: { total_tokens: 5 } }));
  assert.ok(error instanceof ReplayUnavailable);
  assert.equal(error.problem.firstRequestId, "req_2");
  assert.equal(error.problem.finish, "stop");
  assert.equal(error.problem.usage?.["total_tokens"], 5);
});

test("other servers' errors stay what they are", async () => {
  for (const body of ["no object", { error: "text" }, { error: { code: 7 } }]) {
    const error = await failure({ status: 503, body });
    assert.equal((error as Error).constructor, OpenAI.InternalServerError);
  }
  const error = await failure({ status: 404, body: { error: { code: "queue_full", message: "of another status" } } });
  assert.equal((error as Error).constructor, OpenAI.NotFoundError);
});

async function reading(events: unknown[]) {
  await using server = await FakeServer.start([{ events, headers: { ...OWN, "x-sm-model": "m-2" } }]);
  const seen = await read(clientOf(server).chat.completions.create({ ...QUESTION, stream: true }));
  let text = "";
  for await (const each of seen) text += each.choices[0]?.delta.content ?? "";
  return { seen, text };
}

test("a whole stream", async () => {
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  const { seen, text } = await reading([chunk("a"), chunk("b"), chunk(undefined, "stop"), { ...chunk(), choices: [], usage }, "[DONE]"]);
  assert.equal(text, "ab");
  assert.deepEqual([...seen.finishReasons], [[0, "stop"]]);
  assert.equal(seen.usage?.total_tokens, 5);
  assert.equal(seen.cut, null);
  assert.equal(seen.meta.model, "m-2");
});

test("a stream that a limit ended", async () => {
  const { seen } = await reading([chunk("a"), chunk(undefined, "length", 0, { sm_limit: USED_UP }), "[DONE]"]);
  assert.equal(seen.cut?.code, "insufficient_quota");
});

test("a stream that only stops is not an answer", async () => {
  for (const events of [[], [chunk("a")], [chunk("a"), chunk("b", null, 1), chunk(undefined, "stop")]]) {
    await assert.rejects(reading(events), TruncatedStream);
  }
});

test("an error within says its code", async () => {
  await assert.rejects(reading([chunk("a"), { error: { ...USED_UP, details: { request_id: "req_7" } } }]), (error: unknown) => {
    assert.ok(error instanceof OpenAI.APIError);
    assert.equal(problem(error).code, "insufficient_quota");
    return true;
  });
});

const RID = `req_${"a".repeat(32)}`;

test("one request of one's own", async () => {
  const own = { object: "request", id: RID, model: "m-2", class: "batch", queue_ms: 12.5, rule: "borrowed", refused: null };
  await using server = await FakeServer.start([{ body: own }]);
  assert.deepEqual(await clientOf(server).mesh.request(RID), own);
  assert.equal(server.asked[0]?.path, `/v1/requests/${RID}`);
  for (const wrong of ["", "req_", "req_../usage"]) await assert.rejects(clientOf(server).mesh.request(wrong), TypeError);
  assert.equal(server.asked.length, 1);
});

test("usage, page after page", async () => {
  const page = (group: string, next: string | null) => ({ body: { object: "list", data: [{ group }], has_more: next !== null, next } });
  await using server = await FakeServer.start([page("m", "m"), page("a", null), page("r", null)]);
  const client = clientOf(server);
  const groups: string[] = [];
  for await (const sum of client.mesh.usages({ groupBy: "model", from: "2026-11-01", until: new Date("2026-11-25T08:00:00Z") })) {
    groups.push(sum.group);
  }
  assert.deepEqual(groups, ["m", "a"]);
  assert.equal(server.asked[0]?.path, "/v1/usage?group_by=model&from=2026-11-01&until=2026-11-25T08%3A00%3A00.000Z");
  assert.equal(server.asked[1]?.path, `${server.asked[0]?.path}&before=m`);
  for await (const one of client.mesh.requestUsages()) assert.ok(one);
  assert.equal(server.asked[2]?.path, "/v1/usage/export");
});
