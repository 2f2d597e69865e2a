"""The Node helpers, packed as they are shipped, against the running binary with the real engine."""

import json
import os
import pathlib
import re
import secrets
import shutil
import subprocess

import pytest

from readme import blocks
from sovmesh.admin import Admin
from world import DEPS, ROOT, SIM, TINY

SDK = ROOT / "sdk/node"
NODE = DEPS / "bin" / "node"
# Strict, as a caller has it.
TSCONFIG = {"compilerOptions": {"target": "es2023", "module": "nodenext", "moduleResolution": "nodenext", "strict": True,
                                "noEmit": True, "types": ["node"], "skipLibCheck": True,
                                "noUncheckedIndexedAccess": True, "exactOptionalPropertyTypes": True},
            "include": ["*.ts"]}


def run(*command, cwd, env=None):
    done = subprocess.run(list(map(str, command)), cwd=cwd, timeout=120, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env=env or dict(os.environ, PATH=f"{NODE.parent}:{os.environ['PATH']}"))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project of somebody else's, with our package in it."""
    if not NODE.exists() or not (SDK / "node_modules/typescript").exists():
        pytest.skip("node or its packages are missing (scripts/setup --tests)")
    folder = tmp_path_factory.mktemp("project")
    build = folder / "build"
    build.mkdir()
    for name in ("package.json", "README.md", "LICENSE"):
        shutil.copy(SDK / name, build / name)
    # What is built and packed lies here, not in the checkout.
    run(NODE, SDK / "node_modules/typescript/bin/tsc", "-p", SDK / "tsconfig.build.json", "--outDir", build / "dist",
        cwd=SDK)
    packed = json.loads(run(NODE, DEPS / "bin/npm", "pack", "--json", "--ignore-scripts", "--loglevel=error",
                            "--pack-destination", folder, cwd=build))
    files = {each["path"] for each in packed[0]["files"]}
    assert {"dist/index.js", "dist/index.d.ts", "dist/admin.js", "dist/admin.d.ts", "dist/api.d.ts", "README.md",
            "LICENSE", "package.json"} <= files
    assert not [name for name in files if name.startswith(("src/", "test/", "node_modules/"))]
    modules = folder / "node_modules"
    (modules / "@sovmesh").mkdir(parents=True)
    run("tar", "-xzf", folder / packed[0]["filename"], "-C", folder, cwd=folder)
    (folder / "package").rename(modules / "@sovmesh/sdk")
    for name in ("openai", "openapi-fetch", "openapi-typescript-helpers", "@types", "undici-types"):
        (modules / name).symlink_to(SDK / "node_modules" / name)
    (folder / "package.json").write_text('{"type":"module"}')
    (folder / "tsconfig.json").write_text(json.dumps(TSCONFIG))
    return folder


def play(project, world, name, code, tenant="aurora", **env):
    path = pathlib.Path(project) / f"{name}.ts"
    path.write_text(code)
    return run(NODE, "--preserve-symlinks", path.name, cwd=project, env={**world.environment(tenant), **env})


@pytest.mark.parametrize("name, code", blocks("ts"), ids=lambda each: each if len(each) < 30 else "")
def test_examples(project, world, name, code):
    out = play(project, world, "example-" + name.replace(" ", "-").replace("'", ""), code)
    assert out or name == "Retries"


def test_the_examples_types_hold(project):
    for number, (_, code) in enumerate(blocks("ts")):
        (project / f"typed-{number}.ts").write_text(code)
    check = [NODE, SDK / "node_modules/typescript/bin/tsc", "-p", project, "--preserveSymlinks"]
    run(*check, cwd=project)
    # The check itself: what is wrong is noticed, and nothing else.
    wrong = project / "wrong.ts"
    wrong.write_text('import { options } from "@sovmesh/sdk";\nimport { Admin } from "@sovmesh/sdk/admin";\n'
                     'options({ colour: "red" });\noptions({ priority: "urgent" });\n'
                     'new Admin().api.GET("/api/v1/colours");\n'
                     'new Admin().api.POST("/api/v1/tenants", { body: { colour: "red" } });\n')
    done = subprocess.run(list(map(str, check)), cwd=project, timeout=120, capture_output=True, text=True, check=False)
    wrong.unlink()
    assert set(re.findall(r"^(\S+\.ts)\((\d+),", done.stdout, re.MULTILINE)) == {
        ("wrong.ts", line) for line in "3456"}, done.stdout


