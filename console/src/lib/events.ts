import type { PlatformEvent } from "../api/types";

// The views of single objects, by the name of their resource in the API.
const VIEWS: Record<string, string> = { engines: "engines", models: "models", routes: "routes", rollouts: "routes", keys: "keys", tenants: "tenants", users: "users", artifacts: "artifacts", webhooks: "webhooks" };
// Those that show all of a kind, by the beginning of the event's kind.
const LISTS: Record<string, string> = { engine: "/engines", rollout: "/routes", config: "/settings", audit: "/audit" };

// Where the console shows what an event is about ("engines/gpu-1"); nothing: nowhere.
export function targetOf(event: PlatformEvent): string | null {
  const slash = event.subject.indexOf("/");
  const view = VIEWS[event.subject.slice(0, Math.max(0, slash))];
  if (view !== undefined) return `/${view}/${encodeURIComponent(event.subject.slice(slash + 1))}`;
  const group = event.kind.split(".")[0] ?? "";
  if (group === "limit") return event.tenant ? `/limits?tenant=${encodeURIComponent(event.tenant)}` : "/limits";
  return LISTS[group] ?? null;
}

export const EVENTS_MAX = 10_000; // that a page keeps

// Ids grow. New ones in front of those that are there; one that is told twice stands once.
export function withEvents(there: PlatformEvent[], told: PlatformEvent[]): PlatformEvent[] {
  const known = new Set(there.map((one) => one.id));
  const fresh = told.filter((one) => !known.has(one.id));
  if (fresh.length === 0) return there;
  return [...fresh, ...there].sort((a, b) => Number(b.id) - Number(a.id)).slice(0, EVENTS_MAX);
}
