import { expect, test, vi } from "vitest";
import type { PlatformEvent } from "../api/types";
import { EVENTS_MAX, newerThan, targetOf, withEvents } from "./events";

const event = (more: Partial<PlatformEvent>): PlatformEvent => ({ id: "1", at: "2026-11-27T00:00:00Z", kind: "engine.state", severity: "info", subject: "engines/gpu-1", text: "", ...more });

test("an event leads to what it is about", () => {
  expect(targetOf(event({}))).toBe("/engines/gpu-1");
  expect(targetOf(event({ subject: "engines/org/gpu 1" }))).toBe("/engines/org%2Fgpu%201");
  expect(targetOf(event({ kind: "rollout.promoted", subject: "rollouts/llama" }))).toBe("/routes/llama");
  expect(targetOf(event({ kind: "config.reload", subject: "" }))).toBe("/settings");
  expect(targetOf(event({ kind: "limit.threshold", subject: "limits/01J", tenant: "aurora" }))).toBe("/limits?tenant=aurora");
  expect(targetOf(event({ kind: "disk.low", subject: "" }))).toBe(null);
});

test("new events come first, each once, and no more than a page keeps", () => {
  const old = event({ id: "1" });
  const fresh = event({ id: "2", at: "2026-11-27T00:00:01Z" });
  expect(withEvents([old], [fresh, old])).toEqual([fresh, old]);
  const same = [old];
  expect(withEvents(same, [old])).toBe(same);
  const many = Array.from({ length: EVENTS_MAX + 1 }, (_, i) => event({ id: String(i) }));
  expect(withEvents([], many)).toHaveLength(EVENTS_MAX);
});

// A server's list: so many events, the newest first.
function list(newest: number) {
  return vi.fn(async (limit: number, after: string | null) => {
    const from = after === null ? newest : Number(after) - 1;
    const data = Array.from({ length: Math.min(limit, from) }, (_, i) => event({ id: String(from - i) }));
    return { data, has_more: data.length < from, next: data.at(-1)?.id ?? null };
  });
}
const ids = (events: PlatformEvent[]) => events.map((one) => one.id);

test("where nothing is new one short page is read", async () => {
  const read = list(5_000);
  expect(await newerThan("5000", read)).toEqual([]);
  expect(read.mock.calls).toEqual([[20, null]]);
  expect(ids(await newerThan("4998", read))).toEqual(["5000", "4999"]);
  expect(read).toHaveBeenCalledTimes(2);
});

test("many new ones are read as far as the last that is known", async () => {
  const read = list(5_000);
  expect(ids(await newerThan("3500", read))).toEqual(Array.from({ length: 1_500 }, (_, i) => String(5_000 - i)));
  expect(read).toHaveBeenCalledTimes(3);
});

test("who knows none yet reads one page", async () => {
  const read = list(5_000);
  expect(await newerThan("", read)).toHaveLength(1_000);
  expect(read).toHaveBeenCalledOnce();
});

test("no more is read than a page keeps", async () => {
  const read = list(50_000);
  expect((await newerThan("1", read)).length).toBeLessThanOrEqual(EVENTS_MAX + 20);
});

test("ids of many digits are told apart", () => {
  const [old, fresh] = [event({ id: "9007199254740992" }), event({ id: "9007199254740993" })];
  expect(ids(withEvents([old], [fresh]))).toEqual(["9007199254740993", "9007199254740992"]);
  expect(ids(withEvents([event({ id: "9" })], [event({ id: "10" })]))).toEqual(["10", "9"]);
});
