import { useState } from "react";
import type { Rollout, Route } from "../api/types";
import { useT } from "../i18n";
import { Blame, Check, Choice, Field } from "../ui/forms";
import { TriedBox } from "../ui/tried";

// A plan's usual gates: how much worse than the stable version the candidate may be, in percent.
const GATES = [
  { measure: "error_rate", tolerance: "1" },
  { measure: "refusal_rate", tolerance: "5" },
  { measure: "ttft", tolerance: "41" },
  { measure: "tpot", tolerance: "41" },
];

export function StartRollout({ route: now, onClose }: { route: Route; onClose: () => void }) {
  const t = useT();
  const [route] = useState(now); // while the page reads it again and again
  const stable = route.versions.find((version) => version.stage === "stable")?.model ?? "";
  const others = route.versions.filter((version) => version.model !== stable).map((version) => version.model);
  const [candidate, setCandidate] = useState(others[0] ?? "");
  const [steps, setSteps] = useState("1%:10m 5%:10m 25%:30m 50%:30m");
  const [sample, setSample] = useState("200");
  const [gates, setGates] = useState(GATES.map((gate) => ({ ...gate, on: true, objective: "" })));
  const [times, setTimes] = useState({ interval: "60s", ready: "600s", design: "2" });
  const body = {
    route: route.name,
    candidate,
    steps: steps.trim().split(/[\s,]+/),
    gates: gates.filter((gate) => gate.on).map(({ measure, tolerance, objective }) => `${measure}:${tolerance}%${objective ? `:${objective}` : ""}`),
    sample_min: Number(sample),
    decision_interval: times.interval,
    ready_within: times.ready,
    design_effect: Number(times.design),
  };
  const change = (i: number, more: Partial<(typeof gates)[number]>) => setGates(gates.map((gate, n) => (n === i ? { ...gate, ...more } : gate)));
  return (
    <TriedBox<Rollout> title={t("route.start")} text={t("route.start.text", { stable })} submit={t("route.start")} ready={gates.some((gate) => gate.on)} wide onClose={onClose}
      write={() => ({ method: "POST", path: "rollouts", body })}>
      <Choice label={t("route.candidate")} param="candidate" value={candidate} onChange={setCandidate} options={others.map((one) => [one, one])} />
      <Field label={t("route.steps")} help={t("route.steps.help")} param="steps" value={steps} onChange={setSteps} />
      <Field label={t("route.sample_min")} param="sample_min" value={sample} onChange={setSample} inputMode="numeric" pattern="[0-9]+" />
      <details>
        <summary>{t("rollout.gates")}</summary>
        <p className="help">{t("rollout.gates.help")}</p>
        {gates.map((gate, i) => (
          <div key={gate.measure} role="group" aria-label={gate.measure} className="row">
            <Check label={gate.measure} checked={gate.on} onChange={(on) => change(i, { on })} />
            {gate.on && <Field label={t("rollout.gate.tolerance")} value={gate.tolerance} onChange={(tolerance) => change(i, { tolerance })} inputMode="decimal" pattern="[0-9]+([.][0-9]{1,2})?" />}
            {gate.on && <Field label={t("rollout.gate.objective")} help={t(i < 2 ? "rollout.gate.rate.help" : "rollout.gate.time.help")} value={gate.objective} onChange={(objective) => change(i, { objective })} optional />}
          </div>
        ))}
        <Blame param="gates" />
      </details>
      <details>
        <summary>{t("rollout.decisions")}</summary>
        <div className="form-row spaced">
          <Field label={t("rollout.interval")} param="decision_interval" value={times.interval} onChange={(interval) => setTimes({ ...times, interval })} />
          <Field label={t("rollout.ready_within")} param="ready_within" value={times.ready} onChange={(ready) => setTimes({ ...times, ready })} />
          <Field label={t("rollout.design_effect")} help={t("rollout.design_effect.help")} param="design_effect" value={times.design} onChange={(design) => setTimes({ ...times, design })} inputMode="numeric" pattern="[0-9]{1,2}" />
        </div>
      </details>
    </TriedBox>
  );
}
