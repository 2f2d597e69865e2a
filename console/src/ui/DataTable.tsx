import {
  flexRender, getCoreRowModel, getFilteredRowModel, getSortedRowModel, useReactTable, type ColumnDef, type SortingState,
} from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState, type ReactNode } from "react";
import { useT } from "../i18n";
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

// Sortable, searchable, and drawn only as far as it is seen: 100,000 rows are as quick as 100.
export function DataTable<Row>({ label, rows, columns, empty, filter, sorted }: {
  label: string;
  rows: Row[];
  columns: Column<Row>[];
  empty?: ReactNode;
  filter?: boolean;
  sorted?: SortingState;
}) {
  const t = useT();
  const [sorting, setSorting] = useState<SortingState>(sorted ?? []);
  const [search, setSearch] = useState("");
  const defs = useMemo<ColumnDef<Row>[]>(
    () =>
      columns.map((column) => ({
        id: column.id,
        header: column.head,
        accessorFn: (row: Row) => column.value?.(row) ?? null,
        cell: (context) => column.cell(context.row.original),
        enableSorting: column.value !== undefined,
        sortUndefined: "last" as const,
        meta: { numeric: column.numeric },
      })),
    [columns],
  );
  const table = useReactTable({
    data: rows,
    columns: defs,
    state: { sorting, globalFilter: search },
    onSortingChange: setSorting,
    getCoreRowModel: getCoreRowModel(),
    getSortedRowModel: getSortedRowModel(),
    getFilteredRowModel: getFilteredRowModel(),
    globalFilterFn: (row, id, wanted: string) => String(row.getValue(id) ?? "").toLowerCase().includes(wanted.toLowerCase()),
    getColumnCanGlobalFilter: () => true,
  });
  const shown = table.getRowModel().rows;
  const frame = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
    enabled: shown.length > ALL_DRAWN,
  });
  const items = shown.length > ALL_DRAWN ? virtual.getVirtualItems() : shown.map((_, index) => ({ index, start: 0, end: 0 }));
  const before = shown.length > ALL_DRAWN ? (items[0]?.start ?? 0) : 0;
  const after = shown.length > ALL_DRAWN ? virtual.getTotalSize() - (items.at(-1)?.end ?? 0) : 0;

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
        <table aria-rowcount={shown.length + 1} aria-label={label}>
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
            {items.map(({ index }) => {
              const row = shown[index]!;
              return (
                <tr key={row.id} aria-rowindex={index + 2}>
                  {row.getVisibleCells().map((cell) => (
                    <td key={cell.id} className={numeric(cell.column.id)}>
                      {flexRender(cell.column.columnDef.cell, cell.getContext())}
                    </td>
                  ))}
                </tr>
              );
            })}
            {after > 0 && <tr aria-hidden="true" className="spacer" style={{ height: after }} />}
          </tbody>
        </table>
      </div>
    </div>
  );
}
