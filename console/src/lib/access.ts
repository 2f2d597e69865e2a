import type { Session } from "../api/types";

// What somebody may do, as the server has told at the door. It only decides what is shown: the server
// decides what is done.
export type May = Session["may"];
export type Act = "read" | "create" | "change" | "remove";

// `tenant`: whose it is; null: the platform's; not said: somebody's.
export function mayDo(may: May, act: Act, kind: string, tenant?: string | null): boolean {
  return may.some((place) => (tenant === undefined || place.tenant === null || place.tenant === tenant) && place.resources[kind]?.includes(act));
}

// The kinds of things that a view shows, where they are not called as the view is; whoever may read one of
// them sees it, and everybody sees one without any.
const KINDS: Record<string, string[]> = { overview: [], playground: [], audit: ["audit_entries"], settings: ["settings", "system"] };

export function maySee(may: May, view: string): boolean {
  const kinds = KINDS[view] ?? [view];
  return kinds.length === 0 || kinds.some((kind) => mayDo(may, "read", kind));
}
