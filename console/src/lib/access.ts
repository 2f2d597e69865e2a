import type { Session } from "../api/types";

// What somebody may do, as the server has told at the door. It only decides what is shown: the server
// decides what is done.
export type May = Session["may"];
export type Act = "read" | "create" | "change" | "remove";

// `tenant`: whose it is; null: the platform's; not said: somebody's.
export function mayDo(may: May, act: Act, kind: string, tenant?: string | null): boolean {
  return may.some((place) => (tenant === undefined || place.tenant === null || place.tenant === tenant) && place.resources[kind]?.includes(act));
}

// Whether somebody has a role on the platform, and not only in tenants.
export const isOfPlatform = (may: May) => may.some((place) => place.tenant === null);

// The kind of things that a view shows; nothing: everybody sees it.
const KIND_OF: Record<string, string | null> = { overview: null, playground: null, audit: "audit_entries", events: "requests" };

export function maySee(may: May, view: string): boolean {
  const kind = view in KIND_OF ? KIND_OF[view]! : view;
  return kind === null || mayDo(may, "read", kind);
}
