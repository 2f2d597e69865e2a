// A tenant's settings as they are typed, sent, and tried on a request (docs/tenant-settings.md).
export interface SystemPrompt {
  name: string;
  text: string;
  models: string[] | null;
  projects: string[] | null;
  mode: "prepend" | "default";
}

export type Parameters = Record<string, number>;

export interface TenantSettings {
  models: string[] | null; // null: all that are granted
  defaults: Parameters;
  maximums: Parameters;
  on_excess: "refuse" | "clamp";
  system_prompts: SystemPrompt[];
  disclaimer: { text: string } | null;
}

export interface Message {
  role: string;
  content: string;
}
export interface Trial {
  model: string;
  tenant: string;
  project: string;
  date: string; // "2026-11-27", of UTC
  system: string; // what the client sends; empty: none
  message: string;
  parameters: Parameters;
}
export type Verdict =
  | { kind: "unknown" } // the model, to this tenant
  | { kind: "refused"; parameter: string; maximum: number }
  | { kind: "sent"; messages: Message[]; parameters: Parameters; clamped: string[]; prompt: string | null };

const rendered = (text: string, { tenant, project, date }: Trial) =>
  text.replace(/\{\{(tenant|project|date)\}\}/g, (_, name: "tenant" | "project" | "date") => ({ tenant, project, date })[name]);

const covers = (names: string[] | null, name: string) => names === null || names.includes(name);

// What an engine would get of the request. The server has the last word; this is to read before one saves.
export function tried(settings: TenantSettings, trial: Trial): Verdict {
  if (!covers(settings.models, trial.model)) return { kind: "unknown" };
  const parameters: Parameters = { ...settings.defaults, ...trial.parameters };
  const clamped: string[] = [];
  for (const [name, maximum] of Object.entries(settings.maximums)) {
    const value = parameters[name];
    if (value === undefined || value <= maximum) continue;
    if (settings.on_excess !== "clamp") return { kind: "refused", parameter: name, maximum };
    parameters[name] = maximum;
    clamped.push(name);
  }
  const messages: Message[] = [...(trial.system ? [{ role: "system", content: trial.system }] : []), { role: "user", content: trial.message }];
  const prompt = settings.system_prompts.find((one) => covers(one.models, trial.model) && covers(one.projects, trial.project));
  const applies = prompt && (prompt.mode === "prepend" || trial.system === "");
  if (applies) messages.unshift({ role: "system", content: rendered(prompt.text, trial) });
  return { kind: "sent", messages, parameters, clamped, prompt: applies ? prompt.name : null };
}

// "a, b" as people type lists; nothing: any.
export function namesOf(text: string): string[] | null {
  const names = text.split(/[\s,]+/).filter((name) => name !== "");
  return names.length > 0 ? names : null;
}
export const textOf = (names: string[] | null) => names?.join(", ") ?? "";

// What stands in fields by name, without those that are empty. Null: one is no number.
export function numbersOf(fields: Record<string, string>): Parameters | null {
  const out: Parameters = {};
  for (const [name, text] of Object.entries(fields)) {
    if (text.trim() === "") continue;
    const value = Number(text);
    if (!Number.isFinite(value)) return null;
    out[name] = value;
  }
  return out;
}
