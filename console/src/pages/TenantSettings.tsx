import { useQueryClient } from "@tanstack/react-query";
import { useMemo, useState, type FormEvent } from "react";
import { at, client, query } from "../api/client";
import { useList, useObject } from "../api/queries";
import type { Managed, Project } from "../api/types";
import { useT } from "../i18n";
import { namesOf, numbersOf, textOf, tried, type SystemPrompt, type TenantSettings as Values } from "../lib/settings";
import { count, utcDay } from "../lib/format";
import { useAccess } from "../session";
import { Check, Choice, Field } from "../ui/forms";
import { Button, ErrorBox, Loaded, ManagedNote, Section, isOurs } from "../ui/parts";

// What may be set: the server says so.
interface Bounds {
  models: string[]; // and routes, of those that the tenant may use
  parameters: Record<string, { min: number; max: number; whole: boolean; has_default: boolean }>;
}
type Settings = Values & Managed & { bounds: Bounds };

export function TenantSettings({ tenant }: { tenant: string }) {
  const read = useObject<Settings>(`tenants/${at(tenant)}/settings`);
  return <Loaded read={read}>{(settings) => <Form tenant={tenant} latest={settings} />}</Loaded>;
}

// What is in the fields, as text.
function draftOf(settings: Settings) {
  const texts = (values: Record<string, number>) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
  return {
    allModels: settings.models === null,
    models: settings.models ?? [],
    defaults: texts(settings.defaults),
    maximums: texts(settings.maximums),
    onExcess: settings.on_excess,
    prompts: settings.system_prompts,
    disclaimer: settings.disclaimer?.text ?? "",
  };
}
type Draft = ReturnType<typeof draftOf>;

function valuesOf(draft: Draft): Values | null {
  const [defaults, maximums] = [numbersOf(draft.defaults), numbersOf(draft.maximums)];
  if (defaults === null || maximums === null) return null;
  return {
    models: draft.allModels ? null : draft.models,
    defaults,
    maximums,
    on_excess: draft.onExcess,
    system_prompts: draft.prompts,
    disclaimer: draft.disclaimer ? { text: draft.disclaimer } : null,
  };
}

// `latest`: as the server has them now. What is typed stays when they change meanwhile; it is based on
// those that were seen.
function Form({ tenant, latest }: { tenant: string; latest: Settings }) {
  const t = useT();
  const queries = useQueryClient();
  const { may } = useAccess();
  const [settings, setSettings] = useState(latest);
  const [draft, setDraft] = useState(() => draftOf(latest));
  const [state, setState] = useState<{ busy: boolean; error: unknown; saved: boolean }>({ busy: false, error: null, saved: false });
  const values = useMemo(() => valuesOf(draft), [draft]);
  const mayChange = settings.managed_by !== "file" && may("change", "settings", tenant);
  const set = (more: Partial<Draft>) => {
    setDraft({ ...draft, ...more });
    setState((was) => ({ ...was, saved: false }));
  };
  const take = (next: Settings) => {
    setSettings(next);
    setDraft(draftOf(next));
  };
  const isStale = (latest.revision ?? 0) > (settings.revision ?? 0);
  const load = () => {
    take(latest);
    setState({ busy: false, error: null, saved: false });
  };
  const save = async (event: FormEvent) => {
    event.preventDefault();
    setState({ busy: true, error: null, saved: false });
    try {
      take(await client.call<Settings>("PUT", `tenants/${at(tenant)}/settings`, { body: values, revision: settings.revision }));
      setState({ busy: false, error: null, saved: true });
      void queries.invalidateQueries();
    } catch (error) {
      setState({ busy: false, error, saved: false });
      void queries.invalidateQueries(); // perhaps somebody else was faster
    }
  };
  return (
    <>
      {!isOurs(settings) && settings.managed_by && <ManagedNote object={settings} />}
      <form onSubmit={(event) => void save(event)} aria-busy={state.busy}>
        <fieldset disabled={!mayChange} className="bare">
          <ModelsPart draft={draft} set={set} bounds={settings.bounds} />
          <NumbersPart draft={draft} set={set} bounds={settings.bounds} />
          <PromptsPart key={settings.revision} draft={draft} set={set} />
          <Section title={t("settings.disclaimer")}>
            <Field label={t("settings.disclaimer.field")} help={t("settings.disclaimer.help")} value={draft.disclaimer} onChange={(disclaimer) => set({ disclaimer })} lines={3} optional isReadOnly={!mayChange} />
          </Section>
        </fieldset>
        {state.error ? <ErrorBox error={state.error} /> : null}
        {isStale && <p className="note warn">{t("settings.stale")} <Button onPress={load}>{t("settings.load")}</Button></p>}
        {mayChange && (
          <div className="form-end">
            <span role="status" className="muted">{values === null ? t("settings.numbers") : state.saved ? t("settings.saved") : t("settings.at_once")}</span>
            <Button type="submit" kind="main" isDisabled={state.busy || values === null}>{t("app.save")}</Button>
          </div>
        )}
      </form>
      {values && <Preview tenant={tenant} values={values} models={settings.bounds.models} />}
    </>
  );
}

