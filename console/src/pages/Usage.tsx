import { useMemo, useState } from "react";
import { client, query } from "../api/client";
import { useList, useObject } from "../api/queries";
import type { Forecast, Model, Usage as UsageReport, UsageLine } from "../api/types";
import { useT } from "../i18n";
import type { TextKey } from "../i18n/en";
import { count, decimal, money, utcDay } from "../lib/format";
import { Bars } from "../ui/Chart";
import { DataTable, type Column } from "../ui/DataTable";
import { FilterForm, TenantChoice, useFilters } from "../ui/filters";
import { Choice, Field } from "../ui/forms";
import { Badge, Button, Empty, Loaded, PageHead, Section, download } from "../ui/parts";

const BY = ["day", "month", "tenant", "project", "key", "user", "cost_centre", "model", "engine", "revision", "price"] as const;
const FILTERS = ["by", "tenant", "model", "from", "until", "project", "key", "user", "cost_centre", "engine", "month"] as const;

// What the address says, or else the last 30 days.
function asked(said: Record<string, string>): Record<string, string> {
  const values: Record<string, string> = { ...said, by: said["by"] || "day" };
  if (!values["from"] && !values["until"] && !values["month"]) values["from"] = utcDay(new Date(), 29);
  return values;
}

export default function Usage() {
  const t = useT();
  const { values, setAll, key } = useFilters(FILTERS);
  const ask = asked(values);
  const path = `usage${query(ask)}`;
  const read = useObject<UsageReport>(path);
  const csv = async () => {
    const text = await client.text(`usage${query({ ...ask, format: "csv" })}`);
    download(`usage-by-${ask["by"]}.csv`, text, "text/csv");
  };
  return (
    <>
      <PageHead title={t("usage.title")}><Button onPress={() => void csv()}>{t("app.download_csv")}</Button></PageHead>
      <Ask key={key} ask={ask} onAsk={setAll} />
      <Loaded read={read}>
        {(report) => (
          <>
            <p className="muted">{t("usage.zone", { zone: report.time_zone })}</p>
            {report.data.length === 0 ? (
              <Empty title={t("usage.empty")}>{t("usage.empty.text")}</Empty>
            ) : (
              <>
                <Picture report={report} />
                <Lines report={report} />
              </>
            )}
          </>
        )}
      </Loaded>
      {ask["tenant"] && <Ahead tenant={ask["tenant"]} />}
    </>
  );
}

function Ask({ ask, onAsk }: { ask: Record<string, string>; onAsk: (next: Record<string, string>) => void }) {
  const t = useT();
  const models = useList<Model>("models");
  const names = (models.data?.data ?? []).map((model): [string, string] => [model.name, model.name]);
  return (
    <FilterForm given={ask} submit={t("usage.show")} onSubmit={onAsk}>
      {(value, set) => (
        <>
          <Choice label={t("usage.by")} value={value("by")} onChange={set("by")} options={BY.map((by) => [by, t(`usage.by.${by}` as TextKey)])} />
          <TenantChoice value={value("tenant")} onChange={set("tenant")} all />
          <Choice label={t("model.name")} value={value("model")} onChange={set("model")} options={[["", t("app.all")], ...names]} />
          <Field label={t("usage.from")} type="date" value={value("from")} onChange={set("from")} optional />
          <Field label={t("usage.until")} type="date" value={value("until")} onChange={set("until")} optional />
        </>
      )}
    </FilterForm>
  );
}

// A key's id says less than its name.
const nameOf = (line: UsageLine) => line.label || line.group || line.tenant || "–";

const PICTURES = {
  tokens: { text: "usage.output", of: (line: UsageLine) => line.generated_tokens },
  requests: { text: "usage.requests", of: (line: UsageLine) => line.requests },
  cost: { text: "usage.cost", of: (line: UsageLine) => line.cost_micro / 1e6 },
} as const;
const BARS_MAX = 60;

