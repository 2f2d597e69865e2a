import { useState, type ReactNode } from "react";
import { useNavigate } from "react-router";
import { at } from "../api/client";
import { useList } from "../api/queries";
import type { Model, Route } from "../api/types";
import { useT } from "../i18n";
import type { TextKey } from "../i18n/en";
import {
  CONDITIONS_MAX, DURATION, FALLBACKS_MAX, NAME, NEW_ROUTE, STAGES, STICKY, TIMES, VERSIONS_MAX, WEIGHT_MAX, draftOf, newRoute, routeChange, routesWith, shares, withVersion, type ConditionDraft, type RouteDraft,
} from "../lib/routeForm";
import { Blame, Check, Choice, Field } from "../ui/forms";
import { Button, Loaded } from "../ui/parts";
import { DeleteBox, TriedBox } from "../ui/tried";

export function NewRoute({ onClose }: { onClose: () => void }) {
  const t = useT();
  const go = useNavigate();
  const [draft, setDraft] = useState(NEW_ROUTE);
  const ready = draft.versions.every((version) => version.model !== "");
  return (
    <TriedBox<Route> title={t("route.create")} text={t("route.create.text")} submit={t("app.create")} ready={ready} wide onClose={onClose}
      write={() => ({ method: "POST", path: "routes", body: newRoute(draft) })} onDone={(made) => go(`/routes/${at(made.name)}`)}>
      <Fields draft={draft} set={(more) => setDraft({ ...draft, ...more })} isNew />
    </TriedBox>
  );
}

export function EditRoute({ route, onClose }: { route: Route; onClose: () => void }) {
  const t = useT();
  const [seen] = useState(route); // while the page reads it again and again
  const [draft, setDraft] = useState(() => draftOf(route));
  return (
    <TriedBox title={t("route.change", { name: route.name })} text={t("route.edit_weights.text")} submit={t("app.save")} wide onClose={onClose}
      ready={draft.versions.length > 0} write={() => ({ method: "PATCH", path: `routes/${at(route.name)}`, body: routeChange(seen, draft), revision: seen.revision })}>
      <Fields draft={draft} set={(more) => setDraft({ ...draft, ...more })} isNew={false} />
    </TriedBox>
  );
}

export function DeleteRoute({ route, onClose }: { route: Route; onClose: () => void }) {
  const t = useT();
  const go = useNavigate();
  const routes = useList<Route>("routes");
  const names = routesWith(routes.data?.data ?? [], "route", route.name);
  return (
    <DeleteBox title={t("route.delete")} text={t("route.delete.text", { name: route.name })} path={`routes/${at(route.name)}`} revision={route.revision}
      users={names.map((name) => ({ text: `${t("route.name")} ${name}`, to: `/routes/${at(name)}` }))} onDone={() => go("/routes")} onClose={onClose} />
  );
}

interface Props {
  draft: RouteDraft;
  set: (more: Partial<RouteDraft>) => void;
}
type Options = [string, string][];
const namesIn = (all: { name: string }[]) => all.map(({ name }) => name);

// Versions with their shares first; what some routes need as well is folded.
function Fields({ draft, set, isNew }: Props & { isNew: boolean }) {
  const t = useT();
  const models = useList<Model>("models");
  const routes = useList<Route>("routes");
  const versions: Options = draft.versions.filter(({ model }) => model !== "").map(({ model }) => [model, model]);
  const part = { draft, set, versions };
  return (
    <>
      {isNew && <Field label={t("route.name")} help={t("route.name.help")} param="name" value={draft.name} onChange={(name) => set({ name })} pattern={NAME} autoFocus />}
      <Loaded read={models}>{({ data }) => <Versions draft={draft} set={set} models={namesIn(data)} />}</Loaded>
      <Choice label={t("route.sticky")} help={t("route.sticky.help")} param="sticky" value={draft.sticky} onChange={(sticky) => set({ sticky })} options={STICKY.map((one) => [one, t(`route.sticky.${one}` as TextKey)])} />
      <details>
        <summary>{t("route.fallbacks")}</summary>
        <Loaded read={models}>{(all) => <Loaded read={routes}>{({ data }) => <Fallbacks draft={draft} set={set} models={namesIn(all.data)} routes={namesIn(data)} />}</Loaded>}</Loaded>
      </details>
      <details>
        <summary>{t("route.times")}</summary>
        <div className="form-row spaced">
          {TIMES.map((name) => (
            <Field key={name} label={t(`route.time.${name}`)} param={`timeouts.${name}`} value={draft.times[name]} onChange={(text) => set({ times: { ...draft.times, [name]: text } })} pattern={DURATION} optional />
          ))}
        </div>
        <p className="help">{t("model.time.help")}</p>
      </details>
      <details>
        <summary>{t("route.mirror")}</summary>
        <MirrorPart {...part} />
      </details>
      <details>
        <summary>{t("route.grey")}</summary>
        <GreyPart {...part} />
      </details>
      <details>
        <summary>{t("route.conditions")}</summary>
        <Conditions {...part} />
      </details>
    </>
  );
}

