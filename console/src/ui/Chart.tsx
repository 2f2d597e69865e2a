import { useEffect, useMemo, useRef, type RefObject } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock, short } from "../lib/format";

// Pictures are for the eye; the same figures stand in a table or in text on each page, which screen readers
// are given instead.
interface Named {
  name: string;
  colour: "one" | "two" | "three";
}

type Colour = (name: string) => string;

// Draws into `frame`, anew when its size, the colours of the page or `options` change; other data are drawn into
// what is there.
function usePlot(frame: RefObject<HTMLDivElement | null>, options: (colour: Colour, width: number) => Omit<uPlot.Options, "width">, data: uPlot.AlignedData) {
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(data);
  latest.current = data;
  useEffect(() => {
    const place = frame.current;
    if (!place) return;
    const draw = () => {
      plot.current?.destroy();
      const style = getComputedStyle(document.documentElement);
      const width = place.clientWidth;
      const bare = { legend: { show: false }, cursor: { show: false } };
      plot.current = new uPlot({ ...bare, ...options((name) => style.getPropertyValue(`--${name}`).trim(), width), width }, latest.current, place);
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
  }, [frame, options]);
  useEffect(() => plot.current?.setData(data), [data]);
}

const axis = (colour: Colour) => ({ stroke: colour("muted"), grid: { stroke: colour("line"), width: 1 } });
const fromZero: uPlot.Scale = { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] };

function Figure({ label, frame, height, series }: { label: string; frame: RefObject<HTMLDivElement | null>; height: number; series: Named[] }) {
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

const BARS_HEIGHT = 220; // px, as app.css has it

// Bars over names, stacked: the first is drawn behind, as the sum.
export function Bars({ label, names, series }: { label: string; names: string[]; series: (Named & { values: number[] })[] }) {
  const frame = useRef<HTMLDivElement>(null);
  const colours = series.map((one) => one.colour).join(" ");
  const options = useMemo(() => (colour: Colour, width: number) => {
    const ticks = { stroke: colour("line"), width: 1 };
    const paths = uPlot.paths.bars!({ size: [0.7, 60] });
    return {
      height: BARS_HEIGHT,
      scales: { x: { time: false, range: [-0.6, Math.max(names.length, 1) - 0.4] as uPlot.Range.MinMax }, y: fromZero },
      axes: [
        { ...axis(colour), ticks, grid: { show: false }, splits: () => names.map((_, i) => i), values: (_: uPlot, splits: number[]) => shown(names, splits, width) },
        { ...axis(colour), ticks, size: 56, values: (_: uPlot, splits: number[]) => splits.map(short) },
      ],
      series: [{}, ...colours.split(" ").map((name) => ({ paths, fill: colour(`chart-${name}`), width: 0, points: { show: false } }))],
    };
  }, [names, colours]);
  const data = useMemo<uPlot.AlignedData>(
    () => [names.map((_, i) => i), ...series.map((_, i) => names.map((_, n) => series.slice(i).reduce((sum, one) => sum + (one.values[n] ?? 0), 0)))],
    [names, series],
  );
  usePlot(frame, options, data);
  return <Figure label={label} frame={frame} height={BARS_HEIGHT} series={series} />;
}

// Names that would overlap are left out.
function shown(names: string[], splits: number[], width: number): string[] {
  const longest = Math.max(...names.map((name) => name.length), 1);
  const room = Math.max(1, Math.floor(width / (longest * 7.5 + 14)));
  const step = Math.ceil(names.length / room);
  return splits.map((i) => (i % step === 0 ? (names[i] ?? "") : ""));
}

const LINES_HEIGHT = 120; // px, as app.css has it

// Lines over time, the newest at the right.
export function Lines({ label, at, series, value = short }: {
  label: string;
  at: number[]; // seconds since 1970
  series: (Named & { values: (number | null)[] })[];
  value?: (value: number) => string;
}) {
  const frame = useRef<HTMLDivElement>(null);
  const colours = series.map((one) => one.colour).join(" ");
  const options = useMemo(() => (colour: Colour) => {
    const ticks = { show: false };
    return {
      height: LINES_HEIGHT,
      scales: { y: fromZero },
      axes: [
        { ...axis(colour), ticks, size: 28, space: 90, values: (_: uPlot, splits: number[]) => splits.map(clock) },
        { ...axis(colour), ticks, size: 52, space: 24, values: (_: uPlot, splits: number[]) => splits.map(value) },
      ],
      series: [{}, ...colours.split(" ").map((name) => ({ stroke: colour(`chart-${name}`), width: 2, points: { show: false } }))],
    };
  }, [colours, value]);
  const data = useMemo<uPlot.AlignedData>(() => [at, ...series.map((one) => one.values)], [at, series]);
  usePlot(frame, options, data);
  return <Figure label={label} frame={frame} height={LINES_HEIGHT} series={series} />;
}
