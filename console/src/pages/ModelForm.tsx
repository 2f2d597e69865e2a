import { useState } from "react";
import { useNavigate } from "react-router";
import { at } from "../api/client";
import { useEngines, useList, useRollouts } from "../api/queries";
import type { Managed, Model, Route } from "../api/types";
import { useT } from "../i18n";
import { NEW_MODEL, draftOf, modelChange, newModel, type ModelDraft } from "../lib/modelForm";
import { DURATION, NAME, routesWith } from "../lib/routeForm";
import { Blame, Check, Field } from "../ui/forms";
import { Loaded } from "../ui/parts";
import { isRunning } from "../ui/rollouts";
import { DeleteBox, TriedBox } from "../ui/tried";

export function NewModel({ onClose }: { onClose: () => void }) {
  const t = useT();
  const go = useNavigate();
  const [draft, setDraft] = useState(NEW_MODEL);
  return (
    <TriedBox<Model> title={t("model.create")} text={t("model.create.text")} submit={t("app.create")} ready={draft.engines.length > 0} wide onClose={onClose}
      write={() => ({ method: "POST", path: "models", body: newModel(draft) })} onDone={(made) => go(`/models/${at(made.name)}`)}>
      <Fields draft={draft} set={(more) => setDraft({ ...draft, ...more })} isNew />
    </TriedBox>
  );
}

export function EditModel({ model, onClose }: { model: Model; onClose: () => void }) {
  const t = useT();
  const [seen] = useState(model); // while others may change it
  const [draft, setDraft] = useState(() => draftOf(model));
  return (
    <TriedBox title={t("model.change", { name: model.name })} text={t("model.change.text")} submit={t("app.save")} ready={draft.engines.length > 0} wide onClose={onClose}
      write={() => ({ method: "PATCH", path: `models/${at(model.name)}`, body: modelChange(seen, draft), revision: seen.revision })}>
      <Fields draft={draft} set={(more) => setDraft({ ...draft, ...more })} isNew={false} />
    </TriedBox>
  );
}

export function DeleteModel({ model, onClose }: { model: Model; onClose: () => void }) {
  const t = useT();
  const go = useNavigate();
  const routes = useList<Route>("routes");
  const rollouts = useRollouts();
  const rolled = (rollouts.data?.data ?? []).filter((one) => isRunning(one.state) && [one.stable, one.candidate].includes(model.name)).map((one) => one.route);
  const names = [...new Set([...routesWith(routes.data?.data ?? [], "model", model.name), ...rolled])];
  return (
    <DeleteBox title={t("model.delete")} text={t("model.delete.text", { name: model.name })} path={`models/${at(model.name)}`} revision={model.revision}
      users={names.map((name) => ({ text: `${t("route.name")} ${name}`, to: `/routes/${at(name)}` }))} onDone={() => go("/models")} onClose={onClose} />
  );
}

interface Props {
  draft: ModelDraft;
  set: (more: Partial<ModelDraft>) => void;
}

