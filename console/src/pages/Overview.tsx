import { useMemo } from "react";
import { Link } from "react-router";
import { at, query } from "../api/client";
import { LIVE_MS, useEngines, useObject, usePools, useRollouts } from "../api/queries";
import type { PoolPart, System, Usage, UsageLine } from "../api/types";
import { useT } from "../i18n";
import { borrowings } from "../lib/borrowing";
import { count, day, decimal, money, time, utcDay } from "../lib/format";
import { Bars } from "../ui/Chart";
import { DataTable, type Column } from "../ui/DataTable";
import { EngineState } from "../ui/engines";
import { PoolPicture } from "../ui/PoolPicture";
import { RolloutBadge, isRunning } from "../ui/rollouts";
import { useAccess } from "../session";
import { Badge, Empty, Loaded, PageHead, Section } from "../ui/parts";
import { Live } from "./OverviewLive";

const USAGE_MS = 60_000; // each reading is an entry of the audit log

export default function Overview() {
  const t = useT();
  const { maySee } = useAccess();
  const system = useObject<System>("system", LIVE_MS, maySee("system"));
  return (
    <>
      <PageHead title={t("overview.title")}>
        {system.data && <Badge tone={system.data.ready ? "good" : "bad"}>{t(system.data.ready ? "overview.ready" : "overview.not_ready")}</Badge>}
        {system.data && <span className="muted">{t("overview.version", { version: system.data.version })}</span>}
      </PageHead>
      {system.data && !system.data.ready && (
        <div className="note warn" role="alert">
          {t("overview.not_ready.text")}
          <ul>{system.data.not_ready.map((reason) => <li key={reason}>{reason}</li>)}</ul>
        </div>
      )}
      <Live />
      <Today />
      <div className="grid">
        <Days />
        {maySee("engines") && <Engines />}
      </div>
      {maySee("routes") && <Running />}
      {maySee("pools") && <Pools />}
    </>
  );
}

const sum = (lines: UsageLine[], of: (line: UsageLine) => number) => lines.reduce((total, line) => total + of(line), 0);

// Of one currency each: they are never added up.
function costs(lines: UsageLine[]): string {
  const micro = new Map<string, number>();
  for (const line of lines) if (line.currency) micro.set(line.currency, (micro.get(line.currency) ?? 0) + line.cost_micro);
  const spent = [...micro].filter(([, value]) => value !== 0);
  return (spent.length > 0 ? spent : [...micro].slice(0, 1)).map(([currency, value]) => money((value / 1e6).toFixed(2), currency)).join(", ") || "–";
}

function Today() {
  const t = useT();
  const today = useMemo(() => utcDay(new Date()), []);
  const read = useObject<Usage>(`usage${query({ by: "tenant", from: today })}`, USAGE_MS);
  const columns = useMemo<Column<UsageLine>[]>(
    () => [
      { id: "tenant", head: t("tenant.one"), cell: (line) => <Link to={`/tenants/${at(line.group)}`}>{line.group}</Link>, value: (line) => line.group },
      { id: "requests", head: t("overview.requests"), cell: (line) => count(line.requests), value: (line) => line.requests, numeric: true },
      { id: "in", head: t("overview.tokens_in"), cell: (line) => count(line.prompt_tokens), value: (line) => line.prompt_tokens, numeric: true },
      { id: "out", head: t("overview.tokens_out"), cell: (line) => count(line.generated_tokens), value: (line) => line.generated_tokens, numeric: true },
      { id: "cost", head: t("overview.cost"), cell: (line) => money(line.cost, line.currency), value: (line) => line.cost_micro, numeric: true },
    ],
    [t],
  );
  return (
    <Section title={t("overview.today")} actions={<span className="muted">{t("overview.usage_note")}</span>}>
      <Loaded read={read}>
        {({ data }) => (
          <>
            <dl className="figures">
              <div><dt>{t("overview.requests")}</dt><dd>{count(sum(data, (line) => line.requests))}</dd></div>
              <div><dt>{t("overview.open")}</dt><dd>{count(sum(data, (line) => line.open))}</dd></div>
              <div><dt>{t("overview.tokens_in")}</dt><dd>{count(sum(data, (line) => line.prompt_tokens))}</dd></div>
              <div><dt>{t("overview.tokens_out")}</dt><dd>{count(sum(data, (line) => line.generated_tokens))}</dd></div>
              <div><dt>{t("overview.cost")}</dt><dd>{costs(data)}</dd></div>
            </dl>
            {data.length > 0 && (
              <details>
                <summary>{t("overview.by_tenant")}</summary>
                <DataTable label={t("overview.by_tenant")} rows={data} columns={columns} sorted={[{ id: "requests", desc: true }]} />
              </details>
            )}
          </>
        )}
      </Loaded>
    </Section>
  );
}