interface PartProps {
  draft: Draft;
  set: (more: Partial<Draft>) => void;
}

function ModelsPart({ draft, set, bounds }: PartProps & { bounds: Bounds }) {
  const t = useT();
  const names = [...new Set([...bounds.models, ...draft.models])].sort();
  return (
    <Section title={t("model.title")}>
      <p className="muted">{t("settings.models.text")}</p>
      <Check label={t("settings.models.all")} checked={draft.allModels} onChange={(allModels) => set({ allModels })} />
      {!draft.allModels && (
        <div className="checks-row">
          {names.map((name) => (
            <Check key={name} label={name} checked={draft.models.includes(name)} onChange={(on) => set({ models: on ? [...draft.models, name].sort() : draft.models.filter((one) => one !== name) })} />
          ))}
        </div>
      )}
    </Section>
  );
}

function NumbersPart({ draft, set, bounds }: PartProps & { bounds: Bounds }) {
  const t = useT();
  const all = Object.keys(bounds.parameters);
  const range = (name: string) => t("settings.range", { min: bounds.parameters[name]!.min, max: count(bounds.parameters[name]!.max) });
  const fields = (of: "defaults" | "maximums", names: string[]) => (
    <div className="form-row spaced">
      {names.map((name) => (
        <Field key={name} label={name} help={range(name)} value={draft[of][name] ?? ""} onChange={(value) => set({ [of]: { ...draft[of], [name]: value } })} inputMode="decimal" pattern="[0-9]+([.][0-9]{1,6})?" optional />
      ))}
    </div>
  );
  return (
    <Section title={t("settings.parameters")}>
      <p className="muted">{t("settings.defaults.text")}</p>
      <div role="group" aria-label={t("settings.defaults")}><h3>{t("settings.defaults")}</h3>{fields("defaults", all.filter((name) => bounds.parameters[name]!.has_default))}</div>
      <div role="group" aria-label={t("settings.maximums")}><h3>{t("settings.maximums")}</h3>{fields("maximums", all)}</div>
      <Choice label={t("settings.on_excess")} value={draft.onExcess} onChange={(next) => set({ onExcess: next as Draft["onExcess"] })} options={[["refuse", t("settings.on_excess.refuse")], ["clamp", t("settings.on_excess.clamp")]]} />
    </Section>
  );
}

const NEW_PROMPT: SystemPrompt = { name: "", text: "", models: null, projects: null, mode: "prepend" };

