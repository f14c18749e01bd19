# Everything stands in .venv; a stamp says which lock files it holds.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
LOCK_RUN := requirements/run.txt
LOCK_TEST := requirements/test.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=
# A process for each core, each with a Postgres of its own; a file's tests stay together.
SPREAD := -n auto --maxprocesses 4 --dist loadfile

.PHONY: help setup run serve test test-pg15 prove bench check contracts lock clean

help:
	@echo "make run        set up, play the demonstration, serve on 127.0.0.1:8000 (ARGS=--once)"
	@echo "make test       the tests, on the embedded Postgres"
	@echo "make test-pg15  the same on Debian's Postgres 15"
	@echo "make prove      the long proofs"
	@echo "make bench      measurements, into bench/results/"
	@echo "make check      lint"
	@echo "make contracts  compile the Solidity of contracts/ again (needs Node)"
	@echo "make lock       lock the requirements again"

$(VENV)/run.stamp: $(LOCK_RUN) pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r $(LOCK_RUN)
	$(PIP) install --no-build-isolation --no-deps --editable .
	touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp $(LOCK_TEST)
	$(PIP) install --require-hashes -r $(LOCK_TEST)
	touch $@

setup: $(VENV)/run.stamp

run: setup
	$(BIN)/agon run $(ARGS)

serve: setup
	$(BIN)/agon serve $(ARGS)

test: $(VENV)/test.stamp check
	sh tests/redis.sh
	$(BIN)/python -m pytest -m "not prove" $(SPREAD) $(ARGS)

test-pg15: $(VENV)/test.stamp
	sh tests/pg15.sh $(BIN)/python $(SPREAD) $(ARGS)

prove: $(VENV)/test.stamp
	$(BIN)/python -m pytest -m prove $(ARGS)

bench: $(VENV)/test.stamp
	$(BIN)/python bench/run.py $(ARGS)

check: $(VENV)/test.stamp
	$(BIN)/ruff check --quiet src tests bench
	$(BIN)/ruff format --check --quiet src tests bench
	$(BIN)/lint-imports --no-cache | tail -n 3

contracts:
	cd contracts && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	cd contracts && node compile.mjs
	cd contracts && node compile.mjs test ../tests/contracts/artifacts

lock:
	$(BIN)/python -m pip install --quiet pip-tools
	cd requirements && for name in run test; do \
	  ../$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-header \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file $$name.txt $$name.in; \
	done

clean:
	rm -rf $(VENV) dist build
