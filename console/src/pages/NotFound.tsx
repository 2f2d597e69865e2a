import { Link, useRouteError } from "react-router";
import { useT } from "../i18n";
import { PageHead } from "../ui/parts";

export function NotFound() {
  const t = useT();
  return (
    <>
      <PageHead title={t("app.not_found")} />
      <p>{t("app.not_found.text")}</p>
      <Link to="/overview">{t("app.to_overview")}</Link>
    </>
  );
}

export function Crash() {
  const t = useT();
  const error = useRouteError();
  return (
    <main>
      <h1>{t("app.crash")}</h1>
      <p>{t("app.crash.text")}</p>
      <pre>{error instanceof Error ? (error.stack ?? error.message) : String(error)}</pre>
      <a href="/console/overview">{t("app.to_overview")}</a>
    </main>
  );
}
