import { useMemo, useState } from "react";
import { at, client, query } from "../api/client";
import { LIVE_MS, useList, useTenants } from "../api/queries";
import type { Limit } from "../api/types";
import { useT, type Translate } from "../i18n";
import type { TextKey } from "../i18n/en";
import { decimal, money, percentOf, time } from "../lib/format";
import { useAccess } from "../session";
import { DataTable, type Column } from "../ui/DataTable";
import { TenantChoice, useFilters } from "../ui/filters";
import { Change, Check, Choice, Field, FormBox } from "../ui/forms";
import { Badge, Button, Empty, Loaded, ManagedBadge, Meter, PageHead, isOurs } from "../ui/parts";

const holder = (limit: Limit) => [limit.scope, limit.pool ?? limit.tenant, limit.project ?? limit.user ?? limit.key].filter(Boolean).join(" ");
// Those of a whole tenant or pool are the platform's to set, those below a tenant its own.
const kindOf = (limit: Limit) => (limit.project ?? limit.user ?? limit.key ? "sub_limits" : "limits");
const amount = (limit: Limit, value: number | string | null) => (limit.currency ? money(value, limit.currency) : decimal(value));
const measured = (limit: Limit, t: Translate) => t(`limit.measure.${limit.measure}` as TextKey);
const windowOf = (limit: Limit, t: Translate) => t(`limit.window.${limit.window ?? "none"}` as TextKey);

export default function Limits() {
  const t = useT();
  const { values: { tenant }, set } = useFilters(["tenant"]);
  const read = useList<Limit>(`limits${query({ tenant })}`, LIVE_MS);
  const [making, setMaking] = useState(false);
  const [changing, setChanging] = useState<Limit | null>(null);
  const [removing, setRemoving] = useState<Limit | null>(null);
  const { may } = useAccess();
  const columns = useMemo<Column<Limit>[]>(
    () => [
      { id: "holder", head: t("limit.scope"), cell: holder, value: holder },
      { id: "measure", head: t("limit.measure"), cell: (limit) => measured(limit, t) + (limit.model ? ` (${limit.model})` : ""), value: (limit) => measured(limit, t) },
      { id: "window", head: t("limit.window"), cell: (limit) => windowOf(limit, t), value: (limit) => limit.window ?? "" },
      { id: "amount", head: t("limit.amount"), cell: (limit) => amount(limit, limit.amount), value: (limit) => Number(limit.amount), numeric: true },
      { id: "used", head: t("limit.used"), cell: (limit) => (limit.balances ? t("limit.each") : amount(limit, limit.used)), value: (limit) => Number(limit.used ?? -1), numeric: true },
      {
        id: "full",
        head: t("limit.full"),
        cell: (limit) => {
          const percent = percentOf(limit.used, limit.amount);
          return percent === null ? "–" : <Meter label={`${holder(limit)} ${measured(limit, t)}`} percent={percent} />;
        },
        value: (limit) => percentOf(limit.used, limit.amount) ?? -1,
      },
      { id: "reset", head: t("limit.reset"), cell: (limit) => time(limit.reset_at), value: (limit) => limit.reset_at ?? "" },
      {
        id: "acts",
        head: "",
        cell: (limit) => (
          <>
            {limit.shadow && <Badge tone="warn">{t("limit.shadow")}</Badge>} {!limit.in_force && <Badge tone="bad">{t("limit.not_in_force")}</Badge>}{" "}
            {isOurs(limit) ? (
              <>
                {may("change", kindOf(limit), limit.tenant) && <Button kind="quiet" aria-label={`${t("tenant.edit")}: ${limit.name}`} onPress={() => setChanging(limit)}>{t("tenant.edit")}</Button>}
                {may("remove", kindOf(limit), limit.tenant) && <Button kind="quiet" aria-label={`${t("app.delete")}: ${limit.name}`} onPress={() => setRemoving(limit)}>{t("app.delete")}</Button>}
              </>
            ) : (
              <ManagedBadge object={limit} />
            )}
          </>
        ),
      },
    ],
    [t, may],
  );
  const make = (may("create", "limits", tenant || undefined) || may("create", "sub_limits", tenant || undefined)) && <Button kind="main" onPress={() => setMaking(true)}>{t("limit.create")}</Button>;
  return (
    <>
      <PageHead title={t("limit.title")}>
        <span className="muted">{t("app.live", { seconds: LIVE_MS / 1_000 })}</span>
        {make}
      </PageHead>
      <div className="form-row card">
        <TenantChoice value={tenant} onChange={set("tenant")} all />
      </div>
      <Loaded read={read}>
        {({ data }) => <DataTable label={t("limit.title")} rows={data} columns={columns} rowId={(limit) => limit.id} filter empty={<Empty title={t("limit.empty")} action={make}>{t("limit.empty.text")}</Empty>} />}
      </Loaded>
      {making && <NewLimit tenant={tenant} onClose={() => setMaking(false)} />}
      {changing && <ChangeLimit limit={changing} onClose={() => setChanging(null)} />}
      {removing && (
        <FormBox title={t("limit.remove")} text={t("limit.remove.text", { name: removing.name })} submit={t("app.delete")} kind="danger" onClose={() => setRemoving(null)}
          onSubmit={() => client.call("DELETE", `limits/${at(removing.id)}`, { revision: removing.revision })} />
      )}
    </>
  );
}

