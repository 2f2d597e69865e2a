import { useState } from "react";
import { at, client } from "../api/client";
import { useObject } from "../api/queries";
import type { Engine, EngineLog } from "../api/types";
import { useT } from "../i18n";
import { useAccess } from "../session";
import { Field, FormBox } from "./forms";
import { Badge, Button, Loaded, Section, type Tone } from "./parts";

const TONES: Record<string, Tone> = { ready: "good", starting: "warn", draining: "warn", stopped: "calm", unhealthy: "bad", backing_off: "bad" };

// An engine that works may still be left out by requests, because they failed on it.
export function EngineState({ engine }: { engine: Engine }) {
  const left = engine.condition && engine.condition !== "in" ? engine.condition : null;
  return (
    <>
      <Badge tone={TONES[engine.state] ?? "calm"}>{engine.state}</Badge> {left && <Badge tone="warn">{left}</Badge>}
    </>
  );
}

const GRACE_S = "30";

// What somebody is asked before it is done, of the engine as it was then: the page reads it again meanwhile.
export interface Switching {
  verb: "stop" | "start";
  engine: Engine;
}

// Stops an engine, or starts it, for who may. One that sleeps until it is needed can be both.
export function EngineSwitch({ engine, quiet, ask }: { engine: Engine; quiet?: boolean; ask: (next: Switching) => void }) {
  const t = useT();
  const { may } = useAccess();
  if (!may("change", "engines")) return null;
  const name = engine.name;
  const isOut = engine.out_of_service === true;
  const canStart = isOut || engine.state === "stopped" || engine.state === "backing_off";
  const kind = quiet ? "quiet" : "plain";
  return (
    <>
      {canStart && <Button kind={kind} aria-label={quiet ? t("engine.start.one", { name }) : undefined} onPress={() => ask({ verb: "start", engine })}>{t("engine.start")}</Button>}
      {!isOut && <Button kind={kind} aria-label={quiet ? t("engine.stop.one", { name }) : undefined} onPress={() => ask({ verb: "stop", engine })}>{t("engine.stop")}</Button>}
    </>
  );
}

export function SwitchBox({ of: { verb, engine }, onClose }: { of: Switching; onClose: () => void }) {
  const t = useT();
  const [grace, setGrace] = useState(GRACE_S);
  const { name } = engine;
  const send = (body: object) => client.call("POST", `engines/${at(name)}/${verb}`, { body });
  if (verb === "start") return <FormBox title={t("engine.start.one", { name })} text={t("engine.start.text")} submit={t("engine.start")} onClose={onClose} onSubmit={() => send({})} />;
  return (
    <FormBox title={t("engine.stop.one", { name })} text={t(engine.supervised ? "engine.stop.text" : "engine.stop.remote", { running: engine.in_flight ?? 0 })}
      submit={t("engine.stop")} kind="danger" onClose={onClose} onSubmit={() => send(engine.supervised ? { grace_s: Number(grace) } : {})}>
      {engine.supervised && <Field label={t("engine.grace")} help={t("engine.grace.help")} param="grace_s" value={grace} onChange={setGrace} inputMode="numeric" pattern="[0-5]?[0-9]{1,2}|600" />}
    </FormBox>
  );
}

// What its process wrote until it answered requests; asked for when somebody wants to see it.
export function EngineLogSection({ name }: { name: string }) {
  const t = useT();
  const [open, setOpen] = useState(false);
  const read = useObject<EngineLog>(`engines/${at(name)}/log`, undefined, open);
  return (
    <Section title={t("engine.log")} actions={<Button onPress={() => (open ? void read.refetch() : setOpen(true))}>{open ? t("app.refresh") : t("engine.log.show")}</Button>}>
      <p className="muted">{t("engine.log.text")}</p>
      {open && (
        <Loaded read={read}>
          {(log) => (
            <>
              {log.lines.length > 0 ? <pre className="code" tabIndex={0} aria-label={t("engine.log.lines")}>{log.lines.join("\n")}</pre> : <p>{t("engine.log.empty")}</p>}
              {log.withheld > 0 && <p role="note">{t("engine.log.withheld", { count: log.withheld })}</p>}
            </>
          )}
        </Loaded>
      )}
    </Section>
  );
}
