"""The second verifier: what it accepts, what it refuses and why, and that each check is needed."""

import importlib.util
import json
import os
import pathlib
import random
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import log_maker as maker  # noqa: E402

SOURCE = pathlib.Path(__file__).parents[2] / "tools/verify-audit/verify_audit.py"
MAKER = pathlib.Path(os.environ.get("SM_BINARY", "build/dev/sovmesh")).parent / \
    "tests/audit/make_audit_log"
JUDGE = MAKER.parent / "judge_audit_log"
SIZE = 10_000


def load(text, name):
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, None))
    exec(compile(text, str(SOURCE), "exec"), module.__dict__)  # pylint: disable=exec-used
    return module


audit = load(SOURCE.read_text(), "verify_audit")


# --- small logs, each with one fault -------------------------------------------------------------

def first_key(module):
    return module.Keys(maker.verifier_key("a") + " 0 -\n")


def check(module, files, **how):
    return module.verify(files, first_key(module), **how)


def entries_with(index, entry, size=300):
    return maker.log_of(maker.entries_of(size, {index: entry})), {}


def damaged(change, size=300):
    files = maker.log_of(maker.entries_of(size))
    change(files.files)
    return files, {}


def put(files, path, data):
    files[path] = data


def flip(files, path, at):
    data = bytearray(files[path])
    data[at] ^= 1
    files[path] = bytes(data)


def rotated(index, size, signer):
    entry = maker.key_entry(index, "key.rotate", "a", "b", "a")
    return maker.log_of(maker.entries_of(size, {index: entry}), signer=signer), {}


def older(entries, size=200, now="a", **how):
    return maker.log_of(entries, signer=now), {"older": [("older", maker.checkpoint(
        maker.entries_of(size), **how))]}


def other_spelling(seq):
    return maker.encode(maker.admin(seq)).replace(b'"count":0', b'"count": 0')


def witness_key(letter="w"):
    return audit.Key(maker.verifier_key(letter, maker.WITNESS, 4))


def witnessed(by, keys, quorum):
    return maker.log_of(maker.entries_of(5), witness=by), {"witnesses": keys, "quorum": quorum}


def empty_with_root(root):
    return maker.Files({"checkpoint": maker.checkpoint([], root=root)}), {}


