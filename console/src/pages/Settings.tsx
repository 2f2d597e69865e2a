import { useSearchParams } from "react-router";
import { useObject, useTenants } from "../api/queries";
import type { ServerConfig, System } from "../api/types";
import { useT } from "../i18n";
import { time } from "../lib/format";
import { useAccess } from "../session";
import { Choice } from "../ui/forms";
import { Badge, Facts, Loaded, PageHead, Section } from "../ui/parts";
import { TenantSettings } from "./TenantSettings";

// Of a tenant: what it sets for its own requests. Of the platform: what the server goes by, to look at.
export default function Settings() {
  const t = useT();
  const { maySee } = useAccess();
  return (
    <>
      <PageHead title={t("settings.title")} />
      <OfTenant />
      {maySee("system") && <Platform />}
    </>
  );
}

function OfTenant() {
  const t = useT();
  const { may } = useAccess();
  const [search, setSearch] = useSearchParams();
  const tenants = useTenants();
  const slugs = (tenants.data?.data ?? []).map((one) => one.slug).filter((slug) => may("read", "settings", slug));
  const chosen = search.get("tenant") ?? slugs[0];
  if (slugs.length === 0 || chosen === undefined) return null;
  return (
    <>
      {slugs.length > 1 && (
        <div className="form-row card">
          <Choice label={t("tenant.one")} value={chosen} onChange={(tenant) => setSearch({ tenant })} options={slugs.map((slug) => [slug, slug])} />
        </div>
      )}
      <TenantSettings key={chosen} tenant={chosen} />
    </>
  );
}

// What stands at "server.listen" of the configuration.
function inside(config: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((at, name) => (typeof at === "object" && at !== null ? (at as Record<string, unknown>)[name] : undefined), config);
}
const LISTENERS = ["server.listen", "server.admin_listen", "server.metrics_listen"];
const RETENTION = ["ledger.keep_days", "audit.keep_days"];

function shown(value: unknown, none: string): string {
  if (Array.isArray(value)) return value.length > 0 ? value.map(String).join(", ") : none;
  return value === undefined || value === null ? "–" : typeof value === "object" ? JSON.stringify(value) : String(value);
}

function Platform() {
  const t = useT();
  const system = useObject<System>("system");
  const config = useObject<ServerConfig>("config");
  const none = t("app.none");
  return (
    <>
      <Section title={t("settings.server")} actions={system.data && <Badge tone={system.data.ready ? "good" : "bad"}>{t(system.data.ready ? "overview.ready" : "overview.not_ready")}</Badge>}>
        <Loaded read={system}>
          {(it) => (
            <Facts
              facts={[
                [t("settings.version"), it.version],
                ...(config.data
                  ? ([
                      [t("settings.file"), config.data.file ? <code>{config.data.file}</code> : none],
                      [t("settings.revision"), <code>{config.data.revision}</code>],
                      [t("settings.loaded"), time(config.data.loaded_at)],
                      ...LISTENERS.map((path) => [path, <code>{shown(inside(config.data!.config, path), none)}</code>]),
                      ...RETENTION.map((path) => [path, shown(inside(config.data!.config, path), none)]),
                    ] as [string, React.ReactNode][])
                  : []),
              ]}
            />
          )}
        </Loaded>
        {config.data && config.data.restart_pending.length > 0 && <p className="note warn">{t("settings.restart", { sections: config.data.restart_pending.join(", ") })}</p>}
        {config.data?.refused && (
          <div className="note warn" role="alert">
            {t("settings.refused", { at: time(config.data.refused.at) })} <code>{config.data.refused.error}</code>
          </div>
        )}
      </Section>
      <Section title={t("settings.config")}>
        <p className="muted">{t("settings.config.text")}</p>
        <Loaded read={config}>{(it) => <pre tabIndex={0} className="code" aria-label={t("settings.config")}>{JSON.stringify(it.config, null, 2)}</pre>}</Loaded>
      </Section>
    </>
  );
}
