# Everything needs Python >= 3.11 with pip, and make. PYTHON=... chooses another one.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
REFERENCES := .venv-bench
WEBSITE := .venv-docs
STAMP := $(VENV)/.installed
# As many tests at once as there are processors; who has none left takes half of another's.
PYTEST := $(BIN)/python -m pytest -q -n auto --dist worksteal
# What is imported is compiled then; for an environment of few uses, not all of it at once.
PIP_OPTIONS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo test check fast unit-versions adapter-versions fix lock bench bench-report clean
.PHONY: docs docs-serve compare-zenml test-slow
.PHONY: endurance rig rig-down rig-database test-remote test-ui

help: ## Show the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

# The lock is complete. With --no-deps pip does not resolve it again, and does not stumble
# over extras, which locks leave out (`pydantic[email]`).
install: $(STAMP) ## Make the virtual environment with the locked versions.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Kitaru needs Python >= 3.11; set PYTHON=...")'
	@echo "Installing the locked versions into $(VENV) (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_OPTIONS) --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: install ## Run the example: crash, retry, wait, answer; nothing runs twice.
	@$(BIN)/python examples/demo.py

# Examples killed and guides typed as a person would, agents killed after each of their calls.
SLOW := tests/examples tests/adapters/conformance/test_killed.py

test: check ## Check the code and run the tests, but for slow ones, remote stacks, browsers, endurance.
	$(PYTEST) tests --ignore=tests/rig --ignore=tests/ui_browser --ignore=tests/endurance $(SLOW:%=--ignore=%)

test-slow: install unit-versions ## Run the slow tests, and unit tests on other versions of Python.
	$(PYTEST) $(SLOW)

fast: check ## Check the code and run what takes seconds.
	$(PYTEST) tests/unit tests/contract

check: install ## Format, lint, types, layers, file sizes, docs.
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python scripts/file_sizes.py

unit-versions: install ## Run unit tests on the oldest and the newest Python.
	@for version in 3.11 3.13; do \
	  if $(BIN)/python -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$$version')"; then \
	    echo "== Python $$version: that of $(VENV), which make test uses"; continue; fi; \
	  python=$$($(PYTHON) scripts/find_python.py $$version) || exit 1; \
	  echo "== Python $$version"; \
	  $(MAKE) --no-print-directory VENV=.venv-$$version PYTHON=$$python PIP_OPTIONS=--no-compile install || exit 1; \
	  .venv-$$version/bin/python -m pytest -q -n auto --dist worksteal tests/unit || exit 1; \
	done

rig: install ## Bring a remote stack up on this machine; harmless if it is up.
	@$(BIN)/python -m tests.rig up

rig-down: install ## Take the remote stack down, with all it kept.
	@$(BIN)/python -m tests.rig down

# Those of the lock are the newest.
adapter-versions: ## Run the adapters' tests in memory with the lowest supported frameworks.
	@$(MAKE) --no-print-directory VENV=.venv-lowest PIP_OPTIONS=--no-compile install
	@.venv-lowest/bin/uv pip install --quiet --python .venv-lowest/bin/python $$($(PYTHON) scripts/lowest_versions.py)
	.venv-lowest/bin/python -m pytest -q -n auto --dist worksteal -m "not e2e" tests/adapters

# Two rigs at once: much of the time is spent waiting for pods that start.
# The clock ends a hanging session as Ctrl-C does; its services die with it.
REMOTE_SECONDS ?= 1200
CLOCK = $(if $(shell command -v timeout),timeout --foreground --signal=INT --kill-after=60 $(REMOTE_SECONDS))

REMOTE_TESTS ?= tests/rig
test-remote: install rig-database ## Run the tests of remote stacks on the rig.
	$(CLOCK) $(BIN)/python -m pytest -q -n 2 --dist worksteal $(REMOTE_TESTS)

rig-database: install ## Install MariaDB for the rig (Debian, root); without it: SQLite.
	@$(BIN)/python -m tests.rig database

test-ui: install ## Run the tests of the page in Chromium; on Debian, as root, it is installed.
	@$(BIN)/python -m tests.ui_browser.browsers
	$(BIN)/python -m pytest -q tests/ui_browser

fix: install ## Format and repair what can be repaired.
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format --quiet .

compare-zenml: install ## Say how stores of the installed ZenML differ from those that are known.
	$(BIN)/python scripts/compare_zenml.py

lock: install ## Resolve the tested versions again.
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group dev \
	  --extra local --extra mcp --extra ui --extra llm --extra pydantic-ai --extra openai-agents --extra langgraph --extra claude-agent-sdk --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group pyproject.toml:bench \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  -o benchmarks/requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group pyproject.toml:docs \
	  --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  -o website/requirements.lock

docs: $(WEBSITE)/.installed ## Build the site; broken links and missing references fail.
	@$(WEBSITE)/bin/python website/build.py

docs-serve: $(WEBSITE)/.installed ## Show the site, and follow changes of its pages.
	@$(WEBSITE)/bin/python website/build.py --serve

$(WEBSITE)/.installed: website/requirements.lock
	@echo "Installing what builds the site into $(WEBSITE) (once)"
	@test -x $(WEBSITE)/bin/python || $(PYTHON) -m venv $(WEBSITE)
	@$(WEBSITE)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

# ARGS="--quick", ARGS="--only P1,P7"; what is not installed is left out, and said.
bench: install $(REFERENCES)/.installed ## Measure against the disk, plain ZenML, DBOS, LangGraph.
	@$(BIN)/python -m benchmarks $(ARGS)

$(REFERENCES)/.installed: benchmarks/requirements.lock
	@echo "Installing DBOS and LangGraph into $(REFERENCES) (once)"
	@{ $(BIN)/python -m venv $(REFERENCES) \
	  && $(REFERENCES)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $< \
	  && touch $@; } || { rm -rf $(REFERENCES); echo "DBOS and LangGraph cannot be installed"; }

bench-report: install ## Write what was measured into the documentation.
	@$(BIN)/python -m benchmarks.publish

endurance: install ## Run the endurance tests at their full sizes; takes half an hour.
	ENDURANCE=full $(PYTEST) -s tests/endurance

clean: ## Remove what was built.
	@test ! -d .rig || $(BIN)/python -m tests.rig down
	rm -rf .venv .venv-* .rig .demo dist build .pytest_cache .mypy_cache .ruff_cache
