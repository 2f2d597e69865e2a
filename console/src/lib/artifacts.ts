import type { Artifact, ArtifactStage, TestCase, TestRun } from "../api/types";
import { differing } from "./changes";
import { shell } from "./snippets";

// The stages in their order, and the steps that there are between them (docs/models.md). The server has
// the last word on what else a step wants.
export const STAGES: ArtifactStage[] = ["draft", "testing", "released", "deprecated", "retired"];
const STEPS: Record<ArtifactStage, ArtifactStage[]> = {
  draft: ["testing", "retired"],
  testing: ["released", "draft", "retired"],
  released: ["deprecated"],
  deprecated: ["released", "retired"],
  retired: [],
};
export const stepsFrom = (stage: ArtifactStage) => STEPS[stage];
export const mayBeForgotten = (stage: ArtifactStage) => stage === "draft" || stage === "retired";

// Whom a step asks for: who may call it then. Out of `deprecated` those that it was released to stay.
export const asksForTenants = (to: ArtifactStage) => to === "testing" || to === "released";
export const keepsTenants = (from: ArtifactStage, to: ArtifactStage) => from === "deprecated" && to === "released";

// Who may call a model that serves an artifact: who is on both lists. null: all tenants.
export function callers(stage: ArtifactStage, released: string[] | null, own: string[] | null): string[] | null {
  if (stage === "draft" || stage === "retired") return [];
  if (released === null) return own;
  return own === null ? released : released.filter((one) => own.includes(one));
}

export type Difference = "same" | "better" | "worse" | "changed" | "added" | "gone";
export interface ComparedCase {
  name: string;
  first: TestCase | null;
  second: TestCase | null;
  difference: Difference;
}

function differenceOf(first: TestCase | null, second: TestCase | null): Difference {
  if (first === null) return "added";
  if (second === null) return "gone";
  if (first.passed !== second.passed) return second.passed ? "better" : "worse";
  return String(first.failures ?? []) === String(second.failures ?? []) ? "same" : "changed";
}

// Two runs, case by case: in the order of the second one, then what only the first one has. Cases of one
// name are taken in their order.
export function compared(first: TestRun | null, second: TestRun): ComparedCase[] {
  const left = [...(first?.results ?? [])];
  const take = (name: string) => {
    const i = left.findIndex((one) => one.name === name);
    return i < 0 ? null : left.splice(i, 1)[0]!;
  };
  const pair = (a: TestCase | null, b: TestCase | null) => ({ name: (b ?? a)!.name, first: a, second: b, difference: differenceOf(a, b) });
  const rows = second.results.map((one) => pair(take(one.name), one));
  return [...rows, ...left.map((one) => pair(one, null))];
}

// The run of the same set before this one; `runs` as the API lists them, oldest first.
export function runBefore(runs: TestRun[], run: TestRun): TestRun | null {
  const earlier = runs.slice(0, Math.max(0, runs.findIndex((one) => one.id === run.id)));
  return earlier.filter((one) => one.set === run.set).at(-1) ?? null;
}

// "team = search", one a line; null: a line that is none, or a name that is there twice.
export function labelsOf(text: string): Record<string, string> | null {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const pairs = lines.map((line) => /^\s*([^=]+?)\s*=\s*(.*?)\s*$/.exec(line));
  if (pairs.includes(null) || new Set(pairs.map((pair) => pair![1])).size < pairs.length) return null;
  return Object.fromEntries(pairs.map((pair) => [pair![1]!, pair![2]!]));
}
export const labelsText = (labels: Record<string, string>) => Object.entries(labels).map(([name, value]) => `${name}=${value}`).join("\n");

// What people say of an artifact, as it is typed.
export interface SaidDraft {
  licence: string;
  origin: string;
  owner: string;
  labels: string;
}
export const saidOf = (artifact: Artifact): SaidDraft => ({ licence: artifact.licence, origin: artifact.origin, owner: artifact.owner, labels: labelsText(artifact.labels) });

// What makes `artifact` that which the draft says: only what is otherwise. null: its labels cannot be read.
export function saidChange(artifact: Artifact, draft: SaidDraft): Record<string, unknown> | null {
  const { labels, ...texts } = differing({ ...saidOf(artifact) }, { ...draft });
  if (labels === undefined) return texts;
  const read = labelsOf(draft.labels);
  return read && { ...texts, labels: read };
}

// The commands of the way from a file to a model that tenants call, to be pasted on the server's machine.
export interface Import {
  file: string;
  name: string;
  version: string;
  owner: string;
  folder: string; // the data folder
}
export function importCommand(of: Import): string {
  const owner = of.owner ? ` --owner ${shell(of.owner)}` : "";
  return `sovmesh model import ${shell(of.file || "./FILE.gguf")} --name ${shell(of.name || "NAME")} --version ${shell(of.version || "1.0")}${owner} --data-dir ${shell(of.folder || "DATA_DIR")}`;
}
export const serveCommand = (artifact: string, name: string) => `sovmesh model create ${shell(name)} --engine ENGINE --artifact ${shell(artifact)}`;
export const serveConfig = (artifact: string, name: string, digest: string, folder: string) =>
  `engines:
  - {name: local, kind: managed, model_file: ${JSON.stringify(`${folder || "DATA_DIR"}/models/${digest || "DIGEST"}.gguf`)}}
models:
  - {name: ${JSON.stringify(name)}, engine: local, artifact: ${JSON.stringify(artifact)}}`;
export const testCommand = (artifact: string) => `sovmesh model test ${shell(artifact)} --set smoke.json --gateway http://127.0.0.1:8080 --api-key-env QA_KEY`;
export const TEST_SET = `{"name": "smoke",
 "cases": [
   {"name": "greets", "prompt": "Say hello.", "contains": ["ello"], "max_tokens": 32}
 ]}`;
