import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link } from "react-router";
import { client, query } from "../api/client";
import { useObject } from "../api/queries";
import type { AuditCheckpoint, AuditEntry, AuditRecord, Page } from "../api/types";
import { useT } from "../i18n";
import { count, time } from "../lib/format";
import { DataTable, type Column } from "../ui/DataTable";
import { FilterForm, TenantChoice, useFilters } from "../ui/filters";
import { Field } from "../ui/forms";
import { Badge, Button, Empty, Loaded, PageHead } from "../ui/parts";

const PAGE = 500;

const whatOf = (entry: AuditEntry) => (entry.kind === "request" ? `request ${entry.op ?? ""}` : (entry.action ?? entry.kind));
const objectOf = (entry: AuditEntry) => entry.object_ref || entry.rid || "";

export default function Audit() {
  const t = useT();
  const { values: ask, setAll, key } = useFilters(["tenant", "action", "object", "from", "until"]);
  const path = `audit/entries${query({ ...ask, ...dates(ask), limit: PAGE })}`;
  const read = useInfiniteQuery({
    queryKey: ["audit", path],
    queryFn: ({ pageParam, signal }) => client.get<Page<AuditRecord>>(pageParam ? `${path}&after=${pageParam}` : path, signal),
    initialPageParam: "",
    getNextPageParam: (page) => page.next,
  });
  const state = useObject<AuditCheckpoint>("audit/checkpoint");
  const rows = useMemo(() => read.data?.pages.flatMap((page) => page.data) ?? [], [read.data]);
  const columns = useMemo<Column<AuditRecord>[]>(
    () => [
      { id: "index", head: t("audit.index"), cell: ({ index }) => <Link to={`/audit/${index}`}>{index}</Link>, value: ({ index }) => index, numeric: true },
      { id: "time", head: t("audit.time"), cell: ({ entry }) => time(entry.t), value: ({ entry }) => entry.t },
      { id: "what", head: t("audit.what"), cell: ({ entry }) => whatOf(entry), value: ({ entry }) => whatOf(entry) },
      { id: "object", head: t("audit.object"), cell: ({ entry }) => <code>{objectOf(entry)}</code>, value: ({ entry }) => objectOf(entry) },
      { id: "who", head: t("audit.who"), cell: ({ entry }) => entry.actor_type ?? String(entry["key"] ?? "–"), value: ({ entry }) => entry.actor_type ?? String(entry["key"] ?? "") },
      { id: "outcome", head: t("audit.outcome"), cell: ({ entry }) => <Badge tone={entry.outcome === "ok" ? "good" : "warn"}>{entry.outcome ?? "–"}</Badge>, value: ({ entry }) => entry.outcome ?? "" },
    ],
    [t],
  );
  return (
    <>
      <PageHead title={t("audit.title")}>
        {state.data && <span className="muted">{t("audit.size", { size: count(state.data.size), signed: count(state.data.signed_size), gaps: count(state.data.gaps) })}</span>}
        <Link className="button" to="/audit/verify">{t("audit.verify")}</Link>
      </PageHead>
      <Ask key={key} ask={ask} onAsk={setAll} />
      <Loaded read={read}>
        {() => <DataTable label={t("audit.title")} rows={rows} columns={columns} filter empty={<Empty title={t("audit.empty")}>{t("audit.empty.text")}</Empty>} />}
      </Loaded>
      {read.hasNextPage && <div className="form-end"><Button isDisabled={read.isFetchingNextPage} onPress={() => void read.fetchNextPage()}>{t("audit.older")}</Button></div>}
    </>
  );
}

// Days are typed; the API wants moments.
function dates(ask: Record<string, string>) {
  const moment = (text: string | undefined) => (text && /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  return { from: moment(ask["from"]), until: moment(ask["until"]) };
}

function Ask({ ask, onAsk }: { ask: Record<string, string>; onAsk: (next: Record<string, string>) => void }) {
  const t = useT();
  return (
    <FilterForm given={ask} submit={t("audit.search")} onSubmit={onAsk}>
      {(value, set) => (
        <>
          <TenantChoice value={value("tenant")} onChange={set("tenant")} all />
          <Field label={t("audit.action")} help={t("audit.action.help")} value={value("action")} onChange={set("action")} optional />
          <Field label={t("usage.from")} type="date" value={value("from")} onChange={set("from")} optional />
          <Field label={t("usage.until")} type="date" value={value("until")} onChange={set("until")} optional />
        </>
      )}
    </FilterForm>
  );
}
