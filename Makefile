# Two commands on a fresh machine with Python >= 3.11:  make run  and  make test.   `make help` lists all.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
JOBS ?= 2

COMPILE = CUSTOM_COMPILE_COMMAND="make pins" $(BIN)/pip-compile -q --upgrade --no-emit-index-url --no-emit-trusted-host \
	--no-emit-options --strip-extras --allow-unsafe

.DEFAULT_GOAL := help
.PHONY: help run test test-long polls check bench storm fuzz servers boards messages pins clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

run: $(VENV)/.run ## start the demonstration city and say where its board is
	$(BIN)/suanli demo $(ARGS)

test: $(VENV)/.dev ## every test this machine can run; real servers that are missing are named at the end
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

test-long: $(VENV)/.dev ## the oracle of periods with 5,000 generated worlds
	SUANLI_EXAMPLES=5000 $(BIN)/python -m pytest tests/suanli/test_periods.py $(ARGS)

polls: $(VENV)/.dev ## 10,000 polls of each kind of source that is asked over HTTP: memory must stay level
	SUANLI_POLLS=10000 $(BIN)/python -m pytest -q -s --timeout 1800 tests/collectors/test_contract_memory.py $(ARGS)

check: $(VENV)/.dev ## lint, format, types, import rule, boards, messages and documents up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m dashboards --check
	$(BIN)/python -m tests.messages --check
	$(BIN)/python -m pytest -q tests/test_docs.py tests/test_rooms.py

bench: $(VENV)/.dev ## figures of speed, memory and disk, beside a real Prometheus and VictoriaMetrics (writes build/bench.json)
	$(BIN)/python -m tests.benchmarks $(ARGS)

storm: $(VENV)/.dev ## 300 kills while sources and real sinks fail: ends with 1 on any loss (ARGS="--kills 50 --seed 9 --minutes 5"; writes build/storm.json)
	$(BIN)/python -m tests.faults.storm $(ARGS)

fuzz: $(VENV)/.dev ## more than 100,000 spoiled inputs for everything that reads what others wrote, and lines read back by a real InfluxDB
	SUANLI_FUZZ=$(or $(INPUTS),3000) $(BIN)/python -m pytest -n $(JOBS) --timeout=7200 tests/fuzz $(ARGS)

servers: ## install the real servers that the tests use (Debian packages; builds InfluxDB once)
	bash .ci/install-servers.sh

boards: $(VENV)/.dev ## write the Grafana boards and provisioning anew
	$(BIN)/python -m dashboards

messages: $(VENV)/.dev ## gather what the command line says, update and compile the Chinese catalogue, name what is missing
	$(BIN)/python -m tests.messages

pins: $(VENV)/.dev ## resolve the dependencies anew into requirements/
	$(COMPILE) -o requirements/run.txt pyproject.toml
	$(COMPILE) -o requirements/build.txt requirements/build.in
	$(COMPILE) --extra dev -c requirements/run.txt -o requirements/dev.txt pyproject.toml

clean: ## remove what was installed and built here
	rm -rf $(VENV) build dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Suanli needs Python 3.11 or newer; this is $$($(PYTHON) -V). Set PYTHON=python3.12, for example."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The build backend is pinned too, so an install asks for nothing that is not in requirements/.
$(VENV)/.run: $(VENV)/bin/python requirements/run.txt requirements/build.txt pyproject.toml
	$(BIN)/python -m pip install -q -r requirements/run.txt -r requirements/build.txt
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt
	$(BIN)/python -m pip install -q -r requirements/dev.txt
	@touch $@
