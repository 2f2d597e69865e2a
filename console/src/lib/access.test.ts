import { expect, test } from "vitest";
import { mayDo, maySee, type May } from "./access";

const VIEWER: May = [{ tenant: "aurora", resources: { keys: ["read"], usage: ["read"], adjustments: ["create"] } }];

test("a tenant's viewer sees what somebody may read there, and no engines", () => {
  expect(maySee(VIEWER, "usage")).toBe(true);
  expect(maySee(VIEWER, "engines")).toBe(false);
  expect(maySee(VIEWER, "overview")).toBe(true);
});

test("who may change something in one tenant may not in another, who may on the platform may in all", () => {
  const admin: May = [{ tenant: "aurora", resources: { keys: ["read", "create"] } }];
  const operator: May = [{ tenant: null, resources: { keys: ["read", "create"] } }];
  expect(mayDo(admin, "create", "keys", "aurora")).toBe(true);
  expect(mayDo(admin, "create", "keys", "borealis")).toBe(false);
  expect(mayDo(admin, "remove", "keys", "aurora")).toBe(false);
  expect(mayDo(operator, "create", "keys", "borealis")).toBe(true);
});

test("the admin token, and a server that says nothing of it, allow all", () => {
  for (const may of [null, undefined]) {
    expect(maySee(may, "engines")).toBe(true);
    expect(mayDo(may, "remove", "tenants")).toBe(true);
  }
});

test("names with and without underscores are one", () => {
  expect(maySee([{ tenant: null, resources: { audit_entries: ["read"] } }], "audit")).toBe(true);
});
