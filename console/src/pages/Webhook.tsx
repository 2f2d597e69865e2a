import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { at, client } from "../api/client";
import { LIVE_MS, useObject } from "../api/queries";
import type { Webhook as WebhookObject } from "../api/types";
import { useT } from "../i18n";
import { count, time } from "../lib/format";
import { watchTest, WATCH_MS, type Outcome } from "../lib/webhooks";
import { useAccess } from "../session";
import { Change, Field, FormBox } from "../ui/forms";
import { Button, ErrorBox, Facts, Loaded, ManagedNote, PageHead, Section, isOurs } from "../ui/parts";
import { draftOf, HookFields, HookState, MadeSecret, Receivers, wishOf } from "../ui/webhooks";

type Asking = "edit" | "rotate" | "switch" | "delete" | null;

export default function Webhook() {
  const { webhook: id = "" } = useParams();
  return <OneWebhook key={id} id={id} />;
}

function OneWebhook({ id }: { id: string }) {
  const t = useT();
  const path = `webhooks/${at(id)}`;
  const read = useObject<WebhookObject>(path, LIVE_MS);
  const [asking, setAsking] = useState<Asking>(null);
  const [made, setMade] = useState<WebhookObject | null>(null);
  const { may } = useAccess();
  const hook = read.data;
  const close = () => setAsking(null);
  return (
    <>
      <PageHead title={hook?.name || id} above={<Link to="/webhooks">{t("webhook.title")}</Link>}>
        {hook && isOurs(hook) && may("change", "webhooks", hook.tenant) && (
          <>
            <Button onPress={() => setAsking("edit")}>{t("tenant.edit")}</Button>
            <Button onPress={() => setAsking("rotate")}>{t("webhook.rotate")}</Button>
            <Button kind={hook.enabled ? "danger" : "main"} onPress={() => setAsking("switch")}>{t(hook.enabled ? "webhook.disable" : "webhook.enable")}</Button>
          </>
        )}
        {hook && isOurs(hook) && may("remove", "webhooks", hook.tenant) && <Button kind="danger" onPress={() => setAsking("delete")}>{t("app.delete")}</Button>}
      </PageHead>
      <Loaded read={read}>
        {(one) => (
          <>
            <ManagedNote object={one} />
            <Section title={t("webhook.one")}>
              <Facts
                facts={[
                  [t("key.state"), <HookState of={one} />],
                  [t("webhook.whose"), one.tenant === null ? t("webhook.whose.platform") : <Link to={`/tenants/${at(one.tenant)}`}>{one.tenant}</Link>],
                  [t("webhook.events"), one.events.map((event) => <code key={event}>{event} </code>)],
                  [t("webhook.url"), <code>{one.url}</code>],
                  [t("key.id"), <code>{one.id}</code>],
                  [t("key.created"), time(one.created_at)],
                ]}
              />
              {one.state === "not_allowed" && <p className="note warn">{t("webhook.not_allowed.text")}</p>}
            </Section>
            <Deliveries of={one} path={path} mayTest={may("change", "webhooks", one.tenant)} />
            <Section title={t("webhook.receiver")}><Receivers /></Section>
            {asking === "edit" && <Edit of={one} path={path} onClose={close} />}
            {asking === "rotate" && <Rotate of={one} path={path} onMade={setMade} onClose={close} />}
            {asking === "switch" && <Switch of={one} path={path} onClose={close} />}
            {asking === "delete" && <Delete of={one} path={path} onClose={close} />}
          </>
        )}
      </Loaded>
      {made && <MadeSecret of={made} onClose={() => setMade(null)} />}
    </>
  );
}

function Deliveries({ of, path, mayTest }: { of: WebhookObject; path: string; mayTest: boolean }) {
  const t = useT();
  const { deliveries } = of;
  const test = useTest(path);
  return (
    <Section title={t("webhook.deliveries")}
      actions={
        <>
          <span className="muted">{t("app.live", { seconds: LIVE_MS / 1_000 })}</span>
          {mayTest && <Button isDisabled={test.passedMs !== null || !of.enabled} onPress={() => void test.run()}>{t("webhook.test")}</Button>}
        </>
      }>
      <dl className="figures">
        {(["delivered", "retried", "dropped", "waiting"] as const).map((kind) => (
          <div key={kind}><dt>{t(`webhook.${kind}`)}</dt><dd>{count(deliveries[kind])}</dd></div>
        ))}
      </dl>
      <Facts
        facts={[
          [t("webhook.last"), time(deliveries.last_at)],
          [t("webhook.last_status"), deliveries.last_status ?? "–"],
          [t("webhook.last_error"), deliveries.last_error ?? "–"],
        ]}
      />
      {test.passedMs !== null && (
        <div role="status">
          <p>{t("webhook.testing")}</p>
          <progress className="whole" max={WATCH_MS} value={test.passedMs} aria-label={t("webhook.testing")} />
        </div>
      )}
      {test.error ? <ErrorBox error={test.error} /> : null}
      {test.result && (
        <p role="status" className={`note ${test.result.outcome === "delivered" ? "good" : "warn"}`}>
          {t(`webhook.outcome.${test.result.outcome}`, { status: test.result.status, error: test.result.error })}
        </p>
      )}
    </Section>
  );
}

