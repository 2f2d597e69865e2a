import { describe, expect, test, vi } from "vitest";
import { ApiError, Client, query } from "./client";
import type { Session } from "./types";

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status });
const refused = (status: number, message: string, param: string | null = null) =>
  json({ error: { message, type: "invalid_request_error", param, code: "conflict" } }, status);
const session: Session = { csrf_token: "c5rf", user: null, may: [] };
const headersOf = (mock: { mock: { calls: unknown[][] } }, call = 0) => (mock.mock.calls[call]![1] as RequestInit).headers as Record<string, string>;

describe("a write", () => {
  test("carries the token, or the session's CSRF token, and what the caller has seen", async () => {
    const fetch_ = vi.fn(async () => json({}));
    const client = new Client(fetch_);
    client.useToken("t0ken");
    await client.call("PATCH", "tenants/x", { body: {}, revision: 7 });
    expect(headersOf(fetch_)).toMatchObject({ authorization: "Bearer t0ken", "if-match": '"7"' });
    expect(headersOf(fetch_)).not.toHaveProperty("x-sm-csrf");
    client.useSession(session);
    await client.call("POST", "keys", { body: {} });
    expect(headersOf(fetch_, 1)).toMatchObject({ "x-sm-csrf": "c5rf" });
    expect(headersOf(fetch_, 1)).not.toHaveProperty("authorization");
  });
});

describe("an error", () => {
  test("is what the server says, with what it is about", async () => {
    const client = new Client(async () => refused(409, "the host 'a' is taken", "hosts"));
    await expect(client.get("tenants")).rejects.toMatchObject({ status: 409, message: "the host 'a' is taken", param: "hosts" });
  });
  test("that is no JSON is still one", async () => {
    const client = new Client(async () => new Response("<html>bad gateway", { status: 502 }));
    await expect(client.get("tenants")).rejects.toMatchObject({ status: 502, message: "<html>bad gateway" });
  });
  test("of the network is no answer of the server", async () => {
    const client = new Client(async () => Promise.reject(new TypeError("failed to fetch")));
    await expect(client.get("tenants")).rejects.toMatchObject({ status: 0, code: "unreachable" });
  });
  test("401 tells that the session is over, unless nobody was signed in", async () => {
    const client = new Client(async () => refused(401, "who are you"));
    client.onSignedOut = vi.fn();
    await expect(client.get("session")).rejects.toBeInstanceOf(ApiError);
    expect(client.onSignedOut).not.toHaveBeenCalled();
    client.useToken("old");
    await expect(client.get("tenants")).rejects.toBeInstanceOf(ApiError);
    expect(client.onSignedOut).toHaveBeenCalledOnce();
  });
});

describe("a stream", () => {
  const events = 'event: live\nid: 7\ndata: {"a":1}\n\n';
  const stream = (type: string) => new Response(events, { headers: { "content-type": type } });
  test("tells its events, and says what was heard last", async () => {
    const fetch_ = vi.fn(async () => stream("text/event-stream; charset=utf-8"));
    const told: unknown[] = [];
    await new Client(fetch_).events("live", (event) => told.push(event), new AbortController().signal, "6");
    expect(told).toEqual([{ event: "live", id: "7", data: '{"a":1}' }]);
    expect(headersOf(fetch_)).toMatchObject({ accept: "text/event-stream", "last-event-id": "6" });
  });
  test("that is none is an error of its own, so that somebody asks again and again instead", async () => {
    const client = new Client(async () => stream("application/json"));
    await expect(client.events("live", () => {}, new AbortController().signal)).rejects.toMatchObject({ code: "no_stream" });
  });
  test("in which nothing comes any more is broken", async () => {
    vi.useFakeTimers();
    const silent = (_: string, init: RequestInit) =>
      new Promise<Response>((_resolve, reject) => init.signal!.addEventListener("abort", () => reject(new Error("aborted"))));
    const heard = expect(new Client(silent).events("live", () => {}, new AbortController().signal)).rejects.toMatchObject({ code: "timeout" });
    await vi.advanceTimersByTimeAsync(40_000);
    await heard;
    vi.useRealTimers();
  });
});

describe("a list", () => {
  const pages = (url: string) => {
    const after = new URL(url, "http://x").searchParams.get("after");
    return after === null ? json({ data: [1, 2], has_more: true, next: "b/2" }) : json({ data: [after], has_more: false, next: null });
  };
  test("is read to its end", async () => {
    const fetch_ = vi.fn(async (url: string) => pages(url));
    const list = await new Client(fetch_).list("keys?tenant=a");
    expect(list).toEqual({ data: [1, 2, "b/2"], complete: true });
    expect(fetch_.mock.calls.map(([url]) => url)).toEqual(["/api/v1/keys?tenant=a&limit=1000", "/api/v1/keys?tenant=a&limit=1000&after=b%2F2"]);
  });
  test("says when it is longer than anybody can look at", async () => {
    const list = await new Client(async (url) => pages(url)).list("keys", 2);
    expect(list).toEqual({ data: [1, 2], complete: false });
  });
});

test("a query has what is said, escaped", () => {
  expect(query({ tenant: "a&b", by: "", from: undefined, limit: 5 })).toBe("?tenant=a%26b&limit=5");
  expect(query({ by: "" })).toBe("");
});
