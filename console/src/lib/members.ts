import type { ArtifactStage } from "../api/types";
import type { Translate } from "../i18n";
import type { TextKey } from "../i18n/en";
import { STAGES } from "./artifacts";
import { shown } from "./changes";
import { time } from "./format";

// What the console calls members of the API where it shows what a write does. Others are called as the API does.
export const MEMBERS: Record<string, TextKey> = {
  name: "key.name", tenants: "artifact.who", tenant: "tenant.one", project: "project.one", state: "engine.state", share: "member.share",
  // models
  engine: "engine.name", engines: "model.engines", engine_model: "model.engine_model", artifact: "model.artifact", adapter: "model.adapter", owned_by: "model.owned_by",
  context_tokens: "model.context", output_tokens_max: "model.output", choices_max: "model.choices", first_token_timeout: "model.first_token", stall_timeout: "model.stall",
  total_timeout: "model.total", commit_after: "model.commit_after", extra_fields: "model.extra_fields",
  // engines
  url: "engine.url", dialect: "engine.dialect", slots: "engine.slots", load: "engine.load", condition: "engine.condition", restarts: "engine.restarts",
  // routes
  versions: "route.versions", model: "model.name", models: "model.title", stage: "artifact.stage", weight: "route.weight", sticky: "route.sticky", fallbacks: "route.fallbacks", route: "route.name",
  timeouts: "route.times", connect: "route.time.connect", first_token: "route.time.first_token", first_token_per_1000: "route.time.first_token_per_1000",
  inter_token: "route.time.inter_token", total: "route.time.total", mirror: "route.mirror", version: "route.version", in_flight_max: "route.mirror.in_flight",
  prompt_bytes_max: "route.mirror.prompt_bytes", grey: "route.grey", key_label: "route.grey.label", conditions: "route.conditions", headers: "route.condition.headers",
  key_labels: "route.condition.labels", rollout: "route.rollout",
  // rollouts
  stable: "rollout.stable", candidate: "rollout.candidate", steps: "route.steps", gates: "rollout.gates", sample_min: "route.sample_min", decision_interval: "rollout.interval",
  ready_within: "rollout.ready_within", design_effect: "rollout.design_effect",
  // artifacts
  retires_at: "artifact.retires_at", licence: "artifact.licence", origin: "artifact.origin", owner: "artifact.owner", labels: "artifact.labels",
};

export const memberText = (t: Translate) => (member: string) => (Object.hasOwn(MEMBERS, member) ? t(MEMBERS[member]!) : member);

// Within a value: "version v2, share 5".
const within = (text: string) => (/^\p{Lu}\p{Ll}/u.test(text) ? text.charAt(0).toLocaleLowerCase() + text.slice(1) : text);
export const shownIn = (t: Translate) => (value: unknown) => shown(value, (member) => within(memberText(t)(member)));

// Tenants by name, or all of them.
export const tenantsText = (t: Translate, tenants: string[] | null) => (tenants === null ? t("model.tenants.all") : [...tenants].sort().join(", ") || t("artifact.nobody"));

export const memberValue = (t: Translate) => (member: string, value: unknown): string => {
  if (member === "stage" && STAGES.includes(value as ArtifactStage)) return t(`artifact.stage.${value as ArtifactStage}`);
  if (member === "tenants" && (value === null || Array.isArray(value))) return tenantsText(t, value as string[] | null);
  if (member === "retires_at") return time(value as string | null);
  return shownIn(t)(value);
};
