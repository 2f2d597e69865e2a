import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { at, client } from "../api/client";
import { useObject } from "../api/queries";
import type { Membership, User as UserObject } from "../api/types";
import { useT } from "../i18n";
import { time } from "../lib/format";
import { useAccess } from "../session";
import { DataTable } from "../ui/DataTable";
import { Box, Change, Field, FormBox } from "../ui/forms";
import { PasswordField, RoleFields, Sessions, Tokens, UserState, firstChoice, roleText, useRolePlaces } from "../ui/people";
import { Button, Facts, Loaded, PageHead, Section } from "../ui/parts";

type Asking = "edit" | "password" | "disable" | "delete" | "grant" | null;

export default function User() {
  const t = useT();
  const { user: id = "" } = useParams();
  const read = useObject<UserObject>(`users/${at(id)}`);
  const [asking, setAsking] = useState<Asking>(null);
  const [reset, setReset] = useState(false); // whether a role that was given took the password
  const { may, self } = useAccess();
  const user = read.data;
  const own = user !== undefined && user.id === self?.id;
  // Who may give each of somebody's roles may manage him; the server knows the roles that are not shown here.
  const manages = (act: "read" | "change" | "remove", of: UserObject) =>
    !own &&
    (of.memberships.length === 0 ? may(act, "platform_users", null) : of.memberships.every((one) => may(act, one.tenant === null ? "platform_users" : "users", one.tenant)));
  const close = () => setAsking(null);
  return (
    <>
      <PageHead title={user?.display_name || id} above={<Link to="/users">{t("user.title")}</Link>}>
        {own && <Link className="button" to="/account">{t("account.title")}</Link>}
        {user && manages("change", user) && (
          <>
            <Button onPress={() => setAsking("edit")}>{t("tenant.edit")}</Button>
            {user.kind !== "service" && <Button onPress={() => setAsking("password")}>{t("user.set_password")}</Button>}
            <Button kind={user.disabled ? "plain" : "danger"} onPress={() => setAsking("disable")}>{t(user.disabled ? "user.enable" : "user.disable")}</Button>
          </>
        )}
        {user && manages("remove", user) && <Button kind="danger" onPress={() => setAsking("delete")}>{t("app.delete")}</Button>}
      </PageHead>
      <Loaded read={read}>
        {(one) => (
          <>
            <Section title={t("user.one")}>
              <Facts
                facts={[
                  [t("user.login"), <code>{one.login}</code>],
                  [t("tenant.state"), <UserState user={one} />],
                  [t("key.id"), <code>{one.id}</code>],
                  [t("key.created"), time(one.created_at)],
                ]}
              />
            </Section>
            <Roles user={one} onGrant={() => setAsking("grant")} />
            {one.kind !== "service" && (own || manages("read", one)) && <Sessions user={one.id} mayEnd={manages("change", one)} onEndAll={() => client.call("DELETE", `users/${at(one.id)}/sessions`)} />}
            {(own || manages("read", one)) && <Tokens user={one.id} mayMake={one.kind === "service" && manages("change", one)} mayRevoke={manages("change", one)} />}
            {asking === "edit" && <EditUser user={one} onClose={close} />}
            {asking === "password" && <SetPassword user={one} onClose={close} />}
            {asking === "disable" && <Disable user={one} onClose={close} />}
            {asking === "delete" && <DeleteUser user={one} onClose={close} />}
            {asking === "grant" && <Grant user={one} onReset={() => setReset(true)} onClose={close} />}
            {reset && (
              <Box title={t("user.grant")} onClose={() => setReset(false)}>
                <p className="note warn">{t("user.reset.text", { name: one.login })}</p>
                <div className="form-end"><Button kind="main" onPress={() => setReset(false)}>{t("user.reset.done")}</Button></div>
              </Box>
            )}
          </>
        )}
      </Loaded>
    </>
  );
}

