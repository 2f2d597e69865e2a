import { useState } from "react";
import { useList } from "../api/queries";
import type { ArtifactStage, Tenant } from "../api/types";
import { useT } from "../i18n";
import { importCommand, serveCommand, serveConfig, testCommand, TEST_SET, type Import } from "../lib/artifacts";
import { namesOf, textOf } from "../lib/settings";
import { Blame, Check, Field } from "./forms";
import { Badge, Copyable, Loaded, type Tone } from "./parts";

const TONES: Record<ArtifactStage, Tone> = { draft: "calm", testing: "warn", released: "good", deprecated: "warn", retired: "bad" };
export function StageBadge({ stage }: { stage: ArtifactStage }) {
  const t = useT();
  return <Badge tone={TONES[stage]}>{t(`artifact.stage.${stage}`)}</Badge>;
}

const BOXES_MAX = 24; // so many tenants are chosen by a tick; of more the names are typed

export function TenantsField({ value, onChange, all = true }: { value: string[] | null; onChange: (next: string[] | null) => void; all?: boolean }) {
  const t = useT();
  const read = useList<Tenant>("tenants", undefined, 1_000);
  const [typed, setTyped] = useState(() => textOf(value)); // kept while all are chosen
  const type = (next: string) => {
    setTyped(next);
    onChange(namesOf(next) ?? []);
  };
  const chosen = value ?? [];
  const toggle = (slug: string) => (on: boolean) => type(textOf(on ? [...chosen, slug] : chosen.filter((one) => one !== slug)));
  const choice = (slugs: string[]) =>
    slugs.length > 0 && slugs.length <= BOXES_MAX ? (
      <>
        <div className="checks-row">
          {[...new Set([...slugs, ...chosen])].map((slug) => <Check key={slug} label={slug} checked={chosen.includes(slug)} onChange={toggle(slug)} />)}
        </div>
        <Blame param="tenants" />
      </>
    ) : (
      <Field label={t("artifact.who.names")} help={t("artifact.who.names.help")} param="tenants" value={typed} onChange={type} optional suggestions={slugs} />
    );
  return (
    <div role="group" aria-label={t("artifact.who")} className="field">
      {all && <Check label={t("artifact.who.all")} checked={value === null} onChange={(next) => onChange(next ? null : (namesOf(typed) ?? []))} />}
      {value !== null && <Loaded read={read}>{({ data }) => choice(data.map((one) => one.slug))}</Loaded>}
    </div>
  );
}

// The whole way from a file to a model that tenants call, as commands for the server's machine.
export function HowToImport() {
  const t = useT();
  const [of, setOf] = useState<Import>({ file: "", name: "", version: "", owner: "", folder: "" });
  const set = (more: Partial<Import>) => setOf({ ...of, ...more });
  const name = of.name || "NAME";
  const artifact = `${name}@${of.version || "1.0"}`;
  return (
    <>
      <p>{t("artifact.how.text")}</p>
      <div className="form-row spaced">
        <Field label={t("artifact.how.file")} value={of.file} onChange={(file) => set({ file })} optional />
        <Field label={t("key.name")} value={of.name} onChange={(next) => set({ name: next })} optional />
        <Field label={t("route.version")} value={of.version} onChange={(version) => set({ version })} optional />
        <Field label={t("artifact.owner")} value={of.owner} onChange={(owner) => set({ owner })} optional />
        <Field label={t("artifact.how.folder")} value={of.folder} onChange={(folder) => set({ folder })} optional />
      </div>
      <ol className="how">
        <li><p>{t("artifact.how.import")}</p><Copyable label={t("artifact.how.import.label")} text={importCommand(of)} /></li>
        <li><HowToServe artifact={artifact} name={name} digest="" folder={of.folder} /></li>
        <li><p>{t("artifact.how.test")}</p><Copyable label={t("artifact.how.test.label")} text={testCommand(artifact)} /></li>
        <li><p>{t("artifact.how.release")}</p></li>
      </ol>
    </>
  );
}

export function HowToServe({ artifact, name, digest, folder }: { artifact: string; name: string; digest: string; folder: string }) {
  const t = useT();
  return (
    <>
      <p>{t("artifact.how.serve")}</p>
      <Copyable label={t("artifact.how.serve.label")} text={serveCommand(artifact, name)} />
      <p>{t("artifact.how.config")}</p>
      <Copyable label={t("artifact.how.config.label")} text={serveConfig(artifact, name, digest, folder)} />
    </>
  );
}

export function HowToTest({ artifact }: { artifact: string }) {
  const t = useT();
  return (
    <>
      <p>{t("artifact.how.test")}</p>
      <Copyable label={t("artifact.how.test.label")} text={testCommand(artifact)} />
      <Copyable label="smoke.json" text={TEST_SET} />
    </>
  );
}
