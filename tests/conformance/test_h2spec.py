"""The public HTTP/2 conformance suite (h2spec, strict) against the running binary."""

import pathlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import mesh as support  # noqa: E402

H2SPEC = support.DEPS / "bin/h2spec"
CASES_MIN = 146
SECONDS_MAX = 100

# docs/verification.md argues each.
MISSES_IN_CLEAR = {"3.5. Sends invalid connection preface"}
MISSES_OVER_TLS = set()


def run_suite(mesh, folder, *options):
    host, port = mesh.address
    report = folder / "h2spec.xml"
    output = subprocess.run(
        [H2SPEC, "-h", host, "-p", str(port), "--strict", "--timeout", "1", "-j", report, *options],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_MAX, check=False)
    assert report.exists(), output.stderr
    cases = xml.etree.ElementTree.parse(report).getroot().iter("testcase")
    results = {}
    for case in cases:
        number = case.get("package").rsplit("/", 1)[1]
        name = f"{number}. {case.get('classname')}"
        results[name] = case.find("failure") is None and case.find("error") is None
    return results, output.stdout.decode(errors="replace")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-keyout", folder / "key.pem", "-out", folder / "chain.pem", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        capture_output=True, check=True)
    return folder


@pytest.mark.parametrize("tls", [False, True], ids=["clear", "tls"])
def test_strict_suite(tls, tmp_path, request):
    if not H2SPEC.exists():
        pytest.skip(f"{H2SPEC} is not there (scripts/setup --tests)")
    server, options, misses = "", [], MISSES_IN_CLEAR
    if tls:
        files = request.getfixturevalue("certificate")
        server = f"  tls:\n    certificate: {files}/chain.pem\n    key: {files}/key.pem"
        options, misses = ["-t", "-k"], MISSES_OVER_TLS
    mesh = support.Mesh(tmp_path, managed=False, server=server)
    try:
        results, text = run_suite(mesh, tmp_path, *options)
    finally:
        mesh.stop()
    failed = {name for name, passed in results.items() if not passed}
    print(f"h2spec {'tls' if tls else 'clear'}: {len(results) - len(failed)}/{len(results)}")
    assert len(results) >= CASES_MIN
    assert failed <= misses, text[text.rfind("Failures:"):]
