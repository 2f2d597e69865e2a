import { expect, test, vi } from "vitest";
import { ApiError } from "../api/client";
import { isRefusal, PAUSE_MS, TRIES_MAX, untilLookedAt } from "./trying";

const failing = (status: number) => new ApiError(status, "", "no");

test("only a server that has looked refuses", () => {
  expect([0, 400, 401, 403, 404, 408, 409, 412, 429, 500, 503].filter((status) => isRefusal(failing(status)))).toEqual([400, 403, 404, 409, 412]);
  expect(isRefusal(new TypeError())).toBe(false);
});

test("what the server had no time for is asked again after a pause", async () => {
  const ask = vi.fn<() => Promise<string>>().mockRejectedValueOnce(failing(429)).mockRejectedValueOnce(failing(408)).mockResolvedValue("done");
  const pause = vi.fn(async () => {});
  expect(await untilLookedAt(ask, pause)).toBe("done");
  expect(pause.mock.calls).toEqual([[PAUSE_MS], [PAUSE_MS]]);
});

test("it is not asked without end, nor again when the answer is no", async () => {
  const busy = vi.fn(() => Promise.reject(failing(429)));
  await expect(untilLookedAt(busy, async () => {})).rejects.toThrow("no");
  expect(busy).toHaveBeenCalledTimes(TRIES_MAX);
  const refused = vi.fn(() => Promise.reject(failing(409)));
  await expect(untilLookedAt(refused, async () => {})).rejects.toThrow("no");
  expect(refused).toHaveBeenCalledTimes(1);
});
