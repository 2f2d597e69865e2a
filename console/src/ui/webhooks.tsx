import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import type { Webhook, WebhookState } from "../api/types";
import { useT } from "../i18n";
import { PATTERNS, patternsOf, receivers, TENANT_PATTERNS } from "../lib/webhooks";
import { Box, Check, Choice, Field } from "./forms";
import { Badge, Button, Copyable, type Tone } from "./parts";

const TONES: Record<WebhookState, Tone> = { ok: "good", failing: "bad", disabled: "calm", not_allowed: "warn" };
export function HookState({ of }: { of: Webhook }) {
  const t = useT();
  return <Badge tone={TONES[of.state]}>{t(`webhook.state.${of.state}`)}</Badge>;
}

export interface HookDraft {
  name: string;
  url: string;
  events: string; // as it is typed
}
export const draftOf = (hook: Webhook): HookDraft => ({ name: hook.name, url: hook.url, events: hook.events.join(", ") });
export function wishOf(draft: HookDraft): { name: string; url: string; events: string[] } | null {
  const events = patternsOf(draft.events);
  return events === null || events.length === 0 ? null : { name: draft.name, url: draft.url, events };
}

// `tenant`: whose it is; null: the platform's.
export function HookFields({ draft, onChange, tenant }: { draft: HookDraft; onChange: (next: HookDraft) => void; tenant: string | null }) {
  const t = useT();
  const set = (more: Partial<HookDraft>) => onChange({ ...draft, ...more });
  const events = patternsOf(draft.events);
  const toggle = (pattern: string, on: boolean) => set({ events: (on ? [...(events ?? []), pattern] : (events ?? []).filter((one) => one !== pattern)).join(", ") });
  return (
    <>
      <Field label={t("key.name")} help={t("webhook.name.help")} param="name" value={draft.name} onChange={(name) => set({ name })} autoFocus />
      <Field label={t("webhook.url")} help={t("webhook.url.help")} param="url" value={draft.url} onChange={(url) => set({ url })} pattern="https?://.+" />
      <div role="group" aria-label={t("webhook.suggested")} className="checks-row">
        {(tenant === null ? PATTERNS : TENANT_PATTERNS).map((pattern) => (
          <Check key={pattern} label={`${pattern} (${t(`webhook.about.${pattern}` as "webhook.about.limit.*")})`} checked={events?.includes(pattern) ?? false} onChange={(on) => toggle(pattern, on)} />
        ))}
      </div>
      <Field label={t("webhook.events")} help={t("webhook.events.help")} param="events" value={draft.events} onChange={(next) => set({ events: next })}
        validate={(typed) => (patternsOf(typed) === null ? t("webhook.events.none") : null)} />
    </>
  );
}

// The secret with which deliveries are signed, once, with a receiver that checks them.
export function MadeSecret({ of, onClose }: { of: Webhook; onClose: () => void }) {
  const t = useT();
  return (
    <Box title={t("webhook.made")} onClose={onClose} wide>
      <p className="note warn">{t("webhook.made.text")}</p>
      <Copyable label={t("webhook.secret")} text={of.secret ?? ""} />
      <Receivers />
      <div className="form-end"><Button kind="main" onPress={onClose}>{t("key.made.done")}</Button></div>
    </Box>
  );
}

export function Receivers() {
  const t = useT();
  const all = receivers();
  return (
    <>
      <p>{t("webhook.receiver.text")}</p>
      <Tabs>
        <TabList aria-label={t("webhook.receiver")} className="tabs">
          {all.map(({ name }) => <Tab key={name} id={name} className="tab">{name}</Tab>)}
        </TabList>
        {all.map(({ name, text }) => <TabPanel key={name} id={name}><Copyable label={name} text={text} /></TabPanel>)}
      </Tabs>
    </>
  );
}

export function WhoseField({ places, value, onChange }: { places: (string | null)[]; value: string | null; onChange: (next: string | null) => void }) {
  const t = useT();
  return (
    <Choice label={t("webhook.whose")} param="tenant" help={t(value === null ? "webhook.whose.platform.text" : "webhook.whose.tenant.text")} value={value ?? ""} onChange={(next) => onChange(next === "" ? null : next)}
      options={places.map((one): [string, string] => [one ?? "", one ?? t("webhook.whose.platform")])} />
  );
}
