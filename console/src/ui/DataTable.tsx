import { flexRender, getCoreRowModel, useReactTable, type ColumnDef, type SortingState } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { useT } from "../i18n";
import { arranged, arrangedNow, type Wish } from "../lib/bigList";
import { count } from "../lib/format";

export interface Column<Row> {
  id: string;
  head: string;
  cell: (row: Row) => ReactNode;
  // What the column is sorted and searched by; without it, it is neither.
  value?: (row: Row) => string | number | null;
  numeric?: boolean;
}

const ROW_HEIGHT = 41; // px, as app.css has it
const ALL_DRAWN = 60; // so many rows need no virtual list
const AT_ONCE = 2_000; // so many are searched and sorted in one go

// The rows that are wanted, in order. Of a long list it is that of before until the new one is there.
function useArranged<Row>(rows: Row[], wish: Wish<Row>): { shown: Row[]; busy: boolean } {
  const small = rows.length <= AT_ONCE;
  const now = useMemo(() => (small ? arrangedNow(rows, wish) : null), [small, rows, wish]);
  const [later, setLater] = useState<{ of: Wish<Row>; shown: Row[] } | null>(null);
  useEffect(() => {
    if (small) return;
    let stopped = false;
    void arranged(rows, wish, () => stopped).then((shown) => shown && !stopped && setLater({ of: wish, shown }));
    return () => {
      stopped = true;
    };
  }, [small, rows, wish]);
  if (now) return { shown: now, busy: false };
  return { shown: later?.shown ?? [], busy: later?.of !== wish };
}

// Sortable, searchable, and drawn only as far as it is seen: 100,000 rows are as quick as 100. `rowId`: what stays the same of
// a row when it is read anew, so that its buttons stay its own when others come before it; without it: its place.
export function DataTable<Row>({ label, rows, columns, rowId, empty, filter, sorted }: {
  label: string;
  rows: Row[];
  columns: Column<Row>[];
  rowId?: (row: Row) => string;
  empty?: ReactNode;
  filter?: boolean;
  sorted?: SortingState;
}) {
  const t = useT();
  const [sorting, setSorting] = useState<SortingState>(sorted ?? []);
  const [search, setSearch] = useState("");
  const wish = useMemo<Wish<Row>>(() => {
    const order = sorting[0];
    return {
      search,
      searched: columns.flatMap((column) => column.value ?? []),
      by: columns.find((column) => column.id === order?.id)?.value ?? null,
      descending: order?.desc ?? false,
    };
  }, [columns, search, sorting]);
  const { shown, busy } = useArranged(rows, wish);
  const frame = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 8,
    enabled: shown.length > ALL_DRAWN,
  });
  const isVirtual = shown.length > ALL_DRAWN;
  const items = virtual.getVirtualItems();
  const first = isVirtual ? (items[0]?.index ?? 0) : 0;
  const drawn = useMemo(() => (isVirtual ? shown.slice(first, first + items.length) : shown), [isVirtual, shown, first, items.length]);
  const before = isVirtual ? (items[0]?.start ?? 0) : 0;
  const after = isVirtual ? virtual.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;

  const defs = useMemo<ColumnDef<Row>[]>(
    () =>
      columns.map((column) => ({
        id: column.id,
        header: column.head,
        accessorFn: (row: Row) => column.value?.(row) ?? null,
        cell: (context) => column.cell(context.row.original),
        enableSorting: column.value !== undefined,
      })),
    [columns],
  );
  // It knows the rows that are drawn; order and search are done above, on all.
  const table = useReactTable({
    data: drawn, columns: defs, state: { sorting }, onSortingChange: setSorting, manualSorting: true,
    enableMultiSort: false, getCoreRowModel: getCoreRowModel(), getRowId: (row, i) => rowId?.(row) ?? String(first + i),
  });

  if (rows.length === 0 && empty) return <>{empty}</>;
  const numeric = (id: string) => (columns.find((column) => column.id === id)?.numeric ? "numeric" : undefined);
  return (
    <div className="table-block">
      {filter && rows.length > 5 && (
        <div className="table-tools">
          <label className="filter">
            <span>{t("app.filter")}</span>
            <input type="search" value={search} onChange={(event) => setSearch(event.target.value)} />
          </label>
          <span className="muted" role="status">{t("app.rows", { shown: count(shown.length), all: count(rows.length) })}</span>
        </div>
      )}
      <div className="table-frame" ref={frame} tabIndex={0} role="region" aria-label={label}>
        <table aria-rowcount={shown.length + 1} aria-label={label} aria-busy={busy}>
          <thead>
            {table.getHeaderGroups().map((group) => (
              <tr key={group.id} aria-rowindex={1}>
                {group.headers.map((header) => {
                  const order = header.column.getIsSorted();
                  return (
                    <th
                      key={header.id}
                      scope="col"
                      className={numeric(header.column.id)}
                      aria-sort={order === "asc" ? "ascending" : order === "desc" ? "descending" : undefined}
                    >
                      {header.column.getCanSort() ? (
                        <button type="button" className="sort" onClick={header.column.getToggleSortingHandler()}>
                          {flexRender(header.column.columnDef.header, header.getContext())}
                          <span aria-hidden="true">{order === "asc" ? " ▲" : order === "desc" ? " ▼" : ""}</span>
                        </button>
                      ) : (
                        flexRender(header.column.columnDef.header, header.getContext())
                      )}
                    </th>
                  );
                })}
              </tr>
            ))}
          </thead>
          <tbody>
            {before > 0 && <tr aria-hidden="true" className="spacer" style={{ height: before }} />}
            {table.getRowModel().rows.map((row, i) => (
              <tr key={row.id} aria-rowindex={first + i + 2}>
                {row.getVisibleCells().map((cell) => (
                  <td key={cell.id} className={numeric(cell.column.id)}>
                    {flexRender(cell.column.columnDef.cell, cell.getContext())}
                  </td>
                ))}
              </tr>
            ))}
            {after > 0 && <tr aria-hidden="true" className="spacer" style={{ height: after }} />}
          </tbody>
        </table>
      </div>
    </div>
  );
}
