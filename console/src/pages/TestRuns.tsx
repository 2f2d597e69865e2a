import { useSearchParams } from "react-router";
import { at } from "../api/client";
import { useList } from "../api/queries";
import type { Artifact, TestCase, TestRun } from "../api/types";
import { useT } from "../i18n";
import { compared, runBefore, type ComparedCase, type Difference } from "../lib/artifacts";
import { count, time } from "../lib/format";
import { HowToTest } from "../ui/artifacts";
import { DataTable } from "../ui/DataTable";
import { Choice } from "../ui/forms";
import { Badge, Button, Loaded, Section, type Tone } from "../ui/parts";

const NOTHING = "none";

// What test runs gave. Which two are side by side stands in the address: `first` and `second`.
export function TestRuns({ artifact }: { artifact: Artifact }) {
  const t = useT();
  const read = useList<TestRun>(`artifacts/${at(artifact.artifact)}/tests`);
  const [search, setSearch] = useSearchParams();
  const [firstId, secondId] = [search.get("first"), search.get("second")];
  const show = (first: string | null, second: string) => setSearch(first ? { first, second } : { second }, { replace: true });
  return (
    <Section title={t("test.title")}>
      <Loaded read={read}>
        {({ data: runs }) => {
          const second = runs.find((run) => run.id === secondId) ?? runs.at(-1);
          const first = !second || firstId === NOTHING ? null : (runs.find((run) => run.id === firstId) ?? runBefore(runs, second));
          const named = (run: TestRun): [string, string] => [run.id, `${run.set}, ${time(run.at)} (${run.passed}/${run.passed + run.failed})`];
          const newest = [...runs].reverse();
          return (
            <>
              <DataTable
                label={t("test.title")}
                rows={newest}
                empty={<><p>{t("test.none")}</p><HowToTest artifact={artifact.artifact} /></>}
                columns={[
                  { id: "at", head: t("audit.time"), cell: (run) => time(run.at), value: (run) => run.at },
                  { id: "set", head: t("test.set"), cell: (run) => run.set, value: (run) => run.set },
                  { id: "model", head: t("model.name"), cell: (run) => run.model, value: (run) => run.model },
                  { id: "verdict", head: t("test.result"), cell: (run) => (run.failed === 0 ? <Badge tone="good">{t("test.passed")}</Badge> : <Badge tone="bad">{t("test.failed")}</Badge>), value: (run) => run.failed },
                  { id: "cases", head: t("test.cases"), cell: (run) => `${count(run.passed)}/${count(run.passed + run.failed)}`, value: (run) => run.passed, numeric: true },
                  { id: "acts", head: "", cell: (run) => <Button kind="quiet" aria-label={`${t("test.show")}: ${named(run)[1]}`} onPress={() => show(null, run.id)}>{t("test.show")}</Button> },
                ]}
              />
              {second && (
                <div className="attempt" role="group" aria-label={t("test.compare")}>
                  <h3>{t("test.compare")}</h3>
                  <div className="form-row spaced">
                    <div className="wide"><Choice label={t("test.first")} value={first?.id ?? NOTHING} onChange={(id) => show(id, second.id)} options={[[NOTHING, t("play.second.none")], ...newest.map(named)]} /></div>
                    <div className="wide"><Choice label={t("test.second")} value={second.id} onChange={(id) => show(null, id)} options={newest.map(named)} /></div>
                  </div>
                  <Comparison first={first} second={second} />
                </div>
              )}
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}

const TONES: Record<Difference, Tone> = { same: "calm", better: "good", worse: "bad", changed: "warn", added: "calm", gone: "warn" };
const ORDER: Difference[] = ["worse", "gone", "changed", "better", "added", "same"];

function Comparison({ first, second }: { first: TestRun | null; second: TestRun }) {
  const t = useT();
  const rows = compared(first, second);
  const figures = (one: TestCase | null) => (one ? [one.output_tokens === undefined ? "–" : count(one.output_tokens), one.ms === undefined ? "–" : `${count(one.ms)} ms`].join(" / ") : "–");
  const side = (one: TestCase | null) =>
    one === null ? <>–</> : one.passed ? <Badge tone="good">{t("test.passed")}</Badge> : <><Badge tone="bad">{t("test.failed")}</Badge> <span className="wrap">{one.failures?.join("; ")}</span></>;
  const differences = rows.filter((row) => row.difference !== "same");
  const before = first === null ? [] : [
    { id: "first", head: t("test.first"), cell: (row: ComparedCase) => side(row.first) },
    { id: "first_figures", head: t("test.figures"), cell: (row: ComparedCase) => figures(row.first), numeric: true },
  ];
  return (
    <>
      {first !== null && <p role="status">{differences.length === 0 ? t("test.alike") : t("test.differ", { count: differences.length, all: rows.length })}</p>}
      <DataTable
        key={`${first?.id} ${second.id}`}
        label={t("test.compare")}
        rows={rows}
        filter
        columns={[
          { id: "name", head: t("test.case"), cell: (row) => row.name, value: (row) => row.name },
          ...(first === null ? [] : [{ id: "difference", head: t("test.difference"), cell: (row: ComparedCase) => <Badge tone={TONES[row.difference]}>{t(`test.difference.${row.difference}`)}</Badge>, value: (row: ComparedCase) => ORDER.indexOf(row.difference) }]),
          ...before,
          { id: "second", head: t(first === null ? "test.result" : "test.second"), cell: (row) => side(row.second) },
          { id: "second_figures", head: t("test.figures"), cell: (row) => figures(row.second), numeric: true },
        ]}
        sorted={first === null ? [] : [{ id: "difference", desc: false }]}
      />
    </>
  );
}
