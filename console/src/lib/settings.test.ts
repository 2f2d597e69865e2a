import { expect, test } from "vitest";
import { namesOf, numbersOf, textOf, tried, type TenantSettings, type Trial } from "./settings";

const nothing: TenantSettings = { models: null, defaults: {}, maximums: {}, on_excess: "refuse", system_prompts: [], disclaimer: null };
const trial: Trial = { model: "llama", tenant: "aurora", project: "web", date: "2026-11-27", system: "", message: "Hello", parameters: {} };
const prompt = { name: "house", text: "You serve {{tenant}}/{{project}} on {{date}}, {{x}}.", models: null, projects: null, mode: "prepend" as const };
const messages = (settings: Partial<TenantSettings>, more: Partial<Trial> = {}) => {
  const verdict = tried({ ...nothing, ...settings }, { ...trial, ...more });
  return verdict.kind === "sent" ? verdict.messages.map((one) => `${one.role}: ${one.content}`) : verdict.kind;
};

test("without settings a request stays as it is", () => {
  expect(tried(nothing, trial)).toEqual({ kind: "sent", messages: [{ role: "user", content: "Hello" }], parameters: {}, clamped: [], prompt: null });
});

test("a prompt stands before the client's messages, with its placeholders filled in", () => {
  expect(messages({ system_prompts: [prompt] })).toEqual(["system: You serve aurora/web on 2026-11-27, {{x}}.", "user: Hello"]);
  expect(messages({ system_prompts: [prompt] }, { system: "Rhyme." })).toEqual(["system: You serve aurora/web on 2026-11-27, {{x}}.", "system: Rhyme.", "user: Hello"]);
});

test("a default prompt gives way to the client's own", () => {
  const settings = { system_prompts: [{ ...prompt, mode: "default" as const }] };
  expect(messages(settings)).toHaveLength(2);
  expect(messages(settings, { system: "Rhyme." })).toEqual(["system: Rhyme.", "user: Hello"]);
});

test("the first prompt that fits model and project is taken", () => {
  const other = { ...prompt, name: "other", text: "Other", models: ["llama"], projects: ["web"] };
  expect(messages({ system_prompts: [{ ...prompt, projects: ["phone"] }, other, prompt] })).toEqual(["system: Other", "user: Hello"]);
});

test("what the client says goes before the default, and no further than the maximum", () => {
  const settings = { ...nothing, defaults: { temperature: 0.2 }, maximums: { max_tokens: 100 } };
  expect(tried(settings, trial)).toMatchObject({ parameters: { temperature: 0.2 } });
  expect(tried(settings, { ...trial, parameters: { temperature: 0.9, max_tokens: 101 } })).toEqual({ kind: "refused", parameter: "max_tokens", maximum: 100 });
  expect(tried({ ...settings, on_excess: "clamp" }, { ...trial, parameters: { max_tokens: 101 } })).toMatchObject({ parameters: { max_tokens: 100, temperature: 0.2 }, clamped: ["max_tokens"] });
});

test("a model that the tenant leaves out is unknown", () => {
  expect(tried({ ...nothing, models: ["mistral"] }, trial)).toEqual({ kind: "unknown" });
});

test("lists and numbers are read as they are typed", () => {
  expect(namesOf(" a, b c ")).toEqual(["a", "b", "c"]);
  expect(namesOf(" ")).toBe(null);
  expect(textOf(["a", "b"])).toBe("a, b");
  expect(textOf(null)).toBe("");
  expect(numbersOf({ n: "3", temperature: " " })).toEqual({ n: 3 });
  expect(numbersOf({ n: "three" })).toBe(null);
});