const MEASURES = ["requests", "input_tokens", "output_tokens", "total_tokens", "concurrency", "money", "gpu_seconds"];
const WINDOWS = ["second", "minute", "hour", "day", "month", "lifetime"];

function NewLimit({ tenant: first, onClose }: { tenant: string; onClose: () => void }) {
  const t = useT();
  const { may } = useAccess();
  const [chosen, setTenant] = useState(first);
  const tenants = useTenants();
  const tenant = chosen || (tenants.data?.data[0]?.slug ?? "");
  const [user, setUser] = useState("");
  const [measure, setMeasure] = useState("requests");
  const [per, setPer] = useState("minute");
  const [much, setMuch] = useState("");
  const [shadow, setShadow] = useState(false);
  const create = () => {
    const body: Record<string, unknown> = { tenant, measure, amount: /^\d+$/.test(much) ? Number(much) : much, shadow };
    if (measure !== "concurrency") body["window"] = per;
    if (user) body["user"] = user;
    return client.call("POST", "limits", { body });
  };
  return (
    <FormBox title={t("limit.create")} text={t("limit.create.text")} submit={t("app.create")} onSubmit={create} onClose={onClose}>
      <TenantChoice value={tenant} onChange={setTenant} />
      <Field label={t("usage.by.user")} value={user} onChange={setUser} optional={may("create", "limits", tenant)} />
      <Choice label={t("limit.measure")} value={measure} onChange={setMeasure} options={MEASURES.map((one) => [one, t(`limit.measure.${one}` as TextKey)])} />
      {measure !== "concurrency" && <Choice label={t("limit.window")} value={per} onChange={setPer} options={WINDOWS.map((one) => [one, t(`limit.window.${one}` as TextKey)])} />}
      <Field label={t("limit.amount")} value={much} onChange={setMuch} inputMode="decimal" pattern="[0-9]+(\.[0-9]{1,6})?" />
      <Check label={`${t("limit.shadow")}: ${t("limit.shadow.help")}`} checked={shadow} onChange={setShadow} />
    </FormBox>
  );
}

function ChangeLimit({ limit, onClose }: { limit: Limit; onClose: () => void }) {
  const t = useT();
  const [much, setMuch] = useState(String(limit.amount));
  const [shadow, setShadow] = useState(limit.shadow);
  const body = { amount: /^\d+$/.test(much) ? Number(much) : much, shadow };
  return (
    <FormBox title={t("limit.change", { name: limit.name })} submit={t("app.save")} onClose={onClose}
      onSubmit={() => client.call("PATCH", `limits/${at(limit.id)}`, { body, revision: limit.revision })}>
      <Field label={t("limit.amount")} value={much} onChange={setMuch} inputMode="decimal" pattern="[0-9]+(\.[0-9]{1,6})?" autoFocus />
      <Check label={`${t("limit.shadow")}: ${t("limit.shadow.help")}`} checked={shadow} onChange={setShadow} />
      <Change what={t("limit.amount")} before={amount(limit, limit.amount)} after={amount(limit, much)} />
    </FormBox>
  );
}