# name: (log, where, index, part of the reason, the check in the source, what forgets it); no check
# where two of them would have to be forgotten.
BAD = {
    "flipped entry": (
        lambda: damaged(lambda f: flip(f, "tile/entries/000", 5000)),
        "tile/entries/000", 16, "do not fit", None, None),
    "flipped leaf hash": (
        lambda: damaged(lambda f: flip(f, "tile/0/001.p/44", 40)),
        "tile/entries/001.p/44", 257, "do not fit", "leaf != wanted", "False"),
    "flipped upper hash": (
        lambda: damaged(lambda f: flip(f, "tile/1/000.p/1", 3)),
        "tile/1/000.p/1", 0, "hash 0", "tile[i * HASH:(i + 1) * HASH] != value", "False"),
    "bytes after a bundle": (
        lambda: damaged(lambda f: put(f, "tile/entries/000", f["tile/entries/000"] + b"\0\0")),
        "tile/entries/000", 0, "after the last", "if rest and not cut", "if False"),
    "bytes after a tile": (
        lambda: damaged(lambda f: put(f, "tile/0/000", f["tile/0/000"] + b"x")),
        "tile/0/000", 0, "not 256", "len(data) != (TILE if cut else width) * HASH", "False"),
    "an old partial tile that differs": (
        lambda: damaged(lambda f: put(f, "tile/0/000.p/2", bytes(64))),
        "tile/0/000.p/2", 0, "old partial", "if not good:", "if False:"),
    "an old partial bundle that differs": (
        lambda: damaged(lambda f: put(f, "tile/entries/000.p/1", b"\0\2{}")),
        "tile/entries/000.p/1", 0, "old partial", "if not good:", "if False:"),
    "a root that is not signed over": (
        lambda: (maker.log_of(maker.entries_of(9), root=bytes(32)), {}),
        "checkpoint", None, "root", "checkpoint.root != root or", ""),
    "an empty log with a root": (
        lambda: empty_with_root(bytes(32)),
        "checkpoint", None, "root", "checkpoint.root != root or", ""),
    "signed by a stranger": (
        lambda: (maker.log_of(maker.entries_of(9), signer="x"), {}),
        "checkpoint", None, "not signed", "if not log.keys.signer(checkpoint)", "if False"),
    "signed by the old key after a rotation": (
        lambda: rotated(7, 20, "a"),
        "checkpoint", None, "not signed", "self.ranges[old][1] = index", "pass"),
    "signed by the new key before its rotation": (
        lambda: older(maker.entries_of(300, {250: maker.key_entry(250, "key.rotate", "a", "b", "a")}
                                       ), signer="b", now="b"),
        "older", None, "not signed", None, None),
    "of another log": (
        lambda: (maker.log_of(maker.entries_of(9)), {"origin": "other.example/audit"}),
        "checkpoint", None, "another log", "signed.origin != origin", "False"),
    "a wrong number": (
        lambda: entries_with(260, maker.admin(261)),
        "tile/entries/001.p/44", 260, "number 261", 'entry["seq"] != index', "False"),
    "a time that goes back": (
        lambda: entries_with(7, maker.admin(7, t=maker.time_at(5))),
        "tile/entries/000", 7, "time goes back",
        'entry["t"] < self.last_time', "False"),
    "another spelling": (
        lambda: entries_with(7, other_spelling(7)),
        "tile/entries/000", 7, "one spelling", "canonical(members) != data", "False"),
    "a member too long": (
        lambda: entries_with(7, maker.admin(7, reason="r" * 1025)),
        "tile/entries/000", 7, "member reason", "or not rule(member[1])", ""),
    "a member too many": (
        lambda: entries_with(7, {**maker.admin(7), "more": 1}),
        "tile/entries/000", 7, "too many", "len(members) != len(rules)", "False"),
    "no start": (
        lambda: entries_with(0, maker.admin(0)),
        "tile/entries/000", 0, "begins with", "elif index == 0:", "elif False:"),
    "a second start": (
        lambda: entries_with(7, maker.start(7)),
        "tile/entries/000", 7, "starts once", "starts != (index == 0) or", ""),
    "a start with an unknown key": (
        lambda: entries_with(0, maker.key_entry(0, "key.start", "", "x", "x")),
        "tile/entries/000", 0, "not in the key list", "elif not self.keys.may_sign(new, 1)",
        "elif False"),
    "a start that its key did not sign": (
        lambda: entries_with(0, maker.key_entry(0, "key.start", "", "a", "x")),
        "tile/entries/000", 0, "not signed", "if not signer.verifies(message",
        "if False and (message"),
    "a rotation that the old key did not sign": (
        lambda: (maker.log_of(maker.entries_of(
            20, {7: maker.key_entry(7, "key.rotate", "a", "b", "b")}), signer="b"), {}),
        "tile/entries/000.p/20", 7, "not signed", "if not signer.verifies(message",
        "if False and (message"),
    "a rotation from another place": (
        lambda: (maker.log_of(maker.entries_of(20, {7: maker.key_entry(
            7, "key.rotate", "a", "b", "a", signed_seq=6)}), signer="b"), {}),
        "tile/entries/000.p/20", 7, "not signed", "if not signer.verifies(message",
        "if False and (message"),
    "a rotation of another log": (
        lambda: (maker.log_of(maker.entries_of(20, {7: maker.key_entry(
            7, "key.rotate", "a", "b", "a", origin="other.example/audit")}), signer="b"), {}),
        "tile/entries/000.p/20", 7, "another log", None, None),
    "a rotation from a key that is not in use": (
        lambda: (maker.log_of(maker.entries_of(
            20, {7: maker.key_entry(7, "key.rotate", "x", "b", "x")}), signer="a"), {}),
        "tile/entries/000.p/20", 7, "not in use", None, None),
    "a fork": (
        lambda: older(maker.entries_of(300, {150: maker.admin(150, outcome="denied")})),
        "older", None, "fork", "root_of(log.leaves[:older.size]) != older.root", "False"),
    "a log that was larger": (
        lambda: older(maker.entries_of(100)),
        "older", None, "larger before", None, None),
    "an older checkpoint of a stranger": (
        lambda: older(maker.entries_of(300), signer="x"),
        "older", None, "not signed", "if not log.keys.signer(older)", "if False"),
    "an older checkpoint of another log": (
        lambda: older(maker.entries_of(300), origin="other.example/audit"),
        "older", None, "another log", None, None),
    "no witness": (
        lambda: witnessed(None, [witness_key()], 1),
        "checkpoint", None, "0 witnesses", "len(seen) < quorum", "False"),
    "another witness": (
        lambda: witnessed("v", [witness_key()], 1),
        "checkpoint", None, "0 witnesses", "len(seen) < quorum", "False"),
    "one witness twice": (
        lambda: witnessed("w", [witness_key(), witness_key()], 2),
        "checkpoint", None, "1 witnesses", "len(seen) < quorum", "False"),
}


