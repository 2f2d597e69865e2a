import { expect, test } from "vitest";
import { da } from "../i18n/da";
import { en, type TextKey } from "../i18n/en";
import { MEMBERS, memberText, memberValue, shownIn } from "./members";

const t = (key: TextKey) => en[key];

test("members of the API have the names of the console, others their own", () => {
  expect(["context_tokens", "mirror", "seed", "constructor"].map(memberText(t))).toEqual(["Context", "Mirror", "seed", "constructor"]);
});

test("what lies within a value is named, too", () => {
  expect(shownIn(t)({ version: "v2", share: 5, in_flight_max: null })).toBe("version v2, share 5");
  expect(shownIn(t)([{ name: "beta", version: "v2", headers: [{ name: "x-app", value: "a" }] }])).toBe("name beta, version v2, headers x-app: a");
});

test("nobody, everybody and stages are said in words", () => {
  const value = memberValue(t);
  expect([value("tenants", null), value("tenants", []), value("tenants", ["b", "a"]), value("stage", "released"), value("retires_at", null)]).toEqual(["all tenants", "nobody", "a, b", "released", "–"]);
});

test.each([["models", ["name", "engine", "engines", "engine_model", "artifact", "adapter", "owned_by", "tenants", "context_tokens", "output_tokens_max", "choices_max", "first_token_timeout", "stall_timeout", "total_timeout", "commit_after", "extra_fields"]],
  ["routes", ["name", "versions", "sticky", "fallbacks", "timeouts", "mirror", "grey", "conditions", "models", "rollout"]],
  ["rollouts", ["route", "stable", "candidate", "state", "share", "steps", "gates", "sample_min", "decision_interval", "ready_within", "design_effect"]]])("no two members of %s have the same name", (_, members) => {
  for (const texts of [en, da]) expect(new Set(members.map((member) => texts[MEMBERS[member]!])).size).toBe(members.length);
});
