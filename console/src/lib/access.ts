import type { Session } from "../api/types";

// The kinds of things that somebody may read somewhere; null: all. It only decides what is shown: the
// server decides what is done.
export type Readable = ReadonlySet<string> | null;

export function readable(session: Session): Readable {
  if (!session.may) return null;
  const kinds = session.may.flatMap(({ resources }) => Object.entries(resources));
  return new Set(kinds.filter(([, acts]) => acts.includes("read")).map(([kind]) => kind.replace(/_/g, " ")));
}

// The kinds that a view needs one of.
export const VIEW_NEEDS: Record<string, string> = {
  tenants: "tenants",
  models: "models",
  engines: "engines",
  routes: "routes",
  pools: "pools",
  limits: "limits",
  usage: "usage",
  statements: "statements",
  requests: "requests",
  audit: "audit entries",
};

export function maySee(view: string, what: Readable): boolean {
  const need = VIEW_NEEDS[view];
  return what === null || need === undefined || what.has(need);
}