def test_good_logs_are_good():
    for size in (1, 2, 255, 256, 257, 300, 600):
        report = check(audit, maker.log_of(maker.entries_of(size)))
        assert report["good"], report["problem"]
        assert report["size"] == size
    assert check(audit, rotated(7, 20, "b")[0])["good"]
    files, how = older(maker.entries_of(300))
    assert check(audit, files, **how)["good"]
    files, how = witnessed("w", [witness_key()], 1)
    assert check(audit, files, **how)["witnesses"] == {witness_key().text: 1795600000}
    step = maker.admin(7, action="clock.step", t=maker.time_at(-9000))
    after = maker.admin(8, t=maker.time_at(-8000))
    assert check(audit, maker.log_of(maker.entries_of(9, {7: step, 8: after})))["good"]
    requests = {7: maker.request(7, scheduled=False), 8: maker.request(8, scheduled=True)}
    assert check(audit, maker.log_of(maker.entries_of(9, requests)))["good"]
    empty = maker.Files({"checkpoint": maker.checkpoint([])})
    assert check(audit, empty)["good"]


@pytest.mark.parametrize("wrong", [
    {"v": 1}, {"class": ""}, {"class": "a b"}, {"pool": "a b"}, {"more": ""}])
def test_only_a_request_that_asked_for_a_seat_has_class_and_pool(wrong):
    entry = {**maker.request(7, scheduled=True), **wrong}
    with pytest.raises(ValueError):
        audit.parse_entry(maker.encode(entry))
    with pytest.raises(ValueError):
        audit.parse_entry(maker.encode({**maker.admin(7), "v": 2}))
    with pytest.raises(ValueError):
        audit.parse_entry(maker.encode({**maker.request(7, scheduled=False), "v": 2}))


@pytest.mark.parametrize("name", BAD)
def test_a_bad_log_is_refused_with_place_and_reason(name):
    make, where, index, reason, _, _ = BAD[name]
    files, how = make()
    problem = check(audit, files, **how)["problem"]
    assert problem, "accepted"
    assert (problem["where"], problem["index"]) == (where, index)
    assert reason in problem["what"]


@pytest.mark.parametrize("name", [name for name, case in BAD.items() if case[4]])
def test_a_verifier_that_skips_the_check_lets_the_bad_log_pass(name):
    make, _, _, _, rule, defect = BAD[name]
    text = SOURCE.read_text()
    assert text.count(rule) >= 1, "the source has changed: name the check again"
    files, how = make()
    report = check(load(text.replace(rule, defect), "defect"), files, **how)
    assert report["good"], report["problem"]


def test_what_has_been_cut_off_is_named():
    for path, index in [("tile/entries/001.p/44", 256), ("tile/0/001.p/44", 256),
                        ("tile/1/000.p/1", 0), ("tile/entries/000", 0)]:
        files, how = damaged(lambda f, path=path: f.pop(path))
        problem = check(audit, files, **how)["problem"]
        assert (problem["where"], problem["index"]) == (path, index)


def test_a_log_that_has_grown_needs_no_partial_files():
    entries = maker.entries_of(600)
    files = maker.log_of(entries)
    files.files["checkpoint"] = maker.checkpoint(entries[:300])
    files.files["tile/1/000.p/1"] = files.files["tile/1/000.p/2"][:32]
    report = check(audit, files)
    assert report["good"], report["problem"]
    assert report["size"] == 300


def test_foreign_and_later_files_are_named_and_not_trusted():
    files, how = damaged(lambda f: f.update({"tile/0/x000/000": b"", "tile/0/002.p/7": b"later"}))
    report = check(audit, files, **how)
    assert report["good"]
    assert (report["unknown"], report["beyond"]) == (["tile/0/x000/000"], ["tile/0/002.p/7"])


@pytest.mark.parametrize("text", [
    "", "text\n", "text\n\n", "o\n1\nAAAA\n\n", "o\n01\n", "\xff",
])
def test_junk_is_no_checkpoint(text):
    assert check(audit, maker.Files({"checkpoint": text.encode("latin-1")}))["problem"]


