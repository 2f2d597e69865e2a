import type { Model } from "../api/types";
import { differing } from "./changes";
import { namesOf, textOf } from "./settings";

// A model as it is typed, and as the API wants it. An empty field says nothing, or takes back.
export interface ModelDraft {
  name: string;
  engines: string[]; // the first one answers; others are its replicas
  engineModel: string;
  artifact: string;
  adapter: string;
  allTenants: boolean;
  tenants: string;
  chat: boolean;
  completions: boolean;
  embeddings: boolean;
  context: string;
  output: string;
  choices: string;
  firstToken: string;
  stall: string;
  total: string;
  commitAfter: string;
  ownedBy: string;
  extraFields: string;
  rejectUnknown: boolean;
}

export const NEW_MODEL: ModelDraft = {
  name: "", engines: [], engineModel: "", artifact: "", adapter: "", allTenants: true, tenants: "", chat: true, completions: true, embeddings: false,
  context: "", output: "", choices: "", firstToken: "", stall: "", total: "", commitAfter: "", ownedBy: "", extraFields: "", rejectUnknown: true,
};

const numberText = (value: number | null) => (value ? String(value) : "");

export function draftOf(model: Model): ModelDraft {
  return {
    name: model.name,
    engines: model.engines,
    engineModel: model.engine_model === model.name ? "" : model.engine_model,
    artifact: model.artifact ?? "",
    adapter: model.adapter === null ? "" : String(model.adapter),
    allTenants: model.tenants === null,
    tenants: textOf(model.tenants),
    chat: model.chat,
    completions: model.completions,
    embeddings: model.embeddings,
    context: numberText(model.context_tokens),
    output: numberText(model.output_tokens_max),
    choices: String(model.choices_max),
    firstToken: model.first_token_timeout,
    stall: model.stall_timeout,
    total: model.total_timeout,
    commitAfter: model.commit_after,
    ownedBy: model.owned_by,
    extraFields: textOf(model.extra_fields),
    rejectUnknown: model.reject_unknown_fields,
  };
}

// All that the draft says. What has a usual value on the server is left out where it is empty.
function said(draft: ModelDraft): Record<string, unknown> {
  const all: Record<string, unknown> = {
    engines: draft.engines,
    engine_model: draft.engineModel || null,
    artifact: draft.artifact || null,
    adapter: draft.adapter === "" ? null : Number(draft.adapter),
    tenants: draft.allTenants ? null : (namesOf(draft.tenants) ?? []),
    chat: draft.chat,
    completions: draft.completions,
    embeddings: draft.embeddings,
    context_tokens: Number(draft.context || 0),
    output_tokens_max: Number(draft.output || 0),
    owned_by: draft.ownedBy,
    extra_fields: namesOf(draft.extraFields) ?? [],
    reject_unknown_fields: draft.rejectUnknown,
  };
  if (draft.choices) all["choices_max"] = Number(draft.choices);
  for (const [name, text] of [["first_token_timeout", draft.firstToken], ["stall_timeout", draft.stall], ["total_timeout", draft.total], ["commit_after", draft.commitAfter]] as const)
    if (text) all[name] = text;
  return all;
}

// One engine and several have members of their own.
function asSent({ engines, ...rest }: Record<string, unknown>): Record<string, unknown> {
  if (!Array.isArray(engines)) return rest;
  return engines.length === 1 ? { engine: engines[0], ...rest } : { engines, ...rest };
}

// What makes the model: the usual values are the server's to know.
export const newModel = (draft: ModelDraft) => ({ name: draft.name, ...asSent({ engines: draft.engines, ...differing(said(NEW_MODEL), said(draft)) }) });
// What makes `model` that which the draft says.
export const modelChange = (model: Model, draft: ModelDraft) => asSent(differing(said(draftOf(model)), said(draft)));
