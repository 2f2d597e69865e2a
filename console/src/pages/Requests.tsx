import { useMemo, useState, type FormEvent } from "react";
import { Link, useNavigate } from "react-router";
import { at, query } from "../api/client";
import { usePages } from "../api/pages";
import { useList } from "../api/queries";
import type { Model, RequestLine, RequestStatus } from "../api/types";
import { useT } from "../i18n";
import { count, micros, money, time } from "../lib/format";
import { DataTable, type Column } from "../ui/DataTable";
import { FilterForm, TenantChoice, useFilters } from "../ui/filters";
import { Choice, Field } from "../ui/forms";
import { Badge, Button, Empty, Loaded, PageHead, type Tone } from "../ui/parts";

const FILTERS = ["tenant", "project", "key", "model", "status", "since", "until"] as const;
const STATUSES: RequestStatus[] = ["open", "completed", "cancelled", "failed"];
const TONES: Record<RequestStatus, Tone> = { open: "calm", completed: "good", cancelled: "warn", failed: "bad" };

export default function Requests() {
  const t = useT();
  const { values: ask, setAll, key } = useFilters(FILTERS);
  const read = usePages<RequestLine>(`requests${query(ask)}`);
  return (
    <>
      <PageHead title={t("request.title")}><Button isDisabled={read.isLoading} onPress={read.restart}>{t("app.refresh")}</Button></PageHead>
      <FindRequest />
      <Ask key={key} ask={ask} onAsk={setAll} />
      <Loaded read={{ data: read.rows, error: read.error, refetch: read.more }}>{(rows) => <Lines rows={rows} isWhole={!read.hasMore} />}</Loaded>
      <div className="form-end" role="status">
        {read.isLoading && read.rows && <span className="muted">{t("app.loading")}</span>}
        {read.hasMore && read.searchedUntil && <span className="muted">{t("request.searched", { time: time(read.searchedUntil) })}</span>}
        {read.hasMore && <Button isDisabled={read.isLoading} onPress={read.more}>{t("request.older")}</Button>}
        {read.hasMore && <Button isDisabled={read.isLoading} onPress={read.all}>{t("request.all")}</Button>}
      </div>
    </>
  );
}

export function FindRequest({ id = "" }: { id?: string }) {
  const t = useT();
  const go = useNavigate();
  const [typed, setTyped] = useState(id);
  const show = (event: FormEvent) => {
    event.preventDefault();
    if (typed.trim()) void go(`/requests/${at(typed.trim())}`);
  };
  return (
    <form className="card form-row" onSubmit={show}>
      <div className="wide"><Field label={t("request.id")} help={t("request.id.help")} value={typed} onChange={setTyped} /></div>
      <Button type="submit" kind="main">{t("request.show")}</Button>
    </form>
  );
}

// Moments are typed in the reader's time; addresses and the API have UTC.
const pad = (part: number) => String(part).padStart(2, "0");
function local(moment: string): string {
  const at = new Date(moment);
  if (Number.isNaN(at.getTime())) return "";
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
}
const utc = (typed: string) => (typed ? `${new Date(typed).toISOString().slice(0, 19)}Z` : "");

function Ask({ ask, onAsk }: { ask: Record<string, string>; onAsk: (next: Record<string, string>) => void }) {
  const t = useT();
  const models = useList<Model>("models");
  const given = { ...ask, since: local(ask["since"] ?? ""), until: local(ask["until"] ?? "") };
  // Routes have public names, too, and what was asked for may be gone by now.
  const names = [...new Set([...(ask["model"] ? [ask["model"]] : []), ...(models.data?.data ?? []).map((model) => model.name)])];
  return (
    <FilterForm given={given} submit={t("audit.search")} onSubmit={(next) => onAsk({ ...next, since: utc(next["since"] ?? ""), until: utc(next["until"] ?? "") })}>
      {(value, set) => (
        <>
          <TenantChoice value={value("tenant")} onChange={set("tenant")} all />
          <Field label={t("model.name")} value={value("model")} onChange={set("model")} suggestions={names} optional />
          <Choice label={t("request.status")} value={value("status")} onChange={set("status")} options={[["", t("app.all")], ...STATUSES.map((one): [string, string] => [one, t(`request.status.${one}`)])]} />
          <Field label={t("usage.from")} type="datetime-local" value={value("since")} onChange={set("since")} optional />
          <Field label={t("usage.until")} type="datetime-local" value={value("until")} onChange={set("until")} optional />
        </>
      )}
    </FilterForm>
  );
}

function Lines({ rows, isWhole }: { rows: RequestLine[]; isWhole: boolean }) {
  const t = useT();
  const columns = useMemo<Column<RequestLine>[]>(
    () => [
      { id: "time", head: t("audit.time"), cell: (line) => <Link to={`/requests/${at(line.id)}`}>{time(line.opened_at)}</Link>, value: (line) => line.opened_at },
      { id: "tenant", head: t("tenant.one"), cell: (line) => line.tenant, value: (line) => line.tenant },
      { id: "owner", head: t("key.owner"), cell: (line) => line.owner || "–", value: (line) => line.owner || null },
      { id: "model", head: t("model.name"), cell: (line) => (line.version && line.version !== line.model ? `${line.model} (${line.version})` : line.model), value: (line) => line.model },
      { id: "status", head: t("request.status"), cell: (line) => <Badge tone={TONES[line.status]}>{t(`request.status.${line.status}`)}</Badge>, value: (line) => line.status },
      { id: "outcome", head: t("request.outcome"), cell: (line) => line.outcome ?? "–", value: (line) => line.outcome },
      { id: "in", head: t("usage.input"), cell: (line) => count(line.prompt_tokens), value: (line) => line.prompt_tokens, numeric: true },
      { id: "out", head: t("usage.output"), cell: (line) => count(line.output_tokens), value: (line) => line.output_tokens, numeric: true },
      { id: "total", head: t("play.total"), cell: (line) => (line.total_ms === null ? "–" : micros(line.total_ms * 1_000)), value: (line) => line.total_ms, numeric: true },
      { id: "cost", head: t("usage.cost"), cell: (line) => money(line.cost, line.currency), value: (line) => (line.cost == null ? null : Number(line.cost)), numeric: true },
      { id: "id", head: t("request.id"), cell: (line) => <code>{line.id}</code>, value: (line) => line.id },
    ],
    [t],
  );
  return <DataTable label={t("request.title")} rows={rows} columns={columns} filter empty={isWhole ? <Empty title={t("request.empty")}>{t("request.empty.text")}</Empty> : <p className="muted">{t("request.none_yet")}</p>} />;
}
