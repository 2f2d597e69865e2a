import { useMemo, useState } from "react";
import { Link } from "react-router";
import { at, client, query } from "../api/client";
import { useList, useTenants } from "../api/queries";
import type { Webhook } from "../api/types";
import { useT } from "../i18n";
import { count, time } from "../lib/format";
import { useAccess } from "../session";
import { DataTable, type Column } from "../ui/DataTable";
import { TenantChoice, useFilters } from "../ui/filters";
import { FormBox } from "../ui/forms";
import { Button, Empty, Loaded, ManagedBadge, PageHead, Section } from "../ui/parts";
import { HookFields, HookState, MadeSecret, Receivers, WhoseField, wishOf, type HookDraft } from "../ui/webhooks";

export default function Webhooks() {
  const t = useT();
  const { values: { tenant }, set } = useFilters(["tenant"]);
  const tenants = useTenants();
  const read = useList<Webhook>(`webhooks${query({ tenant })}`);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<Webhook | null>(null);
  const { may } = useAccess();
  const slugs = (tenants.data?.data ?? []).map((one) => one.slug);
  const places = [...(may("create", "webhooks", null) ? [null] : []), ...slugs.filter((slug) => may("create", "webhooks", slug))];
  const columns = useMemo<Column<Webhook>[]>(
    () => [
      { id: "name", head: t("key.name"), cell: (hook) => <Link to={`/webhooks/${at(hook.id)}`}>{hook.name}</Link>, value: (hook) => hook.name },
      { id: "state", head: t("key.state"), cell: (hook) => <HookState of={hook} />, value: (hook) => hook.state },
      { id: "tenant", head: t("webhook.whose"), cell: (hook) => hook.tenant ?? t("webhook.whose.platform"), value: (hook) => hook.tenant ?? "" },
      { id: "events", head: t("webhook.events"), cell: (hook) => <span className="wrap">{hook.events.join(", ")}</span>, value: (hook) => hook.events.join(", ") },
      { id: "url", head: t("webhook.url"), cell: (hook) => <span className="wrap">{hook.url}</span>, value: (hook) => hook.url },
      { id: "delivered", head: t("webhook.delivered"), cell: (hook) => count(hook.deliveries.delivered), value: (hook) => hook.deliveries.delivered, numeric: true },
      { id: "dropped", head: t("webhook.dropped"), cell: (hook) => count(hook.deliveries.dropped), value: (hook) => hook.deliveries.dropped, numeric: true },
      { id: "last", head: t("webhook.last"), cell: (hook) => time(hook.deliveries.last_at), value: (hook) => hook.deliveries.last_at ?? "" },
      { id: "managed", head: "", cell: (hook) => <ManagedBadge object={hook} /> },
    ],
    [t],
  );
  const make = places.length > 0 && <Button kind="main" onPress={() => setMaking(true)}>{t("webhook.create")}</Button>;
  return (
    <>
      <PageHead title={t("webhook.title")}>{make}</PageHead>
      <div className="form-row card">
        <TenantChoice value={tenant} onChange={set("tenant")} all />
      </div>
      <Loaded read={read}>
        {({ data }) => (
          <DataTable label={t("webhook.title")} rows={data} columns={columns} rowId={(hook) => hook.id} filter sorted={[{ id: "name", desc: false }]}
            empty={
              <>
                <Empty title={t("webhook.empty")} action={make}>{t("webhook.empty.text")}</Empty>
                <Section title={t("webhook.receiver")}><Receivers /></Section>
              </>
            } />
        )}
      </Loaded>
      {making && <NewHook places={places} wanted={tenant} onMade={setMade} onClose={() => setMaking(false)} />}
      {made && <MadeSecret of={made} onClose={() => setMade(null)} />}
    </>
  );
}

function NewHook({ places, wanted, onMade, onClose }: { places: (string | null)[]; wanted: string; onMade: (hook: Webhook) => void; onClose: () => void }) {
  const t = useT();
  const [tenant, setTenant] = useState<string | null>(() => (places.includes(wanted) ? wanted : (places[0] ?? null)));
  const [draft, setDraft] = useState<HookDraft>({ name: "", url: "", events: "limit.*" });
  const wish = wishOf(draft);
  const create = async () => onMade(await client.call<Webhook>("POST", "webhooks", { body: { ...wish, ...(tenant === null ? {} : { tenant }) } }));
  return (
    <FormBox title={t("webhook.create")} text={t("webhook.create.text")} submit={t("app.create")} ready={wish !== null} onSubmit={create} onClose={onClose}>
      {(places.length > 1 || places[0] === null) && <WhoseField places={places} value={tenant} onChange={setTenant} />}
      <HookFields draft={draft} onChange={setDraft} tenant={tenant} />
    </FormBox>
  );
}
