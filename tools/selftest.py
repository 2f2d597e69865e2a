#!/usr/bin/env python3
"""A check that never finds anything may be broken: each one here must catch a planted defect."""
import os
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import check_layers  # noqa: E402
import run_tests  # noqa: E402
import tidy  # noqa: E402


def tree(files):
    root = tempfile.TemporaryDirectory()
    for name, text in files.items():
        path = pathlib.Path(root.name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


class Layers(unittest.TestCase):
    def found(self, name, text):
        with tree({name: text}) as root:
            return check_layers.check_tree(pathlib.Path(root))

    def test_accepts_an_allowed_include(self):
        self.assertEqual(self.found("src/limits/a.h", '#include "base/result.h"\n'), [])
        self.assertEqual(self.found("src/limits/a_test.cpp", '#include "tests/support/x.h"\n'), [])

    def test_finds_a_rule_that_looks_at_machinery(self):
        self.assertIn("limits must not include rt", self.found("src/limits/a.h", '#include "rt/loop.h"\n')[0])

    def test_finds_a_service_that_includes_an_adapter(self):
        bad = self.found("src/gateway/a.cpp", '#include "store_sqlite/store.h"\n')
        self.assertIn("gateway must not include store_sqlite", bad[0])

    def test_finds_an_app_that_skips_compose(self):
        self.assertIn("apps must not include rt", self.found("apps/sovmesh/main.cpp", '#include "rt/loop.h"\n')[0])

    def test_finds_a_library_outside_its_module(self):
        self.assertIn("only store_sqlite", self.found("src/gateway/a.cpp", "#include <sqlite3.h>\n")[0])

    def test_finds_an_unknown_module(self):
        self.assertIn("not in a module", self.found("src/misc/a.cpp", "")[0])


class Tidy(unittest.TestCase):
    def found(self, text, name="src/rt/a.cpp"):
        with tree({name: text}) as root:
            return tidy.check_tree(pathlib.Path(root))

    def test_accepts_plain_code(self):
        self.assertEqual(self.found("int answer() { return 42; }\n"), [])

    def test_finds_each_banned_thing(self):
        for defect in ("std::mutex m;", "auto t = std::chrono::steady_clock::now();", "std::regex r;",
                       "using namespace std;", "int x;  // FIXME", "t.detach();", "int y; ", "x" * 101,
                       "std::this_thread::sleep_for(d);"):
            self.assertEqual(len(self.found(defect + "\n")), 1, defect)

    def test_allows_the_one_place(self):
        self.assertEqual(self.found("auto t = std::chrono::steady_clock::now();\n", "src/rt/real_clock.cpp"), [])
        self.assertEqual(self.found("#pragma once\nstd::mutex m;\n", "src/base/guarded.h"), [])

    def test_finds_a_long_function_and_a_long_file(self):
        self.assertIn("function of 71", self.found("int f() {\n" + "  g();\n" * 71 + "}\n")[0])
        self.assertEqual(self.found("// Long because it is a table.\nint f() {\n" + "  g();\n" * 71 + "}\n"), [])
        self.assertIn("split it", self.found("int x;\n" * 801)[0])

    def test_finds_a_header_without_pragma_once(self):
        self.assertIn("#pragma once", self.found("int x;\n", "src/rt/a.h")[0])


GTEST = """<testsuites><testsuite name="S">
<testcase name="Good" classname="S" status="run" result="completed"/>
<testcase name="Bad" classname="S" status="run" result="completed"><failure message="1 != 2"/></testcase>
<testcase name="Off" classname="S" status="run" result="skipped"><skipped message="no engine"/></testcase>
</testsuite></testsuites>"""
CTEST = '<testsuite><testcase name="s_test" status="{}"/></testsuite>'


class Runner(unittest.TestCase):
    def cases(self, junit, results=None):
        with tree({"junit.xml": junit, "results/keep": "", **(results or {})}) as root:
            return run_tests.read_cases("dev", pathlib.Path(root, "junit.xml"), pathlib.Path(root, "results"))

    def outcomes(self, *args):
        return {case.name: case.outcome for case in self.cases(*args)}

    def test_reads_every_case_of_a_program(self):
        self.assertEqual(self.outcomes(CTEST.format("fail"), {"results/s_test.xml": GTEST}),
                         {"s_test/S.Good": "passed", "s_test/S.Bad": "failed", "s_test/S.Off": "skipped"})

    def test_a_program_that_dies_after_its_cases_passed_has_failed(self):
        good = "<testsuite><testcase name='A' classname='S' result='completed'/></testsuite>"
        self.assertEqual(self.outcomes(CTEST.format("fail"), {"results/s_test.xml": good}),
                         {"s_test/S.A": "passed", "s_test": "failed"})

    def test_a_program_without_results_counts_once(self):
        self.assertEqual(self.outcomes(CTEST.format("run")), {"s_test": "passed"})
        self.assertEqual(self.outcomes(CTEST.format("fail")), {"s_test": "failed"})

    def test_a_program_that_was_not_built_has_failed_and_one_that_says_so_is_skipped(self):
        junit = """<testsuite><testcase name="gone" status="notrun"><skipped message="Unable to find executable"/></testcase>
          <testcase name="off" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/>
            <system-out>SKIPPED: no engine</system-out></testcase></testsuite>"""
        self.assertEqual(self.outcomes(junit), {"gone": "failed", "off": "skipped"})
        self.assertEqual(self.cases(junit)[1].reason, "no engine")

    def test_a_skip_of_a_required_case_fails_only_when_strict(self):
        cases = self.cases(CTEST.format("run"), {"results/s_test.xml": GTEST})
        required = ["s_test/S.Off"]
        self.assertEqual(run_tests.broken_requirements(cases, required, strict=False), [])
        self.assertIn("no engine", run_tests.broken_requirements(cases, required, strict=True)[0])

    def test_a_required_case_that_is_gone_fails_when_strict(self):
        cases = self.cases(CTEST.format("run"))
        self.assertIn("did not run", run_tests.broken_requirements(cases, ["s_test/Gone.*"], strict=True)[0])


if __name__ == "__main__":
    os.chdir(pathlib.Path(__file__).parent.parent)
    unittest.main()
