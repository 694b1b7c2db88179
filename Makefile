# `make bench` runs the bench to a report, `make test` runs every check; both set up what they need, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.ready-to-run
READY := $(VENV)/.ready
NODE_CLIENTS := tests/wire/node
NODE_BIN := $(NODE_CLIENTS)/node_modules/.bin
PAGES := page_parts/shared mock_provider/inbox/page reference_sender/dashboard/page
# Six processes share the tests on two cores, since many tests wait. Files are handed out in the order of their names:
# tests/acceptance, which takes longest, comes first, so that no worker is left with it at the end. Then three processes share the
# tests that find a bottleneck or a capacity, test by test, and the longest is the first. Tests that compare instants with
# milliseconds, or need a core of their own, come last, one after another. A test of how a run begins or ends, or of the parts of
# a bench, takes any verdict: it may share the first step.
SHARED_TIMED_TESTS := $(addprefix tests/acceptance/test_,$(addsuffix .py,capacity bottlenecks capacity_of_own_sender freeze))
LONE_TIMED_TESTS := $(addprefix tests/,acceptance/test_busy_sender.py acceptance/test_calibrate.py \
  unit/mock_provider/runtime/test_deadline_timer.py unit/loadtests/calibrate/test_nagle.py)
TIMED_TESTS := $(SHARED_TIMED_TESTS) $(LONE_TIMED_TESTS)
MISSED_BRANCHES := .branches-missed
SCENARIO ?= bench
BENCH_ARGS ?=

.PHONY: help setup bench test coverage lint node-clients format constraints clean
.DEFAULT_GOAL := help

help: ## show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY) ## make .venv with pinned packages

# pip would compile with one process, and also the packages' tests and tables of numbers that nothing loads.
install = $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.$(1)'
compiled = $(BIN)/python -m compileall -qq -j 0 -x 'site-packages/(.*/tests|phonenumbers/(geodata|shortdata|tzdata))/' $(VENV)/lib || true

# Without the packages that only tests and checks need: a bench in a new checkout begins 15 s earlier.
$(RUNS): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "smsbench needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Setting up $(VENV) (once) ..."
	@$(call install,)
	@$(compiled)
	@touch $@

$(READY): $(RUNS)
	@echo "Setting up the tools of the tests (once) ..."
	@$(call install,[dev])
	@$(compiled)
	@touch $@
	@echo "Ready: $(BIN)/smsbench list"

# A bench starts 30 processes. See the comment on ``test`` below.
bench: export PYTHONDONTWRITEBYTECODE =
bench: $(RUNS) ## run the bench (about 5 minutes) and write reports/runs/<time>-bench/report/index.html
	$(BIN)/smsbench run $(SCENARIO) $(BENCH_ARGS)

# The tests start hundreds of Python processes. Without files of compiled modules each process would compile our modules.
test: export PYTHONDONTWRITEBYTECODE =
test: lint ## lint, type check and run every test; prints the branches that tests took
	SMSBENCH_BRANCH_COVERAGE=$(MISSED_BRANCHES) \
	  $(BIN)/python -m pytest -n 6 --dist loadfile --no-loadscope-reorder $(addprefix --ignore=,$(TIMED_TESTS))
	$(BIN)/python -m pytest -n 3 --dist worksteal $(SHARED_TIMED_TESTS)
	$(BIN)/python -m pytest $(LONE_TIMED_TESTS)

# `make test` counts no branches of child processes. This does, and traces with coverage.py, which takes 2.6 to 3.6 times the CPU
# time of the unit tests (Python 3.11; its faster core measures branches from Python 3.14 on, and not on Locust's greenlets).
coverage: setup node-clients ## print the branch coverage of the tests that measure no time
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term $(addprefix --ignore=,$(TIMED_TESTS))
	@for package in smsbench mock_provider reference_sender loadtests analysis page_parts user_input arrow_columns; do \
	  echo "$$package: $$($(BIN)/coverage report --include="$$package/*" --format=total --precision=1) %"; done

node-clients: $(NODE_CLIENTS)/node_modules/.ready ## install the official JavaScript clients and the JavaScript linter

# Without npm the tests and checks that need it are skipped, with the reason.
$(NODE_CLIENTS)/node_modules/.ready: $(NODE_CLIENTS)/package-lock.json
	@if command -v npm >/dev/null; then \
	  cd $(NODE_CLIENTS) && npm ci --silent --no-audit --no-fund && touch node_modules/.ready; \
	else echo "npm is not installed: tests in $(NODE_CLIENTS) are skipped"; fi

lint: setup node-clients ## check style, formatting, types, import contracts and JavaScript
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers 2
	$(BIN)/lint-imports --no-cache
	@if [ -x $(NODE_BIN)/tsc ]; then \
	  echo "$(NODE_BIN)/eslint $(PAGES); $(NODE_BIN)/tsc"; \
	  $(NODE_BIN)/eslint --config $(NODE_CLIENTS)/eslint.config.mjs $(PAGES) && $(NODE_BIN)/tsc --project $(NODE_CLIENTS); \
	else echo "npm is not installed: JavaScript is not checked"; fi

format: setup ## fix and format with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

constraints: ## write new pins to constraints.txt
	rm -rf $(VENV)/constraints && $(PYTHON) -m venv $(VENV)/constraints
	$(VENV)/constraints/bin/python -m pip install --quiet -e '.[dev]'
	{ echo '# Exact versions that `make setup` installs; refresh with `make constraints` after changing pyproject.toml.'; \
	  $(VENV)/constraints/bin/python -m pip freeze --exclude-editable; } > constraints.txt
	rm -rf $(VENV)/constraints

clean: ## remove all generated files, also runs and .venv
	rm -rf $(VENV) build dist *.egg-info .coverage $(MISSED_BRANCHES) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find reports/runs -mindepth 1 ! -name .gitkeep -delete
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
