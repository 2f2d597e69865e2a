"""schemathesis, with all of its checks, against the real server: SM_CASES generated requests to each
operation, SM_CASES_SEED for others than the usual ones. SM_CASES_PHASES adds `coverage` (each bound and
member of each schema) and `stateful` (sequences)."""

import json
import os
import pathlib
import re
import subprocess
import sys

import document
from world import World

FOLDER = pathlib.Path(__file__).parent
CASES = os.environ.get("SM_CASES", "5")
SEED = os.environ.get("SM_CASES_SEED", "1")
PHASES = os.environ.get("SM_CASES_PHASES", "fuzzing")
CASES_MIN = int(os.environ.get("SM_CASES_MIN", "300"))


def test_generated_requests_are_answered_as_described(tmp_path):
    world = World(tmp_path)
    try:
        report = run(world, write_config(tmp_path, known_names(world)))
    finally:
        world.stop()
    print(report[report.rfind("API Operations:"):])
    counted = re.search(r"(\d+) generated", report)
    assert counted and int(counted[1]) >= CASES_MIN, report[-2000:]
    assert '"level":"error"' not in world.server.log.read_text(errors="replace")


def known_names(world):
    """Of each path parameter's things, some: of generated names none would be there."""
    api = world
    request = api.ask()
    api.post("tenants", {"slug": "boreal"}, status=201)
    project = api.post("projects", {"tenant": "boreal", "slug": "web"}, status=201)
    key = api.post("keys", {"tenant": "boreal", "owner": "ann"}, status=201)
    spare = api.post("keys", {"tenant": "boreal", "project": "web"}, status=201)
    api.post("engines", {"name": "extra", "url": f"http://{api.sim.address}/v1"}, status=201)
    api.post("models", {"name": "made", "engine": "extra"}, status=201)
    api.post("models", {"name": "other", "engine": "extra"}, status=201)
    versions = [{"model": "made", "weight": 1}, {"model": "other", "stage": "canary"}]
    api.post("routes", {"name": "both", "versions": versions}, status=201)
    api.post("rollouts", {"route": "both", "candidate": "other"}, status=201)
    api.post("limits", {"tenant": "boreal", "name": "cap", "measure": "requests", "window": "day",
                        "amount": 5}, status=201)
    price = api.get("prices")["data"][0]["id"]
    return {"tenant": ["aurora", "boreal"], "project": [project["id"]], "key": [key["id"], spare["id"]],
            "engine": ["near", "extra"], "model": ["small-v1", "made", "other"],
            "route": ["small", "both"], "limit": ["cap"], "price": [price], "pool": ["gpu"],
            "month": ["2026-11", "2030-01"], "request": [request], "entry": ["0", "1", request]}


def write_config(folder, names):
    text = (FOLDER / "schemathesis.toml").read_text().replace("FOLDER", str(FOLDER))
    text += "\n[dictionaries]\n" + "".join(
        f"{name}.values = {json.dumps(values)}\n" for name, values in names.items())
    text += "\n[parameters]\n" + "".join(
        f'"path.{name}" = {{ dictionary = "{name}", probability = 0.6 }}\n' for name in names)
    config = folder / "schemathesis.toml"
    config.write_text(text)
    return config


def run(world, config):
    done = subprocess.run(
        [pathlib.Path(sys.executable).parent / "st", "--config-file", config, "run", document.PLACE,
         "--url", f"http://{world.admin}", "--header", f"Authorization: Bearer {world.token}",
         "--seed", SEED, "--max-examples", CASES, "--phases", PHASES, "--continue-on-failure",
         "--no-color"], cwd=config.parent, capture_output=True, text=True, check=False)
    report = done.stdout + done.stderr
    # Bodies of a megabyte help nobody.
    assert done.returncode == 0, "\n".join(line[:400] for line in report.splitlines())[-20000:]
    return report
