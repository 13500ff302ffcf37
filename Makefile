# `make demo` and `make test` are all that a fresh machine needs: Python 3.11 or later, Go for the
# tests against the official IRMA server, and Chromium and npm for those in a browser (skipped
# without them, unless CI=true).

PYTHON ?= python3
BIN := .venv/bin
# The packages whose every branch is tested.
PURE := irma_core/models/*,irma_core/wire/*,irma_core/protocol/*,irma_core/trust/*,irma_core/flows/*,irma_core/callbacks/*,irma_core/gateway/*,irma_core/web/*,irma_core/handles.py,irma_proofs/*

# `tests/conftest.py` sets the number of processes. An idle one takes over half of another's tests.
PARALLEL := --numprocesses auto --dist worksteal
# The tests of the core, and of the rules between its packages.
CORE := tests/core tests/protocol tests/trust tests/flows tests/gateway tests/architecture

# The tests start Python hundreds of times. Where this variable forbids compiled modules to be kept,
# each start compiles the library, which takes a third of its time.
test-fast cover explore: export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test test-wheel test-fast check cover explore mutants bench chaos load picture diagram reference clean

# Play a whole session in a few seconds; `make demo ARGS="--server URL"` for a real server and a person.
demo: .venv/ready
	@$(BIN)/irma-backend demo $(ARGS)

test: check cover

# Run only the core's tests, without coverage, in less than a minute.
test-fast: .venv/ready
	$(BIN)/python -m pytest $(PARALLEL) $(CORE) $(ARGS)

.venv/ready: pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
	    echo "set up .venv with uv" && \
	    uv venv --quiet --clear --python $(PYTHON) .venv && \
	    uv pip install --quiet --python .venv --editable . --group dev; \
	else \
	    echo "set up .venv with venv and pip" && \
	    $(PYTHON) -m venv --clear .venv && \
	    $(BIN)/python -m pip install --quiet --upgrade pip && \
	    $(BIN)/python -m pip install --quiet --editable . --group dev; \
	fi
	@touch $@

check: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/mypy
	$(BIN)/pyright --warnings

cover: .venv/ready
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest $(PARALLEL)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --fail-under=95
	$(BIN)/coverage report --skip-covered --fail-under=100 --include='$(PURE)'

# The core from the built wheel: with the oldest dependencies, and on each newer Python found here.
test-wheel:
	.ci/wheel

# Search at random for inputs that break a property, for about an hour on one core.
# `make explore EXAMPLES=1000` takes a few minutes. `make test` tries the same 100 inputs every time.
EXAMPLES ?= 20000
explore: .venv/ready
	IRMA_EXPLORE=$(EXAMPLES) $(BIN)/python -m pytest -m hypothesis --timeout 0 $(ARGS)

# Remove each check of `irma_proofs`, one at a time; a test must fail. Takes a few minutes.
# `make mutants ARGS="c_u alpha"` is for the checks whose names contain a string.
mutants: .venv/ready
	$(BIN)/python -m mutants $(ARGS)

# Build and test each available version of the official server, and write their table.
old-servers: .venv/ready
	IRMA_SERVERS=all $(BIN)/python -m pytest tests/contract tests/realserver/test_versions.py
	$(BIN)/python -m docs.tools.servers

# Measure, as ratios within one run; `make bench ARGS="start --rounds 15"` for one subject.
bench: .venv/ready
	$(BIN)/python -m benchmarks $(ARGS)

# Test the library while servers and networks fail; `make chaos ARGS="--full"` for all counts.
chaos: .venv/ready
	$(BIN)/python -m chaos $(ARGS)

# 500 logins at once under gunicorn and uvicorn, while stores fail and a worker dies.
load: .venv/ready
	IRMA_LOAD=500 $(BIN)/python -m pytest -s --show-capture=no tests/load $(ARGS)

# README's picture of the demo, from a run of it. A test fails if the picture is outdated.
picture: .venv/ready
	$(BIN)/python -m docs.tools.picture

# The diagram of statuses in docs/explanation/how-it-works.md; a test compares them.
diagram: .venv/ready
	$(BIN)/python -m docs.tools.state_diagram

# docs/reference.md, from the docstrings, and the table of site checks; tests compare them.
reference: .venv/ready
	$(BIN)/python -m docs.tools.reference
	$(BIN)/python -m docs.tools.site_checks
	$(BIN)/python -m docs.tools.settings

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*
