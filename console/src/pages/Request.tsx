import { useMemo } from "react";
import { Link, useParams } from "react-router";
import { at } from "../api/client";
import { useObject } from "../api/queries";
import type { Explanation, Scheduling } from "../api/types";
import { useT } from "../i18n";
import { count, decimal, micros, microText, money, time } from "../lib/format";
import { timelineOf } from "../lib/timeline";
import { DataTable } from "../ui/DataTable";
import { Badge, Facts, Loaded, PageHead, Section } from "../ui/parts";
import { FindRequest } from "./Requests";

export default function Request() {
  const t = useT();
  const { request = "" } = useParams();
  const read = useObject<Explanation>(`requests/${at(request)}`);
  return (
    <>
      <PageHead title={t("request.one")} above={<Link to="/requests">{t("request.title")}</Link>} />
      <FindRequest key={request} id={request} />
      <Loaded read={read}>
        {(it) => (
          <>
            <Picture it={it} />
            {it.scheduling && <Decisions scheduling={it.scheduling} />}
            {it.intent && <Asked it={it} />}
            {it.settle && <Ended settle={it.settle} />}
            {it.cost && <Cost cost={it.cost} />}
            <Rest it={it} />
          </>
        )}
      </Loaded>
    </>
  );
}

const COLOURS = { waited: "three", engine: "one", booked: "two", running: "one" } as const;

// The picture, and the same in words beside each bar.
function Picture({ it }: { it: Explanation }) {
  const t = useT();
  const { phases, total_us } = useMemo(() => timelineOf(it, new Date()), [it]);
  const part = (us: number) => `${total_us > 0 ? (100 * us) / total_us : 0}%`;
  return (
    <Section title={t("request.timeline")} actions={<Badge tone={it.state === "settled" ? "good" : "calm"}>{it.state}</Badge>}>
      {it.intent && <p className="muted">{t("request.timeline.text", { opened: time(it.intent.opened_at), total: micros(total_us) })}</p>}
      <ol className="bare">
        {phases.map((phase, i) => (
          <li key={i} className="bar-row">
            <span className="bar-name">{t(`request.phase.${phase.kind}`)} {phase.note && <span className="muted">{phase.note}</span>}</span>
            <span className="bar" aria-hidden="true">
              <i style={{ width: part(phase.begin_us) }} />
              <i className={`${COLOURS[phase.kind]} at-least`} style={{ width: part(phase.length_us) }} />
            </span>
            <span className="bar-value">{micros(phase.length_us)}</span>
          </li>
        ))}
      </ol>
    </Section>
  );
}

function Decisions({ scheduling }: { scheduling: Scheduling }) {
  const t = useT();
  return (
    <Section title={t("request.decisions")}>
      {(scheduling.attempts ?? []).map((attempt, i) => (
        <div key={i} className="attempt">
          <h3>{t("request.attempt", { number: i + 1 })}</h3>
          <Facts
            facts={[
              [t("route.version"), attempt.version ?? "–"],
              [t("engine.reason"), attempt.why ?? "–"],
              [t("engine.name"), attempt.engine ?? "–"],
              [t("request.rule"), attempt.rule ? <code>{attempt.rule}</code> : "–"],
              [t("request.waited"), micros(attempt.waited_us)],
              [t("request.outcome"), attempt.outcome ?? "–"],
            ]}
          />
          {attempt.engines && attempt.engines.length > 0 && (
            <DataTable
              label={t("model.engines")}
              rows={attempt.engines}
              columns={[
                { id: "engine", head: t("engine.name"), cell: (one) => <Link to={`/engines/${at(one.engine)}`}>{one.engine}</Link> },
                { id: "verdict", head: t("request.verdict"), cell: (one) => <Badge tone={one.verdict === "taken" ? "good" : "calm"}>{one.verdict}</Badge> },
                { id: "cost", head: t("request.engine_cost"), cell: (one) => (one.cost_us === null ? "–" : micros(one.cost_us)), numeric: true },
                { id: "parts", head: t("request.part"), cell: (one) => Object.entries(one.parts_us ?? {}).map(([name, us]) => `${name} ${micros(us)}`).join(", ") },
              ]}
            />
          )}
        </div>
      ))}
    </Section>
  );
}

function Asked({ it }: { it: Explanation }) {
  const t = useT();
  const intent = it.intent!;
  return (
    <Section title={t("request.intent")}>
      <Facts
        facts={[
          [t("request.id"), <code>{it.id}</code>],
          [t("request.started"), time(intent.opened_at)],
          [t("tenant.one"), <Link to={`/tenants/${at(intent.tenant)}`}>{intent.tenant}</Link>],
          [t("project.one"), intent.project],
          [t("key.one"), <Link to={`/keys/${at(intent.key)}`}>{intent.key_name || intent.key}</Link>],
          [t("key.owner"), intent.user || "–"],
          [t("request.operation"), `${intent.operation}${intent.streamed ? ", stream" : ""}`],
          [t("model.name"), `${intent.model} (${intent.model_revision})`],
          [t("engine.name"), intent.engine || "–"],
          [t("key.priority"), it.class ?? "–"],
          [t("pool.title"), it.pool || "–"],
          [t("statement.price"), <code>{intent.price_version || "–"}</code>],
        ]}
      />
    </Section>
  );
}

function Ended({ settle }: { settle: NonNullable<Explanation["settle"]> }) {
  const t = useT();
  return (
    <Section title={t("request.end")}>
      <Facts
        facts={[
          [t("request.outcome"), settle.finish],
          [t("audit.time"), time(settle.settled_at)],
          [t("usage.input"), count(settle.prompt_tokens)],
          [t("usage.cached"), count(settle.cached_tokens)],
          [t("usage.output"), count(settle.generated_tokens)],
          [t("request.delivered"), count(settle.delivered_tokens)],
        ]}
      />
    </Section>
  );
}

function Cost({ cost }: { cost: NonNullable<Explanation["cost"]> }) {
  const t = useT();
  return (
    <Section title={t("request.cost")} actions={<strong>{money(cost.cost, cost.currency)}</strong>}>
      {cost.priced ? (
        <>
          <DataTable
            label={t("request.cost")}
            rows={cost.lines}
            columns={[
              { id: "name", head: t("request.part"), cell: (line) => line.name },
              { id: "quantity", head: t("request.quantity"), cell: (line) => `${count(line.quantity)} ${line.unit}`, numeric: true },
              { id: "rate", head: t("request.rate"), cell: (line) => `${decimal(microText(line.rate_micro))} / ${line.per}`, numeric: true },
              { id: "amount", head: t("request.amount"), cell: (line) => decimal(microText(line.amount_micro)), numeric: true },
            ]}
          />
          <p className={`note ${cost.adds_up ? "good" : "warn"} after-table`}>{t(cost.adds_up ? "request.adds_up" : "request.wrong")}</p>
        </>
      ) : (
        <p className="note warn">{t("request.unpriced")}</p>
      )}
    </Section>
  );
}

function Rest({ it }: { it: Explanation }) {
  const t = useT();
  return (
    <>
      {it.limits && it.limits.length > 0 && (
        <Section title={t("request.limits")}><ul>{it.limits.map((limit) => <li key={limit}>{limit}</li>)}</ul></Section>
      )}
      {it.audit?.index !== undefined && <p><Link to={`/audit/${it.audit.index}`}>{t("request.audit", { index: it.audit.index })}</Link></p>}
      {it.audit?.note && <p className="muted">{t("request.audit.note", { note: it.audit.note })}</p>}
    </>
  );
}
