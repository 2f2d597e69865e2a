"""The objects of a server as files: export, diff and apply against the real program."""

import json
import os
import pathlib
import re
import subprocess

import pytest

import mesh as support

CONFIG = """\
server:
  workers: 1
  listen: ["127.0.0.1:0"]
  admin_listen: ["127.0.0.1:0"]
  metrics_listen: []
  accept_after_term: 0s
engines:
  - {name: shared, kind: remote, url: "http://127.0.0.1:1/v1"}
pools:
  - {name: gpu, engines: [shared]}
tenants:
  - name: boreal
"""

# In an order in which it cannot be written, and spread over files as somebody would.
OBJECTS = {
    "people.yaml": """\
kind: membership
user: ann@aurora.example
role: tenant-admin
tenant: aurora
---
kind: user
name: ann@aurora.example
spec: {display_name: Ann}
---
kind: user
name: olaf
spec: {disabled: true}
---
kind: membership
user: olaf
role: auditor
""",
    "traffic/limits.yaml": """\
kind: limit
tenant: aurora
key: web/chatbot
measure: total_tokens
window: day
spec: {amount: 1000000}
---
kind: limit
tenant: aurora
measure: money
window: month
spec: {amount: 250.00, name: aurora a month}
---
kind: limit
tenant: aurora
user: "*"
measure: concurrency
spec: {amount: 4, shadow: true}
---
kind: limit
pool: gpu
measure: requests
window: minute
rolling: true
spec: {amount: 600}
---
kind: share
pool: gpu
tenant: aurora
spec: {guaranteed: 0.50, weight: 2, concurrency_max: 8}
---
kind: share
pool: gpu
tenant: aurora
project: web
spec: {weight: 3}
""",
    "traffic/models.yml": """\
kind: route
name: llama
spec:
  versions:
    - {model: llama-1, weight: 90, stage: stable}
    - {model: llama-2, weight: 10, stage: canary}
  grey: {name: early, version: llama-2, tenants: [aurora]}
  conditions:
    - {name: beta, version: llama-2, headers: [{name: x-app, value: "1"}]}
  fallbacks: [{route: spare}]
---
kind: route
name: spare
spec: {versions: [{model: llama-1, weight: 1}]}
---
kind: model
name: llama-2
spec: {engines: [far, near], context_tokens: 8192, tenants: [aurora], stall_timeout: 20s}
---
kind: model
name: llama-1
spec: {engines: [far], engine_model: org/llama, extra_fields: [min_p]}
---
kind: engine
name: far
spec: {url: "http://127.0.0.1:2/v1", dialect: vllm, slots: 8}
---
kind: engine
name: near
spec: {url: "http://127.0.0.1:3/v1"}
""",
    "tenants.yaml": """\
kind: key
tenant: aurora
project: web
name: chatbot
spec:
  owner: ann@aurora.example
  models: [llama]
  scopes: [inference]
  labels: {tier: gold}
  expires_at: 2099-01-31T12:00:00Z
---
kind: project
tenant: aurora
name: web
spec: {cost_centre: "4711"}
---
kind: tenant
name: aurora
spec: {display_name: "Aurora: the first", hosts: [llm.aurora.example], currency: DKK}
""",
}


class Server:
    def __init__(self, folder):
        folder.mkdir()
        self.folder = folder
        self.data = folder / "data"
        (folder / "sovmesh.yaml").write_text(CONFIG)
        self.process = support.Process(
            ["serve", "--config", folder / "sovmesh.yaml", "--data-dir", self.data],
            folder / "serve.log")

    def run(self, *words, code=0, stdin=None):
        done = subprocess.run([support.BINARY, *map(str, words), "--data-dir", str(self.data)],
                              capture_output=True, text=True, timeout=60, check=False, input=stdin)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def exported(self, *more):
        return self.run("export", *more).stdout


@pytest.fixture
def servers(tmp_path):
    running = []

    def start(name):
        running.append(Server(tmp_path / name))
        return running[-1]
    yield start
    for one in running:
        assert one.process.stop() == 0


