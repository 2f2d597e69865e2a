// What a write would do, as the server tells it before it is done (`dry_run=true`).
export interface Trial {
  action: "create" | "change" | "delete" | "none";
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
  changes: { member: string; before: unknown; after: unknown }[];
}

// "model llama-v1, weight 90": a value as people read it; nothing is a dash. `name`: what its members are called.
export function shown(value: unknown, name = (member: string) => member): string {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) return value.length === 0 ? "–" : value.map((one) => shown(one, name)).join(value.some((one) => typeof one === "object") ? "; " : ", ");
  if (typeof value !== "object") return String(value);
  const said = Object.entries(value).filter(([, part]) => shown(part) !== "–");
  if (said.length === 2 && "name" in value && "value" in value) return `${String(value.name)}: ${String(value.value)}`; // a header, a label
  return said.length === 0 ? "–" : said.map(([member, part]) => `${name(member)} ${shown(part, name)}`).join(", ");
}

// Not for people: what the server adds, and counts.
const LEFT_OUT = new Set(["id", "revision", "created_at", "updated_at", "since", "managed_by", "events", "evidence", "report", "report_text"]);

// The members that a new object would have, without those that say nothing.
export function members(object: Record<string, unknown> | null): [string, unknown][] {
  return Object.entries(object ?? {}).filter(([name, value]) => !LEFT_OUT.has(name) && shown(value) !== "–");
}

// The members of `after` that are otherwise than in `before`.
export function differing(before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => JSON.stringify(before[name]) !== JSON.stringify(value)));
}

// Whether what the server blames ("timeouts.total") is the field of this name, or a part of it.
export function isBlamed(blamed: string, param: string): boolean {
  return blamed === param || blamed.startsWith(`${param}.`) || blamed.startsWith(`${param}[`);
}
