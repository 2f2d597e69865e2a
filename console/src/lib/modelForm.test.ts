import { expect, test } from "vitest";
import type { Model } from "../api/types";
import { NEW_MODEL, draftOf, modelChange, newModel } from "./modelForm";

const MODEL: Model = {
  id: "01J", name: "llama", engine: "gpu-1", engines: ["gpu-1"], engine_model: "sim", adapter: null, artifact: null, owned_by: "sovmesh", chat: true,
  completions: true, embeddings: false, tenants: ["aurora"], context_tokens: 0, output_tokens_max: 0, choices_max: 8, extra_fields: [],
  reject_unknown_fields: false, first_token_timeout: "1m", stall_timeout: "30s", total_timeout: "10m", commit_after: "15s", managed_by: "api", revision: 3,
};

test("a new model says what was typed and leaves the rest to the server", () => {
  expect(newModel({ ...NEW_MODEL, name: "llama", engines: ["gpu-1"] })).toEqual({ name: "llama", engine: "gpu-1" });
  expect(newModel({ ...NEW_MODEL, name: "llama", engines: ["gpu-1", "gpu-2"], engineModel: "sim", allTenants: false, tenants: "aurora, borealis", context: "4096", total: "5m" })).toEqual({
    name: "llama", engines: ["gpu-1", "gpu-2"], engine_model: "sim", tenants: ["aurora", "borealis"], context_tokens: 4096, total_timeout: "5m",
  });
});

test("what the server refuses unless it is told otherwise is told", () => {
  expect(NEW_MODEL.rejectUnknown).toBe(true);
  expect(newModel({ ...NEW_MODEL, name: "llama", engines: ["gpu-1"], rejectUnknown: false })).toEqual({ name: "llama", engine: "gpu-1", reject_unknown_fields: false });
});

test("a draft that nobody has touched changes nothing", () => {
  expect(modelChange(MODEL, draftOf(MODEL))).toEqual({});
});

test("a change says what is otherwise, and what is emptied is taken back", () => {
  const draft = { ...draftOf(MODEL), engineModel: "", allTenants: true, engines: ["gpu-1", "gpu-2"], adapter: "0", total: "" };
  expect(modelChange(MODEL, draft)).toEqual({ engines: ["gpu-1", "gpu-2"], engine_model: null, tenants: null, adapter: 0 });
  expect(modelChange({ ...MODEL, engines: ["gpu-1", "gpu-2"], adapter: 1 }, { ...draftOf(MODEL), engines: ["gpu-2"], allTenants: false, tenants: "" })).toEqual({ engine: "gpu-2", adapter: null, tenants: [] });
});
