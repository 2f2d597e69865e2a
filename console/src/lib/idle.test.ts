import { expect, test } from "vitest";
import { IDLE_MS, Presence } from "./idle";

test("who touches nothing is away, and back at the first touch", () => {
  let now = 0;
  const presence = new Presence(() => now);
  now = IDLE_MS - 1;
  expect(presence.isAway()).toBe(false);
  expect(presence.touch()).toBe(false);
  now += IDLE_MS;
  expect(presence.isAway()).toBe(true);
  expect(presence.touch()).toBe(true);
  expect(presence.isAway()).toBe(false);
});
