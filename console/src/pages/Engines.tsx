import { useMemo, useState } from "react";
import { Link } from "react-router";
import { at } from "../api/client";
import { LIVE_MS, useEngines } from "../api/queries";
import type { Engine } from "../api/types";
import { useT } from "../i18n";
import { bytes, time } from "../lib/format";
import { useAccess } from "../session";
import { DataTable, type Column } from "../ui/DataTable";
import { EngineState, EngineSwitch, SwitchBox, type Switching } from "../ui/engines";
import { Button, Empty, Loaded, ManagedBadge, PageHead } from "../ui/parts";
import { AddEngine } from "./AddEngine";

export default function Engines() {
  const t = useT();
  const read = useEngines(LIVE_MS);
  const [adding, setAdding] = useState(false);
  const [asked, setAsked] = useState<Switching | null>(null);
  const columns = useMemo<Column<Engine>[]>(
    () => [
      { id: "name", head: t("engine.name"), cell: (engine) => <Link to={`/engines/${at(engine.name)}`}>{engine.name}</Link>, value: (engine) => engine.name },
      { id: "state", head: t("engine.state"), cell: (engine) => <EngineState engine={engine} />, value: (engine) => engine.state },
      { id: "dialect", head: t("engine.dialect"), cell: (engine) => engine.dialect, value: (engine) => engine.dialect },
      { id: "running", head: t("engine.load"), cell: (engine) => engine.load?.running ?? "–", value: (engine) => engine.load?.running ?? -1, numeric: true },
      { id: "waiting", head: t("engine.waiting"), cell: (engine) => engine.load?.waiting ?? "–", value: (engine) => engine.load?.waiting ?? -1, numeric: true },
      { id: "slots", head: t("engine.slots"), cell: (engine) => engine.slots, value: (engine) => engine.slots, numeric: true },
      { id: "kv", head: t("engine.kv"), cell: (engine) => (engine.load?.kv_used_percent == null ? "–" : `${engine.load.kv_used_percent} %`), value: (engine) => engine.load?.kv_used_percent ?? -1, numeric: true },
      { id: "memory", head: t("engine.memory"), cell: (engine) => (engine.memory_bytes == null ? "–" : bytes(engine.memory_bytes)), value: (engine) => engine.memory_bytes ?? -1, numeric: true },
      { id: "since", head: t("engine.since"), cell: (engine) => time(engine.since), value: (engine) => engine.since },
      { id: "managed", head: "", cell: (engine) => <ManagedBadge object={engine} /> },
      { id: "work", head: "", cell: (engine) => <EngineSwitch engine={engine} quiet ask={setAsked} /> },
    ],
    [t],
  );
  const { may } = useAccess();
  const add = may("create", "engines") && <Button kind="main" onPress={() => setAdding(true)}>{t("engine.add")}</Button>;
  return (
    <>
      <PageHead title={t("engine.title")}>
        <span className="muted">{t("app.live", { seconds: LIVE_MS / 1_000 })}</span>
        {add}
      </PageHead>
      <Loaded read={read}>
        {({ data }) => (
          <DataTable label={t("engine.title")} rows={data} columns={columns} rowId={(engine) => engine.name} filter
            empty={<Empty title={t("overview.engines.empty")} action={add}>{t("overview.engines.empty.text")}</Empty>} />
        )}
      </Loaded>
      {asked && <SwitchBox of={asked} onClose={() => setAsked(null)} />}
      {adding && <AddEngine onClose={() => setAdding(false)} />}
    </>
  );
}