def write_objects(folder, objects):
    for name, text in objects.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def documents(tmp_path):
    return write_objects(tmp_path / "mesh", OBJECTS)


def test_round_trip_to_an_empty_server(servers, documents, tmp_path):
    first = servers("first")
    made = first.run("apply", "-f", documents, "--create-keys")
    keys = re.findall(r"^key aurora/web/chatbot: (sm-\S+)$", made.stdout, re.M)
    assert len(keys) == 1
    assert "+ tenant aurora" in made.stdout and "+ route llama" in made.stdout
    assert first.run("diff", "-f", documents).stdout == ""
    again = first.run("apply", "-f", documents)
    assert again.stdout == "" and "0 created, 0 changed, 0 removed" in again.stderr

    text = first.exported()
    assert keys[0] not in text and keys[0].split("-")[1] not in text
    assert "managed_by" not in text and "boreal" not in text
    first.run("export", "-o", tmp_path / "out")
    assert (tmp_path / "out" / "limits.yaml").read_text() in text
    assert first.run("diff", "-f", tmp_path / "out", "--prune").stdout == ""

    second = servers("second")
    assert second.run("diff", "-f", tmp_path / "out", "--create-keys", code=1).stdout
    second.run("apply", "-f", tmp_path / "out", "--create-keys")
    assert second.exported() == text
    # By standard input, and without a change.
    second.run("apply", "-f", "-", stdin=text)
    assert second.run("diff", "-f", "-", stdin=text).stdout == ""
    users = json.loads(second.run("user", "show", "olaf", "--json").stdout)
    assert users["disabled"] and not users["has_password"]


def test_a_dry_run_and_a_diff_change_nothing(servers, documents):
    server = servers("one")
    before = server.exported("--all")
    told = server.run("apply", "-f", documents, "--create-keys", "--dry-run").stdout
    assert "+ limit aurora/web/chatbot/total_tokens/day" in told
    assert server.run("diff", "-f", documents, "--create-keys", code=1).stdout == told
    assert server.exported("--all") == before


def test_all_errors_are_told_with_their_places_before_the_first_write(servers, tmp_path):
    server = servers("one")
    before = server.exported("--all")
    folder = write_objects(tmp_path / "bad", {
        "a.yaml": "kind: tenant\nname: aurora\nspec:\n  curency: DKK\n",
        "b.yaml": "kind: tenant\nname: fine\n---\nkind: proejct\nname: x\n",
        "c.yaml": "kind: tenant\nname: [\n"})
    why = server.run("apply", "-f", folder, code=2).stderr
    assert f"{folder}/a.yaml:4:3: error: unknown member 'curency'" in why
    assert "did you mean 'currency'?" in why
    assert f"{folder}/b.yaml:4:7: error: there is no kind 'proejct'" in why
    assert re.search(rf"{folder}/c.yaml:\d:1: error: not valid YAML", why)
    assert "3 errors; nothing was changed" in why
    # What only the server knows.
    folder = write_objects(tmp_path / "worse", {
        "a.yaml": "kind: tenant\nname: fine\n---\nkind: tenant\nname: other\nspec:\n"
                  "  time_zone: Mars/Olympus\n---\nkind: model\nname: m\nspec: {engines: [none]}\n"})
    why = server.run("apply", "-f", folder, code=2).stderr
    assert f"{folder}/a.yaml:7:14: error: tenant other:" in why
    assert "there is no engine 'none'" in why and "2 errors" in why
    assert server.exported("--all") == before
    why = server.run("apply", "-f", tmp_path / "nowhere.yaml", code=2).stderr
    assert "cannot read" in why
    (tmp_path / "empty").mkdir()
    assert "no documents" in server.run("apply", "-f", tmp_path / "empty", code=2).stderr


