import type { Page, PlatformEvent } from "../api/types";

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

// Ids are numbers that grow, of more digits than a number of ours has.
const order = (a: string, b: string) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);

// New ones in front of those that are there; one that is told twice stands once.
export function withEvents(there: PlatformEvent[], told: PlatformEvent[]): PlatformEvent[] {
  const known = new Set(there.map((one) => one.id));
  const fresh = told.filter((one) => !known.has(one.id));
  if (fresh.length === 0) return there;
  return [...fresh, ...there].sort((a, b) => order(b.id, a.id)).slice(0, EVENTS_MAX);
}

const FEW = 20; // events are rare
const MANY = 1_000;

// What has happened since `known` (its id; empty: nothing is known), the newest first. The API lists the newest
// first, so it is read as far as there: mostly one short page.
export async function newerThan(known: string, read: (limit: number, after: string | null) => Promise<Page<PlatformEvent>>): Promise<PlatformEvent[]> {
  const fresh: PlatformEvent[] = [];
  let after: string | null = null;
  do {
    const page: Page<PlatformEvent> = await read(after === null && known ? FEW : MANY, after);
    const newer = page.data.filter((one) => known === "" || order(one.id, known) > 0);
    fresh.push(...newer);
    after = newer.length === page.data.length && page.has_more ? page.next : null;
  } while (after !== null && known !== "" && fresh.length < EVENTS_MAX);
  return fresh;
}