function Roles({ user, onGrant }: { user: UserObject; onGrant: () => void }) {
  const t = useT();
  const { may } = useAccess();
  const places = useRolePlaces();
  const [gone, setGone] = useState<Membership | null>(null);
  const mayTake = (one: Membership) => may("remove", one.tenant === null ? "platform_memberships" : "memberships", one.tenant);
  return (
    <Section title={t("user.roles")} actions={places && places.length > 0 && <Button onPress={onGrant}>{t("user.grant")}</Button>}>
      <DataTable
        label={t("user.roles")}
        rows={user.memberships}
        empty={<p className="muted">{t("user.roles.none")}</p>}
        columns={[
          { id: "role", head: t("user.role"), cell: (one) => one.role, value: (one) => one.role },
          { id: "where", head: t("user.where"), cell: (one) => (one.tenant === null ? t("user.platform") : <Link to={`/tenants/${at(one.tenant)}`}>{one.tenant}</Link>), value: (one) => one.tenant ?? "" },
          { id: "since", head: t("engine.since"), cell: (one) => time(one.created_at), value: (one) => one.created_at ?? "" },
          { id: "acts", head: "", cell: (one) => mayTake(one) && <Button kind="quiet" aria-label={`${t("user.revoke")}: ${roleText(one)}`} onPress={() => setGone(one)}>{t("user.revoke")}</Button> },
        ]}
      />
      {gone && (
        <FormBox title={t("user.revoke")} text={t("user.revoke.text", { name: user.login, role: roleText(gone) })} submit={t("user.revoke")} kind="danger" onClose={() => setGone(null)}
          onSubmit={() => client.call("DELETE", `memberships/${at(gone.id)}`, { revision: gone.revision })} />
      )}
    </Section>
  );
}

function Grant({ user, onReset, onClose }: { user: UserObject; onReset: () => void; onClose: () => void }) {
  const t = useT();
  const places = useRolePlaces() ?? [];
  const [choice, setChoice] = useState(() => firstChoice(places, ""));
  const grant = async () => {
    const body = { user: user.id, role: choice.role, ...(choice.tenant === null ? {} : { tenant: choice.tenant }) };
    const made = await client.call<Membership>("POST", "memberships", { body });
    if (made.password_reset) onReset();
  };
  return (
    <FormBox title={t("user.grant")} text={t("user.grant.text", { name: user.login })} submit={t("user.grant")} onSubmit={grant} onClose={onClose}>
      <RoleFields places={places} value={choice} onChange={setChoice} />
    </FormBox>
  );
}

const change = (user: UserObject, body: object) => client.call<UserObject>("PATCH", `users/${at(user.id)}`, { body, revision: user.revision });

function EditUser({ user, onClose }: { user: UserObject; onClose: () => void }) {
  const t = useT();
  const [login, setLogin] = useState(user.login);
  const [name, setName] = useState(user.display_name);
  return (
    <FormBox title={t("user.edit")} text={t("user.edit.text")} submit={t("app.save")} onClose={onClose} onSubmit={() => change(user, { login, display_name: name })}>
      <Field label={t("user.login")} help={t("user.login.help")} value={login} onChange={setLogin} pattern="[!-.0-~]{1,128}" autoFocus />
      <Field label={t("tenant.display_name")} value={name} onChange={setName} />
    </FormBox>
  );
}

function SetPassword({ user, onClose }: { user: UserObject; onClose: () => void }) {
  const t = useT();
  const [password, setPassword] = useState("");
  return (
    <FormBox title={t("user.set_password")} text={t("user.set_password.text", { name: user.login })} submit={t("user.set_password")} onClose={onClose} onSubmit={() => change(user, { password })}>
      <PasswordField login={user.login} value={password} onChange={setPassword} />
    </FormBox>
  );
}

function Disable({ user, onClose }: { user: UserObject; onClose: () => void }) {
  const t = useT();
  const name = (disabled: boolean) => t(disabled ? "user.disabled" : "user.active");
  return (
    <FormBox
      title={t(user.disabled ? "user.enable" : "user.disable")}
      text={t(user.disabled ? "user.enable.text" : "user.disable.text", { name: user.login })}
      submit={t(user.disabled ? "user.enable" : "user.disable")}
      kind={user.disabled ? "main" : "danger"}
      onClose={onClose}
      onSubmit={() => change(user, { disabled: !user.disabled })}
    >
      <Change what={t("tenant.state")} before={name(user.disabled)} after={name(!user.disabled)} />
    </FormBox>
  );
}

function DeleteUser({ user, onClose }: { user: UserObject; onClose: () => void }) {
  const t = useT();
  const go = useNavigate();
  const [typed, setTyped] = useState("");
  const remove = async () => {
    await client.call("DELETE", `users/${at(user.id)}`, { revision: user.revision });
    await go("/users");
  };
  return (
    <FormBox title={t("user.delete")} text={t("user.delete.text", { name: user.login })} submit={t("app.delete")} kind="danger" ready={typed === user.login} onSubmit={remove} onClose={onClose}>
      <Field label={t("tenant.delete.type", { name: user.login })} value={typed} onChange={setTyped} autoFocus />
    </FormBox>
  );
}
