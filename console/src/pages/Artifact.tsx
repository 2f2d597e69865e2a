import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { at, client } from "../api/client";
import { useList, useObject } from "../api/queries";
import type { Artifact as ArtifactObject, ArtifactStage, Model } from "../api/types";
import { useT } from "../i18n";
import { asksForTenants, callers, keepsTenants, labelsText, mayBeForgotten, saidChange, saidOf, stepsFrom, STAGES, type SaidDraft } from "../lib/artifacts";
import { count, fileSize, time, utcDay } from "../lib/format";
import { tenantsText } from "../lib/members";
import { useAccess } from "../session";
import { HowToServe, StageBadge, TenantsField } from "../ui/artifacts";
import { DataTable } from "../ui/DataTable";
import { Field, FormBox } from "../ui/forms";
import { Button, Facts, Loaded, ManagedBadge, PageHead, Section, isOurs } from "../ui/parts";
import { TrialBox, useTrial } from "../ui/preview";
import { TestRuns } from "./TestRuns";

export default function Artifact() {
  const { artifact: name = "" } = useParams();
  return <OneArtifact key={name} name={name} />;
}

function OneArtifact({ name }: { name: string }) {
  const t = useT();
  const read = useObject<ArtifactObject>(`artifacts/${at(name)}`);
  const [asking, setAsking] = useState<"edit" | "forget" | null>(null);
  const { may } = useAccess();
  const artifact = read.data;
  return (
    <>
      <PageHead title={name} above={<Link to="/artifacts">{t("artifact.title")}</Link>}>
        {artifact && may("change", "artifacts", null) && <Button onPress={() => setAsking("edit")}>{t("tenant.edit")}</Button>}
        {artifact && mayBeForgotten(artifact.stage) && may("remove", "artifacts", null) && <Button kind="danger" onPress={() => setAsking("forget")}>{t("artifact.forget")}</Button>}
      </PageHead>
      <Loaded read={read}>
        {(one) => (
          <>
            <Stages of={one} />
            <Section title={t("artifact.one")}>
              <Facts
                facts={[
                  [t("artifact.format"), one.format],
                  [t("artifact.size"), fileSize(one.bytes)],
                  [t("artifact.architecture"), one.architecture || "–"],
                  [t("artifact.quantisation"), one.quantisation || "–"],
                  [t("artifact.parameters"), one.parameters ? count(one.parameters) : t("artifact.unknown")],
                  [t("model.context"), one.context_tokens ? count(one.context_tokens) : t("artifact.unknown")],
                  [t("artifact.licence"), one.licence || "–"],
                  [t("artifact.origin"), one.origin || "–"],
                  [t("artifact.owner"), one.owner || "–"],
                  [t("artifact.labels"), Object.keys(one.labels).length === 0 ? "–" : labelsText(one.labels).split("\n").map((label) => <code key={label}>{label} </code>)],
                  [t("artifact.imported"), time(one.created_at)],
                  [t("key.id"), <code>{one.id}</code>],
                ]}
              />
              <Facts facts={[[t("artifact.digest"), <code>{one.digest}</code>]]} />
            </Section>
            <Callers of={one} />
            <TestRuns artifact={one} />
            {asking === "edit" && <Edit of={one} onClose={() => setAsking(null)} />}
            {asking === "forget" && <Forget of={one} onClose={() => setAsking(null)} />}
          </>
        )}
      </Loaded>
    </>
  );
}

