PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
BIN := $(VENV)/bin

# Spinning OpenMP threads would starve the web server and each other.
export GOMP_SPINCOUNT := 0
# Where the surroundings forbid it, each of the many processes of a test would compile the whole project anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help app test lint format docs bench bench-ui screenshots lock

help: ## show these targets
	@sed -n 's/^\([a-z-]*\):.*## /make \1	/p' $(MAKEFILE_LIST)

app: $(STAMP) ## install, then open the dashboard with the bundled runs
	$(BIN)/streamlit run streamlit_app.py

test: $(STAMP) ## install, then run every test that is neither slow nor needs a GPU
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

lint: $(STAMP) ## style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports --no-logo

format: $(STAMP) ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP) ## the table of docs/data-sets.md anew, from the registry
	{ sed '/^| name |/,$$d' docs/data-sets.md && $(BIN)/hvae data list --markdown; } > docs/data-sets.md.new
	mv docs/data-sets.md.new docs/data-sets.md

bench: $(STAMP) ## speed of training and scoring against the published procedure, into docs/speed.md (BENCH_ARGS=--clock cpu)
	$(BIN)/python -m tests.benchmarks.speed $(BENCH_ARGS)

bench-ui: $(STAMP) ## time the dashboard in Chromium against its limits; BENCH_OUT=ui.json keeps the numbers
	$(BIN)/python -m tests.benchmarks.bench_ui $(if $(BENCH_OUT),--out $(BENCH_OUT))

screenshots: $(STAMP) ## the pictures of docs/pages.md, one of every page; HVAE_DATA shows real images in them
	$(BIN)/python -m tests.screenshots

lock: ## requirements.lock anew, once the ranges in pyproject.toml have changed (needs uv); UV_ARGS=--upgrade moves every pin
	uv pip compile pyproject.toml --quiet --extra dev --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate -o requirements.lock $(UV_ARGS)

# An environment that is already there is completed, never replaced; one whose pip is broken is repaired in place.
$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python && set -- $(BIN)/python || set -- $(PYTHON); \
	if ! "$$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo "hvae needs Python 3.11 or newer, and $$1 is $$("$$1" --version 2>&1 || true)." >&2; \
		test "$$1" = $(BIN)/python && echo "Remove $(VENV), then run make again." >&2 \
			|| echo "Name another one: make $(or $(MAKECMDGOALS),app) PYTHON=python3.12" >&2; \
		exit 1; \
	fi
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@
