import { useState } from "react";
import { at, client } from "../api/client";
import { useList, useTenants } from "../api/queries";
import type { Membership, Token, User, UserSession } from "../api/types";
import { useT } from "../i18n";
import type { TextKey } from "../i18n/en";
import { time } from "../lib/format";
import { randomText, weaknessOf } from "../lib/password";
import { useAccess } from "../session";
import { DataTable } from "./DataTable";
import { Box, Choice, Field, FormBox } from "./forms";
import { Badge, Button, Copyable, Loaded, Section } from "./parts";

const PLATFORM_ROLES = ["platform-admin", "platform-operator", "auditor", "finance"];
const TENANT_ROLES = ["tenant-admin", "tenant-developer", "tenant-viewer"];

export function UserState({ user }: { user: User }) {
  const t = useT();
  if (user.disabled) return <Badge tone="bad">{t("user.disabled")}</Badge>;
  if (user.kind === "service") return <Badge tone="calm">{t("user.service")}</Badge>;
  return user.has_password ? <Badge tone="good">{t("user.active")}</Badge> : <Badge tone="warn">{t("user.no_password")}</Badge>;
}

export const roleText = (one: Membership) => (one.tenant === null ? one.role : `${one.role} (${one.tenant})`);

// A password that is set for somebody: one that he chose, or one that nobody would guess.
export function PasswordField({ login, value, onChange, label, optional }: { login: string; value: string; onChange: (value: string) => void; label?: string; optional?: boolean }) {
  const t = useT();
  const [shown, setShown] = useState(false);
  const validate = (text: string) => {
    const weakness = text === "" ? null : weaknessOf(text, login);
    return weakness && t(`user.password.${weakness}`);
  };
  const suggest = () => {
    onChange(randomText());
    setShown(true);
  };
  return (
    <div className="with-button">
      {/* Another field, so that what was wrong with the last password is not said of this one. */}
      <Field key={String(shown)} label={label ?? t("user.password")} help={t("user.password.help")} type={shown ? "text" : "password"} value={value} onChange={onChange} optional={optional} validate={validate} autoComplete="new-password" />
      <Button onPress={suggest}>{t("user.password.suggest")}</Button>
    </div>
  );
}

export interface RoleChoice {
  role: string;
  tenant: string | null; // null: on the platform
}

// Where the person at the console may give roles.
export function useRolePlaces(): (string | null)[] | null {
  const { may } = useAccess();
  const tenants = useTenants();
  if (!tenants.data) return null;
  const slugs = tenants.data.data.map((one) => one.slug).filter((slug) => may("create", "memberships", slug));
  return may("create", "platform_memberships", null) ? [null, ...slugs] : slugs;
}

const rolesAt = (tenant: string | null) => (tenant === null ? PLATFORM_ROLES : TENANT_ROLES);
export function firstChoice(places: (string | null)[], wanted: string): RoleChoice {
  const tenant = places.includes(wanted) ? wanted : (places.at(0) ?? null);
  return { tenant, role: rolesAt(tenant).at(-1)! };
}

export function RoleFields({ places, value, onChange }: { places: (string | null)[]; value: RoleChoice; onChange: (next: RoleChoice) => void }) {
  const t = useT();
  const move = (text: string) => {
    const tenant = text === "" ? null : text;
    onChange({ tenant, role: rolesAt(tenant).includes(value.role) ? value.role : rolesAt(tenant).at(-1)! });
  };
  return (
    <>
      <Choice label={t("user.where")} value={value.tenant ?? ""} onChange={move} options={places.map((one): [string, string] => [one ?? "", one ?? t("user.platform")])} />
      <Choice label={t("user.role")} help={t(`role.${value.role}` as TextKey)} value={value.role} onChange={(role) => onChange({ ...value, role })} options={rolesAt(value.tenant).map((one) => [one, one])} />
    </>
  );
}