def test_what_the_file_manages_is_marked_and_not_changed(servers, tmp_path):
    server = servers("one")
    text = server.exported("--all")
    assert re.search(r"kind: tenant\nname: boreal\nmanaged_by: file\nsource: \S+sovmesh.yaml:\d+:\d+",
                     text)
    assert server.run("diff", "-f", "-", stdin=text).stdout == ""
    wanted = write_objects(tmp_path / "mesh", {"a.yaml": "kind: tenant\nname: boreal\nspec:\n"
                                                         "  currency: DKK\n"})
    why = server.run("apply", "-f", wanted, code=2).stderr
    assert "a.yaml:4:13: error: the tenant boreal is declared in the configuration file" in why
    assert "change it there" in why
    # Nor is it removed.
    wanted = write_objects(tmp_path / "other", {"a.yaml": "kind: tenant\nname: new-one\n"})
    server.run("apply", "-f", wanted, "--prune", "--yes")
    assert "boreal" in server.exported("--all")


def test_prune_removes_only_kinds_that_the_documents_have(servers, documents, tmp_path):
    server = servers("one")
    server.run("apply", "-f", documents, "--create-keys")
    server.run("tenant", "create", "stray")
    server.run("key", "create", "--tenant", "stray")
    server.run("limit", "set", "--tenant", "stray", "--measure", "requests", "--window", "day",
               "--amount", "5")
    kept = write_objects(tmp_path / "kept", {"t.yaml": OBJECTS["tenants.yaml"].split("---\n")[2]})
    why = server.run("apply", "-f", kept, "--prune", code=2).stderr
    assert "- tenant stray" in why and "say --yes" in why
    assert "stray" in server.exported()
    server.run("apply", "-f", kept, "--prune", "--yes")
    text = server.exported()
    assert "stray" not in text and "kind: route" in text and "kind: project" in text
    # People and their roles stay.
    few = write_objects(tmp_path / "few", {"p.yaml": "---\n".join(
        OBJECTS["people.yaml"].split("---\n")[:2])})
    assert server.run("diff", "-f", few, "--prune").stdout == ""
    server.run("apply", "-f", few, "--prune", "--yes")
    text = server.exported()
    assert "name: olaf" in text and "user: olaf" in text
    # Models, routes and engines in an order in which they may go; another tenant's model stays not.
    traffic = OBJECTS["traffic/models.yml"].split("---\n")
    some = write_objects(tmp_path / "some", {"m.yaml": "---\n".join(
        [traffic[1], traffic[3], traffic[4]])})
    removed = server.run("apply", "-f", some, "--prune", "--yes").stdout
    assert removed.index("- route llama") < removed.index("- model llama-2")
    text = server.exported()
    assert "llama-2" not in text and "name: llama-1" in text
    assert server.run("diff", "-f", some, "--prune").stdout == ""


def test_a_change_says_what_and_is_made(servers, documents, tmp_path):
    server = servers("one")
    server.run("apply", "-f", documents, "--create-keys")
    new = dict(OBJECTS)
    new["tenants.yaml"] = new["tenants.yaml"].replace("4711", "4712").replace(
        "labels: {tier: gold}", "labels: {tier: silver}")
    new["traffic/limits.yaml"] = new["traffic/limits.yaml"].replace("250.00", "300.50")
    new["traffic/models.yml"] = new["traffic/models.yml"].replace("weight: 90", "weight: 80")
    folder = write_objects(tmp_path / "new", new)
    told = server.run("diff", "-f", folder, code=1).stdout
    assert "~ project aurora/web\n    cost_centre: 4711 -> 4712\n" in told
    assert "~ limit aurora/money/month\n    amount: 250 -> 300.5\n" in told
    assert "~ key aurora/web/chatbot" in told and "~ route llama" in told
    assert len(re.findall(r"^[~+-]", told, re.M)) == 4
    # Whose rights a key's name says may have changed: nobody else's are given unseen.
    before = server.exported()
    why = server.run("apply", "-f", folder, code=2).stderr
    assert re.search(r"tenants\.yaml:\d+:\d+: error: the key aurora/web/chatbot \(\S+\) differs in "
                     r"labels: keys are changed only with --change-keys; check the id", why)
    assert server.exported() == before
    server.run("apply", "-f", folder, "--change-keys")
    assert server.run("diff", "-f", folder).stdout == ""
    # An engine cannot change.
    new["traffic/models.yml"] = new["traffic/models.yml"].replace("slots: 8", "slots: 9")
    why = server.run("diff", "-f", write_objects(tmp_path / "newer", new), code=2).stderr
    assert "the engine far cannot change ('slots' is 8 there)" in why