@pytest.mark.parametrize("data", [
    b"", b"{}", b"[]", b"[[\"v\",1]]", b"null", b"\"kind\"", b"[" * 60000, b'{"v":1,"v":1}',
    b'{"kind":[]}', b"\xff", b'{"v":true}', b'{"v":NaN}',
])
def test_junk_is_no_entry(data):
    with pytest.raises(ValueError):
        audit.parse_entry(data)


@pytest.mark.parametrize("text", ["", "# nothing\n", "key 0 -", maker.verifier_key("a"),
                                  maker.verifier_key("a") + " 5 4",
                                  maker.verifier_key("w", maker.WITNESS, 4) + " 0 -"])
def test_a_key_list_that_cannot_be_used_is_said(text):
    with pytest.raises(audit.Unusable):
        audit.Keys(text)


def test_the_example_of_the_documentation_can_be_recomputed_in_a_shell():
    example = SOURCE.parent / "example"
    assert audit.verify(audit.Folder(example), audit.Keys((example / "keys").read_text()))["good"]
    text = (SOURCE.parents[2] / "docs/audit.md").read_text()
    script, printed = re.search(r"```sh\n(.*?)```.*?```text\n(.*?)```", text, re.S).groups()
    done = subprocess.run(["bash", "-c", script], cwd=example, capture_output=True, text=True,
                          timeout=30, check=True)
    assert done.stdout == printed


# --- a large log, written by the C++ -------------------------------------------------------------

@pytest.fixture(scope="session", name="made")
def make_logs(tmp_path_factory):
    if not MAKER.exists():
        pytest.skip(f"{MAKER} is not built")
    folder = tmp_path_factory.mktemp("audit")
    subprocess.run([MAKER, folder, str(SIZE)], check=True, timeout=120)
    return folder


def test_the_bytes_of_the_example_are_what_the_program_writes(made):
    wanted = SOURCE.parent / "example"
    files = sorted(p.relative_to(wanted) for p in wanted.rglob("*") if p.is_file())
    assert len(files) == 4
    for path in files:
        assert (made / "example" / path).read_bytes() == (wanted / path).read_bytes(), path


# --- the first verifier, over the same bytes ------------------------------------------------------

def judge(*words):
    if not JUDGE.exists():
        pytest.skip(f"{JUDGE} is not built")
    done = subprocess.run([JUDGE, *words], capture_output=True, text=True, timeout=300, check=True)
    return done.stdout.splitlines()


def write_log(folder, files):
    for path, data in files.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


# What the first verifier is not asked, because it opens files by their names only.
NEEDS_A_LISTING = ("an old partial tile that differs", "an old partial bundle that differs")


@pytest.mark.parametrize("name", BAD)
def test_both_verifiers_find_the_same_fault(name, tmp_path):
    make, where, index, _, _, _ = BAD[name]
    files, how = make()
    write_log(tmp_path / "log", files)
    (tmp_path / "keys").write_text(maker.verifier_key("a") + " 0 -\n")
    words = [tmp_path / "log", tmp_path / "keys", how.get("origin", maker.ORIGIN)]
    for _, data in how.get("older", []):
        (tmp_path / "older").write_bytes(data)
        words.append(tmp_path / "older")
    for key in how.get("witnesses", []):
        words.append(key.text)
    wanted = f"bad {where} {'-' if index is None else index}".replace("older", "older checkpoint 1")
    assert judge("log", *words) == ["good" if name in NEEDS_A_LISTING else wanted]


def mutated(pick, data):
    """One to three small changes that keep most of the form."""
    pieces = [b'"', b"\\", b"\\n", b"\\u0001", b"\\u001F", b"\n", b" ", b"0", b"1", b"9" * 17, b"-",
              b".", b",", b":", b"{", b"}", b"[", b"null", b"a", b"Z", b"\xc3\xa9", b"\xff", b"\0",
              b"\x7f", b"\xe2\x80\x94 ", b"+", b"=", b"\xc2\xa0", b"\r", b"#", b"\t",
              b"\xed\xa0\x80", b"\x1c"]
    data = bytearray(data)
    for _ in range(pick.choice([1, 1, 1, 2, 3])):
        at = pick.randrange(len(data))
        end = at + pick.choice([0, 1, 1, 2, 5])
        data[at:end] = pick.choice([b"", bytes([pick.choice(b"09afAZz.")]), pick.choice(pieces)])
    return bytes(data)