// Where somebody is signed in. `onEndAll`: what ends all of them.
export function Sessions({ user, mayEnd, onEndAll }: { user: string; mayEnd: boolean; onEndAll: () => Promise<unknown> }) {
  const t = useT();
  const read = useList<UserSession>(`users/${at(user)}/sessions`);
  const [ending, setEnding] = useState<UserSession | "all" | null>(null);
  return (
    <Section title={t("user.sessions")} actions={mayEnd && (read.data?.data.length ?? 0) > 0 && <Button onPress={() => setEnding("all")}>{t("user.sessions.end_all")}</Button>}>
      <Loaded read={read}>
        {({ data }) => (
          <DataTable
            label={t("user.sessions")}
            rows={data}
            empty={<p className="muted">{t("user.sessions.none")}</p>}
            columns={[
              { id: "from", head: t("user.session.from"), cell: (one) => <>{one.source} {one.current && <Badge tone="good">{t("user.session.this")}</Badge>}</> },
              { id: "agent", head: t("user.session.agent"), cell: (one) => <span className="wrap wide">{one.user_agent || "–"}</span> },
              { id: "since", head: t("user.session.since"), cell: (one) => time(one.created_at), value: (one) => one.created_at },
              { id: "seen", head: t("user.session.seen"), cell: (one) => time(one.seen_at), value: (one) => one.seen_at },
              { id: "until", head: t("user.session.until"), cell: (one) => time(one.expires_at), value: (one) => one.expires_at },
              { id: "acts", head: "", cell: (one) => mayEnd && !one.current && <Button kind="quiet" aria-label={`${t("user.session.end")}: ${one.source}`} onPress={() => setEnding(one)}>{t("user.session.end")}</Button> },
            ]}
          />
        )}
      </Loaded>
      {ending !== null && (
        <FormBox title={t(ending === "all" ? "user.sessions.end_all" : "user.session.end")} text={t(ending === "all" ? "user.sessions.end_all.text" : "user.session.end.text")} kind="danger"
          submit={t("user.session.end")} onClose={() => setEnding(null)}
          onSubmit={() => (ending === "all" ? onEndAll() : client.call("DELETE", `users/${at(user)}/sessions/${at(ending.id)}`))} />
      )}
    </Section>
  );
}

// Tokens with which programs act as a user.
export function Tokens({ user, mayMake, mayRevoke }: { user: string; mayMake: boolean; mayRevoke: boolean }) {
  const t = useT();
  const read = useList<Token>(`users/${at(user)}/tokens`);
  const [making, setMaking] = useState(false);
  const [made, setMade] = useState<Token | null>(null);
  const [gone, setGone] = useState<Token | null>(null);
  return (
    <Section title={t("token.title")} actions={mayMake && <Button onPress={() => setMaking(true)}>{t("token.create")}</Button>}>
      <Loaded read={read}>
        {({ data }) => (
          <DataTable
            label={t("token.title")}
            rows={data}
            empty={<p className="muted">{t("token.none")}</p>}
            columns={[
              { id: "name", head: t("key.name"), cell: (one) => one.name, value: (one) => one.name },
              { id: "four", head: t("key.last_four"), cell: (one) => <code>…{one.last_four}</code> },
              { id: "created", head: t("key.created"), cell: (one) => time(one.created_at), value: (one) => one.created_at },
              { id: "used", head: t("token.used"), cell: (one) => time(one.used_at), value: (one) => one.used_at },
              { id: "expires", head: t("key.expires"), cell: (one) => (one.expires_at ? time(one.expires_at) : t("key.expires.never")), value: (one) => one.expires_at ?? "" },
              { id: "acts", head: "", cell: (one) => mayRevoke && <Button kind="quiet" aria-label={`${t("token.revoke")}: ${one.name}`} onPress={() => setGone(one)}>{t("token.revoke")}</Button> },
            ]}
          />
        )}
      </Loaded>
      {making && <NewToken user={user} onMade={setMade} onClose={() => setMaking(false)} />}
      {made && (
        <Box title={t("token.made")} onClose={() => setMade(null)} wide>
          <p className="note warn">{t("token.made.text")}</p>
          <Copyable label={t("token.one")} text={made.token ?? ""} />
          <Copyable label="curl" text={`curl ${location.origin}/api/v1/session -H 'Authorization: Bearer ${made.token}'`} />
          <div className="form-end"><Button kind="main" onPress={() => setMade(null)}>{t("key.made.done")}</Button></div>
        </Box>
      )}
      {gone && (
        <FormBox title={t("token.revoke")} text={t("token.revoke.text", { name: gone.name })} submit={t("token.revoke")} kind="danger" onClose={() => setGone(null)}
          onSubmit={() => client.call("DELETE", `users/${at(user)}/tokens/${at(gone.id)}`)} />
      )}
    </Section>
  );
}

const DAYS = ["7", "30", "90", "365"];

function NewToken({ user, onMade, onClose }: { user: string; onMade: (token: Token) => void; onClose: () => void }) {
  const t = useT();
  const [name, setName] = useState("");
  const [days, setDays] = useState("90");
  const create = async () => onMade(await client.call<Token>("POST", `users/${at(user)}/tokens`, { body: { name, days: Number(days) } }));
  return (
    <FormBox title={t("token.create")} text={t("token.create.text")} submit={t("app.create")} onSubmit={create} onClose={onClose}>
      <Field label={t("key.name")} help={t("token.name.help")} value={name} onChange={setName} autoFocus />
      <Choice label={t("token.days")} value={days} onChange={setDays} options={DAYS.map((one) => [one, t("token.days.of", { days: one })])} />
    </FormBox>
  );
}