def test_keys_are_made_only_when_asked(servers, documents):
    server = servers("one")
    why = server.run("apply", "-f", documents, code=2).stderr
    assert "--create-keys makes it" in why
    few = documents / "tenants.yaml"
    done = server.run("apply", "-f", few)
    assert "? key" not in done.stdout and "1 keys left out" in done.stderr
    assert "? key aurora/web/chatbot" in server.run("diff", "-f", few, code=1).stdout


def test_keys_that_share_a_name_are_never_changed(servers, tmp_path):
    server = servers("one")
    for _ in range(2):
        server.run("key", "create", "--tenant", "boreal", "--display-name", "bot")
    same = server.run("export").stdout
    assert 'name: "bot#2"' in same
    assert server.run("apply", "-f", "-", stdin=same).stdout == ""  # nothing differs
    folder = write_objects(tmp_path / "mesh", {"k.yaml": "kind: key\ntenant: boreal\n"
                                               "project: default\nname: bot\n"
                                               "spec: {labels: {tier: gold}}\n"})
    assert "~ key boreal/default/bot" in server.run("diff", "-f", folder, code=1).stdout
    why = server.run("apply", "-f", folder, "--change-keys", code=2).stderr
    assert "other keys of its project have that name: rename them" in why
    assert server.exported() == same


def test_a_fifo_among_the_documents_is_refused(servers, documents):
    server = servers("one")
    os.mkfifo(documents / "pipe.yaml")
    why = server.run("apply", "-f", documents, code=2).stderr
    assert "pipe.yaml' is no regular file" in why


