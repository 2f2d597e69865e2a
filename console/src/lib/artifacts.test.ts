import { expect, test } from "vitest";
import type { Artifact, TestCase, TestRun } from "../api/types";
import { callers, compared, importCommand, labelsOf, labelsText, mayBeForgotten, runBefore, saidChange, saidOf, serveConfig, STAGES, stepsFrom } from "./artifacts";

const run = (id: string, set: string, results: TestCase[]): TestRun => ({
  id, set, model: "m", at: "2027-01-01T00:00:00Z", results, passed: results.filter((one) => one.passed).length, failed: results.filter((one) => !one.passed).length,
});

test("the steps are those of docs/models.md", () => {
  expect(STAGES.flatMap((from) => stepsFrom(from).map((to) => `${from}>${to}`)).sort()).toEqual(
    ["deprecated>released", "deprecated>retired", "draft>retired", "draft>testing", "released>deprecated", "testing>draft", "testing>released", "testing>retired"],
  );
  expect(STAGES.filter(mayBeForgotten)).toEqual(["draft", "retired"]);
});

test("a model is called by who is on both lists, and by nobody before and after", () => {
  expect(callers("released", null, null)).toBeNull();
  expect(callers("released", ["a", "b"], null)).toEqual(["a", "b"]);
  expect(callers("deprecated", null, ["b"])).toEqual(["b"]);
  expect(callers("testing", ["a", "b"], ["b", "c"])).toEqual(["b"]);
  expect(callers("draft", null, null)).toEqual([]);
  expect(callers("retired", ["a"], null)).toEqual([]);
});

test("two runs are compared case by case", () => {
  const first = run("1", "s", [{ name: "a", passed: true }, { name: "b", passed: false, failures: ["x"] }, { name: "c", passed: false, failures: ["x"] }, { name: "d", passed: true }, { name: "f", passed: true, ms: 4 }]);
  const second = run("2", "s", [{ name: "b", passed: true }, { name: "a", passed: false, failures: ["y"] }, { name: "c", passed: false, failures: ["z"] }, { name: "e", passed: true }, { name: "f", passed: true, ms: 5 }]);
  expect(compared(first, second).map(({ name, difference }) => `${name} ${difference}`)).toEqual(["b better", "a worse", "c changed", "e added", "f same", "d gone"]);
  expect(compared(null, second).map(({ first: none }) => none)).toEqual([null, null, null, null, null]);
});

test("cases of one name are taken in their order", () => {
  const twice = [{ name: "a", passed: true }, { name: "a", passed: false }];
  expect(compared(run("1", "s", twice), run("2", "s", twice)).map((one) => one.difference)).toEqual(["same", "same"]);
});

test("the run before is the latest one of the same set", () => {
  const runs = [run("1", "s", []), run("2", "other", []), run("3", "s", []), run("4", "s", [])];
  expect(runBefore(runs, runs[3]!)?.id).toBe("3");
  expect(runBefore(runs, runs[2]!)?.id).toBe("1");
  expect(runBefore(runs, runs[1]!)).toBeNull();
});

test("labels are read as they are written", () => {
  expect(labelsOf(" team = search \n\nurl=http://a/?b=c\nempty=")).toEqual({ team: "search", url: "http://a/?b=c", empty: "" });
  expect(labelsOf(labelsText({ a: "1", b: "x y" }))).toEqual({ a: "1", b: "x y" });
  expect(labelsOf("team")).toBeNull();
  expect(labelsOf("team=a\nteam = b")).toBeNull();
  expect(labelsOf("")).toEqual({});
});

test("a change says only what is otherwise", () => {
  const was = { licence: "MIT", origin: "", owner: "ml", labels: { b: "1", a: "2" } } as unknown as Artifact;
  expect(saidChange(was, saidOf(was))).toEqual({});
  expect(saidChange(was, { ...saidOf(was), owner: "search" })).toEqual({ owner: "search" });
  expect(saidChange(was, { ...saidOf(was), labels: "a=2" })).toEqual({ labels: { a: "2" } });
  expect(saidChange(was, { ...saidOf(was), labels: "a" })).toBeNull();
});

test("commands can be pasted, whatever is typed", () => {
  const given = { file: "./my model.gguf", name: "assistant", version: "1.2", owner: "o'neil; rm -rf ~", folder: "/var/lib/sovmesh" };
  expect(importCommand(given)).toBe(`sovmesh model import './my model.gguf' --name assistant --version 1.2 --owner 'o'\\''neil; rm -rf ~' --data-dir /var/lib/sovmesh`);
  expect(importCommand({ file: "", name: "", version: "", owner: "", folder: "" })).toBe("sovmesh model import ./FILE.gguf --name NAME --version 1.0 --data-dir DATA_DIR");
  expect(serveConfig("a@1", "a", "", "")).toContain('model_file: "DATA_DIR/models/DIGEST.gguf"}');
});