// Where it stands, and the steps from here.
function Stages({ of }: { of: ArtifactObject }) {
  const t = useT();
  const { may } = useAccess();
  const [to, setTo] = useState<ArtifactStage | null>(null);
  const steps = may("change", "artifacts", null) ? stepsFrom(of.stage) : [];
  return (
    <Section title={t("artifact.stage")}>
      <ol className="stages">
        {STAGES.map((stage) => (
          <li key={stage} aria-current={stage === of.stage ? "step" : undefined}>
            <StageBadge stage={stage} />
            <span className="help">{t(`artifact.stage.${stage}.text`)}</span>
            {steps.includes(stage) && <Button kind={stage === "released" ? "main" : stage === "retired" ? "danger" : "plain"} onPress={() => setTo(stage)}>{t(moveText(of.stage, stage))}</Button>}
          </li>
        ))}
      </ol>
      <Facts
        facts={[
          [t("artifact.who"), of.stage === "draft" || of.stage === "retired" ? t("artifact.nobody") : tenantsText(t, of.tenants)],
          ...(of.retires_at ? ([[t("artifact.retires_at"), time(of.retires_at)]] as [string, string][]) : []),
        ]}
      />
      {to && <Move of={of} to={to} onClose={() => setTo(null)} />}
    </Section>
  );
}

const moveText = (from: ArtifactStage, to: ArtifactStage) => (keepsTenants(from, to) ? "artifact.move.again" : (`artifact.move.${to}` as const));
const NOTICE_DAYS = 90;

// A step, with what the server wants for it, and what it says that the step changes, before it is taken.
function Move({ of: now, to, onClose }: { of: ArtifactObject; to: ArtifactStage; onClose: () => void }) {
  const t = useT();
  const [of] = useState(now); // as it was seen, here and in the next boxes: the page reads it again
  const keeps = keepsTenants(of.stage, to);
  const [tenants, setTenants] = useState<string[] | null>(keeps ? of.tenants : []);
  const [day, setDay] = useState(() => utcDay(new Date(), -NOTICE_DAYS));
  const [reason, setReason] = useState("");
  const body = {
    stage: to,
    ...(asksForTenants(to) ? { tenants } : {}),
    ...(to === "deprecated" ? { retires_at: `${day}T00:00:00Z` } : {}),
    ...(to === "released" && reason ? { without_test: reason } : {}),
  };
  const complete = (!asksForTenants(to) || tenants === null || tenants.length > 0) && (to !== "deprecated" || day !== "");
  const path = `artifacts/${at(of.artifact)}/move`;
  const trial = useTrial("POST", path, complete ? body : null, of.revision);
  return (
    <FormBox title={t(moveText(of.stage, to))} text={t(`artifact.move.${to}.text`, { name: of.artifact })} submit={t(moveText(of.stage, to))} kind={to === "retired" ? "danger" : "main"}
      ready={complete && !trial.blocked} told={trial.error} onSubmit={() => client.call("POST", path, { body, revision: of.revision })} onClose={onClose}>
      {asksForTenants(to) && <TenantsField value={tenants} onChange={setTenants} />}
      {to === "deprecated" && <Field label={t("artifact.move.day")} param="retires_at" help={t("artifact.move.day.help")} type="date" value={day} onChange={setDay} />}
      {to === "released" && of.stage === "testing" && <Field label={t("artifact.move.without_test")} param="without_test" help={t("artifact.move.without_test.help")} value={reason} onChange={setReason} optional />}
      {complete ? <TrialBox of={trial} /> : <p className="muted">{t("artifact.move.choose")}</p>}
    </FormBox>
  );
}