// One of several, with what takes it away.
function Row({ name, onRemove, children }: { name: string; onRemove: (() => void) | null; children: ReactNode }) {
  const t = useT();
  return (
    <div role="group" aria-label={name} className="row">
      {children}
      {onRemove && <Button kind="quiet" aria-label={`${t("app.remove")}: ${name}`} onPress={onRemove}>{t("app.remove")}</Button>}
    </div>
  );
}

const without = <T,>(list: T[], i: number) => list.filter((_, n) => n !== i);
const changed = <T,>(list: T[], i: number, more: Partial<T>) => list.map((one, n) => (n === i ? { ...one, ...more } : one));

function Versions({ draft, set, models }: Props & { models: string[] }) {
  const t = useT();
  const { versions } = draft;
  const parts = shares(versions.map((version) => version.weight));
  const free = (own: string): Options => models.filter((name) => name === own || versions.every((version) => version.model !== name)).map((name) => [name, name]);
  const add = () => set({ versions: [...versions, { model: "", stage: versions.some((one) => one.stage === "stable") ? "canary" : "stable", weight: 0 }] });
  return (
    <fieldset className="bare group">
      <legend>{t("route.versions")}</legend>
      {versions.map((version, i) => {
        const name = t("route.version.number", { number: i + 1 });
        const change = (more: Partial<typeof version>) => set({ versions: changed(versions, i, more) });
        return (
          <Row key={i} name={name} onRemove={versions.length > 1 ? () => set(withVersion(draft, i, null)) : null}>
            <Choice label={t("model.name")} param={`versions[${i}].model`} value={version.model} onChange={(model) => set(withVersion(draft, i, model))} options={free(version.model)} />
            <Choice label={t("route.stage")} param={`versions[${i}].stage`} value={version.stage} onChange={(stage) => change({ stage })} options={STAGES.map((one) => [one, one])} />
            <label className="field weight">
              <span>{t("route.weight")} {version.weight}</span>
              <input type="range" min={0} max={Math.max(WEIGHT_MAX, version.weight)} value={version.weight} onChange={(event) => change({ weight: Number(event.target.value) })} />
            </label>
            <output aria-label={`${t("route.share")}: ${name}`}>{parts[i]}</output>
          </Row>
        );
      })}
      <Blame param="versions" />
      {versions.length < VERSIONS_MAX && <Button onPress={add}>{t("route.version.add")}</Button>}
    </fieldset>
  );
}

function Fallbacks({ draft, set, models, routes }: Props & { models: string[]; routes: string[] }) {
  const t = useT();
  const [next, setNext] = useState("");
  const { fallbacks } = draft;
  const all: Options = [...models.map((name): [string, string] => [`model:${name}`, name]), ...routes.filter((name) => name !== draft.name).map((name): [string, string] => [`route:${name}`, t("route.fallback.route", { name })])];
  const free = all.filter(([key]) => !fallbacks.includes(key));
  const chosen = free.some(([key]) => key === next) ? next : "";
  const textOf = (key: string) => all.find(([one]) => one === key)?.[1] ?? key.slice(key.indexOf(":") + 1);
  return (
    <>
      <p className="help">{t("route.fallbacks.help")}</p>
      {fallbacks.map((key, i) => (
        <Row key={key} name={textOf(key)} onRemove={() => set({ fallbacks: without(fallbacks, i) })}>
          <span>{i + 1}. {textOf(key)}</span>
          <Blame param={`fallbacks[${i}]`} />
        </Row>
      ))}
      {free.length > 0 && fallbacks.length < FALLBACKS_MAX && (
        <div className="row">
          <Choice label={t("route.fallback.next")} value={chosen} onChange={setNext} options={[["", t("app.choose")], ...free]} />
          <Button isDisabled={chosen === ""} onPress={() => set({ fallbacks: [...fallbacks, chosen] })}>{t("route.fallback.add")}</Button>
        </div>
      )}
    </>
  );
}

