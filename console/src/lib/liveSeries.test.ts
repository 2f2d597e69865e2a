import { expect, test } from "vitest";
import type { Live } from "../api/types";
import { NO_POINTS, POINTS_MAX, withPoint } from "./liveSeries";

const point = (at: number): Live => ({
  at: new Date(at * 1_000).toISOString(), requests_per_s: at, output_tokens_per_s: 0, errors_per_s: 0, ttft_ms: null, running: 0, waiting: 0, tenants: [],
});

test("the last points are kept, in order, each once", () => {
  let series = NO_POINTS;
  for (let at = 1; at <= POINTS_MAX + 5; ++at) series = withPoint(series, point(at));
  expect(series.at).toHaveLength(POINTS_MAX);
  expect(series.at[0]).toBe(6);
  expect(withPoint(series, point(POINTS_MAX + 5))).toBe(series);
  expect(withPoint(series, { ...point(1), at: "yesterday" })).toBe(series);
});
