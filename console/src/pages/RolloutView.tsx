import { useState } from "react";
import { at, client } from "../api/client";
import type { ReportLine, Rollout } from "../api/types";
import { useT } from "../i18n";
import type { TextKey } from "../i18n/en";
import { count, decimal, seconds, time } from "../lib/format";
import { useAccess } from "../session";
import { DataTable } from "../ui/DataTable";
import { Change, Field, FormBox } from "../ui/forms";
import { RolloutBadge, isRunning } from "../ui/rollouts";
import { Badge, Button, Facts, Section, type Tone } from "../ui/parts";

type Act = "promote" | "abort" | "pause" | "resume";

// A rollout as it goes: where it is, what its gates say, how the two versions compare, and the acts.
export function RolloutView({ rollout }: { rollout: Rollout }) {
  const t = useT();
  const [act, setAct] = useState<Act | null>(null);
  const { may } = useAccess();
  const acts: Act[] = !isRunning(rollout.state) || !may("change", "rollouts") ? [] : rollout.state === "paused" ? ["resume", "promote", "abort"] : ["pause", "promote", "abort"];
  return (
    <>
      <Section
        title={t("rollout.title", { route: rollout.route })}
        actions={acts.map((one) => (
          <Button key={one} kind={one === "promote" ? "main" : one === "abort" ? "danger" : "plain"} onPress={() => setAct(one)}>{t(`rollout.${one}`)}</Button>
        ))}
      >
        <Progress rollout={rollout} />
        <Facts
          facts={[
            [t("engine.state"), <RolloutBadge state={rollout.state} />],
            [t("engine.reason"), rollout.reason],
            [t("rollout.candidate"), rollout.candidate],
            [t("rollout.stable"), rollout.stable],
            [t("rollout.held"), seconds(rollout.held_s)],
            [t("overview.requests"), t("rollout.requests", { stable: count(rollout.stable_requests), candidate: count(rollout.candidate_requests) })],
          ]}
        />
      </Section>
      <Gates rollout={rollout} />
      <Comparison rollout={rollout} />
      <Events rollout={rollout} />
      {act && <Decide act={act} rollout={rollout} onClose={() => setAct(null)} />}
    </>
  );
}

function Progress({ rollout }: { rollout: Rollout }) {
  const t = useT();
  const share = Number.parseFloat(rollout.share);
  return (
    <div className="bar-row">
      <span className="bar-name">{t("rollout.step", { step: rollout.step, steps: rollout.steps.length })}</span>
      <span className="bar" role="meter" aria-label={t("rollout.share")} aria-valuenow={share} aria-valuemin={0} aria-valuemax={100}>
        <i className="one" style={{ width: `${share}%` }} />
      </span>
      <span className="bar-value">{rollout.share}</span>
    </div>
  );
}

const VERDICTS: Record<string, Tone> = { too_few: "calm", passes: "good", caution: "warn", regressed: "bad" };

function Gates({ rollout }: { rollout: Rollout }) {
  const t = useT();
  return (
    <Section title={t("rollout.gates")}>
      <DataTable
        label={t("rollout.gates")}
        rows={rollout.evidence ?? []}
        columns={[
          { id: "gate", head: t("rollout.gate"), cell: (one) => one.measure },
          { id: "verdict", head: t("rollout.verdict"), cell: (one) => <Badge tone={VERDICTS[one.verdict] ?? "calm"}>{one.verdict in VERDICTS ? t(`rollout.verdict.${one.verdict}` as TextKey) : one.verdict}</Badge> },
          { id: "evidence", head: t("rollout.evidence"), cell: (one) => <span className="wrap">{one.text}</span> },
        ]}
      />
    </Section>
  );
}

const figure = (value: ReportLine["stable"]) => (value === null ? "–" : decimal(typeof value === "number" ? Number(value.toPrecision(4)) : value));

function Comparison({ rollout }: { rollout: Rollout }) {
  const t = useT();
  return (
    <Section title={t("rollout.compare")}>
      <DataTable
        label={t("rollout.compare")}
        rows={rollout.report ?? []}
        columns={[
          { id: "name", head: t("rollout.measure"), cell: (line) => `${line.name} (${line.unit})` },
          { id: "stable", head: t("rollout.stable"), cell: (line) => figure(line.stable), numeric: true },
          { id: "candidate", head: t("rollout.candidate"), cell: (line) => figure(line.candidate), numeric: true },
          { id: "difference", head: t("rollout.difference"), cell: (line) => (line.difference_low === null ? "–" : `${figure(line.difference_low)} … ${figure(line.difference_high)}`), numeric: true },
        ]}
      />
    </Section>
  );
}

function Events({ rollout }: { rollout: Rollout }) {
  const t = useT();
  return (
    <Section title={t("rollout.events")}>
      <ol className="ticks" reversed>
        {[...(rollout.events ?? [])].reverse().map((event, i) => (
          <li key={i}><time className="muted" dateTime={event.at}>{time(event.at)}</time><span>{event.share} · {event.text}</span></li>
        ))}
      </ol>
    </Section>
  );
}

function Decide({ act, rollout, onClose }: { act: Act; rollout: Rollout; onClose: () => void }) {
  const t = useT();
  const [reason, setReason] = useState("");
  const { route, candidate, stable, share } = rollout;
  const body = act === "abort" && reason ? { reason } : {};
  return (
    <FormBox
      title={t(`rollout.${act}`)}
      text={t(`rollout.${act}.text`, { route, candidate, stable, share })}
      submit={t(`rollout.${act}`)}
      kind={act === "abort" ? "danger" : "main"}
      onClose={onClose}
      onSubmit={() => client.call("POST", `rollouts/${at(route)}/${act}`, { body, revision: rollout.revision })}
    >
      {act === "promote" && <Change what={t("rollout.share")} before={share} after="100%" />}
      {act === "abort" && <Change what={t("rollout.share")} before={share} after="0%" />}
      {act === "abort" && <Field label={t("rollout.abort.reason")} value={reason} onChange={setReason} optional />}
    </FormBox>
  );
}
