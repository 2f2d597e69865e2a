# The short way in. Everything here is one script, cmake or ctest call that you can also type yourself.
# `make help` lists the targets; PRESET=dev|asan|tsan|release|fuzz where it applies.
PRESET ?= dev
JOBS ?= $(shell nproc)
SECONDS_EACH ?= 60
DEMO ?=
.DEFAULT_GOAL := help
.PHONY: help setup build demo check test e2e sweep asan tsan fuzz bench package docs reference headers lint style fmt fmt-check clean
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -c

help: ## list the targets
	@echo "make TARGET [PRESET=dev|asan|tsan|release|fuzz] [JOBS=N]"; echo
	@sed -n 's/^\([a-z0-9 -]*\):.*## \(.*\)/  \1|\2/p' $(firstword $(MAKEFILE_LIST)) | \
	  while IFS='|' read -r name text; do printf '  %-10s %s\n' "$$name" "$$text"; done

setup: ## install what is missing (scripts/setup --help says what and where)
	@scripts/setup

# Configuring again is cheap and picks up changed presets.
build: ## build everything of PRESET into build/PRESET
	@mkdir -p build
	@cmake --preset $(PRESET) > build/$(PRESET)-configure.log || { cat build/$(PRESET)-configure.log; exit 1; }
	@cmake --build --preset $(PRESET) -j $(JOBS)

demo: ## install, build and start a gateway with two tenants and a tiny model (Ctrl-C ends it; DEMO=--check: checks itself)
	@scripts/setup
	@cmake --preset release > build/release-configure.log || { cat build/release-configure.log; exit 1; }
	@cmake --build --preset release -j $(JOBS) --target sovmesh
	@exec build/release/sovmesh demo $(DEMO)

check: ## quick check before a commit: style, layers, unit tests
	@scripts/setup --tests
	@$(MAKE) style fmt-check
	@$(MAKE) build PRESET=dev
	@tools/run_tests.py --partial -j $(JOBS) dev:unit,style

test: ## the whole suite: dev build, ASan+UBSan build, fuzz corpora, end to end
	@scripts/setup --tests
	@$(MAKE) build PRESET=dev
	@$(MAKE) build PRESET=asan
	@tools/run_tests.py -j $(JOBS) dev asan:unit,contract,flow,fuzz

e2e: ## end to end only, with the long ones (a walk on a bare machine)
	@scripts/setup --tests --e2e
	@$(MAKE) build PRESET=dev
	@tools/run_tests.py --partial --exclude-label '' -j 1 dev:e2e,long

SWEEP_POINTS ?= 20000
POWER_CUTS ?= 100000
sweep: ## the ledger is killed at every call, and each write, sync and allocation fails (half an hour and more; SM_SWEEP_PART=0/4 does a quarter)
	@$(MAKE) build PRESET=dev
	@SM_SWEEP_POINTS=$(SWEEP_POINTS) build/dev/tests/contract/ledger_sweep_test
	@SM_SWEEP_POINTS=$(POWER_CUTS) build/dev/tests/contract/ledger_crash_test

asan tsan: ## unit, contract and flow tests with that sanitizer
	@scripts/setup --tests
	@$(MAKE) build PRESET=$@
	@tools/run_tests.py --partial -j $(JOBS) $@:unit,contract,flow,fuzz

fuzz: ## run each fuzz target for SECONDS_EACH (60)
	@scripts/setup --tests
	@mkdir -p build
	@cmake --preset fuzz > build/fuzz-configure.log || { cat build/fuzz-configure.log; exit 1; }
	@cmake --build --preset fuzz -j $(JOBS) --target fuzz_programs
	@scripts/fuzz $(SECONDS_EACH)

bench: ## benchmarks against the peers; results in build/bench/*.json
	@scripts/setup --tests --bench
	@$(MAKE) build PRESET=release
	@mkdir -p build/bench && bench/run

package: ## a .deb and a tarball in build/package
	@scripts/setup --package
	@mkdir -p build
	@cmake --preset release > build/release-configure.log || { cat build/release-configure.log; exit 1; }
	@cmake --build --preset release -j $(JOBS) --target sovmesh
	@scripts/package

docs: ## the documentation as a site, in build/site (no network needed to read it)
	@scripts/setup --docs
	@build/deps/docs-venv/bin/python tools/site/build.py

reference: ## write anew the pages that the program says itself (docs/configuration.md, docs/commands.md)
	@$(MAKE) build PRESET=$(PRESET)
	@build/$(PRESET)/sovmesh config reference > docs/configuration.md
	@tools/commands_page.py build/$(PRESET)/sovmesh > docs/commands.md

headers: ## compile every header alone
	@$(MAKE) build PRESET=dev
	@cmake --build --preset dev -j $(JOBS) --target all_verify_interface_header_sets

lint: ## clang-tidy over everything (minutes)
	@scripts/setup --tests
	@$(MAKE) build PRESET=dev
	@run-clang-tidy-19 -quiet -j $(JOBS) -p build/dev '/(src|sim|apps|tests|fuzz|bench)/.*\.cpp$$'

style: ## house rules, layers and the checks' own tests
	@python3 tools/tidy.py && python3 tools/check_layers.py && python3 tools/selftest.py 2>&1 | tail -n 1

SOURCES = $(shell git ls-files --cached --others --exclude-standard '*.h' '*.cpp' 2> /dev/null)
fmt: ## format all C++ files
	@clang-format-19 -i $(SOURCES)
fmt-check: ## say which C++ files are not formatted
	@clang-format-19 --dry-run --Werror $(SOURCES)

clean: ## remove the builds, keep what was installed
	rm -rf build/dev build/asan build/tsan build/release build/fuzz build/bench build/package build/site build/site-source build/site-doctrees
