import { useState } from "react";
import { at, client } from "../api/client";
import { useObject } from "../api/queries";
import type { User } from "../api/types";
import { useT } from "../i18n";
import { time } from "../lib/format";
import { useAccess, useSession } from "../session";
import { Field, FormBox } from "../ui/forms";
import { PasswordField, Sessions, Tokens, UserState, roleText } from "../ui/people";
import { Button, Empty, Facts, Loaded, PageHead, Section } from "../ui/parts";

// One's own account. The admin token has none.
export default function Account() {
  const t = useT();
  const { self } = useAccess();
  return (
    <>
      <PageHead title={t("account.title")} />
      {self ? <Own id={self.id} /> : <Empty title={t("account.none")}>{t("account.none.text")}</Empty>}
    </>
  );
}

function Own({ id }: { id: string }) {
  const t = useT();
  const read = useObject<User>(`users/${at(id)}`);
  const { signOut } = useSession();
  const { bySession } = useAccess(); // an access token changes neither passwords nor tokens
  const [asking, setAsking] = useState<"name" | "password" | null>(null);
  const everywhere = async () => {
    await client.call("DELETE", `users/${at(id)}/sessions`);
    await signOut();
  };
  return (
    <Loaded read={read}>
      {(user) => (
        <>
          <Section title={user.display_name} actions={<><Button onPress={() => setAsking("name")}>{t("tenant.edit")}</Button>{bySession && <Button onPress={() => setAsking("password")}>{t("account.password")}</Button>}</>}>
            <Facts
              facts={[
                [t("user.login"), <code>{user.login}</code>],
                [t("tenant.state"), <UserState user={user} />],
                [t("user.roles"), user.memberships.map(roleText).join(", ") || t("app.none")],
                [t("key.created"), time(user.created_at)],
              ]}
            />
          </Section>
          <Sessions user={user.id} mayEnd onEndAll={everywhere} />
          <Tokens user={user.id} mayMake={bySession} mayRevoke={bySession} />
          {asking === "name" && <Rename user={user} onClose={() => setAsking(null)} />}
          {asking === "password" && <ChangePassword user={user} onClose={() => setAsking(null)} />}
        </>
      )}
    </Loaded>
  );
}

function Rename({ user, onClose }: { user: User; onClose: () => void }) {
  const t = useT();
  const { renew } = useSession();
  const [name, setName] = useState(user.display_name);
  const save = async () => {
    await client.call("PATCH", `users/${at(user.id)}`, { body: { display_name: name }, revision: user.revision });
    await renew();
  };
  return (
    <FormBox title={t("user.edit")} submit={t("app.save")} onSubmit={save} onClose={onClose}>
      <Field label={t("tenant.display_name")} value={name} onChange={setName} autoFocus />
    </FormBox>
  );
}

function ChangePassword({ user, onClose }: { user: User; onClose: () => void }) {
  const t = useT();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const body = user.has_password ? { password, current_password: current } : { password };
  return (
    <FormBox title={t("account.password")} text={t("account.password.text")} submit={t("app.save")} onClose={onClose}
      onSubmit={() => client.call("PATCH", `users/${at(user.id)}`, { body, revision: user.revision })}>
      {user.has_password && <Field label={t("account.password.current")} type="password" value={current} onChange={setCurrent} autoComplete="current-password" autoFocus />}
      <PasswordField login={user.login} value={password} onChange={setPassword} label={t("account.password.new")} />
    </FormBox>
  );
}
