import { useMemo, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { at, client, query } from "../api/client";
import { useList, useObject } from "../api/queries";
import type { Key, Project, Tenant as TenantObject } from "../api/types";
import { useT } from "../i18n";
import { time, utcMonth } from "../lib/format";
import { useAccess } from "../session";
import { DataTable, type Column } from "../ui/DataTable";
import { Change, Field, FormBox } from "../ui/forms";
import { KeyState, MadeKey, NewKey } from "../ui/keys";
import { Button, Empty, Facts, Loaded, ManagedBadge, ManagedNote, PageHead, Section, isOurs } from "../ui/parts";
import { TenantState } from "./Tenants";

type Asking = "edit" | "suspend" | "delete" | "project" | "key" | null;

export default function Tenant() {
  const t = useT();
  const { tenant: slug = "" } = useParams();
  const read = useObject<TenantObject>(`tenants/${at(slug)}`);
  const [asking, setAsking] = useState<Asking>(null);
  const [made, setMade] = useState<Key | null>(null);
  const { may } = useAccess();
  return (
    <>
      <PageHead title={read.data?.display_name ?? slug} above={<Link to="/tenants">{t("tenant.title")}</Link>}>
        {read.data && isOurs(read.data) && (
          <>
            {may("change", "tenants", slug) && <Button onPress={() => setAsking("edit")}>{t("tenant.edit")}</Button>}
            {may("change", "tenants", slug) && <Button onPress={() => setAsking("suspend")}>{t(read.data.suspended ? "tenant.resume" : "tenant.suspend")}</Button>}
            {may("remove", "tenants", slug) && <Button kind="danger" onPress={() => setAsking("delete")}>{t("app.delete")}</Button>}
          </>
        )}
      </PageHead>
      <Loaded read={read}>
        {(tenant) => (
          <>
            <ManagedNote object={tenant} />
            <Section title={t("tenant.one")}>
              <Facts
                facts={[
                  [t("tenant.slug"), <code>{tenant.slug}</code>],
                  [t("tenant.state"), <TenantState tenant={tenant} />],
                  [t("tenant.currency"), tenant.currency],
                  [t("tenant.time_zone"), tenant.time_zone],
                  [t("tenant.hosts"), tenant.hosts.join(", ") || t("app.none")],
                  [t("app.details"), <TenantLinks slug={tenant.slug} />],
                ]}
              />
            </Section>
            <Keys slug={tenant.slug} onCreate={() => setAsking("key")} />
            <Projects slug={tenant.slug} onCreate={() => setAsking("project")} />
            {asking === "edit" && <EditTenant tenant={tenant} onClose={() => setAsking(null)} />}
            {asking === "suspend" && <Suspend tenant={tenant} onClose={() => setAsking(null)} />}
            {asking === "delete" && <DeleteTenant tenant={tenant} onClose={() => setAsking(null)} />}
            {asking === "project" && <NewProject tenant={tenant.slug} onClose={() => setAsking(null)} />}
            {asking === "key" && <NewKey tenant={tenant.slug} onMade={setMade} onClose={() => setAsking(null)} />}
            {made && <MadeKey made={made} onClose={() => setMade(null)} />}
          </>
        )}
      </Loaded>
    </>
  );
}

function TenantLinks({ slug }: { slug: string }) {
  const t = useT();
  const { may, maySee } = useAccess();
  return (
    <>
      <Link to={`/usage${query({ tenant: slug, by: "day" })}`}>{t("tenant.usage")}</Link>{" · "}
      <Link to={`/statements/${at(slug, utcMonth(new Date()))}`}>{t("tenant.statement")}</Link>{" · "}
      <Link to={`/limits${query({ tenant: slug })}`}>{t("tenant.limits")}</Link>
      {maySee("users") && <>{" · "}<Link to={`/users${query({ tenant: slug })}`}>{t("user.title")}</Link></>}
      {may("read", "settings", slug) && <>{" · "}<Link to={`/settings${query({ tenant: slug })}`}>{t("settings.title")}</Link></>}
    </>
  );
}

function Keys({ slug, onCreate }: { slug: string; onCreate: () => void }) {
  const t = useT();
  const read = useList<Key>(`keys${query({ tenant: slug })}`);
  const columns = useMemo<Column<Key>[]>(
    () => [
      { id: "name", head: t("key.name"), cell: (key) => <Link to={`/keys/${at(key.id)}`}>{key.display_name || key.id}</Link>, value: (key) => key.display_name || key.id },
      { id: "state", head: t("key.state"), cell: (key) => <KeyState of={key} />, value: (key) => (key.revoked_at ? t("key.revoked") : t("key.works")) },
      { id: "project", head: t("project.one"), cell: (key) => key.project, value: (key) => key.project },
      { id: "owner", head: t("key.owner"), cell: (key) => key.owner ?? "–", value: (key) => key.owner },
      { id: "four", head: t("key.last_four"), cell: (key) => <code>…{key.last_four}</code>, value: (key) => key.last_four },
      { id: "created", head: t("key.created"), cell: (key) => time(key.created_at), value: (key) => key.created_at ?? "" },
      { id: "managed", head: "", cell: (key) => <ManagedBadge object={key} /> },
    ],
    [t],
  );
  const { may } = useAccess();
  const create = (may("create", "keys", slug) || may("create", "own_keys", slug)) && <Button kind="main" onPress={onCreate}>{t("key.create")}</Button>;
  return (
    <Section title={t("key.title")} actions={create}>
      <Loaded read={read}>
        {({ data }) => (
          <DataTable label={t("key.title")} rows={data} columns={columns} filter empty={<Empty title={t("key.empty")} action={create}>{t("key.empty.text")}</Empty>} />
        )}
      </Loaded>
    </Section>
  );
}

function Projects({ slug, onCreate }: { slug: string; onCreate: () => void }) {
  const t = useT();
  const read = useList<Project>(`projects${query({ tenant: slug })}`);
  const [gone, setGone] = useState<Project | null>(null);
  const { may } = useAccess();
  const mayRemove = may("remove", "projects", slug);
  const columns = useMemo<Column<Project>[]>(
    () => [
      { id: "slug", head: t("project.one"), cell: (project) => project.slug, value: (project) => project.slug },
      { id: "name", head: t("tenant.display_name"), cell: (project) => project.display_name, value: (project) => project.display_name },
      { id: "centre", head: t("project.cost_centre"), cell: (project) => project.cost_centre || "–", value: (project) => project.cost_centre },
      {
        id: "acts",
        head: "",
        cell: (project) =>
          isOurs(project) ? mayRemove && <Button kind="quiet" aria-label={`${t("project.delete")}: ${project.slug}`} onPress={() => setGone(project)}>{t("app.delete")}</Button> : <ManagedBadge object={project} />,
      },
    ],
    [t, mayRemove],
  );
  return (
    <Section title={t("project.title")} actions={may("create", "projects", slug) && <Button onPress={onCreate}>{t("project.create")}</Button>}>
      <Loaded read={read}>{({ data }) => <DataTable label={t("project.title")} rows={data} columns={columns} filter />}</Loaded>
      {gone && (
        <FormBox title={t("project.delete")} text={t("project.delete.text", { name: gone.slug })} submit={t("app.delete")} kind="danger" onClose={() => setGone(null)}
          onSubmit={() => client.call("DELETE", `projects/${at(gone.id)}`, { revision: gone.revision })} />
      )}
    </Section>
  );
}

function NewProject({ tenant, onClose }: { tenant: string; onClose: () => void }) {
  const t = useT();
  const [slug, setSlug] = useState("");
  const [centre, setCentre] = useState("");
  const body = { tenant, slug, ...(centre ? { cost_centre: centre } : {}) };
  return (
    <FormBox title={t("project.create")} text={t("project.create.text")} submit={t("app.create")} onClose={onClose} onSubmit={() => client.call("POST", "projects", { body })}>
      <Field label={t("tenant.slug")} value={slug} onChange={setSlug} autoFocus />
      <Field label={t("project.cost_centre")} value={centre} onChange={setCentre} optional />
    </FormBox>
  );
}

function EditTenant({ tenant, onClose }: { tenant: TenantObject; onClose: () => void }) {
  const t = useT();
  const [name, setName] = useState(tenant.display_name);
  const [zone, setZone] = useState(tenant.time_zone);
  const [currency, setCurrency] = useState(tenant.currency);
  const save = () =>
    client.call("PATCH", `tenants/${at(tenant.id)}`, { body: { display_name: name, time_zone: zone, currency }, revision: tenant.revision });
  return (
    <FormBox title={t("tenant.edit")} submit={t("app.save")} onSubmit={save} onClose={onClose}>
      <Field label={t("tenant.display_name")} value={name} onChange={setName} autoFocus />
      <Field label={t("tenant.time_zone")} help={t("tenant.time_zone.help")} value={zone} onChange={setZone} />
      <Field label={t("tenant.currency")} value={currency} onChange={setCurrency} />
    </FormBox>
  );
}

function Suspend({ tenant, onClose }: { tenant: TenantObject; onClose: () => void }) {
  const t = useT();
  const name = (suspended: boolean) => t(suspended ? "tenant.suspended" : "tenant.active");
  return (
    <FormBox
      title={t(tenant.suspended ? "tenant.resume" : "tenant.suspend")}
      text={t(tenant.suspended ? "tenant.resume.text" : "tenant.suspend.text", { name: tenant.slug })}
      submit={t(tenant.suspended ? "tenant.resume" : "tenant.suspend")}
      kind={tenant.suspended ? "main" : "danger"}
      onClose={onClose}
      onSubmit={() => client.call("PATCH", `tenants/${at(tenant.id)}`, { body: { suspended: !tenant.suspended }, revision: tenant.revision })}
    >
      <Change what={t("tenant.state")} before={name(tenant.suspended)} after={name(!tenant.suspended)} />
    </FormBox>
  );
}

function DeleteTenant({ tenant, onClose }: { tenant: TenantObject; onClose: () => void }) {
  const t = useT();
  const go = useNavigate();
  const [typed, setTyped] = useState("");
  const remove = async () => {
    await client.call("DELETE", `tenants/${at(tenant.id)}`, { revision: tenant.revision });
    await go("/tenants");
  };
  return (
    <FormBox title={t("tenant.delete")} text={t("tenant.delete.text", { name: tenant.slug })} submit={t("app.delete")} kind="danger" ready={typed === tenant.slug} onSubmit={remove} onClose={onClose}>
      <Field label={t("tenant.delete.type", { name: tenant.slug })} value={typed} onChange={setTyped} autoFocus />
    </FormBox>
  );
}
