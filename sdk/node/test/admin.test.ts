import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { Admin, AdminError, Conflict, Forbidden, NotFound, PreconditionFailed, Unauthorized, Unavailable, done, etag, tried } from "../src/admin.ts";
import { ConfigurationError } from "../src/index.ts";
import { type Answer, FakeServer } from "./fake.ts";

const TENANT = { id: "1", slug: "aurora", display_name: "a", revision: 1 };
const AURORA = { params: { path: { tenant: "aurora" } } };

function refused(status: number, code: string, param: string | null = null, headers: Record<string, string> = {}): Answer {
  return { status, body: { error: { message: "no", type: "t", param, code } }, headers };
}

function adminOf(server: FakeServer, retry = {}): Admin {
  return new Admin({ url: server.root, token: "t", retry }, {});
}

test("the token, and what is asked", async () => {
  const trial = { dry_run: true, action: "create", status: 201, before: null, after: TENANT, changes: [] };
  await using server = await FakeServer.start([{ body: TENANT }, { body: trial }, { status: 204 }]);
  const { api } = adminOf(server);
  assert.equal((await done(api.GET("/api/v1/models/{model}", { params: { path: { model: "org/model x" } } }))).id, "1");
  const would = await tried(api.POST("/api/v1/tenants", { params: { query: { dry_run: true } }, body: { slug: "aurora" } }));
  assert.equal(would.action, "create");
  assert.equal(await done(api.DELETE("/api/v1/tenants/{tenant}", { params: { ...AURORA.params, header: { "If-Match": '"1"' } } })), undefined);
  const [get, post, remove] = server.asked;
  assert.equal(get?.path, "/api/v1/models/org%2Fmodel%20x");
  assert.equal(get.headers["authorization"], "Bearer t");
  assert.equal(post?.path, "/api/v1/tenants?dry_run=true");
  assert.deepEqual(post.body, { slug: "aurora" });
  assert.equal(post.headers["content-type"], "application/json");
  assert.equal(remove?.headers["if-match"], '"1"');
});

test("a trial is not taken for a deed, nor a deed for a trial", async () => {
  await using server = await FakeServer.start([{ body: { dry_run: true } }, { status: 201, body: TENANT }]);
  const { api } = adminOf(server);
  await assert.rejects(done(api.POST("/api/v1/tenants", { params: { query: { dry_run: true } }, body: { slug: "a" } })), TypeError);
  await assert.rejects(tried(api.POST("/api/v1/tenants", { body: { slug: "a" } })), TypeError);
});

test("what would be another path is not sent", async () => {
  await using server = await FakeServer.start([{ body: {} }]);
  for (const tenant of ["", ".", ".."]) {
    await assert.rejects(adminOf(server).api.GET("/api/v1/tenants/{tenant}", { params: { path: { tenant } } }), TypeError);
  }
  assert.equal(server.asked.length, 0);
});

test("a list is read page after page", async () => {
  await using server = await FakeServer.start([
    { body: { data: [{ id: "1" }, { id: "2" }], has_more: true, next: "2" } }, { body: { data: [{ id: "3" }], has_more: false, next: null } },
  ]);
  const ids = [];
  for await (const key of adminOf(server).each("/api/v1/keys", { tenant: "aurora", limit: 2 })) ids.push(key.id);
  assert.deepEqual(ids, ["1", "2", "3"]);
  assert.deepEqual(server.asked.map((each) => each.path), ["/api/v1/keys?tenant=aurora&limit=2", "/api/v1/keys?tenant=aurora&limit=2&after=2"]);
});

test("refusals have classes", async () => {
  for (const [status, kind] of [
    [401, Unauthorized], [403, Forbidden], [404, NotFound], [409, Conflict], [412, PreconditionFailed], [503, Unavailable], [400, AdminError],
  ] as const) {
    await using server = await FakeServer.start([refused(status, "some_code", "slug")]);
    await assert.rejects(adminOf(server, { attemptsMax: 1 }).api.GET("/api/v1/tenants/{tenant}", AURORA), (error: unknown) => {
      assert.ok(error instanceof AdminError);
      assert.equal(error.constructor, kind);
      assert.deepEqual([error.status, error.problem.code, error.problem.param], [status, "some_code", "slug"]);
      return true;
    });
  }
  await using proxy = await FakeServer.start([{ status: 502, body: "bad gateway" }]);
  await assert.rejects(adminOf(proxy, { attemptsMax: 1 }).api.GET("/api/v1/system"), /no error of the admin API/);
});

