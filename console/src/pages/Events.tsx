import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Link } from "react-router";
import { client, query } from "../api/client";
import { useFollowing } from "../api/live";
import { useObject } from "../api/queries";
import type { Page, PlatformEvent, Severity } from "../api/types";
import { useT } from "../i18n";
import type { TextKey } from "../i18n/en";
import { count, time } from "../lib/format";
import { newerThan, targetOf, withEvents } from "../lib/events";
import { DataTable, type Column } from "../ui/DataTable";
import { TenantChoice, useFilters } from "../ui/filters";
import { Choice } from "../ui/forms";
import { Badge, Empty, Loaded, PageHead, type Tone } from "../ui/parts";

const GROUPS = ["engine", "rollout", "limit", "key", "config", "disk", "audit"];
const SEVERITIES: Severity[] = ["info", "warning", "error"]; // each worse than the one before
const TONES: Record<Severity, Tone> = { info: "calm", warning: "warn", error: "bad" };
const PAGE = 1_000;

export default function Events() {
  const t = useT();
  const { values: { tenant, kind: group, severity }, set } = useFilters(["tenant", "kind", "severity"]);
  const wanted = query({ tenant, kind: group && `${group}.*`, severity });
  return (
    <>
      <Happening key={wanted} wanted={wanted}>
        <div className="form-row card">
          <Choice label={t("event.kind")} value={group} onChange={set("kind")} options={[["", t("app.all")], ...GROUPS.map((one): [string, string] => [one, t(`event.kind.${one}` as TextKey)])]} />
          <Choice label={t("event.severity")} value={severity} onChange={set("severity")} options={[["", t("app.all")], ["warning", t("event.least.warning")], ["error", t("event.least.error")]]} />
          <TenantChoice value={tenant} onChange={set("tenant")} all />
        </div>
      </Happening>
    </>
  );
}

// The latest events, and those that come while one looks. `wanted`: which, as the API has it.
function Happening({ wanted, children }: { wanted: string; children: React.ReactNode }) {
  const t = useT();
  const path = `events${wanted}`;
  const list = `${path}${wanted ? "&" : "?"}limit=${PAGE}`;
  const first = useObject<Page<PlatformEvent>>(list);
  const [events, setEvents] = useState<PlatformEvent[]>([]);
  const told = useCallback((more: PlatformEvent[]) => setEvents((was) => withEvents(was, more)), []);
  useEffect(() => {
    if (first.data) told(first.data.data);
  }, [first.data, told]);
  const newest = useRef("");
  newest.current = events[0]?.id ?? "";
  const state = useFollowing(first.data ? path : "", {
    stream: async (heard, signal) => {
      if (!first.data) return;
      await client.events(path, ({ event, data }) => {
        if (event === "end") return;
        if (event === "gap") void first.refetch(); // more had happened than is kept
        else told([JSON.parse(data) as PlatformEvent]);
      }, signal, newest.current, heard);
    },
    poll: async (signal) =>
      told(await newerThan(newest.current, (limit, after) => client.get<Page<PlatformEvent>>(`${path}${wanted ? "&" : "?"}limit=${limit}${after === null ? "" : `&after=${after}`}`, signal))),
  });
  const columns = useMemo<Column<PlatformEvent>[]>(
    () => [
      { id: "at", head: t("audit.time"), cell: (one) => time(one.at), value: (one) => one.at },
      { id: "severity", head: t("event.severity"), cell: (one) => <Badge tone={TONES[one.severity]}>{t(`event.severity.${one.severity}`)}</Badge>, value: (one) => SEVERITIES.indexOf(one.severity) },
      { id: "kind", head: t("event.kind"), cell: (one) => <code>{one.kind}</code>, value: (one) => one.kind },
      { id: "subject", head: t("event.subject"), cell: (one) => <Subject of={one} />, value: (one) => one.subject },
      { id: "tenant", head: t("tenant.one"), cell: (one) => one.tenant ?? "–", value: (one) => one.tenant ?? "" },
      { id: "text", head: t("event.text"), cell: (one) => <span className="wrap">{one.text}</span>, value: (one) => one.text },
    ],
    [t],
  );
  return (
    <>
      <PageHead title={t("event.title")}><Badge tone={state === "streaming" || state === "polling" ? "good" : "calm"}>{t(`live.${state === "refused" ? "paused" : state}` as TextKey)}</Badge></PageHead>
      {children}
      <Loaded read={first}>
        {(page) => (
          <>
            {page.has_more && <p className="note">{t("app.more_exist", { shown: count(page.data.length) })}</p>}
            <DataTable label={t("event.title")} rows={events} columns={columns} filter empty={<Empty title={t("event.empty")}>{t("event.empty.text")}</Empty>} />
          </>
        )}
      </Loaded>
    </>
  );
}

function Subject({ of }: { of: PlatformEvent }) {
  const target = targetOf(of);
  return target === null ? <>{of.subject || "–"}</> : <Link to={target}>{of.subject || of.kind}</Link>;
}