WALK = """
import { randomUUID } from "node:crypto";
import { InvalidApiKey, Mesh, ModelNotFound, QuotaExhausted, RateLimited, ReplayUnavailable, UpstreamTimeout, cutOf, meta, options, problem, read } from "@sovmesh/sdk";
import OpenAI from "openai";

const keys = JSON.parse(process.env.KEYS);
const { TINY, SIM } = process.env;
const once = { attemptsMax: 1 };
const client = new Mesh({ retry: once });
const messages = [{ role: "user", content: "What is Sovereign Mesh?" }];
const ask = (by, model = TINY, more = {}, how = {}) => by.chat.completions.create({ model, messages, max_tokens: 8, temperature: 0, ...more }, how);
const failure = (call) => call.then(() => null, (error) => error);

const { data, response } = await ask(client, TINY, {}, { headers: options({ requestId: "mine-1" }) }).withResponse();
const reading = await read(ask(client, TINY, { stream: true, stream_options: { include_usage: true } }));
let streamed = "";
for await (const chunk of reading) streamed += chunk.choices[0]?.delta.content ?? "";

const models = [];
for (const how of [{ session: "s-1" }, { channel: "preview" }]) {
  models.push(meta((await ask(client, "assistant", {}, { headers: options(how) }).withResponse()).response).model);
}
const batch = meta((await ask(client, TINY, {}, { headers: options({ priority: "batch" }) }).withResponse()).response);

const slow = [{ role: "user", content: "[[sim:tokens=1000,rate=10]] go on" }];
const late = await failure(ask(client, SIM, { messages: slow }, { headers: options({ timeoutMs: 200 }) }));

const spent = new Mesh({ apiKey: keys.spent, retry: { attemptsMax: 5 } });
await failure(ask(spent));
const used = await failure(ask(spent));

const patient = new Mesh({ apiKey: keys.brisk, retry: { attemptsMax: 4, waitMaxMs: 5000 } });
const patience = [];
for (let i = 0; i < 3; ++i) patience.push((await ask(patient, SIM)).choices.length);
const hasty = new Mesh({ apiKey: keys.brisk, retry: once });
let hurry = null;
for (let i = 0; i < 3 && !hurry; ++i) hurry = await failure(ask(hasty, SIM));

const key = { headers: options({ idempotencyKey: randomUUID() }) };
const keeper = new Mesh({ apiKey: keys.keeper });
const first = await ask(keeper, SIM, {}, key).withResponse();
const again = await ask(keeper, SIM, {}, key).withResponse();
const mine = { headers: options({ idempotencyKey: randomUUID() }) };
const ran = await ask(new Mesh(), SIM, {}, mine).withResponse();
const over = await failure(ask(new Mesh(), SIM, {}, mine));

const broken = await failure((async () => {
  const stream = await read(ask(new Mesh(), SIM, { messages: [{ role: "user", content: "[[sim:die-after=3]] x" }], stream: true }));
  for await (const _ of stream);
})());

const cutter = new Mesh({ apiKey: keys.cut });
const long = [{ role: "user", content: "[[sim:tokens=2000,rate=100000]] go on" }];
const cut = cutOf(await cutter.chat.completions.create({ model: SIM, messages: long }));

const sums = [];
for await (const sum of client.mesh.usages({ groupBy: "model" })) sums.push(sum);
const newest = await client.mesh.requestUsage({ limit: 1 });

console.log(JSON.stringify({
  plain: data.choices[0].message.content, usage: data.usage, seen: meta(response),
  streamed, streamUsage: reading.usage, finish: reading.finishReasons.get(0), streamId: reading.meta.requestId,
  models, batchClass: (await client.mesh.request(batch.requestId)).class,
  late: late instanceof UpstreamTimeout,
  used: used instanceof QuotaExhausted && used instanceof OpenAI.RateLimitError && used.problem,
  patience, hurry: hurry instanceof RateLimited && hurry.problem.retryAfterMs,
  replayed: [meta(first.response).replayed, meta(again.response).replayed],
  sameAnswer: first.data.choices[0].message.content === again.data.choices[0].message.content,
  over: over instanceof ReplayUnavailable && over.problem.firstRequestId === meta(ran.response).requestId,
  broken: broken instanceof OpenAI.APIError && problem(broken).code,
  cut: { code: cut?.code, scope: cut?.scope },
  unknown: (await failure(ask(client, "none"))) instanceof ModelNotFound,
  badKey: (await failure(ask(new Mesh({ apiKey: "sm-wrong" })))) instanceof InvalidApiKey,
  foreign: (await failure(ask(new Mesh({ tenant: "keeper" })))) instanceof InvalidApiKey,
  ownPath: (await ask(new Mesh({ tenant: "aurora" }))).choices.length,
  sums: sums.map((each) => each.group), currency: sums.find((each) => each.group === TINY)?.currency, more: newest.has_more,
}));
"""


