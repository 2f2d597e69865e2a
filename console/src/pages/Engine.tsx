import { useState } from "react";
import { Link, useParams } from "react-router";
import { at } from "../api/client";
import { LIVE_MS, useList, useObject } from "../api/queries";
import type { Engine as EngineObject, Model } from "../api/types";
import { useT } from "../i18n";
import { bytes, time } from "../lib/format";
import { useAccess } from "../session";
import { EngineLogSection, EngineState, EngineSwitch, SwitchBox, type Switching } from "../ui/engines";
import { Button, Facts, Loaded, ManagedNote, PageHead, Section, isOurs } from "../ui/parts";
import { DeleteEngine } from "./DeleteEngine";

export default function Engine() {
  const { engine: name = "" } = useParams();
  return <OneEngine key={name} name={name} />;
}

function OneEngine({ name }: { name: string }) {
  const t = useT();
  const read = useObject<EngineObject>(`engines/${at(name)}`, LIVE_MS);
  const models = useList<Model>("models");
  const [removing, setRemoving] = useState(false);
  const [asked, setAsked] = useState<Switching | null>(null);
  const { may } = useAccess();
  const on = (models.data?.data ?? []).filter((model) => model.engines.includes(name));
  return (
    <>
      <PageHead title={name} above={<Link to="/engines">{t("engine.title")}</Link>}>
        {read.data && <EngineSwitch engine={read.data} ask={setAsked} />}
        {read.data && isOurs(read.data) && may("remove", "engines") && <Button kind="danger" onPress={() => setRemoving(true)}>{t("app.delete")}</Button>}
      </PageHead>
      <Loaded read={read}>
        {(engine) => (
          <>
            <ManagedNote object={engine} />
            <Section title={t("engine.name")} actions={<span className="muted">{t("app.live", { seconds: LIVE_MS / 1_000 })}</span>}>
              <Facts
                facts={[
                  [t("engine.state"), <EngineState engine={engine} />],
                  [t("engine.reason"), engine.reason || "–"],
                  [t("engine.since"), time(engine.since)],
                  [t("engine.condition"), engine.condition ?? "–"],
                  [t("engine.memory"), engine.memory_bytes == null ? "–" : bytes(engine.memory_bytes)],
                  [t("engine.in_flight"), engine.in_flight ?? "–"],
                  [t("engine.load"), engine.load ? `${engine.load.running} / ${engine.slots}` : `– / ${engine.slots}`],
                  [t("engine.waiting"), engine.load?.waiting ?? "–"],
                  [t("engine.kv"), engine.load?.kv_used_percent == null ? "–" : `${engine.load.kv_used_percent} %`],
                  [t("engine.dialect"), engine.dialect],
                  [t("engine.url"), engine.url ? <code>{engine.url}</code> : "–"],
                  [t("engine.restarts"), engine.restarts],
                  [t("engine.models"), on.length ? on.map((model) => <Link key={model.name} to={`/models/${at(model.name)}`}>{model.name} </Link>) : t("app.none")],
                ]}
              />
            </Section>
            {engine.supervised && may("read", "engine_logs") && <EngineLogSection name={name} />}
          </>
        )}
      </Loaded>
      {asked && <SwitchBox of={asked} onClose={() => setAsked(null)} />}
      {removing && read.data && <DeleteEngine engine={read.data} onClose={() => setRemoving(false)} />}
    </>
  );
}
