# A fresh machine needs python3 (3.11 or newer), make and git. `make` alone lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

# Installed once, and again when what is to be installed changes.
REQUIREMENTS := pyproject.toml constraints.txt
RUN_STAMP := $(VENV)/.installed
TEST_STAMP := $(VENV)/.installed-test
DOCS_STAMP := $(VENV)/.installed-docs
# Bytecode is compiled when first imported: most of what is installed never is.
PIP_INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile \
	-c constraints.txt

# Compiled once: where nothing may be written, every process would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

# Notebooks, where they run, do so in their fast mode. Annotations are checked, at a third more of
# processor time, where nobody waits: with other versions than those of the day.
FAST := OSCIPROP_FAST=1
CHECKED := $(FAST) OSCIPROP_CHECK_ANNOTATIONS=1
PYTEST := python -m pytest -n $(WORKERS) --dist loadfile

# Whole suites of their own: the oldest versions that are allowed, and the newest there are.
OLDEST_PYTHON ?= python3.11
OLDEST := .venv-oldest
NEWEST := .venv-newest

# With which Pythons the wheel is tried.
PYTHONS ?= python3.11 python3.12 python3.13

.PHONY: help setup demo test notebooks pages test-all test-oldest test-newest lint format docs benchmark \
	figures dist clean
.DEFAULT_GOAL := help

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(TEST_STAMP)  ## create .venv and install osciprop with all that its tests need

demo: $(RUN_STAMP)  ## a small network learns by oscillating
	$(BIN)/python -m osciprop.demo

test: setup  ## all tests but the slow ones
	$(FAST) $(BIN)/$(PYTEST)

notebooks: setup  ## run all notebooks in their fast mode
	$(FAST) $(BIN)/$(PYTEST) -m notebook

pages: setup  ## run every block of code of README and docs
	$(FAST) $(BIN)/$(PYTEST) -m page

test-all: setup lint  ## like test, with the slow tests, the pages and the notebooks
	$(FAST) $(BIN)/$(PYTEST) -m ""

test-oldest:  ## all tests with the oldest versions that are allowed, on Python 3.11
	$(OLDEST_PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --disable-pip-version-check --quiet -r oldest.txt -e ".[test]"
	$(CHECKED) $(OLDEST)/bin/$(PYTEST) -m ""

test-newest:  ## all tests with the newest versions there are; PYTHON=python3.13 for another Python
	$(PYTHON) -m venv $(NEWEST)
	$(NEWEST)/bin/python -m pip install --disable-pip-version-check --quiet --upgrade \
		--upgrade-strategy eager -e ".[test]"
	$(CHECKED) $(NEWEST)/bin/$(PYTEST) -m ""

lint: setup  ## ruff and mypy, over everything
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup  ## put the code into its standard form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(DOCS_STAMP)  ## make the site in site/; a dead link or an untold name fails it
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

benchmark: setup  ## measure run times (no other work beside it, please)
	$(PIP_INSTALL) -e ".[test,benchmark]"
	$(BIN)/python -m pytest benchmarks --benchmark-only

figures: $(RUN_STAMP)  ## reproduce the figures of the papers
	$(PIP_INSTALL) -e ".[studies]"
	$(BIN)/python -m paper_figures

dist: setup  ## build wheel and sdist in dist/, and try them outside of the checkout
	$(PIP_INSTALL) -e ".[release]"
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python .ci/distributions.py dist $(PYTHONS)

clean:  ## remove the environment and everything that was made
	rm -rf $(VENV) $(OLDEST) $(NEWEST) build dist site .pytest_cache .ruff_cache .mypy_cache .benchmarks *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "osciprop needs Python 3.11 or newer, and '$(PYTHON)' is not: name another one," \
			"for example: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' cannot create virtual environments: install its venv package (on Debian" \
			"and Ubuntu: apt install python3-venv) and try again" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): $(REQUIREMENTS) | $(BIN)/python
	$(PIP_INSTALL) -e .
	@touch $@

$(TEST_STAMP): $(REQUIREMENTS) | $(BIN)/python
	$(PIP_INSTALL) -e ".[test]"
	@touch $(RUN_STAMP) $@

$(DOCS_STAMP): $(REQUIREMENTS) | $(BIN)/python
	$(PIP_INSTALL) -e ".[docs]"
	@touch $(RUN_STAMP) $@
