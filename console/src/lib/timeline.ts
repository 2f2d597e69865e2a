import type { Explanation } from "../api/types";

// What a request's time went to, from its opening in the ledger on.
interface Phase {
  kind: "waited" | "engine" | "booked" | "running";
  begin_us: number;
  length_us: number;
  note: string; // "gpu-1"
}
export interface Timeline {
  phases: Phase[];
  total_us: number;
}

// "…:29.049822Z" in microseconds: Date knows milliseconds only.
export function microseconds(text: string): number {
  const match = /^(.*:\d\d)(?:\.(\d{1,6}))?Z$/.exec(text);
  if (!match) return Number.NaN;
  return Date.parse(`${match[1]}Z`) * 1_000 + Number((match[2] ?? "").padEnd(6, "0"));
}

export function timelineOf(it: Explanation, now: Date): Timeline {
  const opened = microseconds(it.intent?.opened_at ?? "");
  if (Number.isNaN(opened)) return { phases: [], total_us: 0 };
  const phases: Phase[] = [];
  let at = 0;
  const add = (kind: Phase["kind"], length_us: number, note = "") => {
    phases.push({ kind, begin_us: at, length_us: Math.max(0, length_us), note });
    at += Math.max(0, length_us);
  };
  const attempts = it.scheduling?.attempts ?? [];
  const settled = it.settle ? microseconds(it.settle.settled_at) - opened : null;
  // Waiting is before the opening where the ledger opens a row once an engine works; it is drawn first
  // either way, and the engine gets what is left.
  for (const attempt of attempts) if (attempt.waited_us > 0) add("waited", attempt.waited_us, attempt.engine ?? "");
  const engine = it.intent?.engine ?? "";
  if (it.settle && settled !== null) {
    add("engine", settled, engine);
    add("booked", microseconds(it.settle.booked_at) - opened - settled, "");
  } else {
    add("running", now.getTime() * 1_000 - opened, engine);
  }
  return { phases, total_us: at };
}