function Days() {
  const t = useT();
  const days = useMemo(() => Array.from({ length: 14 }, (_, i) => utcDay(new Date(), 13 - i)), []);
  const read = useObject<Usage>(`usage${query({ by: "day", from: days[0] })}`, USAGE_MS);
  const chart = useMemo(() => {
    const of = (pick: (line: UsageLine) => number) => days.map((name) => sum((read.data?.data ?? []).filter((line) => line.group === name), pick));
    return {
      names: days.map(day),
      series: [
        { name: t("overview.tokens_in"), values: of((line) => line.prompt_tokens), colour: "two" as const },
        { name: t("overview.tokens_out"), values: of((line) => line.generated_tokens), colour: "one" as const },
      ],
    };
  }, [days, read.data, t]);
  return (
    <Section title={t("overview.days")} actions={<Link to="/usage?by=day">{t("app.details")}</Link>}>
      <Loaded read={read}>{() => <Bars label={t("overview.days")} {...chart} />}</Loaded>
    </Section>
  );
}

function Engines() {
  const t = useT();
  const read = useEngines(LIVE_MS);
  return (
    <Section title={t("overview.engines")} actions={<span className="muted">{t("app.live", { seconds: LIVE_MS / 1_000 })}</span>}>
      <Loaded read={read}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title={t("overview.engines.empty")}>{t("overview.engines.empty.text")}</Empty>
          ) : (
            <DataTable
              label={t("overview.engines")}
              rows={data}
              columns={[
                { id: "name", head: t("engine.name"), cell: (engine) => <Link to={`/engines/${at(engine.name)}`}>{engine.name}</Link>, value: (engine) => engine.name },
                { id: "state", head: t("engine.state"), cell: (engine) => <EngineState engine={engine} />, value: (engine) => engine.state },
                { id: "load", head: t("engine.load"), cell: (engine) => (engine.load ? `${engine.load.running} / ${engine.slots}` : "–"), value: (engine) => engine.load?.running ?? -1, numeric: true },
                { id: "waiting", head: t("engine.waiting"), cell: (engine) => engine.load?.waiting ?? "–", value: (engine) => engine.load?.waiting ?? -1, numeric: true },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  );
}

function Running() {
  const t = useT();
  const read = useRollouts(LIVE_MS);
  const running = (read.data?.data ?? []).filter((one) => isRunning(one.state));
  if (running.length === 0) return null;
  return (
    <Section title={t("overview.rollouts")}>
      <DataTable
        label={t("overview.rollouts")}
        rows={running}
        columns={[
          { id: "route", head: t("route.name"), cell: (one) => <Link to={`/routes/${at(one.route)}`}>{one.route}</Link> },
          { id: "state", head: t("engine.state"), cell: (one) => <RolloutBadge state={one.state} /> },
          { id: "candidate", head: t("rollout.candidate"), cell: (one) => one.candidate },
          { id: "share", head: t("rollout.share"), cell: (one) => one.share, numeric: true },
          { id: "since", head: t("engine.since"), cell: (one) => time(one.since) },
        ]}
      />
    </Section>
  );
}

function Pools() {
  const t = useT();
  const read = usePools(LIVE_MS);
  return (
    <Section title={t("overview.pools")} actions={<Link to="/pools">{t("app.details")}</Link>}>
      <p className="muted">{t("overview.pools.help")}</p>
      <Loaded read={read}>
        {({ data }) => {
          const named = data.filter((part) => part.pool !== "");
          if (named.length === 0) return <Empty title={t("pool.empty")}>{t("pool.empty.text")}</Empty>;
          return (
            <>
              <PoolPicture parts={named} />
              <Borrowers parts={named} />
              <p className="hidden">
                {named.map((part) => `${part.pool}/${part.part}: ${t("pool.used")} ${decimal(part.used)}, ${t("pool.borrowed")} ${decimal(part.borrowed)}, ${t("pool.lent")} ${decimal(part.lent)}`).join("; ")}
              </p>
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}

const gpus = (all: { name: string; gpus: number }[]) => all.map((one) => `${one.name} ${decimal(one.gpus.toFixed(2))}`).join(", ");

function Borrowers({ parts }: { parts: PoolPart[] }) {
  const t = useT();
  return (
    <ul className="bare after-table">
      {borrowings(parts).map((one) => (
        <li key={one.pool}>{t("pool.borrowing", { pool: one.pool, borrowers: gpus(one.borrowers), lenders: gpus(one.lenders) || t("pool.nobody") })}</li>
      ))}
    </ul>
  );
}
