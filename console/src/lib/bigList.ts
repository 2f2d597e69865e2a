// Searching and sorting of long lists in pieces, so that the page answers in between: no piece is longer
// than about SLICE_MS.

const SLICE_MS = 8;
const RUN = 2_000; // so many are sorted at once
const LOOK_EVERY = 256; // elements between two looks at the clock

type Value = string | number | null;
export interface Wish<Row> {
  search: string;
  searched: ((row: Row) => Value)[];
  by: ((row: Row) => Value) | null;
  descending: boolean;
}
export type Pause = () => Promise<void>;

// Lets the browser do what has come in meanwhile.
export const pause: Pause = () => new Promise((resolve) => setTimeout(resolve, 0));

// Nothing comes last, whichever way.
function compare(a: Value, b: Value, sign: number): number {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return a < b ? -sign : sign;
}

function fits<Row>(row: Row, wanted: string, searched: ((row: Row) => Value)[]): boolean {
  return searched.some((value) => String(value(row) ?? "").toLowerCase().includes(wanted));
}

interface Keyed<Row> {
  key: Value;
  row: Row;
}

// The rows that fit, in order; rows that are equal stay as they stood. Null when `stopped` said so.
export async function arranged<Row>(rows: readonly Row[], wish: Wish<Row>, stopped: () => boolean, rest: Pause = pause, now = () => performance.now()): Promise<Row[] | null> {
  let began = now();
  const breathe = async (at: number) => {
    if (at % LOOK_EVERY !== 0 || now() - began < SLICE_MS) return;
    await rest();
    began = now();
  };
  const wanted = wish.search.trim().toLowerCase();
  let found: Row[] = [];
  if (wanted === "") found = rows.slice();
  else
    for (let i = 0; i < rows.length; ++i) {
      if (fits(rows[i]!, wanted, wish.searched)) found.push(rows[i]!);
      await breathe(i);
      if (stopped()) return null;
    }
  const { by } = wish;
  if (by === null) return found;
  const sign = wish.descending ? -1 : 1;
  const order = (a: Keyed<Row>, b: Keyed<Row>) => compare(a.key, b.key, sign);
  let runs: Keyed<Row>[][] = [];
  for (let at = 0; at < found.length; at += RUN) {
    runs.push(found.slice(at, at + RUN).map((row) => ({ key: by(row), row })).sort(order));
    await breathe(0);
    if (stopped()) return null;
  }
  while (runs.length > 1) {
    const merged: Keyed<Row>[][] = [];
    for (let i = 0; i < runs.length; i += 2) {
      const [left, right] = [runs[i]!, runs[i + 1] ?? []];
      const out: Keyed<Row>[] = [];
      for (let l = 0, r = 0; l < left.length || r < right.length; ) {
        const takesLeft = r >= right.length || (l < left.length && order(left[l]!, right[r]!) <= 0);
        out.push(takesLeft ? left[l++]! : right[r++]!);
        await breathe(out.length);
        if (stopped()) return null;
      }
      merged.push(out);
    }
    runs = merged;
  }
  return (runs[0] ?? []).map(({ row }) => row);
}

// The same at once, for lists that are short.
export function arrangedNow<Row>(rows: readonly Row[], wish: Wish<Row>): Row[] {
  const wanted = wish.search.trim().toLowerCase();
  const found = wanted === "" ? rows.slice() : rows.filter((row) => fits(row, wanted, wish.searched));
  const { by } = wish;
  return by === null ? found : found.sort((a, b) => compare(by(a), by(b), wish.descending ? -1 : 1));
}
