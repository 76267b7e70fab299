# `make train` and `make test` set up everything on a fresh machine with Python 3.11 or 3.12; no compiler, GPU or display needed.
PYTHON ?= $(shell command -v python3.12 >/dev/null 2>&1 && python3.12 -c '' 2>/dev/null && echo python3.12 || \
            (command -v python3.11 >/dev/null 2>&1 && python3.11 -c '' 2>/dev/null && echo python3.11 || echo python3))
VENV ?= .venv
BIN := $(VENV)/bin
# A CPU build of torch is enough for the quickstart and the tests; set TORCH= to let pip choose (CUDA) builds.
ARGS ?=
# Test processes side by side; the files of tests are dealt out to them.
WORKERS ?= 2

.PHONY: train test test-all fuzz lint format install install-test docs benchmark clean help

help:  ## this text
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/python:
	@$(PYTHON) -c 'import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 12); \
	  sys.exit(0 if ok else f"Pilotage needs Python 3.11 or 3.12 (the carla wheel has no other); found {sys.version.split()[0]}. Set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.installed-test: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed  ## create .venv and install
install-test: $(VENV)/.installed-test  ## the same with the test extras

train: install  ## run the quickstart: warm start, GRPO, evaluation, replay, report (ARGS='seed=1 ...' overrides)
	$(BIN)/pilotage train $(ARGS)

test: install-test  ## run the test suite (under 15 minutes on 2 cores)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

test-all: install-test  ## the suite with the slow learning checks
	$(BIN)/python -m pytest -m 'slow or not slow' --timeout 3600 $(ARGS)

SECONDS ?= 600
fuzz: install-test  ## throw hostile traffic at a server for SECONDS (600); ARGS='--seed 7 --epoch 12 --epochs 1' repeats
	$(BIN)/python tests/carla_client/fuzz.py --seconds $(SECONDS) $(ARGS)

lint: install-test  ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install-test  ## fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove the environment and caches (runs/ stays)
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache
