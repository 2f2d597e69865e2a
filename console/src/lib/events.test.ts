import { expect, test } from "vitest";
import type { PlatformEvent } from "../api/types";
import { EVENTS_MAX, targetOf, withEvents } from "./events";

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
