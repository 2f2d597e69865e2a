import { useEffect, useRef, useState } from "react";
import { NavLink, Outlet, useLocation, useNavigation } from "react-router";
import { LANGUAGES, useTexts, type Language } from "./i18n";
import type { TextKey } from "./i18n/en";
import icon from "./icon.svg";
import { SignIn } from "./pages/SignIn";
import { useAccess, useSession, type Person } from "./session";
import { chooseTheme, theme, type Theme } from "./theme";
import { Choice } from "./ui/forms";
import { Button, Loading } from "./ui/parts";

const VIEWS = ["overview", "playground", "tenants", "users", "models", "artifacts", "engines", "routes", "pools", "limits", "usage", "statements", "requests", "events", "webhooks", "audit", "settings"] as const;

// The frame of all views. Who is not signed in sees the door at every address, and comes in there.
export function Shell() {
  const { state } = useSession();
  if (state.kind === "asking") return <Loading />;
  if (state.kind === "out") return <SignIn ended={state.ended} />;
  return <Frame person={state.person} />;
}

function Frame({ person }: { person: Person }) {
  const { t, language, choose } = useTexts();
  const { signOut } = useSession();
  const { maySee } = useAccess();
  const [open, setOpen] = useState(false);
  const [colours, setColours] = useState<Theme>(theme);
  const { pathname } = useLocation();
  const coming = useNavigation().state === "loading";
  const content = useRef<HTMLElement>(null);
  const first = useRef(true);
  // A new view begins at its top, for the keyboard and for screen readers, too.
  useEffect(() => {
    setOpen(false);
    if (first.current) first.current = false;
    else content.current?.focus();
    window.scrollTo(0, 0);
  }, [pathname]);
  return (
    <div className="frame">
      <a className="skip" href="#content">{t("app.skip")}</a>
      <div className={`side${open ? " open" : ""}`}>
        <NavLink to="/overview" className="brand"><img src={icon} alt="" />{t("app.name")}</NavLink>
        <Button kind="menu" aria-expanded={open} aria-controls="menu" onPress={() => setOpen(!open)}>{t("app.menu")}</Button>
        <nav aria-label={t("app.navigation")} id="menu">
          <ul>
            {VIEWS.filter(maySee).map((view) => (
              <li key={view}><NavLink to={`/${view}`}>{t(`nav.${view}` as TextKey)}</NavLink></li>
            ))}
          </ul>
        </nav>
        <div className="side-end">
          <Choice label={t("app.language")} value={language} onChange={(next) => choose(next as Language)} options={Object.entries(LANGUAGES)} />
          <Choice
            label={t("app.theme")}
            value={colours}
            onChange={(next) => {
              chooseTheme(next as Theme);
              setColours(next as Theme);
            }}
            options={[["auto", t("app.theme.auto")], ["light", t("app.theme.light")], ["dark", t("app.theme.dark")]]}
          />
          <NavLink to="/account" className="account">{person.name}</NavLink>
          <Button onPress={() => void signOut()}>{t("app.sign_out")}</Button>
        </div>
      </div>
      <main id="content" ref={content} tabIndex={-1} aria-busy={coming}>
        <Outlet />
      </main>
    </div>
  );
}
