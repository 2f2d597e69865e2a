import { useMemo, useState } from "react";
import { Link, useNavigate } from "react-router";
import { at, client } from "../api/client";
import { useTenants } from "../api/queries";
import type { Tenant } from "../api/types";
import { useT } from "../i18n";
import { time } from "../lib/format";
import { useAccess } from "../session";
import { DataTable, type Column } from "../ui/DataTable";
import { Field, FormBox } from "../ui/forms";
import { Badge, Button, Empty, Loaded, ManagedBadge, PageHead } from "../ui/parts";

export default function Tenants() {
  const t = useT();
  const read = useTenants();
  const [making, setMaking] = useState(false);
  const columns = useMemo<Column<Tenant>[]>(
    () => [
      { id: "slug", head: t("tenant.slug"), cell: (tenant) => <Link to={`/tenants/${at(tenant.slug)}`}>{tenant.slug}</Link>, value: (tenant) => tenant.slug },
      { id: "name", head: t("tenant.display_name"), cell: (tenant) => tenant.display_name, value: (tenant) => tenant.display_name },
      { id: "state", head: t("tenant.state"), cell: (tenant) => <TenantState tenant={tenant} />, value: (tenant) => (tenant.suspended ? t("tenant.suspended") : t("tenant.active")) },
      { id: "currency", head: t("tenant.currency"), cell: (tenant) => tenant.currency, value: (tenant) => tenant.currency },
      { id: "zone", head: t("tenant.time_zone"), cell: (tenant) => tenant.time_zone, value: (tenant) => tenant.time_zone },
      { id: "created", head: t("key.created"), cell: (tenant) => time(tenant.created_at), value: (tenant) => tenant.created_at ?? "" },
      { id: "managed", head: "", cell: (tenant) => <ManagedBadge object={tenant} /> },
    ],
    [t],
  );
  const { may } = useAccess();
  const make = may("create", "tenants") && <Button kind="main" onPress={() => setMaking(true)}>{t("tenant.create")}</Button>;
  return (
    <>
      <PageHead title={t("tenant.title")}>{make}</PageHead>
      <Loaded read={read}>
        {({ data, complete }) => (
          <>
            {!complete && <p className="note warn">{t("app.more_exist", { shown: data.length })}</p>}
            <DataTable label={t("tenant.title")} rows={data} columns={columns} filter sorted={[{ id: "slug", desc: false }]}
              empty={<Empty title={t("tenant.empty")} action={make}>{t("tenant.empty.text")}</Empty>} />
          </>
        )}
      </Loaded>
      {making && <NewTenant onClose={() => setMaking(false)} />}
    </>
  );
}

export function TenantState({ tenant }: { tenant: Tenant }) {
  const t = useT();
  return <Badge tone={tenant.suspended ? "warn" : "good"}>{t(tenant.suspended ? "tenant.suspended" : "tenant.active")}</Badge>;
}

function NewTenant({ onClose }: { onClose: () => void }) {
  const t = useT();
  const go = useNavigate();
  const [slug, setSlug] = useState("");
  const [name, setName] = useState("");
  const [currency, setCurrency] = useState("");
  const [zone, setZone] = useState("");
  const create = async () => {
    const body: Record<string, string> = { slug };
    if (name) body["display_name"] = name;
    if (currency) body["currency"] = currency;
    if (zone) body["time_zone"] = zone;
    await client.call("POST", "tenants", { body });
    await go(`/tenants/${at(slug)}`);
  };
  return (
    <FormBox title={t("tenant.create")} text={t("tenant.create.text")} submit={t("app.create")} onSubmit={create} onClose={onClose}>
      <Field label={t("tenant.slug")} help={t("tenant.slug.help")} value={slug} onChange={setSlug} pattern="[a-z][a-z0-9\-]{2,39}" autoFocus />
      <Field label={t("tenant.display_name")} value={name} onChange={setName} optional />
      <Field label={t("tenant.currency")} value={currency} onChange={setCurrency} pattern="[A-Z]{3}" optional />
      <Field label={t("tenant.time_zone")} help={t("tenant.time_zone.help")} value={zone} onChange={setZone} optional />
    </FormBox>
  );
}
