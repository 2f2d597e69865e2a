import { useMemo, useState, type FormEvent } from "react";
import { Link, useNavigate, useSearchParams } from "react-router";
import { at, isAbsent, query } from "../api/client";
import { usePages } from "../api/pages";
import { useList, useTenants } from "../api/queries";
import type { Model, RequestLine, RequestStatus } from "../api/types";
import { useT } from "../i18n";
import { count, micros, money, time } from "../lib/format";
import { DataTable, type Column } from "../ui/DataTable";
import { Choice, Field } from "../ui/forms";
import { Badge, Button, Empty, Loaded, PageHead, type Tone } from "../ui/parts";

const FILTERS = ["tenant", "project", "key", "model", "status", "since", "until"] as const;
const STATUSES: RequestStatus[] = ["open", "completed", "cancelled", "failed"];
const TONES: Record<RequestStatus, Tone> = { open: "calm", completed: "good", cancelled: "warn", failed: "bad" };

export default function Requests() {
  const t = useT();
  const [search, setSearch] = useSearchParams();
  const ask: Record<string, string> = Object.fromEntries(FILTERS.map((name) => [name, search.get(name) ?? ""]));
  const read = usePages<RequestLine>(`requests${query(ask)}`);
  if (isAbsent(read.error)) return <><PageHead title={t("request.title")} /><FindRequest /></>;
  return (
    <>
      <PageHead title={t("request.title")}><Button isDisabled={read.isLoading} onPress={read.restart}>{t("app.refresh")}</Button></PageHead>
      <FindRequest />
      <Ask key={search.toString()} ask={ask} onAsk={(next) => setSearch(Object.fromEntries(Object.entries(next).filter(([, value]) => value)))} />
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
  const tenants = useTenants();
  const models = useList<Model>("models");
  const [values, setValues] = useState<Record<string, string>>({ ...ask, since: local(ask["since"] ?? ""), until: local(ask["until"] ?? "") });
  const set = (name: string) => (value: string) => setValues({ ...values, [name]: value });
  const go = (event: FormEvent) => {
    event.preventDefault();
    onAsk({ ...values, since: utc(values["since"] ?? ""), until: utc(values["until"] ?? "") });
  };
  // Routes have public names, too, and what was asked for may be gone by now.
  const names = [...new Set([...(values["model"] ? [values["model"]] : []), ...(models.data?.data ?? []).map((model) => model.name)])];
  return (
    <form className="card form-row" onSubmit={go}>
      <Choice label={t("tenant.one")} value={values["tenant"] ?? ""} onChange={set("tenant")} options={[["", t("app.all")], ...(tenants.data?.data ?? []).map((one): [string, string] => [one.slug, one.slug])]} />
      <Field label={t("model.name")} value={values["model"] ?? ""} onChange={set("model")} suggestions={names} optional />
      <Choice label={t("request.status")} value={values["status"] ?? ""} onChange={set("status")} options={[["", t("app.all")], ...STATUSES.map((one): [string, string] => [one, t(`request.status.${one}`)])]} />
      <Field label={t("usage.from")} type="datetime-local" value={values["since"] ?? ""} onChange={set("since")} optional />
      <Field label={t("usage.until")} type="datetime-local" value={values["until"] ?? ""} onChange={set("until")} optional />
      <Button type="submit" kind="main">{t("audit.search")}</Button>
    </form>
  );
}

function Lines({ rows, isWhole }: { rows: RequestLine[]; isWhole: boolean }) {
  const t = useT();
  const timed = rows[0]?.ttft_ms !== undefined;
  const columns = useMemo<Column<RequestLine>[]>(
    () => [
      { id: "time", head: t("audit.time"), cell: (line) => <Link to={`/requests/${at(line.id)}`}>{time(line.opened_at)}</Link>, value: (line) => line.opened_at },
      { id: "tenant", head: t("tenant.one"), cell: (line) => line.tenant, value: (line) => line.tenant },
      { id: "owner", head: t("key.owner"), cell: (line) => line.owner || "–", value: (line) => line.owner || null },
      { id: "model", head: t("model.name"), cell: (line) => (line.version && line.version !== line.model ? `${line.model} (${line.version})` : line.model), value: (line) => line.model },
      { id: "status", head: t("request.status"), cell: (line) => <Badge tone={TONES[line.status] ?? "calm"}>{t(`request.status.${line.status}`) ?? line.status}</Badge>, value: (line) => line.status },
      { id: "outcome", head: t("request.outcome"), cell: (line) => line.outcome ?? "–", value: (line) => line.outcome },
      { id: "in", head: t("usage.input"), cell: (line) => count(line.prompt_tokens), value: (line) => line.prompt_tokens, numeric: true },
      { id: "out", head: t("usage.output"), cell: (line) => count(line.output_tokens), value: (line) => line.output_tokens, numeric: true },
      ...(timed ? [{ id: "first", head: t("play.first"), cell: (line: RequestLine) => (line.ttft_ms == null ? "–" : micros(line.ttft_ms * 1_000)), value: (line: RequestLine) => line.ttft_ms ?? null, numeric: true }] : []),
      { id: "total", head: t("play.total"), cell: (line) => (line.total_ms == null ? "–" : micros(line.total_ms * 1_000)), value: (line) => line.total_ms ?? null, numeric: true },
      { id: "cost", head: t("usage.cost"), cell: (line) => money(line.cost, line.currency), value: (line) => (line.cost == null ? null : Number(line.cost)), numeric: true },
      { id: "id", head: t("request.id"), cell: (line) => <code>{line.id}</code>, value: (line) => line.id },
    ],
    [t, timed],
  );
  return <DataTable label={t("request.title")} rows={rows} columns={columns} filter empty={isWhole ? <Empty title={t("request.empty")}>{t("request.empty.text")}</Empty> : <p className="muted">{t("request.none_yet")}</p>} />;
}
