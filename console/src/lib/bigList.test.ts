import { expect, test, vi } from "vitest";
import { arranged, arrangedNow, type Wish } from "./bigList";

interface Row {
  n: number | null;
  name: string;
}
const ROWS: Row[] = Array.from({ length: 9_001 }, (_, i) => ({ n: i % 13 === 0 ? null : (i * 7_919) % 1_000, name: `row ${i}` }));
const wish = (more: Partial<Wish<Row>>): Wish<Row> => ({ search: "", searched: [(row) => row.name], by: null, descending: false, ...more });
const never = () => false;

test("in pieces or at once, the order is the same", async () => {
  for (const one of [wish({}), wish({ by: (row) => row.n }), wish({ by: (row) => row.n, descending: true }), wish({ by: (row) => row.name, search: "ROW 1" }), wish({ search: "nothing" })])
    expect(await arranged(ROWS, one, never)).toEqual(arrangedNow(ROWS, one));
});

test("what has no value comes last, whichever way", () => {
  for (const descending of [false, true]) expect(arrangedNow(ROWS, wish({ by: (row) => row.n, descending })).at(-1)?.n).toBeNull();
});

test("pieces end when their time is over, and the work when nobody wants it", async () => {
  let clock = 0;
  const rest = vi.fn(async () => {});
  await arranged(ROWS, wish({ search: "row" }), never, rest, () => (clock += 5));
  expect(rest.mock.calls.length).toBeGreaterThan(10);
  expect(await arranged(ROWS, wish({ by: (row) => row.n }), () => true)).toBeNull();
});

test("the list that was given stays as it was", () => {
  const before = [...ROWS];
  arrangedNow(ROWS, wish({ by: (row) => row.name, descending: true }));
  expect(ROWS).toEqual(before);
});
