import type { KeyLabel, Route } from "../api/types";
import { differing } from "./changes";
import { share } from "./format";
import { namesOf, textOf } from "./settings";

// A route as it is typed, and as the API wants it (docs/rollouts.md).
interface VersionDraft {
  model: string;
  stage: string;
  weight: number;
}
export interface ConditionDraft {
  name: string;
  version: string;
  headers: string; // "name: value", one a line
  labels: string; // the same, of keys
  tenant: string;
  project: string;
}
export interface RouteDraft {
  name: string;
  versions: VersionDraft[];
  sticky: string;
  fallbacks: string[]; // "model:NAME" or "route:NAME"
  times: Record<TimeName, string>;
  mirror: { version: string; share: string; inFlight: string; promptBytes: string } | null;
  grey: { name: string; version: string; tenants: string; label: string } | null;
  conditions: ConditionDraft[];
}

export const TIMES = ["connect", "first_token", "first_token_per_1000", "inter_token", "total"] as const;
type TimeName = (typeof TIMES)[number];
export const VERSIONS_MAX = 16; // of the API, as the next ones
export const FALLBACKS_MAX = 8;
export const CONDITIONS_MAX = 32;
export const WEIGHT_MAX = 100; // of a slider; more stays where it is
// Patterns of the API for names and durations.
export const NAME = "[A-Za-z0-9][A-Za-z0-9._:\\/@\\-]{0,127}";
export const DURATION = "[0-9]{1,12}(ms|s|m|h|d)";
export const STAGES = ["stable", "canary", "experiment"];
export const STICKY = ["session", "user", "tenant"];

const NO_TIMES: Record<TimeName, string> = { connect: "", first_token: "", first_token_per_1000: "", inter_token: "", total: "" };
export const NEW_ROUTE: RouteDraft = { name: "", versions: [{ model: "", stage: "stable", weight: 100 }], sticky: "session", fallbacks: [], times: NO_TIMES, mirror: null, grey: null, conditions: [] };

// The draft with another model as its version `i`, or without that version. What goes by the name of the version goes with
// it: the mirror, the grey channel, conditions. Of one that is gone they have to choose another one.
export function withVersion(draft: RouteDraft, i: number, model: string | null): RouteDraft {
  const was = draft.versions[i]!.model;
  const versions = model === null ? draft.versions.filter((_, n) => n !== i) : draft.versions.map((one, n) => (n === i ? { ...one, model } : one));
  const follow = <T extends { version: string }>(one: T): T => (was !== "" && one.version === was ? { ...one, version: model ?? "" } : one);
  return { ...draft, versions, mirror: draft.mirror && follow(draft.mirror), grey: draft.grey && follow(draft.grey), conditions: draft.conditions.map(follow) };
}

// "x-app: beta" of each pair, one a line.
const linesOf = (pairs: KeyLabel[] | undefined) => (pairs ?? []).map(({ name, value }) => `${name}: ${value}`).join("\n");
function pairsOf(lines: string): KeyLabel[] {
  return lines.split("\n").filter((line) => line.trim() !== "").map((line) => {
    const colon = line.indexOf(":");
    return colon < 0 ? { name: line.trim(), value: "" } : { name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() };
  });
}

const isNoTime = (text: string | null) => text === null || Number.parseFloat(text) === 0;

export function draftOf(route: Route): RouteDraft {
  const { mirror, grey, timeouts } = route;
  return {
    name: route.name,
    versions: route.versions.map(({ model, stage, weight }) => ({ model, stage, weight })),
    sticky: route.sticky,
    fallbacks: route.fallbacks.map((one) => (one.model === undefined ? `route:${one.route}` : `model:${one.model}`)),
    times: timeouts ? (Object.fromEntries(TIMES.map((name) => [name, isNoTime(timeouts[name]) ? "" : timeouts[name]])) as Record<TimeName, string>) : NO_TIMES,
    mirror: mirror && { version: mirror.version, share: String(mirror.share), inFlight: String(mirror.in_flight_max), promptBytes: String(mirror.prompt_bytes_max) },
    grey: grey && { name: grey.name, version: grey.version, tenants: textOf(grey.tenants), label: linesOf(grey.key_label ? [grey.key_label] : []) },
    conditions: route.conditions.map((one) => ({
      name: one.name, version: one.version, headers: linesOf(one.headers), labels: linesOf(one.key_labels), tenant: one.tenant ?? "", project: one.project ?? "",
    })),
  };
}

function timeouts(times: RouteDraft["times"]) {
  if (TIMES.every((name) => times[name] === "")) return null;
  return Object.fromEntries(TIMES.map((name) => [name, times[name] || (name === "first_token_per_1000" ? "0s" : null)]));
}

function mirror(draft: RouteDraft["mirror"]) {
  if (draft === null) return null;
  const { version, share, inFlight, promptBytes } = draft;
  return {
    version, share: Number(share),
    ...(inFlight ? { in_flight_max: Number(inFlight) } : {}),
    ...(promptBytes ? { prompt_bytes_max: Number(promptBytes) } : {}),
  };
}

// All of the route but its name. What is not there is said, too, so that a change takes it back.
function said(draft: RouteDraft): Record<string, unknown> {
  return {
    versions: draft.versions,
    sticky: draft.sticky,
    fallbacks: draft.fallbacks.map((one) => (one.startsWith("route:") ? { route: one.slice(6) } : { model: one.slice(6) })),
    timeouts: timeouts(draft.times),
    mirror: mirror(draft.mirror),
    grey: draft.grey && { name: draft.grey.name, version: draft.grey.version, tenants: namesOf(draft.grey.tenants) ?? [], key_label: pairsOf(draft.grey.label)[0] ?? null },
    conditions: draft.conditions.map(({ name, version, headers, labels, tenant, project }) => {
      const [sent, held] = [pairsOf(headers), pairsOf(labels)];
      return { name, version, headers: sent, ...(held.length > 0 ? { key_labels: held } : {}), ...(tenant ? { tenant } : {}), ...(project ? { project } : {}) };
    }),
  };
}

export const newRoute = (draft: RouteDraft) => ({ name: draft.name, versions: draft.versions, ...differing(said(NEW_ROUTE), said(draft)) });
export const routeChange = (route: Route, draft: RouteDraft) => differing(said(draftOf(route)), said(draft));

// What each version gets of the requests, as text: "75.0%".
export function shares(weights: number[]): string[] {
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => (all > 0 ? share(weight / all) : "–"));
}

// Who falls back to a model or a route, or has a version that is the model.
export function routesWith(routes: Route[], kind: "model" | "route", name: string): string[] {
  return routes
    .filter((route) => route.fallbacks.some((one) => one[kind] === name) || (kind === "model" && route.versions.some((version) => version.model === name)))
    .map((route) => route.name);
}
