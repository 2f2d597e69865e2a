import { useState, type FormEvent } from "react";
import { Link, useNavigate } from "react-router";
import { at, query } from "../api/client";
import { useObject } from "../api/queries";
import type { AuditRecord, Page } from "../api/types";
import { useT } from "../i18n";
import { count, time } from "../lib/format";
import { DataTable } from "../ui/DataTable";
import { Field } from "../ui/forms";
import { Badge, Button, Empty, Loaded, PageHead, Section } from "../ui/parts";

const LATEST = 200; // entries of the log that are looked at for requests

export default function Requests() {
  const t = useT();
  return (
    <>
      <PageHead title={t("request.title")} />
      <FindRequest />
      <Latest />
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

// The ledger has no list of single requests for operators; the audit log has one.
function Latest() {
  const t = useT();
  const read = useObject<Page<AuditRecord>>(`audit/entries${query({ limit: LATEST })}`);
  return (
    <Section title={t("request.recent")} actions={<Button onPress={() => void read.refetch()}>{t("app.refresh")}</Button>}>
      <Loaded read={read}>
        {(page) => (
          <DataTable
            label={t("request.recent")}
            filter
            rows={page.data.filter(({ entry }) => entry.kind === "request" && entry.rid)}
            empty={<Empty title={t("request.empty")}>{t("request.empty.text")}</Empty>}
            columns={[
              { id: "id", head: t("request.id"), cell: ({ entry }) => <Link to={`/requests/${at(entry.rid ?? "")}`}><code>{entry.rid}</code></Link>, value: ({ entry }) => entry.rid ?? "" },
              { id: "time", head: t("audit.time"), cell: ({ entry }) => time(entry.t), value: ({ entry }) => entry.t },
              { id: "op", head: t("request.operation"), cell: ({ entry }) => entry.op, value: ({ entry }) => entry.op ?? "" },
              { id: "model", head: t("model.name"), cell: ({ entry }) => entry.model, value: ({ entry }) => entry.model ?? "" },
              { id: "outcome", head: t("audit.outcome"), cell: ({ entry }) => <Badge tone={entry.outcome === "ok" ? "good" : "bad"}>{entry.outcome}</Badge>, value: ({ entry }) => entry.outcome ?? "" },
              { id: "out", head: t("usage.output"), cell: ({ entry }) => count(Number(entry["tokens_out"] ?? 0)), value: ({ entry }) => Number(entry["tokens_out"] ?? 0), numeric: true },
            ]}
          />
        )}
      </Loaded>
    </Section>
  );
}