function MirrorPart({ draft, set, versions }: Props & { versions: Options }) {
  const t = useT();
  const { mirror } = draft;
  const change = (more: Partial<NonNullable<RouteDraft["mirror"]>>) => set({ mirror: { ...mirror!, ...more } });
  const idle = draft.versions.find((version) => version.weight === 0)?.model ?? versions.at(-1)?.[0] ?? "";
  return (
    <>
      <Check label={t("route.mirror.on")} checked={mirror !== null} onChange={(on) => set({ mirror: on ? { version: idle, share: "5", inFlight: "", promptBytes: "" } : null })} />
      {mirror && (
        <div className="form-row spaced">
          <Choice label={t("route.version")} help={t("route.mirror.help")} param="mirror.version" value={mirror.version} onChange={(version) => change({ version })} options={versions} />
          <Field label={t("route.mirror.share")} param="mirror.share" value={mirror.share} onChange={(share) => change({ share })} inputMode="decimal" pattern="[0-9]{1,3}([.][0-9]{1,2})?" />
          <Field label={t("route.mirror.in_flight")} param="mirror.in_flight_max" value={mirror.inFlight} onChange={(inFlight) => change({ inFlight })} inputMode="numeric" pattern="[0-9]{1,4}" optional />
          <Field label={t("route.mirror.prompt_bytes")} param="mirror.prompt_bytes_max" value={mirror.promptBytes} onChange={(promptBytes) => change({ promptBytes })} inputMode="numeric" pattern="[0-9]{1,8}" optional />
        </div>
      )}
    </>
  );
}

function GreyPart({ draft, set, versions }: Props & { versions: Options }) {
  const t = useT();
  const { grey } = draft;
  const change = (more: Partial<NonNullable<RouteDraft["grey"]>>) => set({ grey: { ...grey!, ...more } });
  return (
    <>
      <Check label={t("route.grey.on")} checked={grey !== null} onChange={(on) => set({ grey: on ? { name: "preview", version: versions.at(-1)?.[0] ?? "", tenants: "", label: "" } : null })} />
      {grey && (
        <div className="form-row spaced">
          <Field label={t("key.name")} help={t("route.grey.name.help")} param="grey.name" value={grey.name} onChange={(name) => change({ name })} />
          <Choice label={t("route.version")} param="grey.version" value={grey.version} onChange={(version) => change({ version })} options={versions} />
          <Field label={t("route.grey.tenants")} help={t("model.for.help")} param="grey.tenants" value={grey.tenants} onChange={(tenants) => change({ tenants })} />
          <Field label={t("route.grey.label")} help={t("route.grey.label.help")} param="grey.key_label" value={grey.label} onChange={(label) => change({ label })} optional />
        </div>
      )}
    </>
  );
}

function Conditions({ draft, set, versions }: Props & { versions: Options }) {
  const t = useT();
  const { conditions } = draft;
  const change = (i: number, more: Partial<ConditionDraft>) => set({ conditions: changed(conditions, i, more) });
  const add = () => set({ conditions: [...conditions, { name: `condition-${conditions.length + 1}`, version: versions.at(-1)?.[0] ?? "", headers: "", labels: "", tenant: "", project: "" }] });
  return (
    <>
      <p className="help">{t("route.conditions.help")}</p>
      {conditions.map((one, i) => {
        const param = `conditions[${i}]`;
        return (
          <Row key={i} name={t("route.condition.number", { number: i + 1 })} onRemove={() => set({ conditions: without(conditions, i) })}>
            <Field label={t("key.name")} param={`${param}.name`} value={one.name} onChange={(name) => change(i, { name })} />
            <Choice label={t("route.version")} param={`${param}.version`} value={one.version} onChange={(version) => change(i, { version })} options={versions} />
            <Field label={t("route.condition.headers")} help={t("route.condition.headers.help")} param={`${param}.headers`} value={one.headers} onChange={(headers) => change(i, { headers })} lines={2} optional />
            <Field label={t("route.condition.labels")} param={`${param}.key_labels`} value={one.labels} onChange={(labels) => change(i, { labels })} lines={2} optional />
            <Field label={t("tenant.one")} param={`${param}.tenant`} value={one.tenant} onChange={(tenant) => change(i, { tenant })} optional />
            <Field label={t("project.one")} param={`${param}.project`} value={one.project} onChange={(project) => change(i, { project })} optional />
          </Row>
        );
      })}
      <Blame param="conditions" />
      {conditions.length < CONDITIONS_MAX && <Button onPress={add}>{t("route.condition.add")}</Button>}
    </>
  );
}