function PromptsPart({ draft, set }: PartProps) {
  const t = useT();
  const change = (i: number, more: Partial<SystemPrompt>) => set({ prompts: draft.prompts.map((one, n) => (n === i ? { ...one, ...more } : one)) });
  return (
    <Section title={t("settings.prompts")} actions={<Button onPress={() => set({ prompts: [...draft.prompts, NEW_PROMPT] })}>{t("settings.prompt.add")}</Button>}>
      <p className="muted">{t("settings.prompts.text")}</p>
      {draft.prompts.map((prompt, i) => (
        <div key={i} role="group" aria-label={t("settings.prompt.number", { number: i + 1 })} className="attempt">
          <div className="form-row spaced">
            <Field label={t("key.name")} value={prompt.name} onChange={(name) => change(i, { name })} pattern="[A-Za-z0-9_.\-]{1,64}" />
            <Choice label={t("settings.prompt.mode")} value={prompt.mode} onChange={(mode) => change(i, { mode: mode as SystemPrompt["mode"] })} options={(["prepend", "default"] as const).map((mode) => [mode, t(`settings.prompt.mode.${mode}`)])} />
            <Names label={t("settings.prompt.models")} value={prompt.models} onChange={(models) => change(i, { models })} />
            <Names label={t("settings.prompt.projects")} value={prompt.projects} onChange={(projects) => change(i, { projects })} />
            <Button kind="danger" aria-label={`${t("app.delete")}: ${prompt.name || i + 1}`} onPress={() => set({ prompts: draft.prompts.filter((_, n) => n !== i) })}>{t("app.delete")}</Button>
          </div>
          <Field label={t("settings.prompt.text")} help={t("settings.prompt.text.help")} value={prompt.text} onChange={(text) => change(i, { text })} lines={4} />
        </div>
      ))}
    </Section>
  );
}

// Keeps what is typed: a comma at the end is no name yet.
function Names({ label, value, onChange }: { label: string; value: string[] | null; onChange: (names: string[] | null) => void }) {
  const [typed, setTyped] = useState(() => textOf(value));
  const change = (next: string) => {
    setTyped(next);
    onChange(namesOf(next));
  };
  return <Field label={label} value={typed} onChange={change} optional />;
}

// A request, and what an engine gets of it with what stands in the fields now, saved or not.
function Preview({ tenant, values, models: names }: { tenant: string; values: Values; models: string[] }) {
  const t = useT();
  const projects = useList<Project>(`projects${query({ tenant })}`);
  const [model, setModel] = useState("");
  const [project, setProject] = useState("");
  const [system, setSystem] = useState("");
  const [message, setMessage] = useState("Hello");
  const [tokens, setTokens] = useState("");
  const slugs = (projects.data?.data ?? []).map((one) => one.slug);
  const trial = {
    model: model || (names[0] ?? ""), tenant, project: project || (slugs[0] ?? "default"), date: utcDay(new Date()), system, message,
    parameters: numbersOf({ max_tokens: tokens }) ?? {},
  };
  const verdict = tried(values, trial);
  return (
    <Section title={t("settings.preview")}>
      <p className="muted">{t("settings.preview.text")}</p>
      <div className="form-row spaced">
        <Choice label={t("model.name")} value={trial.model} onChange={setModel} options={names.map((name) => [name, name])} />
        <Choice label={t("project.one")} value={trial.project} onChange={setProject} options={slugs.map((slug) => [slug, slug])} />
        <Field label="max_tokens" value={tokens} onChange={setTokens} inputMode="numeric" optional />
      </div>
      <Field label={t("play.system")} value={system} onChange={setSystem} optional />
      <Field label={t("play.message")} value={message} onChange={setMessage} optional />
      <div role="status" aria-label={t("settings.preview")}>
        {verdict.kind === "unknown" && <p className="note warn">{t("settings.preview.unknown", { model: trial.model })}</p>}
        {verdict.kind === "refused" && <p className="note warn">{t("settings.preview.refused", { parameter: verdict.parameter, maximum: verdict.maximum })}</p>}
        {verdict.kind === "sent" && (
          <>
            {verdict.prompt && <p>{t("settings.preview.prompt", { name: verdict.prompt })}</p>}
            {verdict.clamped.length > 0 && <p>{t("settings.preview.clamped", { names: verdict.clamped.join(", ") })}</p>}
            <pre className="code" tabIndex={0} aria-label={t("settings.preview.request")}>{JSON.stringify({ model: trial.model, messages: verdict.messages, ...verdict.parameters }, null, 2)}</pre>
            {values.disclaimer && <p>{t("settings.preview.answer")} <q>… {values.disclaimer.text}</q></p>}
          </>
        )}
      </div>
    </Section>
  );
}
