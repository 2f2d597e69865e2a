import { expect, test, vi } from "vitest";
import { ApiError } from "./client";
import { follow, type Following, type Source, type Wait } from "./follow";

const denied = new ApiError(403, "insufficient_permissions", "not for you");
const full = new ApiError(429, "rate_limit_exceeded", "too many streams");
const broken = new ApiError(0, "unreachable", "");

// What was said, and how long it waited, until it stood still or was stopped after so many waits.
async function run(stream: Source["stream"], poll = async () => {}, waits = 15) {
  const [said, waited, stop]: [Following[], number[], AbortController] = [[], [], new AbortController()];
  const rest: Wait = async (ms) => {
    waited.push(ms);
    if (waited.length >= waits) stop.abort();
  };
  await follow({ stream, poll }, (state) => said.push(state), stop.signal, rest);
  return { said, waited };
}

test("a stream that ends is opened again", async () => {
  const stream = vi.fn(async (heard: () => void) => heard());
  const { said, waited } = await run(stream, undefined, 3);
  expect(stream).toHaveBeenCalledTimes(3);
  expect(said).toEqual(Array(3).fill(["connecting", "streaming"]).flat());
  expect(waited).toEqual([1_000, 1_000, 1_000]);
});

test("a server that is not there is asked less and less often", async () => {
  const { waited } = await run(async () => Promise.reject(broken), undefined, 7);
  expect(waited).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test("a server that refuses the caller is not asked again", async () => {
  const stream = vi.fn(async () => Promise.reject(denied));
  expect((await run(stream)).said).toEqual(["connecting", "refused"]);
  expect(stream).toHaveBeenCalledOnce();
});

test("where no stream is to be had it asks again and again, and tries the stream now and then", async () => {
  const stream = vi.fn(async () => Promise.reject(full));
  const poll = vi.fn(async () => {});
  const { said } = await run(stream, poll, 12);
  expect(said.slice(0, 3)).toEqual(["connecting", "polling", "polling"]);
  expect(poll).toHaveBeenCalledTimes(11);
  expect(stream).toHaveBeenCalledTimes(2);
});

test("polling ends where the server refuses the caller", async () => {
  const poll = vi.fn(async () => Promise.reject(denied));
  expect((await run(async () => Promise.reject(new ApiError(0, "no_stream", "")), poll)).said).toEqual(["connecting", "refused"]);
  expect(poll).toHaveBeenCalledOnce();
});