interface Tested {
  passedMs: number | null; // null: no test is under way
  result: { outcome: Outcome; status: string; error: string } | null;
  error: unknown;
}
// Sends a test, and looks for some seconds what came of it.
function useTest(path: string) {
  const queries = useQueryClient();
  const [state, setState] = useState<Tested>({ passedMs: null, result: null, error: null });
  const stopped = useRef(false);
  useEffect(() => {
    stopped.current = false;
    return () => {
      stopped.current = true;
    };
  }, []);
  const run = async () => {
    setState({ passedMs: 0, result: null, error: null });
    try {
      const { deliveries: before } = await client.get<WebhookObject>(path);
      await client.call("POST", `${path}/test`, { body: {} });
      const watched = await watchTest(before, {
        read: () => client.get<WebhookObject>(path),
        pause: (ms) => new Promise((go) => setTimeout(go, ms)),
        tell: (passedMs) => setState({ passedMs, result: null, error: null }),
        stopped: () => stopped.current,
      });
      if (stopped.current) return;
      const last = watched.hook?.deliveries;
      setState({ passedMs: null, result: { outcome: watched.outcome, status: String(last?.last_status ?? "–"), error: last?.last_error ?? "–" }, error: null });
      void queries.invalidateQueries({ queryKey: [path] });
    } catch (error) {
      if (!stopped.current) setState({ passedMs: null, result: null, error });
    }
  };
  return { ...state, run };
}

// `of` is read anew while a box is open; each box keeps what was seen when it was opened.
interface BoxProps {
  of: WebhookObject;
  path: string;
  onClose: () => void;
}

function Edit({ of, path, onClose }: BoxProps) {
  const t = useT();
  const [was] = useState(of);
  const [draft, setDraft] = useState(() => draftOf(of));
  const wish = wishOf(draft);
  return (
    <FormBox title={t("webhook.edit")} text={t("webhook.edit.text")} submit={t("app.save")} ready={wish !== null} onClose={onClose}
      onSubmit={() => client.call("PATCH", path, { body: wish, revision: was.revision })}>
      <HookFields draft={draft} onChange={setDraft} tenant={of.tenant} />
    </FormBox>
  );
}

function Rotate({ of, path, onMade, onClose }: BoxProps & { onMade: (hook: WebhookObject) => void }) {
  const t = useT();
  const [was] = useState(of);
  const rotate = async () => onMade(await client.call<WebhookObject>("POST", `${path}/rotate`, { body: {}, revision: was.revision }));
  return <FormBox title={t("webhook.rotate")} text={t("webhook.rotate.text", { name: was.name })} submit={t("webhook.rotate")} onSubmit={rotate} onClose={onClose} />;
}

function Switch({ of, path, onClose }: BoxProps) {
  const t = useT();
  const [was] = useState(of);
  const act = t(was.enabled ? "webhook.disable" : "webhook.enable");
  const name = (enabled: boolean) => t(enabled ? "webhook.on" : "webhook.off");
  return (
    <FormBox title={act} text={t(was.enabled ? "webhook.disable.text" : "webhook.enable.text", { name: was.name })} submit={act} kind={was.enabled ? "danger" : "main"} onClose={onClose}
      onSubmit={() => client.call("PATCH", path, { body: { enabled: !was.enabled }, revision: was.revision })}>
      <Change what={t("key.state")} before={name(was.enabled)} after={name(!was.enabled)} />
    </FormBox>
  );
}

function Delete({ of, path, onClose }: BoxProps) {
  const t = useT();
  const go = useNavigate();
  const [was] = useState(of);
  const [typed, setTyped] = useState("");
  const remove = async () => {
    await client.call("DELETE", path, { revision: was.revision });
    await go("/webhooks");
  };
  return (
    <FormBox title={t("webhook.delete")} text={t("webhook.delete.text", { name: was.name })} submit={t("app.delete")} kind="danger" ready={typed === was.name} onSubmit={remove} onClose={onClose}>
      <Field label={t("tenant.delete.type", { name: was.name })} value={typed} onChange={setTyped} autoFocus />
    </FormBox>
  );
}
