"""What is shipped: types that hold, files that are made from the document as it is, packages that are whole."""

import os
import pathlib
import subprocess
import sys
import tarfile
import zipfile

import pytest

FOLDER = pathlib.Path(__file__).resolve().parents[1]


def run(*command, cwd=FOLDER):
    done = subprocess.run(command, cwd=cwd, timeout=180, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONWARNINGS": "ignore"})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_is_made_from_the_document_is_up_to_date():
    run(sys.executable, "generate.py", "--check")


def test_a_stale_file_is_noticed(tmp_path):
    """The check itself: an operation that the document does not have any more."""
    copy = tmp_path / "sdk" / "python"
    (copy / "src/sovmesh/admin").mkdir(parents=True)
    (tmp_path / "api").mkdir()
    for name in ("generate.py", "src/sovmesh/admin/_models.py", "src/sovmesh/admin/_operations.py"):
        (copy / name).write_text((FOLDER / name).read_text())
    document = (FOLDER.parents[1] / "api/openapi.yaml").read_text()
    (tmp_path / "api/openapi.yaml").write_text(document.replace("operationId: getTenant", "operationId: seeTenant"))
    done = subprocess.run([sys.executable, "-W", "ignore", "generate.py", "--check"], cwd=copy, timeout=120,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "_operations.py: not as api/openapi.yaml has it now" in done.stderr


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """mypy's, so that it reads the SDK below us once."""
    return str(tmp_path_factory.mktemp("mypy"))


def test_the_types_hold(cache):
    run(sys.executable, "-m", "mypy", "--cache-dir", cache)


def test_types_are_told_to_callers(tmp_path, cache):
    """What a caller's type checker sees: it refuses what is wrong, and nothing else."""
    (tmp_path / "right.py").write_text(
        "import openai\nimport sovmesh\nfrom sovmesh.admin import Admin\n"
        "client: openai.OpenAI = sovmesh.Mesh()\n"
        "headers: dict[str, str] = sovmesh.options(priority='batch')\n"
        "slug: str = Admin().create_tenant({'slug': 'a'})['slug']\n"
        "action: str = Admin().create_tenant({'slug': 'a'}, dry_run=True)['action']\n")
    (tmp_path / "wrong.py").write_text(
        "import sovmesh\nfrom sovmesh.admin import Admin\n"
        "sovmesh.options(priority='urgent')\n"
        "sovmesh.options(colour='red')\n"
        "Admin().create_tenant({'colour': 'red'})\n"
        "Admin().create_tenant({'slug': 'a'})['action']\n")
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, "right.py", "wrong.py"],
                          cwd=tmp_path, timeout=180, capture_output=True, text=True, check=False,
                          env={**os.environ, "MYPYPATH": str(FOLDER / "src")})
    bad = {":".join(line.split(":")[:2]) for line in done.stdout.splitlines() if ": error: " in line}
    assert bad == {f"wrong.py:{line}" for line in (3, 4, 5, 6)}, done.stdout


def test_wheel_and_sdist(tmp_path):
    run(sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path))
    wheel, = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {str(path.relative_to(FOLDER / "src")) for path in (FOLDER / "src").rglob("*")
               if path.suffix == ".py" or path.name == "py.typed"}
    assert sources <= names and "sovmesh/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"sovmesh", "sovmesh-0.1.0.dist-info"}
    metadata = zipfile.ZipFile(wheel).read("sovmesh-0.1.0.dist-info/METADATA").decode()
    assert "Private :: Do Not Upload" in metadata and "Requires-Dist: openai<4,>=3.54" in metadata
    sdist, = tmp_path.glob("*.tar.gz")
    assert any(name.endswith("src/sovmesh/_retry.py") for name in tarfile.open(sdist).getnames())
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    target = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(target)
    code = "import sovmesh, sovmesh.admin; print(sovmesh.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=60, capture_output=True, text=True,
                          check=True, env={**env, "PYTHONPATH": str(target)})
    assert str(target) in done.stdout
