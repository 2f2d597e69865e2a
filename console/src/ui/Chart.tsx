import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { short } from "../lib/format";

// Bars over names. The picture is for the eye; the same figures stand in a table on each page, which
// screen readers are given instead.
export function Bars({ label, names, series, height = 220 }: {
  label: string;
  names: string[];
  series: { name: string; values: number[]; colour: "one" | "two" }[];
  height?: number;
}) {
  const frame = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const place = frame.current;
    if (!place) return;
    let plot: uPlot | null = null;
    const draw = () => {
      plot?.destroy();
      const style = getComputedStyle(document.documentElement);
      const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
      const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 } };
      const bars = uPlot.paths.bars!({ size: [0.7, 60] });
      // Stacked: the first is drawn behind, as the sum.
      const stacked = series.map((_, i) => names.map((_, n) => series.slice(i).reduce((sum, one) => sum + (one.values[n] ?? 0), 0)));
      plot = new uPlot(
        {
          width: place.clientWidth,
          height,
          legend: { show: false },
          cursor: { show: false },
          scales: { x: { time: false, range: [-0.6, Math.max(names.length, 1) - 0.4] }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
          axes: [
            { ...axis, grid: { show: false }, splits: () => names.map((_, i) => i), values: (_, splits) => shown(names, splits, place.clientWidth) },
            { ...axis, size: 56, values: (_, ticks) => ticks.map(short) },
          ],
          series: [{}, ...series.map((one) => ({ paths: bars, fill: colour(`chart-${one.colour}`), width: 0, points: { show: false } }))],
        },
        [names.map((_, i) => i), ...stacked],
        place,
      );
    };
    draw();
    const watcher = new ResizeObserver(draw);
    watcher.observe(place);
    window.addEventListener("sm-theme", draw);
    return () => {
      watcher.disconnect();
      window.removeEventListener("sm-theme", draw);
      plot?.destroy();
    };
  }, [names, series, height]);
  return (
    <figure className="chart">
      <div ref={frame} aria-hidden="true" className={`chart-frame h${height}`} />
      <figcaption>
        <span className="hidden">{label}</span>
        {series.map((one) => (
          <span key={one.name} className="legend"><i className={`dot ${one.colour}`} aria-hidden="true" />{one.name}</span>
        ))}
      </figcaption>
    </figure>
  );
}

// Names that would overlap are left out.
function shown(names: string[], splits: number[], width: number): string[] {
  const longest = Math.max(...names.map((name) => name.length), 1);
  const room = Math.max(1, Math.floor(width / (longest * 7.5 + 14)));
  const step = Math.ceil(names.length / room);
  return splits.map((i) => (i % step === 0 ? (names[i] ?? "") : ""));
}