def test_nobody_there(tmp_path):
    done = subprocess.run([support.BINARY, "export", "--data-dir", tmp_path / "none"],
                          capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3 and "cannot reach the server" in done.stderr


# --- contexts -------------------------------------------------------------------------------

def run_at(home, *words, code=0, stdin=None):
    env = {name: value for name, value in os.environ.items()
           if name not in ("SM_DATA_DIR", "SM_ADMIN", "SM_ADMIN_URL", "SM_TOKEN", "XDG_CONFIG_HOME")}
    done = subprocess.run([support.BINARY, *map(str, words)], capture_output=True, text=True,
                          timeout=60, check=False, input=stdin, env=dict(env, HOME=str(home)))
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_commands_go_to_the_current_context(servers, tmp_path):
    server = servers("one")
    url = "http://" + server.process.ready["admin_listen"][0]
    token = (server.data / "admin.token").read_text()
    said = run_at(tmp_path, "login", url, "--name", "lab", stdin=token).stdout
    assert said == f"lab: the admin token at {url}\n"
    kept = tmp_path / ".config/sovmesh/contexts.yaml"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "boreal" in run_at(tmp_path, "tenant", "list").stdout
    run_at(tmp_path, "tenant", "create", "by-context")
    assert "by-context" in run_at(tmp_path, "export").stdout
    listed = run_at(tmp_path, "context", "list").stdout
    assert listed.startswith(f"* lab  {url}") and token.strip() not in listed
    # What is said goes before it.
    run_at(tmp_path, "tenant", "list", "--data-dir", tmp_path / "none", code=3)

    server.run("user", "create", "ann@x.example", "--role", "auditor", "--password-file", "-",
               stdin="orange ladder 12 south\n")
    why = run_at(tmp_path, "login", url, "--login", "ann@x.example", stdin="wrong\n", code=2).stderr
    assert "password" in why or "login" in why
    run_at(tmp_path, "login", url, "--name", "ann", "--login", "ann@x.example",
           stdin="orange ladder 12 south\n")
    assert "boreal" in run_at(tmp_path, "tenant", "list").stdout
    why = run_at(tmp_path, "login", url, "--name", "ann", stdin=token, code=2).stderr
    assert "the context 'ann' is that of ann@x.example" in why and "--replace" in why
    run_at(tmp_path, "login", url + "/", "--name", "ann", "--login", "ANN@x.example",
           stdin="orange ladder 12 south\n")
    # Another user's token does not take the place of the administrator's.
    server.run("user", "create", "robo", "--service", "--role", "auditor")
    shown = server.run("user", "token", "create", "robo", "--name", "nightly", "--days", "30").stdout
    of_robo = re.search(r"smt-[0-9A-Za-z]{12}-[0-9A-Za-z]{43}-[0-9A-Za-z]{6}", shown)[0]
    why = run_at(tmp_path, "login", url, "--name", "lab", stdin=of_robo, code=2).stderr
    assert "the context 'lab' is that of the admin token" in why
    run_at(tmp_path, "tenant", "create", "not-hers", code=1)
    run_at(tmp_path, "context", "use", "lab")
    run_at(tmp_path, "tenant", "delete", "by-context")
    run_at(tmp_path, "login", url, "--name", "ann", "--replace", stdin=token)
    run_at(tmp_path, "tenant", "list")
    run_at(tmp_path, "context", "use", "lab")
    run_at(tmp_path, "context", "remove", "ann")
    assert "ann" not in run_at(tmp_path, "context", "list").stdout
    assert "there is no context 'ann'; there are: lab" in run_at(
        tmp_path, "context", "use", "ann", code=2).stderr

    kept.chmod(0o644)
    assert "others can read it" in run_at(tmp_path, "tenant", "list", code=3).stderr


def test_a_url_with_its_token(servers, tmp_path):
    server = servers("one")
    url = "http://" + server.process.ready["admin_listen"][0]
    token = ["--token-file", server.data / "admin.token"]
    assert "boreal" in run_at(tmp_path, "tenant", "list", "--admin-url", url, *token).stdout
    assert "no token for --admin-url" in run_at(tmp_path, "tenant", "list", "--admin-url", url, code=2).stderr
    assert "would show the token" in run_at(
        tmp_path, "tenant", "list", "--admin-url", "http://192.0.2.1:8081", *token, code=2).stderr


# --- output, completion, top, doctor, import ---------------------------------------------------

def test_lists_are_printed_as_tables_json_or_yaml(servers):
    server = servers("one")
    table = server.run("tenant", "list", "--output", "table").stdout
    assert table.split()[0] == "slug"
    assert json.loads(server.run("tenant", "list", "--output", "json").stdout)["data"]
    yaml = server.run("tenant", "list", "--output", "yaml").stdout
    assert yaml.startswith("- id: ") and "\n  slug: boreal\n" in yaml
    assert "slug: boreal\n" in server.run("tenant", "show", "boreal", "--output", "yaml").stdout
    assert "capacity" in server.run("pool", "show", "gpu", "--output", "yaml").stdout
    server.run("tenant", "list", "--output", "toml", code=2)
    server.run("tenant", "list", "--output", "yaml", "--json", code=2)


def complete(line, extra_path, folder=None):
    """What a real bash offers behind `line`."""
    script = f"""
source <({support.BINARY} completion bash) || exit 9
COMP_WORDS=({line} "") COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
[[ -n "$CURRENT" ]] && COMP_WORDS[COMP_CWORD]=$CURRENT
_sovmesh
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    env = dict(os.environ, PATH=f"{pathlib.Path(support.BINARY).parent}:{os.environ['PATH']}",
               **extra_path)
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True,
                          timeout=60, check=True, env=env, cwd=folder)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_values_and_names(servers, tmp_path):
    server = servers("one")
    env = {"SM_DATA_DIR": str(server.data)}
    assert {"serve", "tenant", "apply", "completion"} <= set(complete("sovmesh", env))
    assert "audit-signer" not in complete("sovmesh", env)
    assert {"list", "create"} <= set(complete("sovmesh tenant", env))
    assert complete("sovmesh tenant list --output", env) == ["table", "json", "yaml"]
    assert complete("sovmesh tenant", dict(env, CURRENT="cre")) == ["create"]
    assert "--prune" in complete("sovmesh apply", dict(env, CURRENT="--p"))
    assert complete("sovmesh tenant show", dict(env, CURRENT="bo")) == ["boreal"]
    assert complete("sovmesh key list --tenant", env) == ["boreal"]
    assert complete("sovmesh tenant show", {"SM_DATA_DIR": "/none", "CURRENT": "bo"}) == []
    # Names are no commands.
    for login in ("$(echo>pwn)", "`echo>pwn`"):
        server.run("user", "create", login, "--no-password", "--role", "auditor")
    folder = tmp_path / "here"
    folder.mkdir()
    assert {r"\$\(echo\>pwn\)", r"\`echo\>pwn\`"} <= set(
        complete("sovmesh user show", env, folder))
    assert complete("sovmesh user show", dict(env, CURRENT="$("), folder) == [r"\$\(echo\>pwn\)"]
    assert not list(folder.iterdir())


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_can_read_their_scripts(shell, tmp_path):
    script = subprocess.run([support.BINARY, "completion", shell], capture_output=True, text=True,
                            timeout=30, check=True).stdout
    assert "boreal" not in script and "tenant list" in script
    path = tmp_path / "script"
    path.write_text(script)
    try:
        done = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, timeout=30,
                              check=False)
    except FileNotFoundError:
        pytest.skip(f"no {shell} on this machine")
    assert done.returncode == 0, done.stderr


def test_top_prints_once_where_there_is_no_terminal(servers):
    server = servers("one")
    for words in (["--once"], []):
        text = server.run("top", *words).stdout
        assert "ENGINE" in text and "shared" in text and "\x1b" not in text
        assert "POOL" in text and "gpu" in text


def test_top_leaves_a_terminal_as_it_was(servers):
    import fcntl
    import pty
    import select
    import termios

    server = servers("one")
    for key in (b"q", b"\x03"):
        main, side = pty.openpty()
        before = termios.tcgetattr(side)

        def own_terminal():
            support.die_with_parent()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        child = subprocess.Popen([support.BINARY, "top", "--data-dir", server.data], stdin=side,
                                 stdout=side, stderr=side, start_new_session=True,
                                 preexec_fn=own_terminal)
        seen = b""
        while b"ENGINE" not in seen:
            assert select.select([main], [], [], 20)[0], seen
            seen += os.read(main, 65536)
        assert b"\x1b[?1049h" in seen
        os.write(main, key)
        while b"\x1b[?1049l" not in seen:
            assert select.select([main], [], [], 20)[0], seen
            seen += os.read(main, 65536)
        assert child.wait(20) == 0
        assert termios.tcgetattr(side) == before
        os.close(main)
        os.close(side)


def doctor(*words, code=0):
    done = subprocess.run([support.BINARY, "doctor", "--output", "json", *map(str, words)],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)}


def test_doctor_finds_a_running_server_well(servers):
    server = servers("one")
    found = doctor("--data-dir", server.data, "--config", server.folder / "sovmesh.yaml")
    assert found["store.ledger"]["status"] == "ok" and found["store.control"]["status"] == "ok"
    assert f"process {server.process.ready['pid']} has it" in found["store.folder"]["detail"]
    assert found["config"]["status"] == "ok"
    assert {"system.kernel", "system.files", "clock.ntp", "sandbox.network"} <= set(found)


def test_doctor_finds_broken_things(tmp_path):
    import socket

    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    (data / "ledger.db").write_bytes(b"x" * 8192)
    (data / "control.db.created").write_text("")
    pair = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-subj", "/CN=mesh.example", "-days", "3"]
    for name in ("one", "two"):
        subprocess.run([*pair, "-keyout", tmp_path / f"{name}.key", "-out", tmp_path / f"{name}.pem"],
                       check=True, capture_output=True, timeout=30)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        def config(key):
            path = tmp_path / "mesh.yaml"
            path.write_text(f"""\
server:
  listen: ["127.0.0.1:{port}"]
  admin_listen: []
  metrics_listen: []
  tls: {{certificate: {tmp_path}/one.pem, key: {tmp_path}/{key}.key}}
engines:
  - {{name: local, kind: managed, model_file: {tmp_path}/none.gguf}}
models:
  - {{name: m, engine: local}}
tenants:
  - name: boreal
""")
            return path
        found = doctor("--data-dir", data, "--config", config("one"), code=1)
        held = found[f"port.127.0.0.1:{port}"]
        assert held["status"] == "error" and f"process {os.getpid()}" in held["detail"]
        assert found["store.ledger"]["status"] == "error"
        assert "is gone" in found["store.control"]["detail"]
        assert found["store.folder"]["status"] == "warning"
        assert found["engine.local"]["status"] == "error" and found["engine.local"]["fix"]
        assert found["certificate"]["status"] == "warning"  # 3 days are few
        assert found["certificate.chain"]["status"] == "warning"
        found = doctor("--data-dir", data, "--config", config("two"), code=1)
        assert "does not belong" in found["certificate"]["detail"]
    os.mkfifo(tmp_path / "fifo")
    assert "nobody writes" in doctor("--data-dir", data, "--config", tmp_path / "fifo", code=1)["config"]["detail"]
    (tmp_path / "mesh.yaml").write_text("server: {worker: 1}\n")
    found = doctor("--data-dir", data, "--config", tmp_path / "mesh.yaml", code=1)
    assert "mesh.yaml:1:10" in found["config"]["detail"]
    assert "not there" in doctor("--data-dir", tmp_path / "no", code=1)["store.folder"]["detail"]


def test_doctor_leaves_the_log_of_an_empty_database(tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "ledger.db").write_bytes(b"")
    (data / "ledger.db-wal").write_bytes(b"x" * 4152)
    found = doctor("--data-dir", data, code=1)["store.ledger"]
    assert found["status"] == "error"
    assert "is empty; its WAL has 4152 bytes: keep both, restore a backup" in found["detail"]
    assert (data / "ledger.db-wal").read_bytes() == b"x" * 4152
    assert sorted(path.name for path in data.iterdir()) == ["ledger.db", "ledger.db-wal"]


LITELLM = """\
model_list:
  - model_name: llama
    litellm_params:
      model: hosted_vllm/org/llama
      api_base: http://127.0.0.1:1/v1
      api_key: sk-in-clear
      rpm: 60
  - model_name: claude
    litellm_params: {model: anthropic/claude, api_key: os.environ/ANTHROPIC_API_KEY}
router_settings:
  model_group_alias: {gpt-4: llama}
general_settings: {master_key: sk-master}
"""


def test_a_configuration_of_litellm_becomes_a_valid_one_of_ours(tmp_path):
    (tmp_path / "config.yaml").write_text(LITELLM)
    done = subprocess.run([support.BINARY, "import", "litellm", "config.yaml", "-o", "ours.yaml"],
                          capture_output=True, text=True, timeout=30, check=True, cwd=tmp_path)
    assert "config.yaml:6: model_list[0].litellm_params.api_key: changed:" in done.stderr
    assert "config.yaml:9: model_list[1].litellm_params.model: not possible:" in done.stderr
    ours = (tmp_path / "ours.yaml").read_text()
    assert "sk-" not in ours and "sk-in-clear" not in done.stderr and "sk-master" not in done.stderr
    variable = re.search(r'api_key: "?env:(\w+)', ours)[1]
    valid = subprocess.run([support.BINARY, "config", "validate", "ours.yaml"], capture_output=True,
                           text=True, timeout=30, check=False, cwd=tmp_path,
                           env=dict(os.environ, **{variable: "x"}))
    assert valid.returncode == 0, valid.stderr
    (tmp_path / "config.yaml").write_text("model_list: [\n")
    bad = subprocess.run([support.BINARY, "import", "litellm", "config.yaml"], capture_output=True,
                         text=True, timeout=30, check=False, cwd=tmp_path)
    assert bad.returncode == 2 and "error: not valid YAML" in bad.stderr
