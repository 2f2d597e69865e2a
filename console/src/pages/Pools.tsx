import { useMemo, useState } from "react";
import { at, client } from "../api/client";
import { LIVE_MS, useObject, usePools, useTenants } from "../api/queries";
import type { Pool, PoolPart } from "../api/types";
import { useT } from "../i18n";
import { decimal } from "../lib/format";
import { useAccess } from "../session";
import { DataTable, type Column } from "../ui/DataTable";
import { TenantChoice } from "../ui/filters";
import { Change, Field, FormBox } from "../ui/forms";
import { PoolPicture } from "../ui/PoolPicture";
import { Button, Empty, Loaded, PageHead, Section } from "../ui/parts";

export default function Pools() {
  const t = useT();
  const read = usePools(LIVE_MS);
  return (
    <>
      <PageHead title={t("pool.title")}><span className="muted">{t("app.live", { seconds: LIVE_MS / 1_000 })}</span></PageHead>
      <p className="muted">{t("overview.pools.help")}</p>
      <Loaded read={read}>
        {({ data }) => {
          const names = [...new Set(data.map((part) => part.pool))].filter((name) => name !== "");
          if (names.length === 0) return <Empty title={t("pool.empty")}>{t("pool.empty.text")}</Empty>;
          return names.map((name) => <OnePool key={name} name={name} parts={data.filter((part) => part.pool === name)} />);
        }}
      </Loaded>
    </>
  );
}

// The parts of a tree below their parents, as the picture and the table show them.
const inOrder = (parts: PoolPart[]) => [...parts].sort((a, b) => (a.part < b.part ? -1 : 1));

function OnePool({ name, parts }: { name: string; parts: PoolPart[] }) {
  const t = useT();
  const pool = useObject<Pool>(`pools/${at(name)}`);
  const [changing, setChanging] = useState<PoolPart | null>(null);
  const [adding, setAdding] = useState(false);
  const { may } = useAccess();
  const mayShare = may("change", "pools");
  const rows = useMemo(() => inOrder(parts), [parts]);
  const columns = useMemo<Column<PoolPart>[]>(() => {
    const rate = (id: keyof PoolPart & ("guaranteed" | "weight" | "used" | "borrowed" | "lent" | "history")): Column<PoolPart> => ({
      id, head: t(`pool.${id}`), cell: (part) => decimal(part[id]), value: (part) => Number(part[id]), numeric: true,
    });
    return [
      { id: "part", head: t("pool.part"), cell: (part) => part.part || t("pool.whole"), value: (part) => part.part },
      rate("guaranteed"), rate("weight"), rate("used"), rate("borrowed"), rate("lent"),
      { id: "running", head: t("pool.running"), cell: (part) => part.running, value: (part) => part.running, numeric: true },
      { id: "waiting", head: t("pool.waiting"), cell: (part) => part.waiting, value: (part) => part.waiting, numeric: true },
      rate("history"),
      {
        id: "acts",
        head: "",
        cell: (part) =>
          (part.level === "tenant" || part.level === "project") && part.managed_by !== "file" && mayShare ? (
            <Button kind="quiet" aria-label={`${t("pool.set")}: ${part.part}`} onPress={() => setChanging(part)}>{t("pool.set")}</Button>
          ) : part.managed_by === "file" ? t("app.by_file") : "",
      },
    ];
  }, [t, mayShare]);
  return (
    <Section title={name} actions={mayShare && <Button onPress={() => setAdding(true)}>{t("pool.add")}</Button>}>
      {pool.data && <p className="muted">{t("pool.engines", { engines: pool.data.engines.join(", "), capacity: pool.data.capacity ?? "–" })}</p>}
      <PoolPicture parts={rows} />
      <DataTable label={`${t("pool.title")}: ${name}`} rows={rows} columns={columns} />
      {adding && <NewShare pool={name} onClose={() => setAdding(false)} />}
      {changing && <Share part={changing} onClose={() => setChanging(null)} />}
    </Section>
  );
}

function Share({ part, onClose }: { part: PoolPart; onClose: () => void }) {
  const t = useT();
  const [guaranteed, setGuaranteed] = useState(part.guaranteed);
  const [weight, setWeight] = useState(part.weight);
  const path = part.part.split("/");
  const project = part.level === "project" ? path.pop() : undefined;
  const body = { tenant: path.at(-1), guaranteed, weight, ...(project ? { project } : {}) };
  return (
    <FormBox title={`${t("pool.set")}: ${part.part}`} text={t("pool.set.text")} submit={t("app.save")} onClose={onClose}
      onSubmit={() => client.call("POST", `pools/${at(part.pool)}/set`, { body })}>
      <Field label={`${t("pool.guaranteed")} (GPU)`} value={guaranteed} onChange={setGuaranteed} inputMode="decimal" autoFocus />
      <Field label={t("pool.weight")} value={weight} onChange={setWeight} inputMode="decimal" />
      <Change what={t("pool.guaranteed")} before={part.guaranteed} after={guaranteed} />
      <Change what={t("pool.weight")} before={part.weight} after={weight} />
    </FormBox>
  );
}

// Who has neither a share nor requests is no part yet.
function NewShare({ pool, onClose }: { pool: string; onClose: () => void }) {
  const t = useT();
  const tenants = useTenants();
  const [chosen, setChosen] = useState("");
  const [guaranteed, setGuaranteed] = useState("0");
  const [weight, setWeight] = useState("1");
  const tenant = chosen || tenants.data?.data[0]?.slug || "";
  return (
    <FormBox title={t("pool.add")} text={t("pool.set.text")} submit={t("app.save")} ready={tenant !== ""} onClose={onClose}
      onSubmit={() => client.call("POST", `pools/${at(pool)}/set`, { body: { tenant, guaranteed, weight } })}>
      <TenantChoice value={tenant} onChange={setChosen} />
      <Field label={`${t("pool.guaranteed")} (GPU)`} value={guaranteed} onChange={setGuaranteed} inputMode="decimal" />
      <Field label={t("pool.weight")} value={weight} onChange={setWeight} inputMode="decimal" />
    </FormBox>
  );
}
