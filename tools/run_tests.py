#!/usr/bin/env python3
"""Runs ctest in one or more build folders and prints one summary at the end.

  run_tests.py dev asan:unit,contract,flow,fuzz     presets, each with an optional list of labels

Cases are counted one by one (GoogleTest and pytest leave XML in build/<preset>/results). A skip of a
test listed in tests/required.txt is a failure when CI=true or SM_REQUIRE_ALL=1.
"""
import argparse
import dataclasses
import fnmatch
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLOSING = re.compile(r"\d+% tests passed, \d+ tests failed out of \d+|No tests were found")


@dataclasses.dataclass
class Case:
    preset: str
    name: str     # "rt_test/TimerWheel.FiresInOrder", or the ctest entry alone
    outcome: str  # passed | failed | skipped
    reason: str = ""


def read_program(preset, entry, path):
    """The cases in one GoogleTest or pytest result file."""
    cases = []
    for case in xml.parse(path).getroot().iter("testcase"):
        if case.get("status") == "notrun":  # filtered out or DISABLED_
            continue
        name = f"{entry}/{case.get('classname')}.{case.get('name')}"
        skipped = case.find("skipped")
        failure = case.find("failure")
        failure = case.find("error") if failure is None else failure
        if failure is not None:
            cases.append(Case(preset, name, "failed", (failure.get("message") or "").split("\n")[0]))
        elif skipped is not None:
            lines = (skipped.get("message") or skipped.text or "").strip().split("\n")
            cases.append(Case(preset, name, "skipped", lines[-1] or "no reason given"))
        else:
            cases.append(Case(preset, name, "passed"))
    return cases


def read_cases(preset, junit, results):
    """Every case of one ctest run."""
    cases = []
    for entry in xml.parse(junit).getroot().iter("testcase"):
        name, status = entry.get("name"), entry.get("status")
        path = results / f"{name}.xml"
        inner = []
        if path.exists():
            try:
                inner = read_program(preset, name, path)
            except xml.ParseError:
                pass  # the program died while writing it
        cases += inner
        if status == "run":
            if not inner:
                cases.append(Case(preset, name, "passed"))
        elif status == "fail":
            # Also when all cases passed: a leak report, a crash at exit, a timeout.
            if not any(case.outcome == "failed" for case in inner):
                reason = "failed outside its cases" if inner else ""
                cases.append(Case(preset, name, "failed", reason))
        else:
            skipped = entry.find("skipped")
            reason = skipped.get("message", "") if skipped is not None else ""
            if status == "disabled" or reason.startswith("SKIP_"):  # the program said so itself
                said = re.search(r"SKIPPED:? *(.*)", entry.findtext("system-out") or "")
                cases.append(Case(preset, name, "skipped", said[1] if said else status))
            else:  # a program that was not built must not pass for one that chose not to run
                cases.append(Case(preset, name, "failed", reason or f"not run ({status})"))
    return cases


def read_required(path):
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def broken_requirements(cases, required, strict):
    if not strict:
        return []
    broken = []
    for pattern in required:
        hits = [case for case in cases if fnmatch.fnmatchcase(case.name, pattern)
                or case.name.split("/")[0] == pattern]
        if not hits:
            broken.append(f"{pattern}: required, but it did not run")
        broken += [f"{case.name}: required, but skipped: {case.reason}"
                   for case in hits if case.outcome == "skipped"]
    return broken


def run_ctest(preset, labels, jobs, extra):
    """Streams ctest's own progress; returns (cases, closing lines, exit code)."""
    folder = ROOT / "build" / preset
    results, junit = folder / "results", folder / "ctest-junit.xml"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    junit.unlink(missing_ok=True)
    command = ["ctest", "--test-dir", str(folder), "--output-on-failure", "-j", str(jobs),
               "--output-junit", str(junit), "--no-tests=error", *extra]
    if labels:
        command += ["-L", "^(" + "|".join(labels) + ")$"]
    print(f"== {preset}: {', '.join(labels) if labels else 'everything'}", flush=True)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace")
    closing, tail = [], False
    for line in process.stdout:
        if CLOSING.search(line):
            closing.append(f"{preset}: {line.strip()}")
            tail = True  # what follows repeats what the summary says
        if not tail and not re.match(r"Internal ctest changing|Test project|\s+Start +\d|Looked in|\s*$|/?\S+_test$", line):
            sys.stdout.write(line)
            sys.stdout.flush()
    code = process.wait()
    cases = read_cases(preset, junit, results) if junit.exists() else []
    if not cases:
        cases = [Case(preset, "ctest", "failed", f"no test ran (exit {code})")]
    return cases, closing, code


def summarise(cases, closing, broken, seconds):
    failed = [case for case in cases if case.outcome == "failed"]
    skipped = [case for case in cases if case.outcome == "skipped"]
    print(f"\n== summary ({seconds:.0f} s)")
    for case in skipped:
        print(f"skipped  {case.preset}  {case.name}: {case.reason}")
    for case in failed:
        print(f"FAILED   {case.preset}  {case.name}  {case.reason}".rstrip())
    for text in broken:
        print(f"FAILED   {text}")
    for line in closing:
        print(line)
    passed = sum(case.outcome == "passed" for case in cases)
    print(f"{passed} passed, {len(failed) + len(broken)} failed, {len(skipped)} skipped", flush=True)
    return 1 if failed or broken else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="PRESET[:LABEL,...]")
    parser.add_argument("-j", "--jobs", type=int, default=min(os.cpu_count() or 2, 4))
    parser.add_argument("--partial", action="store_true", help="do not ask for every required test")
    parser.add_argument("-E", "--exclude-label", default="long", help="labels left out (default: long)")
    args = parser.parse_args()

    strict = os.environ.get("CI") == "true" or os.environ.get("SM_REQUIRE_ALL") == "1"
    started, cases, closing, codes = time.monotonic(), [], [], 0
    for run in args.runs:
        preset, _, labels = run.partition(":")
        extra = ["-LE", f"^({args.exclude_label})$"] if args.exclude_label else []
        more, lines, code = run_ctest(preset, [label for label in labels.split(",") if label], args.jobs, extra)
        cases += more
        closing += lines
        codes |= code
    required = [] if args.partial else read_required(ROOT / "tests" / "required.txt")
    broken = broken_requirements(cases, required, strict)
    return summarise(cases, closing, broken, time.monotonic() - started) or (1 if codes else 0)


if __name__ == "__main__":
    sys.exit(main())