test("what is put off is tried again, writes as well; a lost answer to a write is not", async () => {
  const later = refused(503, "dependency_unavailable", null, { "retry-after": "0", "retry-after-ms": "1" });
  await using server = await FakeServer.start([later, { status: 201, body: TENANT }]);
  assert.equal((await done(adminOf(server).api.POST("/api/v1/tenants", { body: { slug: "aurora" } }))).slug, "aurora");
  assert.deepEqual(server.asked.map((each) => each.body), [{ slug: "aurora" }, { slug: "aurora" }]);
  await using broken = await FakeServer.start([{ drop: true }, { status: 201, body: TENANT }]);
  await assert.rejects(adminOf(broken).api.POST("/api/v1/tenants", { body: { slug: "aurora" } }));
  assert.equal(broken.asked.length, 1);
});

test("a change is made to what was read, and gives up", async () => {
  const conflict = refused(412, "precondition_failed");
  await using server = await FakeServer.start([
    { body: TENANT }, conflict, { body: { ...TENANT, revision: 2 } }, { body: { ...TENANT, revision: 3 } }, { body: TENANT }, conflict,
  ]);
  const admin = adminOf(server);
  const change = (attemptsMax: number) =>
    admin.change(
      () => done(admin.api.GET("/api/v1/tenants/{tenant}", AURORA)),
      (shown, at) =>
        done(admin.api.PATCH("/api/v1/tenants/{tenant}", { params: { ...AURORA.params, header: { "If-Match": at } }, body: { display_name: `${shown.display_name}!` } })),
      attemptsMax,
    );
  assert.equal((await change(5)).revision, 3);
  assert.deepEqual(server.asked.map((each) => each.headers["if-match"]), [undefined, '"1"', undefined, '"2"']);
  await assert.rejects(change(1), PreconditionFailed);
  assert.equal(etag(TENANT), '"1"');
});

test("people sign in and out", async () => {
  await using server = await FakeServer.start([
    { status: 201, body: { csrf_token: "c-1" }, headers: { "set-cookie": "sm_session=s-1; HttpOnly; SameSite=Strict; Path=/" } },
    { body: TENANT }, { status: 201, body: TENANT }, { status: 204 },
  ]);
  {
    await using admin = await Admin.signedIn("ann@example.org", "a long password", { url: server.root });
    await admin.api.GET("/api/v1/tenants/{tenant}", AURORA);
    await admin.api.POST("/api/v1/tenants", { body: { slug: "aurora" } });
  }
  const [signIn, get, post, signOut] = server.asked;
  assert.deepEqual(signIn?.body, { login: "ann@example.org", password: "a long password" });
  assert.equal(signIn.headers["authorization"], undefined);
  assert.equal(get?.headers["cookie"], "sm_session=s-1");
  assert.equal(get.headers["x-sm-csrf"], undefined);
  assert.equal(post?.headers["x-sm-csrf"], "c-1");
  assert.deepEqual([signOut?.method, signOut?.path, signOut?.headers["x-sm-csrf"]], ["DELETE", "/api/v1/session", "c-1"]);
});

test("the socket needs no token", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sovmesh-"));
  const socket = join(folder, "admin.sock");
  {
    await using server = await FakeServer.start([{ body: { ready: true } }, { status: 201, body: TENANT }, { status: 204 }], socket);
    const { api } = new Admin({}, { SM_DATA_DIR: folder });
    assert.equal((await done(api.GET("/api/v1/system"))).ready, true);
    await api.POST("/api/v1/tenants", { body: { slug: "aurora" } });
    await api.DELETE("/api/v1/tenants/{tenant}", AURORA);
    assert.deepEqual(server.asked.map((each) => [each.method, each.path, each.headers["authorization"], each.body]), [
      ["GET", "/api/v1/system", undefined, null], ["POST", "/api/v1/tenants", undefined, { slug: "aurora" }],
      ["DELETE", "/api/v1/tenants/aurora", undefined, null],
    ]);
  }
  rmSync(folder, { recursive: true });
});

test("the environment, and settings that make no sense", () => {
  assert.throws(() => new Admin({}, {}), /SOVMESH_ADMIN_URL/);
  assert.throws(() => new Admin({}, { SOVMESH_ADMIN_URL: "http://mesh:8081" }), /SOVMESH_ADMIN_TOKEN/);
  assert.ok(new Admin({}, { SOVMESH_ADMIN_URL: "http://mesh:8081", SOVMESH_ADMIN_TOKEN: "t" }));
  for (const wrong of [
    { url: "mesh:8081" }, { url: "http://mesh/api" }, { url: "http://mesh", socket: "s" }, { socket: "s", token: "t" }, { url: "http://mesh", token: "a b" },
  ]) {
    assert.throws(() => new Admin(wrong, {}), ConfigurationError);
  }
});
