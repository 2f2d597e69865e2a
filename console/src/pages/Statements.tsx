import { useState, type FormEvent } from "react";
import { useNavigate, useParams } from "react-router";
import { at, client } from "../api/client";
import { useObject, useTenants } from "../api/queries";
import type { Statement } from "../api/types";
import { useT } from "../i18n";
import { count, microText, money, time, utcMonth } from "../lib/format";
import { randomText } from "../lib/password";
import { DataTable } from "../ui/DataTable";
import { useAccess } from "../session";
import { TenantChoice } from "../ui/filters";
import { Field, FormBox } from "../ui/forms";
import { Button, Empty, Loaded, PageHead, Section, download } from "../ui/parts";

export default function Statements() {
  const t = useT();
  const { tenant = "", month = "" } = useParams();
  const chosen = tenant !== "" && month !== "";
  const [adjusting, setAdjusting] = useState(false);
  const { may } = useAccess();
  const csv = async () => download(`statement-${tenant}-${month}.csv`, await client.text(`statements/${at(tenant, month)}?format=csv`), "text/csv");
  return (
    <>
      <PageHead title={chosen ? t("statement.of", { tenant, month }) : t("statement.title")}>
        {chosen && (
          <>
            {may("create", "adjustments", tenant) && <Button onPress={() => setAdjusting(true)}>{t("statement.adjust")}</Button>}
            <Button onPress={() => void csv()}>{t("app.download_csv")}</Button>
            <Button onPress={() => window.print()}>{t("app.print")}</Button>
          </>
        )}
      </PageHead>
      <Which key={`${tenant}/${month}`} tenant={tenant} month={month || utcMonth(new Date())} />
      {chosen ? <OneStatement tenant={tenant} month={month} /> : <Empty title={t("statement.empty")}>{t("statement.empty.text")}</Empty>}
      {adjusting && <Adjust tenant={tenant} onClose={() => setAdjusting(false)} />}
    </>
  );
}

function Which(given: { tenant: string; month: string }) {
  const t = useT();
  const go = useNavigate();
  const tenants = useTenants();
  const [tenant, setTenant] = useState(given.tenant);
  const [month, setMonth] = useState(given.month);
  const choice = tenant || tenants.data?.data[0]?.slug || "";
  const show = (event: FormEvent) => {
    event.preventDefault();
    if (choice) void go(`/statements/${at(choice, month)}`);
  };
  return (
    <form className="card form-row" onSubmit={show}>
      <TenantChoice value={choice} onChange={setTenant} />
      <Field label={t("statement.month")} type="month" value={month} onChange={setMonth} pattern="[0-9]{4}-[0-9]{2}" />
      <Button type="submit" kind="main">{t("statement.show")}</Button>
    </form>
  );
}

function OneStatement({ tenant, month }: { tenant: string; month: string }) {
  const t = useT();
  const read = useObject<Statement>(`statements/${at(tenant, month)}`);
  return (
    <Loaded read={read}>
      {(statement) => (
        <>
          <p className={`note ${statement.preliminary ? "warn" : "good"}`}>{t(statement.preliminary ? "statement.preliminary" : "statement.closed")}</p>
          <p className="muted">{t("statement.from_until", { from: time(statement.from), until: time(statement.until), zone: statement.time_zone })}</p>
          {statement.unpriced > 0 && <p className="note warn">{t("statement.unpriced", { count: count(statement.unpriced) })}</p>}
          {statement.totals.map((total) => (
            <dl className="figures" key={total.currency}>
              <div><dt>{t("statement.usage")}</dt><dd>{money(microText(total.usage_micro), total.currency)}</dd></div>
              <div><dt>{t("statement.adjustments")}</dt><dd>{money(microText(total.adjustments_micro), total.currency)}</dd></div>
              <div><dt>{t("statement.due")}</dt><dd>{money(microText(total.due_micro), total.currency)}</dd></div>
            </dl>
          ))}
          <div className="after-table">
            <DataTable
              label={t("statement.title")}
              rows={statement.lines}
              empty={<p className="muted">{t("statement.no_lines")}</p>}
              columns={[
                { id: "project", head: t("project.one"), cell: (line) => line.project, value: (line) => line.project },
                { id: "centre", head: t("project.cost_centre"), cell: (line) => line.cost_centre || "–", value: (line) => line.cost_centre },
                { id: "model", head: t("model.name"), cell: (line) => line.model, value: (line) => line.model },
                { id: "price", head: t("statement.price"), cell: (line) => <code>{line.price || "–"}</code>, value: (line) => line.price },
                { id: "requests", head: t("usage.requests"), cell: (line) => count(line.requests), value: (line) => line.requests, numeric: true },
                { id: "in", head: t("usage.input"), cell: (line) => count(line.prompt_tokens), value: (line) => line.prompt_tokens, numeric: true },
                { id: "cached", head: t("usage.cached"), cell: (line) => count(line.cached_tokens), value: (line) => line.cached_tokens, numeric: true },
                { id: "out", head: t("usage.output"), cell: (line) => count(line.generated_tokens), value: (line) => line.generated_tokens, numeric: true },
                { id: "cost", head: t("usage.cost"), cell: (line) => money(microText(line.cost_micro), line.currency), value: (line) => line.cost_micro, numeric: true },
              ]}
            />
          </div>
          {statement.adjustments.length > 0 && (
            <Section title={t("statement.adjustments")}>
              <DataTable
                label={t("statement.adjustments")}
                rows={statement.adjustments}
                columns={[
                  { id: "at", head: t("audit.time"), cell: (line) => time(line.at) },
                  { id: "reason", head: t("statement.reason"), cell: (line) => line.reason },
                  { id: "amount", head: t("request.amount"), cell: (line) => money(microText(line.amount_micro), line.currency), numeric: true },
                ]}
              />
            </Section>
          )}
          <details className="card">
            <summary>{t("statement.checkpoint")}</summary>
            <pre>{statement.audit_checkpoint}</pre>
          </details>
        </>
      )}
    </Loaded>
  );
}

// It is booked in the month that is open now, whichever one is looked at.
function Adjust({ tenant, onClose }: { tenant: string; onClose: () => void }) {
  const t = useT();
  const [amount, setAmount] = useState("");
  const [reason, setReason] = useState("");
  const [id] = useState(() => randomText()); // so that an answer that was lost books nothing twice
  return (
    <FormBox title={t("statement.adjust")} text={t("statement.adjust.text", { tenant })} submit={t("statement.adjust.submit")} onClose={onClose}
      onSubmit={() => client.call("POST", `statements/${at(tenant)}/adjustments`, { body: { id, amount, reason } })}>
      <Field label={t("request.amount")} help={t("statement.adjust.amount")} value={amount} onChange={setAmount} inputMode="decimal" pattern="-?[0-9]{1,9}(\.[0-9]{1,6})?" autoFocus />
      <Field label={t("statement.reason")} value={reason} onChange={setReason} />
    </FormBox>
  );
}