// What every model needs, then what some need, folded. Of a new one an empty field leaves it to the server.
function Fields({ draft, set, isNew }: Props & { isNew: boolean }) {
  const t = useT();
  const artifacts = useList<Managed & { artifact: string }>("artifacts");
  return (
    <>
      {isNew && <Field label={t("model.name")} help={t("model.name.help")} param="name" value={draft.name} onChange={(name) => set({ name })} pattern={NAME} autoFocus />}
      <Engines draft={draft} set={set} />
      <Field label={t("model.engine_model")} help={t("model.engine_model.help")} param="engine_model" value={draft.engineModel} onChange={(engineModel) => set({ engineModel })} optional />
      <div role="group" aria-label={t("model.tenants")}>
        <Check label={t("model.for_all")} checked={draft.allTenants} onChange={(allTenants) => set({ allTenants })} />
        {!draft.allTenants && <Field label={t("model.for")} help={t("model.for.help")} param="tenants" value={draft.tenants} onChange={(tenants) => set({ tenants })} optional />}
      </div>
      <details>
        <summary>{t("model.part.offers")}</summary>
        <div className="checks-row" role="group" aria-label={t("model.offers")}>
          {(["chat", "completions", "embeddings"] as const).map((kind) => <Check key={kind} label={kind} checked={draft[kind]} onChange={(on) => set({ [kind]: on })} />)}
        </div>
        <Blame param="chat" />
        <div className="form-row spaced">
          <Field label={t("model.context")} help={t("model.context.help")} param="context_tokens" value={draft.context} onChange={(context) => set({ context })} inputMode="numeric" pattern="[0-9]{1,10}" optional />
          <Field label={t("model.output")} help={t("model.output.help")} param="output_tokens_max" value={draft.output} onChange={(output) => set({ output })} inputMode="numeric" pattern="[0-9]{1,10}" optional />
          <Field label={t("model.choices")} help={t("model.choices.help")} param="choices_max" value={draft.choices} onChange={(choices) => set({ choices })} inputMode="numeric" pattern="[0-9]{1,3}" optional={isNew} />
        </div>
      </details>
      <details>
        <summary>{t("model.part.files")}</summary>
        <div className="form-row spaced">
          <Field label={t("model.artifact")} help={t("model.artifact.help")} param="artifact" value={draft.artifact} onChange={(artifact) => set({ artifact })} suggestions={(artifacts.data?.data ?? []).map((one) => one.artifact)} optional />
          <Field label={t("model.adapter")} help={t("model.adapter.help")} param="adapter" value={draft.adapter} onChange={(adapter) => set({ adapter })} inputMode="numeric" pattern="[0-9]{1,4}" optional />
          <Field label={t("model.owned_by")} help={t("model.owned_by.help")} param="owned_by" value={draft.ownedBy} onChange={(ownedBy) => set({ ownedBy })} optional />
        </div>
      </details>
      <details>
        <summary>{t("model.part.times")}</summary>
        <div className="form-row spaced">
          <Field label={t("model.first_token")} help={t("model.time.help")} param="first_token_timeout" value={draft.firstToken} onChange={(firstToken) => set({ firstToken })} pattern={DURATION} optional={isNew} />
          <Field label={t("model.stall")} param="stall_timeout" value={draft.stall} onChange={(stall) => set({ stall })} pattern={DURATION} optional={isNew} />
          <Field label={t("model.total")} param="total_timeout" value={draft.total} onChange={(total) => set({ total })} pattern={DURATION} optional={isNew} />
          <Field label={t("model.commit_after")} help={t("model.commit_after.help")} param="commit_after" value={draft.commitAfter} onChange={(commitAfter) => set({ commitAfter })} pattern={`never|${DURATION}`} optional={isNew} />
        </div>
      </details>
      <details>
        <summary>{t("model.part.fields")}</summary>
        <Field label={t("model.extra_fields")} help={t("model.extra_fields.help")} param="extra_fields" value={draft.extraFields} onChange={(extraFields) => set({ extraFields })} optional />
        <Check label={t("model.reject_unknown")} checked={draft.rejectUnknown} onChange={(rejectUnknown) => set({ rejectUnknown })} />
      </details>
    </>
  );
}

// The one that answers, or replicas of each other. One that is gone meanwhile stands there to be taken away.
function Engines({ draft, set }: Props) {
  const t = useT();
  const read = useEngines();
  const choose = (name: string) => (on: boolean) => set({ engines: on ? [...draft.engines, name] : draft.engines.filter((one) => one !== name) });
  return (
    <fieldset className="bare group">
      <legend>{t("model.engines")}</legend>
      <Loaded read={read}>
        {({ data }) => {
          const names = [...new Set([...data.map((engine) => engine.name), ...draft.engines])];
          return (
            <>
              <div className="checks-row">{names.map((name) => <Check key={name} label={name} checked={draft.engines.includes(name)} onChange={choose(name)} />)}</div>
              <p className="help">{t(names.length === 0 ? "model.engines.none" : "model.engines.help")}</p>
            </>
          );
        }}
      </Loaded>
      <Blame param="engine" />
      <Blame param="engines" />
    </fieldset>
  );
}