function Picture({ report }: { report: UsageReport }) {
  const t = useT();
  const [of, setOf] = useState<keyof typeof PICTURES>("tokens");
  const currencies = new Set(report.data.map((line) => line.currency).filter(Boolean));
  const chart = useMemo(() => {
    const inTime = report.by === "day" || report.by === "month";
    const lines = inTime ? report.data : [...report.data].sort((a, b) => PICTURES[of].of(b) - PICTURES[of].of(a));
    const shown = lines.slice(0, BARS_MAX);
    return { names: shown.map(nameOf), series: [{ name: t(PICTURES[of].text), values: shown.map(PICTURES[of].of), colour: "one" as const }] };
  }, [report, of, t]);
  // Two currencies on one axis would be compared.
  const choices = (Object.keys(PICTURES) as (keyof typeof PICTURES)[]).filter((one) => one !== "cost" || currencies.size <= 1);
  return (
    <Section title={t("usage.chart")} actions={<Choice label={t("usage.chart.of")} value={of} onChange={(next) => setOf(next as typeof of)} options={choices.map((one) => [one, t(PICTURES[one].text)])} />}>
      <Bars label={t("usage.chart")} {...chart} />
    </Section>
  );
}

function Lines({ report }: { report: UsageReport }) {
  const t = useT();
  const columns = useMemo<Column<UsageLine>[]>(() => {
    const number = (id: string, key: TextKey, of: (line: UsageLine) => number): Column<UsageLine> => ({ id, head: t(key), cell: (line) => count(of(line)), value: of, numeric: true });
    return [
      { id: "group", head: t("usage.group"), cell: (line) => <>{nameOf(line)} {line.lower_bound && <Badge tone="warn">{t("usage.lower")}</Badge>}</>, value: nameOf },
      ...(report.tenant === null && !["tenant", "day", "month", "model", "engine", "revision", "price"].includes(report.by)
        ? [{ id: "tenant", head: t("tenant.one"), cell: (line: UsageLine) => line.tenant ?? "–", value: (line: UsageLine) => line.tenant ?? "" }]
        : []),
      number("requests", "usage.requests", (line) => line.requests),
      number("in", "usage.input", (line) => line.prompt_tokens),
      number("cached", "usage.cached", (line) => line.cached_tokens),
      number("out", "usage.output", (line) => line.generated_tokens),
      { id: "gpu", head: t("usage.gpu"), cell: (line) => decimal(Number(line.gse_seconds).toFixed(3)), value: (line) => Number(line.gse_seconds), numeric: true },
      { id: "energy", head: t("usage.energy"), cell: (line) => decimal((line.energy_mj / 3_600_000).toFixed(4)), value: (line) => line.energy_mj, numeric: true },
      { id: "cost", head: t("usage.cost"), cell: (line) => money(line.cost, line.currency), value: (line) => line.cost_micro, numeric: true },
      number("unpriced", "usage.unpriced", (line) => line.unpriced),
    ];
  }, [t, report]);
  return <DataTable label={t("usage.title")} rows={report.data} columns={columns} filter />;
}

function Ahead({ tenant }: { tenant: string }) {
  const t = useT();
  const read = useObject<Forecast>(`usage/forecast${query({ tenant })}`);
  return (
    <Loaded read={read}>
      {(forecast) => (
        <div className="after-table">
          <Section title={t("usage.forecast", { month: forecast.month })}>
            {forecast.too_little_data && <p className="muted">{t("usage.forecast.few", { days: forecast.history_days })}</p>}
            <DataTable
              label={t("usage.forecast", { month: forecast.month })}
              rows={forecast.data}
              columns={[
                { id: "figure", head: t("usage.figure"), cell: (line) => line.figure },
                { id: "so_far", head: t("usage.forecast.so_far"), cell: (line) => money(line.so_far, line.currency), numeric: true },
                { id: "expected", head: t("usage.forecast.expected"), cell: (line) => money(line.expected, line.currency), numeric: true },
                { id: "range", head: t("usage.forecast.range"), cell: (line) => (line.low === null ? "–" : `${decimal(line.low)} … ${decimal(line.high)}`), numeric: true },
              ]}
            />
          </Section>
        </div>
      )}
    </Loaded>
  );
}