def accepts(function, *arguments):
    try:
        function(*arguments)
        return "1"
    except (ValueError, audit.Unusable):
        return "0"


def verdicts(data):
    """The same five questions that the other program answers about these bytes."""
    return "".join([
        accepts(audit.Checkpoint, data),
        accepts(lambda: audit.Key(data.decode())),
        accepts(lambda: audit.Keys(data.decode())),
        accepts(lambda: audit.Checkpoint(audit.parse_proof(data)[2])),
        accepts(audit.parse_entry, data)])


def test_both_verifiers_accept_the_same_bytes(made):
    seeds = [p.read_bytes() for p in sorted((made / "export").iterdir())]
    seeds += [(made / name).read_bytes() for name in ("older", "keys", "log/checkpoint")]
    seeds += [maker.encode(maker.request(5, scheduled=True)),
              maker.encode(maker.admin(5, reason="a \"b\"\n\u00e9")),
              maker.verifier_key("a").encode()]
    requests = [data for data in seeds if b'"kind":"request"' in data and data.endswith(b"}")]
    seeds += [data[:-1] + b',"mirror":"lab@10.0.0.9:8000"}' for data in requests[:5]]
    pick = random.Random(3)
    cases = seeds + [mutated(pick, pick.choice(seeds)) for _ in range(10_000)]
    with open(made / "stream", "wb") as stream:
        for data in cases:
            stream.write(len(data).to_bytes(4, "big") + data)
    theirs = judge("stream", made / "stream")
    assert len(theirs) == len(cases)
    accepted = [0] * 5
    for data, verdict in zip(cases, theirs):
        assert verdict == verdicts(data), data
        accepted = [count + int(mark) for count, mark in zip(accepted, verdict)]
    assert min(accepted) > 20, "the cases are too wild to say anything"


def run(made, *words):
    done = subprocess.run([sys.executable, SOURCE, *words], capture_output=True, text=True,
                          timeout=300, check=False, cwd=made)
    return done.returncode, done.stdout + done.stderr


def test_the_command_says_good_bad_or_unusable(made):
    witness = (made / "witness").read_text().strip()
    code, text = run(made, "log", "--keys", "keys", "--older-checkpoint", "older", "--witness",
                     witness)
    assert code == 0 and text.startswith("GOOD"), text
    code, text = run(made, "log", "--keys", "keys", "--json")
    report = json.loads(text)
    assert code == 0 and report["good"] and report["size"] == SIZE
    assert report["entries"] == {"request": 8998, "admin": 1000, "key": 2}
    code, text = run(made, "fork", "--keys", "keys", "--older-checkpoint", "older")
    assert code == 1 and "BAD" in text and "fork" in text
    assert run(made, "log", "--keys", "missing")[0] == 2
    assert run(made, "nowhere", "--keys", "keys")[0] == 2
    assert run(made, "log", "--keys", "keys", "--witness", "x")[0] == 2


def test_exported_entries_are_proven_one_by_one(made, tmp_path):
    witness = (made / "witness").read_text().strip()
    code, text = run(made, "export", "--export", "--keys", "export.keys", "--witness", witness)
    assert code == 0 and "4 entries are in the log" in text, text
    keys = audit.Keys((made / "export.keys").read_text())
    pairs = [(p, p.with_suffix(".proof")) for p in (made / "export").glob("*.entry")]
    for entry, proof in pairs:
        good = entry.read_bytes(), proof.read_bytes()
        audit.verify_pair(*good, keys)
        for which in (0, 1):
            for at in range(len(good[which])):
                changed = [bytearray(part) for part in good]
                changed[which][at] ^= 1 << at % 8
                with pytest.raises(ValueError):
                    audit.verify_pair(bytes(changed[0]), bytes(changed[1]), keys,
                                      witnesses=[audit.Key(witness)], quorum=1)
        swapped = next(other for _, other in pairs if other != proof).read_bytes()
        with pytest.raises(ValueError):
            audit.verify_pair(good[0], swapped, keys)
    with pytest.raises(ValueError):
        audit.verify_pair(*good, first_key(audit))
    assert run(tmp_path, tmp_path, "--export", "--keys", made / "export.keys")[0] == 1
    (tmp_path / "5.entry").write_bytes(good[0])
    (tmp_path / "5.proof").write_bytes(good[1])
    assert "it is entry" in run(tmp_path, tmp_path, "--export", "--keys", made / "export.keys")[1]


