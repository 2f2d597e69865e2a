import { useState } from "react";
import { Link, useParams } from "react-router";
import { at, client } from "../api/client";
import { useObject } from "../api/queries";
import type { AuditProof, AuditRecord } from "../api/types";
import { useT } from "../i18n";
import { checkInclusion, checkSignature, parseCheckpoint, parseKeys, toHex } from "../lib/merkle";
import { Badge, Button, ErrorBox, Loaded, PageHead, Section } from "../ui/parts";

export default function AuditEntry() {
  const t = useT();
  const { entry: index = "" } = useParams();
  const read = useObject<AuditRecord>(`audit/entries/${at(index)}?detail=true`);
  return (
    <>
      <PageHead title={t("audit.entry", { index })} above={<Link to="/audit">{t("audit.title")}</Link>} />
      <Loaded read={read}>
        {(record) => (
          <>
            <Section title={t("audit.entry.bytes")}><pre tabIndex={0}>{JSON.stringify(record.entry, null, 2)}</pre></Section>
            <Section title={t("audit.entry.detail")}>
              {record.detail ? <pre tabIndex={0}>{JSON.stringify(record.detail, null, 2)}</pre> : <p className="muted">{t("audit.entry.no_detail", { why: record.detail_missing ?? "–" })}</p>}
            </Section>
            <Proof key={record.index} index={record.index} />
            {record.entry.rid && <p><Link to={`/requests/${at(record.entry.rid)}`}>{t("request.one")} {record.entry.rid}</Link></p>}
          </>
        )}
      </Loaded>
    </>
  );
}

type Outcome = { kind: "good"; size: number; root: string } | { kind: "bad"; error: unknown } | { kind: "checking" } | null;

function Proof({ index }: { index: number }) {
  const t = useT();
  const [outcome, setOutcome] = useState<Outcome>(null);
  const check = async () => {
    setOutcome({ kind: "checking" });
    try {
      const proof = await client.get<AuditProof>(`audit/entries/${index}/proof`);
      const checkpoint = parseCheckpoint(proof.checkpoint);
      await checkSignature(checkpoint, await parseKeys(proof.keys));
      await checkInclusion(index, proof.bytes, proof.proof, checkpoint);
      setOutcome({ kind: "good", size: checkpoint.size, root: toHex(checkpoint.root).slice(0, 16) });
    } catch (error) {
      setOutcome({ kind: "bad", error });
    }
  };
  if (!globalThis.crypto?.subtle) return <p className="note warn">{t("audit.verify.no_crypto")}</p>;
  return (
    <Section title={t("audit.entry.proof")} actions={<Button isDisabled={outcome?.kind === "checking"} onPress={() => void check()}>{t("audit.verify.run")}</Button>}>
      <p className="muted">{t("audit.verify.honest")}</p>
      <div role="status">
        {outcome?.kind === "checking" && t("audit.verify.running")}
        {outcome?.kind === "good" && <><Badge tone="good">{t("audit.verify.good")}</Badge> {t("audit.entry.proven", { size: outcome.size, root: outcome.root })}</>}
      </div>
      {outcome?.kind === "bad" && <ErrorBox error={outcome.error} />}
    </Section>
  );
}
