import type { Live } from "../api/types";

export const POINTS_MAX = 300; // five minutes of one a second

// What the charts of the overview draw: the last points, oldest first. A point that is told twice (after
// a reconnection) stands once, and a gap stays a gap.
interface LiveSeries {
  at: number[];
  points: Live[];
}
export const NO_POINTS: LiveSeries = { at: [], points: [] };

export function withPoint(series: LiveSeries, point: Live): LiveSeries {
  const at = Date.parse(point.at) / 1_000;
  if (Number.isNaN(at) || at <= (series.at.at(-1) ?? 0)) return series;
  return { at: [...series.at, at].slice(-POINTS_MAX), points: [...series.points, point].slice(-POINTS_MAX) };
}
