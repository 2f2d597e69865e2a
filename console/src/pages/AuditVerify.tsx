import { useState, type FormEvent } from "react";
import { Link } from "react-router";
import { client } from "../api/client";
import type { AuditCheckpoint } from "../api/types";
import { useT, type Translate } from "../i18n";
import { checkConsistency, checkSignature, parseCheckpoint, parseKeys } from "../lib/merkle";
import { Field } from "../ui/forms";
import { Badge, Button, ErrorBox, PageHead, Section } from "../ui/parts";

interface Step {
  good: boolean;
  text: string;
}

// Every step tells what it has proven before the next begins; the first that fails is the last.
async function verify(brought: string, keyList: string, t: Translate, tell: (step: Step) => void) {
  const server = await client.get<AuditCheckpoint>("audit/checkpoint");
  const keys = await parseKeys(keyList.trim() || server.keys);
  if (!keyList.trim()) tell({ good: false, text: t("audit.verify.own_keys") });
  const newer = parseCheckpoint(server.checkpoint);
  const signer = await checkSignature(newer, keys);
  tell({ good: true, text: t("audit.verify.signed", { size: newer.size, name: signer.name }) });
  const older = brought.trim() ? parseCheckpoint(brought) : newer;
  if (brought.trim()) {
    await checkSignature(older, keys);
    tell({ good: true, text: t("audit.verify.mine_signed", { size: older.size }) });
  }
  await checkConsistency(older, newer, (path) => client.logFile(path));
  tell({ good: true, text: t("audit.verify.tree") });
  if (brought.trim()) tell({ good: true, text: t("audit.verify.consistent", { size: older.size }) });
}

export default function AuditVerify() {
  const t = useT();
  const [checkpoint, setCheckpoint] = useState("");
  const [keys, setKeys] = useState("");
  const [steps, setSteps] = useState<Step[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const run = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setSteps([]);
    setError(null);
    await verify(checkpoint, keys, t, (step) => setSteps((before) => [...before, step])).catch(setError);
    setBusy(false);
  };
  return (
    <>
      <PageHead title={t("audit.verify.title")} above={<Link to="/audit">{t("audit.title")}</Link>} />
      <p>{t("audit.verify.text")}</p>
      <p className="note warn">{t("audit.verify.honest")}</p>
      {!globalThis.crypto?.subtle ? (
        <p className="error">{t("audit.verify.no_crypto")}</p>
      ) : (
        <form className="card" onSubmit={(event) => void run(event)}>
          <Field label={t("audit.verify.checkpoint")} help={t("audit.verify.checkpoint.help")} value={checkpoint} onChange={setCheckpoint} lines={6} optional />
          <Field label={t("audit.verify.keys")} help={t("audit.verify.keys.help")} value={keys} onChange={setKeys} lines={3} optional />
          <Button type="submit" kind="main" isDisabled={busy}>{busy ? t("audit.verify.running") : t("audit.verify.run")}</Button>
        </form>
      )}
      <Section title={t("audit.verify")}>
        <ul className="checks" role="status">
          {steps.map((step) => (
            <li key={step.text}><Badge tone={step.good ? "good" : "warn"}>{step.good ? t("audit.verify.good") : "!"}</Badge> {step.text}</li>
          ))}
        </ul>
        {error ? <><Badge tone="bad">{t("audit.verify.bad")}</Badge><ErrorBox error={error} /></> : null}
      </Section>
    </>
  );
}
