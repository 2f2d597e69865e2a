import { useMemo, useState } from "react";
import { Link, useNavigate } from "react-router";
import { at, client, query } from "../api/client";
import { useList } from "../api/queries";
import type { User } from "../api/types";
import { useT } from "../i18n";
import { time } from "../lib/format";
import { DataTable, type Column } from "../ui/DataTable";
import { TenantChoice, useFilters } from "../ui/filters";
import { Choice, Field, FormBox } from "../ui/forms";
import { PasswordField, RoleFields, UserState, firstChoice, roleText, useRolePlaces, type RoleChoice } from "../ui/people";
import { Button, Empty, Loaded, PageHead } from "../ui/parts";

export default function Users() {
  const t = useT();
  const { values: { tenant }, set } = useFilters(["tenant"]);
  const places = useRolePlaces();
  const read = useList<User>(`users${query({ tenant })}`);
  const [making, setMaking] = useState(false);
  const columns = useMemo<Column<User>[]>(
    () => [
      { id: "login", head: t("user.login"), cell: (user) => <Link to={`/users/${at(user.id)}`}>{user.login}</Link>, value: (user) => user.login },
      { id: "name", head: t("tenant.display_name"), cell: (user) => user.display_name, value: (user) => user.display_name },
      { id: "state", head: t("tenant.state"), cell: (user) => <UserState user={user} />, value: (user) => (user.disabled ? 0 : user.has_password ? 2 : 1) },
      { id: "roles", head: t("user.roles"), cell: (user) => <span className="wrap">{user.memberships.map(roleText).join(", ") || t("app.none")}</span>, value: (user) => user.memberships.map(roleText).join(", ") },
      { id: "created", head: t("key.created"), cell: (user) => time(user.created_at), value: (user) => user.created_at ?? "" },
    ],
    [t],
  );
  const make = places && places.length > 0 && <Button kind="main" onPress={() => setMaking(true)}>{t("user.create")}</Button>;
  return (
    <>
      <PageHead title={t("user.title")}>{make}</PageHead>
      <div className="form-row card">
        <TenantChoice value={tenant} onChange={set("tenant")} all />
      </div>
      <Loaded read={read}>
        {({ data }) => (
          <DataTable label={t("user.title")} rows={data} columns={columns} filter sorted={[{ id: "login", desc: false }]}
            empty={<Empty title={t("user.empty")} action={make}>{t("user.empty.text")}</Empty>} />
        )}
      </Loaded>
      {making && places && <NewUser places={places} tenant={tenant} onClose={() => setMaking(false)} />}
    </>
  );
}

function NewUser({ places, tenant, onClose }: { places: (string | null)[]; tenant: string; onClose: () => void }) {
  const t = useT();
  const go = useNavigate();
  const [login, setLogin] = useState("");
  const [name, setName] = useState("");
  const [kind, setKind] = useState<"person" | "service">("person");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<RoleChoice>(() => firstChoice(places, tenant));
  const create = async () => {
    const body: Record<string, string> = { login, role: role.role };
    if (role.tenant !== null) body["tenant"] = role.tenant;
    if (name) body["display_name"] = name;
    if (kind === "service") body["kind"] = kind;
    else if (password) body["password"] = password;
    const made = await client.call<User>("POST", "users", { body });
    await go(`/users/${at(made.id)}`);
  };
  return (
    <FormBox title={t("user.create")} text={t("user.create.text")} submit={t("app.create")} onSubmit={create} onClose={onClose}>
      <Choice label={t("user.kind")} help={t(`user.kind.${kind}.text`)} value={kind} onChange={(next) => setKind(next as typeof kind)} options={[["person", t("user.kind.person")], ["service", t("user.kind.service")]]} />
      <Field label={t("user.login")} help={t("user.login.help")} value={login} onChange={setLogin} pattern="[!-.0-~]{1,128}" autoFocus autoComplete="off" />
      <Field label={t("tenant.display_name")} value={name} onChange={setName} optional />
      {kind === "person" && <PasswordField login={login} value={password} onChange={setPassword} optional />}
      <RoleFields places={places} value={role} onChange={setRole} />
    </FormBox>
  );
}