@pytest.fixture(scope="session", name="large")
def read_large(made):
    """The log as the verifier has it after its walk."""
    keys = audit.Keys((made / "keys").read_text())
    folder = audit.Folder(made / "log")
    log = audit.Log(folder, maker.ORIGIN, SIZE, keys)
    log.read()
    return log


def refused(call, *arguments):
    try:
        call(*arguments)
        return False
    except audit.Problem:
        return True


def each_bundle(log):
    for begin in range(0, SIZE, audit.TILE):
        width = min(audit.TILE, SIZE - begin)
        _, tile = log.read_tile(0, begin // audit.TILE, width)
        path, entries = log.read_tile(None, begin // audit.TILE, width)
        yield begin, path, tile, entries


def test_every_byte_of_every_leaf_tile_counts(large):
    passed = made = 0
    for begin, path, tile, entries in each_bundle(large):
        for at in range(len(tile)):
            entry = at // audit.HASH
            piece = bytearray(tile[entry * audit.HASH:(entry + 1) * audit.HASH])
            piece[at % audit.HASH] ^= 1 << at % 8
            made += 1
            passed += not refused(large.take, path, begin + entry, entries[entry], bytes(piece))
    assert (made, passed) == (SIZE * audit.HASH, 0)


def test_every_byte_of_the_upper_tiles_counts(large):
    hashes = large.hashes_at(1)
    path, tile = large.read_tile(1, 0, len(hashes))
    for at in range(len(tile)):
        for bit in range(8):
            changed = bytearray(tile)
            changed[at] ^= 1 << bit
            assert refused(large.compare, path, 1, 0, hashes, bytes(changed))


def test_every_byte_of_the_checkpoint_counts(large, made):
    data = (made / "log/checkpoint").read_bytes()
    witness = [audit.Key((made / "witness").read_text().strip())]
    root = audit.root_of(large.leaves)

    def accept(changed):
        signed = audit.parse_checkpoint("checkpoint", changed)
        audit.check_signed(large, root, signed, witness, 1)

    accept(data)
    for at in range(len(data)):
        for change in (1, 2, 4, 8, 16, 32, 64, 128, 255):
            changed = bytearray(data)
            changed[at] ^= change
            assert refused(accept, bytes(changed)), (at, change)


def test_every_length_in_a_bundle_counts(large):
    for begin, path, tile, entries in each_bundle(large):
        bundle = bytearray(b"".join(len(e).to_bytes(2, "big") + e for e in entries))
        at = 0
        for i, entry in enumerate(entries):
            wanted = tile[i * audit.HASH:(i + 1) * audit.HASH]
            for byte in (at, at + 1):
                bundle[byte] ^= 1 << byte % 8

                def read(i=i, bundle=bundle, wanted=wanted):
                    read = large.entries_of(path, bytes(bundle), len(entries), begin, False)
                    large.take(path, begin + i, read[i], wanted)

                assert refused(read), (path, i)
                bundle[byte] ^= 1 << byte % 8
            at += 2 + len(entry)


def test_bytes_of_entries_count_in_a_sample(large):
    """Each byte of every 50th entry: about 150,000 changes."""
    pick = random.Random(20261125)
    passed = made = 0
    for begin, path, tile, entries in each_bundle(large):
        for i in range(begin % 50, len(entries), 50):
            wanted = tile[i * audit.HASH:(i + 1) * audit.HASH]
            for at in range(len(entries[i])):
                changed = bytearray(entries[i])
                changed[at] ^= pick.randrange(1, 256)
                made += 1
                passed += not refused(large.take, path, begin + i, bytes(changed), wanted)
    assert made > 100_000 and passed == 0


def test_a_sample_goes_through_the_whole_verifier(made):
    pick = random.Random(7)
    files = maker.Files({str(p.relative_to(made / "log")): p.read_bytes()
                         for p in (made / "log").rglob("*") if p.is_file()})
    witness = [audit.Key((made / "witness").read_text().strip())]
    for path in pick.sample(sorted(files.files), 6) + ["checkpoint"]:
        data = files.files[path]
        changed = bytearray(data)
        changed[pick.randrange(len(data))] ^= pick.randrange(1, 256)
        files.files[path] = bytes(changed)
        report = audit.verify(files, audit.Keys((made / "keys").read_text()), witnesses=witness,
                              quorum=1)
        assert not report["good"], path
        files.files[path] = data
