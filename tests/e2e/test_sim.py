"""`sovmesh sim`: the same figures again, comparisons, broken traces, and a ledger played again."""

import csv
import hashlib
import io
import subprocess

import pytest

import mesh as support
from mesh import SIM


def sim(*words, code=0):
    done = subprocess.run([support.BINARY, "sim", *map(str, words)], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == code, done.stdout + done.stderr
    return done


MADE = ["--generate", "shared-prefix", "--scale", "6", "--seconds", "20", "--endpoints", "2"]


def test_a_run_says_what_happened_and_says_it_again():
    first = sim("run", *MADE, "--seed", 3)
    assert "SLO goodput" in first.stdout and "bound 2(U+Q)" in first.stdout
    assert "decisions a second" in first.stderr
    assert sim("run", *MADE, "--seed", 3, "--quiet").stdout == first.stdout
    assert sim("run", *MADE, "--seed", 4, "--quiet").stdout != first.stdout
    rows = list(csv.DictReader(io.StringIO(sim("run", *MADE, "--csv", "--quiet").stdout)))
    assert len(rows) == 8 and all(float(row["goodput"]) > 0 for row in rows)


def test_a_comparison_writes_a_table_lines_and_a_page(tmp_path):
    lines, page = tmp_path / "runs.csv", tmp_path / "report.html"
    done = sim("compare", "--generate", "multi-turn", "--scale", "0.5,1", "--seconds", 20,
               "--endpoints", 2, "--policies", "ours,round-robin,lmetric", "--seeds", 2,
               "--csv", lines, "--html", page)
    assert "ours against the best other policy" in done.stdout
    rows = list(csv.DictReader(lines.open(newline="")))
    assert [(row["load"], row["policy"], row["seed"]) for row in rows] == [
        (load, policy, seed) for load in ("multi-turn 0.5/s", "multi-turn 1/s")
        for policy in ("ours", "round-robin", "lmetric") for seed in "12"]
    text = page.read_text()
    assert text.count("<svg") == 6 and "http" not in text
    alone = tmp_path / "alone.csv"
    sim("compare", "--generate", "multi-turn", "--scale", "0.5,1", "--seconds", 20, "--endpoints", 2,
        "--policies", "ours,round-robin,lmetric", "--seeds", 2, "--csv", alone, "--jobs", 1)
    assert alone.read_bytes() == lines.read_bytes()


def test_a_trace_is_read_and_a_broken_one_is_told_by_its_line(tmp_path):
    trace = tmp_path / "trace.csv"
    head = "arrived_at,num_prefill_tokens,num_decode_tokens\n"
    trace.write_text(head + "".join(f"{i * 0.1},{200 + i},20\n" for i in range(50)))
    assert "requests              100 in" in sim("run", "--trace", trace, "--scale", 2, "--quiet").stdout
    trace.write_text(head + "0,100,1\n1,many,1\n")
    assert "trace.csv:3: want whole numbers" in sim("run", "--trace", trace, code=2).stderr
    assert "cannot read" in sim("run", "--trace", tmp_path / "none", code=2).stderr
    assert "want one of --trace" in sim("run", code=2).stderr
    assert 'did you mean "lmetric"' in sim("run", *MADE, "--policy", "lmetrix", code=2).stderr
    assert "no endpoint 9" in sim("run", *MADE, "--fault", "crash:9:1:1", code=2).stderr
    assert "want a weight above 0" in sim("run", *MADE, "--share", "a=0", code=2).stderr


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    mesh = support.Mesh(tmp_path_factory.mktemp("sim"), managed=False)
    yield mesh
    mesh.sim.stop()


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.iterdir() if path.is_file() and path.suffix == ".db"}


def test_a_ledger_is_played_again_with_other_shares(gateway):
    for tenant in ("aurora", "borealis"):
        for _ in range(4):
            body = {"model": SIM, "messages": [{"role": "user", "content": "again?"}]}
            answer = gateway.exchange(gateway.request(body, tenant, "Connection: close\r\n"))
            assert answer.startswith(b"HTTP/1.1 200 ")
    folder = gateway.data
    gateway.server.stop()
    before = digests(folder)
    table = sim("replay", "--data-dir", folder, "--endpoints", 1, "--share", "aurora=3").stdout
    assert "aurora" in table and "borealis" in table and "all: 8 requests" in table
    rows = list(csv.DictReader(io.StringIO(
        sim("replay", "--data-dir", folder, "--csv", "--size", "aurora=350000", "--size",
            "borealis=10000").stdout)))
    assert [(row["tenant"], row["shares"], row["requests"]) for row in rows] == [
        ("aurora", "equal", "4"), ("borealis", "equal", "4"),
        ("aurora", "as asked", "4"), ("borealis", "as asked", "4")]
    assert "typing error" in sim("replay", "--data-dir", folder, "--share", "auror=2", code=2).stderr
    assert "no settled requests" in sim("replay", "--data-dir", folder, "--until", "2020-01-01",
                                        code=2).stderr
    assert digests(folder) == before  # only read
    sim("replay", "--data-dir", folder / "none", code=5)