// The models that serve it: who is let in by the stage, by the model's own list, and by both.
function Callers({ of }: { of: ArtifactObject }) {
  const t = useT();
  const { may } = useAccess();
  const read = useList<Model>("models");
  const [changing, setChanging] = useState<Model | null>(null);
  const mine = (read.data?.data ?? []).filter((model) => of.models.includes(model.name));
  return (
    <Section title={t("artifact.callers")}>
      <p className="muted">{t("artifact.callers.text")}</p>
      <Loaded read={read}>
        {() => (
          <DataTable
            label={t("artifact.callers")}
            rows={mine}
            rowId={(model) => model.name}
            empty={<><p>{t("artifact.callers.none")}</p><HowToServe artifact={of.artifact} name={of.name} digest={of.format === "gguf" ? of.digest : ""} folder="" /></>}
            columns={[
              { id: "model", head: t("model.name"), cell: (model) => <Link to={`/models/${at(model.name)}`}>{model.name}</Link>, value: (model) => model.name },
              { id: "own", head: t("artifact.callers.own"), cell: (model) => tenantsText(t, model.tenants) },
              { id: "both", head: t("artifact.callers.now"), cell: (model) => <strong>{tenantsText(t, callers(of.stage, of.tenants, model.tenants))}</strong> },
              { id: "managed", head: "", cell: (model) => <ManagedBadge object={model} /> },
              { id: "acts", head: "", cell: (model) => isOurs(model) && may("change", "models") && <Button kind="quiet" aria-label={`${t("artifact.callers.change")}: ${model.name}`} onPress={() => setChanging(model)}>{t("artifact.callers.change")}</Button> },
            ]}
          />
        )}
      </Loaded>
      {changing && <ChangeCallers of={of} model={changing} onClose={() => setChanging(null)} />}
    </Section>
  );
}

function ChangeCallers({ of, model, onClose }: { of: ArtifactObject; model: Model; onClose: () => void }) {
  const t = useT();
  const [tenants, setTenants] = useState(model.tenants);
  const path = `models/${at(model.name)}`;
  const trial = useTrial("PATCH", path, { tenants }, model.revision);
  return (
    <FormBox title={t("artifact.callers.change")} text={t("artifact.callers.change.text", { name: model.name })} submit={t("app.save")} ready={!trial.blocked} told={trial.error} onClose={onClose}
      onSubmit={() => client.call("PATCH", path, { body: { tenants }, revision: model.revision })}>
      <TenantsField value={tenants} onChange={setTenants} />
      <TrialBox of={trial} />
      <p>{t("artifact.callers.then", { who: tenantsText(t, callers(of.stage, of.tenants, tenants)) })}</p>
    </FormBox>
  );
}

function Edit({ of: now, onClose }: { of: ArtifactObject; onClose: () => void }) {
  const t = useT();
  const [of] = useState(now);
  const [draft, setDraft] = useState(() => saidOf(of));
  const set = (member: keyof SaidDraft) => (text: string) => setDraft({ ...draft, [member]: text });
  const body = saidChange(of, draft);
  const save = () => client.call("PATCH", `artifacts/${at(of.artifact)}`, { body, revision: of.revision });
  return (
    <FormBox title={t("artifact.edit")} text={t("artifact.edit.text")} submit={t("app.save")} ready={body !== null && Object.keys(body).length > 0} onSubmit={save} onClose={onClose}>
      <Field label={t("artifact.licence")} param="licence" value={draft.licence} onChange={set("licence")} optional autoFocus />
      <Field label={t("artifact.origin")} param="origin" value={draft.origin} onChange={set("origin")} optional />
      <Field label={t("artifact.owner")} param="owner" value={draft.owner} onChange={set("owner")} optional />
      <Field label={t("artifact.labels")} help={t("artifact.labels.help")} param="labels" value={draft.labels} onChange={set("labels")} lines={3} optional isInvalid={body === null} />
    </FormBox>
  );
}

function Forget({ of: now, onClose }: { of: ArtifactObject; onClose: () => void }) {
  const t = useT();
  const [of] = useState(now);
  const go = useNavigate();
  const [typed, setTyped] = useState("");
  const path = `artifacts/${at(of.artifact)}`;
  const trial = useTrial("DELETE", path, {}, of.revision);
  const forget = async () => {
    await client.call("DELETE", path, { revision: of.revision });
    await go("/artifacts");
  };
  return (
    <FormBox title={t("artifact.forget")} text={t("artifact.forget.text", { name: of.artifact })} submit={t("artifact.forget")} kind="danger" ready={typed === of.artifact && !trial.blocked} onSubmit={forget} onClose={onClose}>
      <TrialBox of={trial} />
      <Field label={t("tenant.delete.type", { name: of.artifact })} value={typed} onChange={setTyped} autoFocus />
    </FormBox>
  );
}
