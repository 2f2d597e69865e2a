import { expect, test } from "vitest";
import type { Session } from "../api/types";
import { maySee, readable } from "./access";

const of = (may: Session["may"]): Session => ({ user: {}, memberships: [], csrf_token: "", expires_at: "", may });

test("a tenant's viewer sees what somebody may read there, and no engines", () => {
  const what = readable(of([{ tenant: "aurora", resources: { keys: ["read"], usage: ["read"], adjustments: ["create"] } }]));
  expect(maySee("usage", what)).toBe(true);
  expect(maySee("engines", what)).toBe(false);
  expect(maySee("overview", what)).toBe(true);
});

test("the admin token, and a server that says nothing of it, show all", () => {
  expect(maySee("engines", null)).toBe(true);
  expect(maySee("engines", readable(of(undefined)))).toBe(true);
});

test("names with and without underscores are one", () => {
  expect(maySee("audit", readable(of([{ tenant: null, resources: { audit_entries: ["read"] } }])))).toBe(true);
});
