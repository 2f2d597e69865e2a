import { expect, test } from "vitest";
import { mayDo, maySee, type May } from "./access";

const VIEWER: May = [{ tenant: "aurora", resources: { keys: ["read"], usage: ["read"], adjustments: ["create"] } }];
const OPERATOR: May = [{ tenant: null, resources: { keys: ["read", "create"], audit_entries: ["read"] } }];

test("a tenant's viewer sees what somebody may read there, and no engines", () => {
  expect(maySee(VIEWER, "usage")).toBe(true);
  expect(maySee(VIEWER, "engines")).toBe(false);
  expect(maySee(VIEWER, "overview")).toBe(true);
});

test("who may change something in one tenant may not in another, who may on the platform may in all", () => {
  const admin: May = [{ tenant: "aurora", resources: { keys: ["read", "create"] } }];
  expect(mayDo(admin, "create", "keys", "aurora")).toBe(true);
  expect(mayDo(admin, "create", "keys", "borealis")).toBe(false);
  expect(mayDo(admin, "create", "keys", null)).toBe(false);
  expect(mayDo(admin, "remove", "keys", "aurora")).toBe(false);
  expect(mayDo(OPERATOR, "create", "keys", "borealis")).toBe(true);
  expect(mayDo(OPERATOR, "create", "keys", null)).toBe(true);
});

test("a view is seen by who may read what it shows", () => {
  expect(maySee(OPERATOR, "audit")).toBe(true);
  expect(maySee(VIEWER, "audit")).toBe(false);
});

test("who has nothing may see and do nothing", () => {
  expect(mayDo([], "read", "tenants")).toBe(false);
});

test("a tenant's administrator sees the own webhooks and no artifacts", () => {
  const admin: May = [{ tenant: "aurora", resources: { webhooks: ["read", "create", "change", "remove"] } }];
  expect([maySee(admin, "webhooks"), maySee(admin, "artifacts")]).toEqual([true, false]);
  expect([mayDo(admin, "create", "webhooks", "aurora"), mayDo(admin, "create", "webhooks", null)]).toEqual([true, false]);
});
