import { expect, test } from "vitest";
import type { Explanation } from "../api/types";
import { microseconds, timelineOf } from "./timeline";

const intent = { opened_at: "2026-11-26T19:40:29.049822Z", engine: "gpu-1" } as NonNullable<Explanation["intent"]>;
const settle = { settled_at: "2026-11-26T19:40:29.066021Z", booked_at: "2026-11-26T19:40:29.112320Z" } as NonNullable<Explanation["settle"]>;

test("times keep their microseconds", () => {
  expect(microseconds("2026-11-26T19:40:29.066021Z") - microseconds("2026-11-26T19:40:29.049822Z")).toBe(16_199);
  expect(microseconds("2026-11-26T19:40:29.5Z") - microseconds("2026-11-26T19:40:29Z")).toBe(500_000);
  expect(microseconds("yesterday")).toBeNaN();
});

test("a request that has ended: what it waited, ran and was booked, one behind the other", () => {
  const it = { id: "r", state: "settled", intent, settle, scheduling: { attempts: [{ engine: "gpu-1", outcome: "ok", waited_us: 601, rule: "at_once" }] } };
  const { phases, total_us } = timelineOf(it, new Date());
  expect(phases.map((phase) => [phase.kind, phase.begin_us, phase.length_us])).toEqual([
    ["waited", 0, 601], ["engine", 601, 16_199], ["booked", 16_800, 46_299],
  ]);
  expect(total_us).toBe(63_099);
});

test("one that runs goes up to now, and one of which only its placing is known has no times", () => {
  const running = timelineOf({ id: "r", state: "open", intent, settle: null }, new Date("2026-11-26T19:40:30.049Z"));
  expect(running.phases).toEqual([{ kind: "running", begin_us: 0, length_us: 999_178, note: "gpu-1" }]);
  expect(timelineOf({ id: "r", state: "waiting" }, new Date()).phases).toEqual([]);
});
