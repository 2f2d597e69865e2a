import { expect, test } from "vitest";
import type { Route } from "../api/types";
import { NEW_ROUTE, draftOf, newRoute, routeChange, routesWith, shares, withVersion } from "./routeForm";

const ROUTE: Route = {
  name: "llama",
  versions: [{ model: "v1", stage: "stable", weight: 3, share: "75%" }, { model: "v2", stage: "canary", weight: 1, share: "25%" }],
  sticky: "session",
  mirror: { version: "v3", share: 5, in_flight_max: 4, prompt_bytes_max: 1_048_576 },
  grey: { name: "preview", version: "v2", tenants: ["aurora"], key_label: { name: "tier", value: "gold" } },
  conditions: [{ name: "beta", version: "v2", headers: [{ name: "x-app", value: "a: b" }], tenant: "aurora" }],
  fallbacks: [{ model: "small" }, { route: "other" }],
  timeouts: { connect: null, first_token: "10s", first_token_per_1000: "0s", inter_token: null, total: "5m" },
  models: ["v1", "v2"], rollout: false, managed_by: "api", revision: 2,
};

test("a new route says what was typed", () => {
  const versions = [{ model: "v1", stage: "stable", weight: 100 }];
  expect(newRoute({ ...NEW_ROUTE, name: "llama", versions })).toEqual({ name: "llama", versions });
  expect(newRoute({ ...draftOf(ROUTE), conditions: [] })).toEqual({
    name: "llama",
    versions: [{ model: "v1", stage: "stable", weight: 3 }, { model: "v2", stage: "canary", weight: 1 }],
    mirror: { version: "v3", share: 5, in_flight_max: 4, prompt_bytes_max: 1_048_576 },
    grey: { name: "preview", version: "v2", tenants: ["aurora"], key_label: { name: "tier", value: "gold" } },
    fallbacks: [{ model: "small" }, { route: "other" }],
    timeouts: { connect: null, first_token: "10s", first_token_per_1000: "0s", inter_token: null, total: "5m" },
  });
});

test("a draft that nobody has touched changes nothing", () => {
  expect(routeChange(ROUTE, draftOf(ROUTE))).toEqual({});
});

test("a change says all of what is otherwise, and takes back what is gone", () => {
  const draft = draftOf(ROUTE);
  expect(routeChange(ROUTE, { ...draft, mirror: null, grey: { ...draft.grey!, label: "" }, times: { ...draft.times, total: "" } })).toEqual({
    mirror: null,
    grey: { name: "preview", version: "v2", tenants: ["aurora"], key_label: null },
    timeouts: { connect: null, first_token: "10s", first_token_per_1000: "0s", inter_token: null, total: null },
  });
});

test("what goes by a version's name follows it, and chooses anew when it is gone", () => {
  const draft = draftOf(ROUTE);
  const renamed = withVersion(draft, 1, "v9");
  expect([renamed.versions[1]!.model, renamed.grey!.version, renamed.conditions[0]!.version, renamed.mirror!.version]).toEqual(["v9", "v9", "v9", "v3"]);
  const removed = withVersion(draft, 1, null);
  expect([removed.versions.length, removed.grey!.version, removed.conditions[0]!.version, removed.mirror!.version]).toEqual([1, "", "", "v3"]);
  const begun = { ...NEW_ROUTE, mirror: { version: "", share: "5", inFlight: "", promptBytes: "" } };
  expect(withVersion(begun, 0, "v1").mirror!.version).toBe("");
});

test("headers and labels are typed one a line; a value may have colons", () => {
  const condition = { name: "one", version: "v2", headers: "x-app: a: b\n\n x-b:2 ", labels: "tier: gold", tenant: "", project: "" };
  expect(routeChange(ROUTE, { ...draftOf(ROUTE), conditions: [condition] })).toEqual({
    conditions: [{ name: "one", version: "v2", headers: [{ name: "x-app", value: "a: b" }, { name: "x-b", value: "2" }], key_labels: [{ name: "tier", value: "gold" }] }],
  });
});

test("weights are shown as shares; all at nothing are none", () => {
  expect(shares([1, 3])).toEqual(["25.0%", "75.0%"]);
  expect(shares([0, 0])).toEqual(["–", "–"]);
});

test("what uses a model or a route is found", () => {
  expect(routesWith([ROUTE], "model", "v2")).toEqual(["llama"]);
  expect(routesWith([ROUTE], "model", "small")).toEqual(["llama"]);
  expect(routesWith([ROUTE], "route", "other")).toEqual(["llama"]);
  expect(routesWith([ROUTE], "route", "v1")).toEqual([]);
});
