import { useEffect, useState, type FormEvent } from "react";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import { ApiError } from "../api/client";
import { useT } from "../i18n";
import type { TextKey } from "../i18n/en";
import icon from "../icon.svg";
import { useSession } from "../session";
import { Field } from "../ui/forms";
import { Button, ErrorBox } from "../ui/parts";

export function SignIn({ ended }: { ended: boolean }) {
  const t = useT();
  useEffect(() => {
    document.title = `${t("signin.title")} – ${t("app.name")}`;
  }, [t]);
  return (
    <div className="signin">
      <main>
        <div className="brand"><img src={icon} alt="" />{t("app.name")}</div>
        <div className="card">
          <h1>{t("signin.title")}</h1>
          {ended && <p className="note warn" role="status">{t("signin.ended")}</p>}
          <Tabs>
            <TabList aria-label={t("signin.title")} className="tabs">
              <Tab id="password" className="tab">{t("signin.password")}</Tab>
              <Tab id="token" className="tab">{t("signin.token")}</Tab>
              <Tab id="first" className="tab">{t("signin.first")}</Tab>
            </TabList>
            <TabPanel id="password"><PasswordForm /></TabPanel>
            <TabPanel id="token"><TokenForm /></TabPanel>
            <TabPanel id="first"><FirstForm /></TabPanel>
          </Tabs>
        </div>
      </main>
    </div>
  );
}

// What a refused door says, where the server's own words are about something else.
function useAttempt(refusal: (error: ApiError) => TextKey | null) {
  const t = useT();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const attempt = async (event: FormEvent, enter: () => Promise<void>) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await enter();
    } catch (reason) {
      const known = reason instanceof ApiError ? refusal(reason) : null;
      setError(known ? t(known) : reason);
      setBusy(false);
    }
  };
  const shown = typeof error === "string" ? <p className="error" role="alert">{error}</p> : error ? <ErrorBox error={error} /> : null;
  return { busy, shown, attempt };
}

function PasswordForm() {
  const t = useT();
  const { withPassword } = useSession();
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const { busy, shown, attempt } = useAttempt((error) => (error.status === 401 ? "signin.wrong" : null));
  return (
    <form onSubmit={(event) => void attempt(event, () => withPassword(login, password))}>
      {shown}
      <Field label={t("signin.name")} value={login} onChange={setLogin} autoComplete="username" />
      <Field label={t("signin.password.field")} type="password" value={password} onChange={setPassword} autoComplete="current-password" />
      <Button type="submit" kind="main" isDisabled={busy}>{t("signin.submit")}</Button>
    </form>
  );
}

function TokenForm() {
  const t = useT();
  const { withToken } = useSession();
  const [token, setToken] = useState("");
  const { busy, shown, attempt } = useAttempt((error) => (error.status === 401 ? "signin.wrong_token" : null));
  return (
    <form onSubmit={(event) => void attempt(event, () => withToken(token.trim()))}>
      {shown}
      <Field label={t("signin.token.field")} type="password" value={token} onChange={setToken} help={t("signin.token.help")} autoComplete="off" />
      <Button type="submit" kind="main" isDisabled={busy}>{t("signin.submit")}</Button>
    </form>
  );
}

function FirstForm() {
  const t = useT();
  const { setUp } = useSession();
  const [token, setToken] = useState("");
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const { busy, shown, attempt } = useAttempt((error) => (error.status === 401 ? "signin.wrong_first" : null));
  return (
    <form onSubmit={(event) => void attempt(event, () => setUp(token.trim(), login, password))}>
      {shown}
      <p>{t("signin.first.text")}</p>
      <Field label={t("signin.first.token")} value={token} onChange={setToken} autoComplete="off" />
      <Field label={t("signin.name")} value={login} onChange={setLogin} autoComplete="username" />
      <Field label={t("signin.password.field")} type="password" value={password} onChange={setPassword} help={t("signin.first.password")} autoComplete="new-password" />
      <Button type="submit" kind="main" isDisabled={busy}>{t("signin.first.submit")}</Button>
    </form>
  );
}
