import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Client } from "../api/client";
import type { Deliveries, Webhook } from "../api/types";
import { outcomeOf, patternsOf, receivers, watchTest, WATCH_MS } from "./webhooks";

const NONE: Deliveries = { delivered: 3, retried: 1, dropped: 0, waiting: 0, last_status: 204, last_error: null, last_at: null };
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });

test("patterns are kinds and beginnings of kinds", () => {
  expect(patternsOf("limit.*, rollout.rolled_back audit.rotate-key limit.*")).toEqual(["limit.*", "rollout.rolled_back", "audit.rotate-key"]);
  expect(patternsOf("*")).toEqual(["*"]);
  expect(patternsOf(" ,")).toEqual([]);
  for (const none of ["budget*", "Budget.*", ".*", "budget.", "budget.*.x", "a, <b>"]) expect(patternsOf(none), none).toBeNull();
});

test("what came of a delivery is in the counts", () => {
  expect(outcomeOf(NONE, NONE)).toBe("waiting");
  expect(outcomeOf(NONE, { ...NONE, waiting: 1 })).toBe("waiting");
  expect(outcomeOf(NONE, { ...NONE, retried: 2, last_error: "503" })).toBe("retried");
  expect(outcomeOf(NONE, { ...NONE, retried: 2, delivered: 4 })).toBe("delivered");
  expect(outcomeOf(NONE, { ...NONE, dropped: 1, last_error: "503" })).toBe("dropped");
});

test("what waited before a test is not taken for it", () => {
  const busy = { ...NONE, waiting: 2 };
  expect(outcomeOf(busy, { ...busy, delivered: 4, waiting: 2 })).toBe("waiting");
  expect(outcomeOf(busy, { ...busy, delivered: 4, retried: 2, last_error: "503" })).toBe("waiting");
  expect(outcomeOf(busy, { ...busy, delivered: 4, dropped: 1, waiting: 1 })).toBe("waiting");
  expect(outcomeOf(busy, { ...busy, delivered: 5, dropped: 1, waiting: 0 })).toBe("delivered");
  expect(outcomeOf(busy, { ...busy, delivered: 5, dropped: 1, waiting: 0, last_error: "503" })).toBe("dropped");
});

describe("a test", () => {
  // A server whose answers are these, the last one for ever.
  const watching = (answers: Deliveries[]) => {
    const fetch_ = vi.fn(async (_url: string) => json({ deliveries: answers.length > 1 ? answers.shift() : answers[0] }));
    const client = new Client(fetch_);
    const told: number[] = [];
    const watch = { read: () => client.get<Webhook>("webhooks/1"), pause: async () => {}, tell: (ms: number) => void told.push(ms), stopped: () => false };
    return { fetch_, told, watch };
  };
  test("is looked at until something came of it", async () => {
    const { fetch_, told, watch } = watching([NONE, NONE, { ...NONE, delivered: 4 }]);
    expect((await watchTest(NONE, watch)).outcome).toBe("delivered");
    expect(fetch_).toHaveBeenCalledTimes(3);
    expect(fetch_.mock.calls[0]![0]).toBe("/api/v1/webhooks/1");
    expect(told).toEqual([1_000, 2_000, 3_000]);
  });
  test("says how it failed", async () => {
    const { watch } = watching([{ ...NONE, retried: 2, last_status: 503, last_error: "the receiver answered 503" }]);
    const { outcome, hook } = await watchTest(NONE, watch);
    expect([outcome, hook?.deliveries.last_status]).toEqual(["retried", 503]);
  });
  test("is not waited for without end", async () => {
    const { fetch_, watch } = watching([NONE]);
    expect((await watchTest(NONE, watch)).outcome).toBe("waiting");
    expect(fetch_).toHaveBeenCalledTimes(WATCH_MS / 1_000);
  });
  test("is not looked at by a page that is gone", async () => {
    const { fetch_, watch } = watching([NONE]);
    await watchTest(NONE, { ...watch, stopped: () => true });
    expect(fetch_).not.toHaveBeenCalled();
  });
});

describe("the receiver for Node", () => {
  const ending: (() => void)[] = [];
  afterEach(() => ending.splice(0).forEach((end) => end()));
  async function started(secret: string): Promise<string> {
    const text = receivers().find(({ name }) => name === "Node")!.text;
    expect(text).toContain(".listen(8000);");
    const program = text.replace(".listen(8000);", ".listen(0, '127.0.0.1', function () { console.log(this.address().port); });");
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], { env: { ...process.env, WEBHOOK_SECRET: secret }, stdio: ["ignore", "pipe", "inherit"] });
    ending.push(() => child.kill());
    const port = await new Promise<string>((resolve) => child.stdout.once("data", (text: Buffer) => resolve(text.toString().trim())));
    return `http://127.0.0.1:${port}/`;
  }
  const post = async (url: string, key: Buffer, change: { moment?: number; signature?: string } = {}) => {
    const [id, moment, body] = ["msg_1", change.moment ?? Math.floor(Date.now() / 1_000), '{"type":"test"}'];
    const signature = change.signature ?? "v1," + createHmac("sha256", key).update(`${id}.${moment}.${body}`).digest("base64");
    return (await fetch(url, { method: "POST", body, headers: { "webhook-id": id, "webhook-timestamp": String(moment), "webhook-signature": signature } })).status;
  };
  test("takes what is signed, and nothing else", async () => {
    const key = Buffer.from("0123456789abcdef");
    const url = await started("whsec_" + key.toString("base64"));
    expect(await post(url, key)).toBe(204);
    expect(await post(url, Buffer.from("another secret..."))).toBe(401);
    expect(await post(url, key, { moment: 1_000 })).toBe(401);
    expect(await post(url, key, { signature: "v1,AAAA v1," })).toBe(401);
    expect((await fetch(url, { method: "POST", body: "{}" })).status).toBe(401);
  });
});