@pytest.fixture(scope="module")
def walk(project, world):
    slug = f"cut-{secrets.token_hex(3)}"
    with Admin(socket=world.socket) as admin:
        # Tenants of this walk's own: those of the file may have been used up by other tests.
        keys = {"keeper": world.keys["keeper"]}
        for name, limit in {"cut": {"measure": "output_tokens", "window": "hour", "amount": 300},
                            "spent": {"measure": "requests", "window": "day", "amount": 1},
                            "brisk": {"measure": "requests", "window": "second", "amount": 1, "rolling": True}}.items():
            admin.create_tenant({"slug": f"{name}-{slug}"})
            admin.put_limit({"tenant": f"{name}-{slug}", **limit})
            keys[name] = admin.create_key({"tenant": f"{name}-{slug}", "display_name": "e2e"})["key"]
    out = play(project, world, "walk", "// @ts-nocheck\n" + WALK, KEYS=json.dumps(keys), TINY=TINY, SIM=SIM)
    return {**json.loads(out), "slug": slug}


def test_answers(walk):
    seen, usage = walk["seen"], walk["usage"]
    assert walk["plain"] and walk["streamed"] == walk["plain"]
    assert seen["requestId"].startswith("req_") and seen["clientRequestId"] == "mine-1"
    assert (seen["model"], seen["tenant"]) == (TINY, "aurora") and seen["overheadMs"] >= 0
    assert seen["costMicro"] == 2 * usage["prompt_tokens"] + 5 * usage["completion_tokens"]
    assert walk["streamUsage"]["completion_tokens"] == usage["completion_tokens"]
    assert walk["finish"] in ("stop", "length") and walk["streamId"].startswith("req_")


def test_options(walk):
    assert walk["models"] == [SIM, "sim-next"] and walk["batchClass"] == "batch" and walk["late"]
    assert walk["ownPath"] == 1 and walk["foreign"]


def test_limits(walk):
    assert walk["used"]["shouldRetry"] is False and walk["used"]["limit"] == 1 and walk["used"]["resetAt"]
    assert walk["patience"] == [1, 1, 1] and 0 < walk["hurry"] <= 2000
    assert walk["cut"] == {"code": "rate_limit_exceeded", "scope": f"tenant:cut-{walk['slug']}"}


def test_repeats(walk):
    assert walk["replayed"] == [False, True] and walk["sameAnswer"] and walk["over"]


def test_errors(walk):
    assert walk["unknown"] and walk["badKey"] and walk["broken"] == "upstream_error"


def test_own_usage(walk):
    assert TINY in walk["sums"] and walk["currency"] == "EUR" and walk["more"]


ADMIN = """
import { Admin, NotFound, PreconditionFailed, Unauthorized, done, etag, tried } from "@sovmesh/sdk/admin";

const { SOCKET, LOGIN, PASSWORD, SLUG, SOVMESH_ADMIN_URL: url } = process.env;
const out = {};
for (const admin of [new Admin(), new Admin({ socket: SOCKET })]) {
  const { api } = admin;
  const params = { path: { tenant: SLUG } };
  const would = await tried(api.POST("/api/v1/tenants", { params: { query: { dry_run: true } }, body: { slug: SLUG } }));
  const absent = await api.GET("/api/v1/tenants/{tenant}", { params }).catch((error) => error instanceof NotFound);
  const made = await done(api.POST("/api/v1/tenants", { body: { slug: SLUG } }));
  const write = () => done(api.PATCH("/api/v1/tenants/{tenant}", { params: { ...params, header: { "If-Match": etag(made) } }, body: { display_name: "One" } }));
  const changed = await write();
  const late = await write().catch((error) => error instanceof PreconditionFailed);
  const slugs = [];
  for await (const each of admin.each("/api/v1/tenants", { limit: 1 })) slugs.push(each.slug);
  await done(api.DELETE("/api/v1/tenants/{tenant}", { params }));
  out[admin === undefined ? "" : Object.keys(out).length] = { would: would.action, absent, name: changed.display_name, late, listed: slugs.includes(SLUG) };
}
const wrong = await Admin.signedIn(LOGIN, "not the password", { url }).catch((error) => error instanceof Unauthorized);
const ann = await Admin.signedIn(LOGIN, PASSWORD, { url });
const session = await done(ann.api.GET("/api/v1/session"));
await done(ann.api.POST("/api/v1/tenants", { body: { slug: SLUG } }));
await done(ann.api.DELETE("/api/v1/tenants/{tenant}", { params: { path: { tenant: SLUG } } }));
await ann.close();
console.log(JSON.stringify({ ...out, wrong, login: session.user.login }));
"""


def test_the_admin_api(project, world):
    login, password = f"bob-{secrets.token_hex(3)}@example.org", "a rather long password"
    with Admin(socket=world.socket) as admin:
        admin.create_user({"login": login, "password": password, "role": "platform-operator"})
        seen = json.loads(play(project, world, "admin", "// @ts-nocheck\n" + ADMIN, SOCKET=str(world.socket), LOGIN=login,
                               PASSWORD=password, SLUG=f"t-{secrets.token_hex(3)}"))
        assert admin.list_sessions(login)["data"] == []
    for way in ("0", "1"):
        assert seen[way] == {"would": "create", "absent": True, "name": "One", "late": True, "listed": True}
    assert seen["wrong"] is True and seen["login"] == login
