import { useMemo, useState } from "react";
import { client } from "../api/client";
import { useFollowing } from "../api/live";
import type { Live as Figures } from "../api/types";
import { useT } from "../i18n";
import type { TextKey } from "../i18n/en";
import { count, micros, rate } from "../lib/format";
import { NO_POINTS, withPoint } from "../lib/liveSeries";
import { Lines } from "../ui/Chart";
import { DataTable, type Column } from "../ui/DataTable";
import { Badge, Section } from "../ui/parts";

const milliseconds = (value: number | null | undefined) => (value == null ? "–" : micros(value * 1_000));

// What happens now, a figure a second. Nothing for whom the server tells no such figures.
export function Live() {
  const t = useT();
  const [series, setSeries] = useState(NO_POINTS);
  const add = (point: Figures) => setSeries((was) => withPoint(was, point));
  const state = useFollowing("live", {
    stream: (heard, signal) =>
      client.events("live", ({ event, data }) => {
        if (event !== "live") return; // that it ends, and why
        add(JSON.parse(data) as Figures);
        heard();
      }, signal),
    poll: async (signal) => add(await client.get<Figures>("live", signal)),
  });
  const charts = useMemo(() => {
    const of = (pick: (point: Figures) => number | null) => series.points.map(pick);
    return [
      {
        title: t("live.requests"),
        series: [
          { name: t("live.requests"), values: of((one) => one.requests_per_s), colour: "one" as const },
          { name: t("live.errors"), values: of((one) => one.errors_per_s), colour: "three" as const },
        ],
      },
      { title: t("live.tokens"), series: [{ name: t("live.tokens"), values: of((one) => one.output_tokens_per_s), colour: "one" as const }] },
      {
        title: t("live.first"),
        value: milliseconds,
        series: [
          { name: t("live.p50"), values: of((one) => one.ttft_ms?.p50 ?? null), colour: "one" as const },
          { name: t("live.p95"), values: of((one) => one.ttft_ms?.p95 ?? null), colour: "three" as const },
        ],
      },
    ];
  }, [series, t]);
  const now = series.points.at(-1);
  if (state === "refused" || !now) return null;
  return (
    <Section title={t("live.title")} actions={<Badge tone={state === "streaming" || state === "polling" ? "good" : "calm"}>{t(`live.${state}` as TextKey)}</Badge>}>
      <dl className="figures">
        <div><dt>{t("live.requests")}</dt><dd>{rate(now.requests_per_s)}</dd></div>
        <div><dt>{t("live.tokens")}</dt><dd>{rate(now.output_tokens_per_s)}</dd></div>
        <div><dt>{t("live.errors")}</dt><dd>{rate(now.errors_per_s)}</dd></div>
        <div><dt>{t("live.first")}</dt><dd>{milliseconds(now.ttft_ms?.p50)}</dd></div>
        <div><dt>{t("live.first95")}</dt><dd>{milliseconds(now.ttft_ms?.p95)}</dd></div>
        <div><dt>{t("live.running")}</dt><dd>{count(now.running)}</dd></div>
        <div><dt>{t("live.waiting")}</dt><dd>{count(now.waiting)}</dd></div>
      </dl>
      <div className="grid charts">{charts.map((one) => <Lines key={one.title} label={one.title} at={series.at} series={one.series} value={one.value} />)}</div>
      {now.tenants.length > 0 && <Tenants tenants={now.tenants} />}
    </Section>
  );
}

type TenantNow = Figures["tenants"][number];

function Tenants({ tenants }: { tenants: TenantNow[] }) {
  const t = useT();
  const columns = useMemo<Column<TenantNow>[]>(() => {
    const number = (id: string, key: TextKey, of: (one: TenantNow) => number): Column<TenantNow> => ({ id, head: t(key), cell: (one) => rate(of(one)), value: of, numeric: true });
    return [
      { id: "tenant", head: t("tenant.one"), cell: (one) => one.tenant, value: (one) => one.tenant },
      number("requests", "live.requests", (one) => one.requests_per_s),
      number("tokens", "live.tokens", (one) => one.output_tokens_per_s),
      number("errors", "live.errors", (one) => one.errors_per_s),
      { id: "first", head: t("live.first"), cell: (one) => milliseconds(one.ttft_ms?.p50), value: (one) => one.ttft_ms?.p50 ?? null, numeric: true },
      number("running", "live.running", (one) => one.running),
      number("waiting", "live.waiting", (one) => one.waiting),
      number("borrowed", "pool.borrowed", (one) => one.borrowed),
      number("lent", "pool.lent", (one) => one.lent),
    ];
  }, [t]);
  return (
    <details>
      <summary>{t("live.tenants")}</summary>
      <DataTable label={t("live.tenants")} rows={tenants} columns={columns} />
    </details>
  );
}
