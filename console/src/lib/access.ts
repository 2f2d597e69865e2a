import type { Session } from "../api/types";

// What somebody may do, as the server has told at the door; null: all. It only decides what is shown:
// the server decides what is done.
export type May = Session["may"] | null;
export type Act = "read" | "create" | "change" | "remove";

const named = (kind: string) => kind.replace(/_/g, " ");

// `tenant`: whose it is; not said: somebody's.
export function mayDo(may: May, act: Act, kind: string, tenant?: string): boolean {
  if (!may) return true;
  return may.some(
    (place) =>
      (tenant === undefined || place.tenant === null || place.tenant === tenant) &&
      Object.entries(place.resources).some(([name, acts]) => named(name) === kind && acts.includes(act)),
  );
}

// The kind that a view is of.
const KIND_OF: Record<string, string> = { audit: "audit entries" };
const FOR_ALL = ["overview", "playground"];

export function maySee(may: May, view: string): boolean {
  return FOR_ALL.includes(view) || mayDo(may, "read", KIND_OF[view] ?? view);
}
