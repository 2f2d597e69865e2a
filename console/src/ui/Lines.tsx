import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock, short } from "../lib/format";

const HEIGHT = 120;

// Lines over time, the newest at the right. For the eye; the figures of now stand beside it in text.
export function Lines({ label, at, series, value = short }: {
  label: string;
  at: number[]; // seconds since 1970
  series: { name: string; values: (number | null)[]; colour: "one" | "two" | "three" }[];
  value?: (value: number) => string;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data = useMemo<uPlot.AlignedData>(() => [at, ...series.map((one) => one.values)], [at, series]);
  const latest = useRef(data);
  latest.current = data;
  const colours = series.map((one) => one.colour).join(" ");
  useEffect(() => {
    const place = frame.current;
    if (!place) return;
    const draw = () => {
      plot.current?.destroy();
      const style = getComputedStyle(document.documentElement);
      const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
      const axis = { stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } };
      plot.current = new uPlot(
        {
          width: place.clientWidth,
          height: HEIGHT,
          legend: { show: false },
          cursor: { show: false },
          scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
          axes: [{ ...axis, size: 28, space: 90, values: (_, ticks) => ticks.map(clock) }, { ...axis, size: 52, space: 24, values: (_, ticks) => ticks.map(value) }],
          series: [{}, ...colours.split(" ").map((name) => ({ stroke: colour(`chart-${name}`), width: 2, points: { show: false } }))],
        },
        latest.current,
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
      plot.current?.destroy();
      plot.current = null;
    };
  }, [colours, value]);
  useEffect(() => plot.current?.setData(data), [data]);
  return (
    <figure className="chart">
      <div ref={frame} aria-hidden="true" className="chart-frame h120" />
      <figcaption>
        <span className="hidden">{label}</span>
        {series.map((one) => (
          <span key={one.name} className="legend"><i className={`dot ${one.colour}`} aria-hidden="true" />{one.name}</span>
        ))}
      </figcaption>
    </figure>
  );
}
