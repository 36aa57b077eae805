# A new machine needs make and python3 (3.11 or later, with venv) for make demo and make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo_run
export DAGSTER_HOME ?= $(CURDIR)/.dagster
# Each process of a run or a test would otherwise compile every module again, where this is set.
export PYTHONDONTWRITEBYTECODE =
DOCKERFILES := $(wildcard docker/Dockerfile tests/hpc/*/*/Dockerfile)
SCRIPTS := $(wildcard docker/*.sh singularity/*.sh tests/hpc/*.sh tests/hpc/*/*.sh tests/hpc/*/*/*.sh)
INSTANCE := conf/dagster$(if $(DAGSTER_POSTGRES_URL),.postgres).yaml

ifneq ($(word 2,$(CURDIR)),)
$(error make cannot work in a path with spaces: $(CURDIR))
endif

.DEFAULT_GOAL := help
.PHONY: help install demo ui up doctor receive monitor bench bench-gpu test lint unit quick fix clean FORCE

help:
	@echo "make install  create .venv with all packages, and a Dagster home in .dagster"
	@echo "make demo     train small networks on phantoms, and score others with them, from DICOM to panels"
	@echo "make ui       start the Dagster UI on http://127.0.0.1:3000"
	@echo "make up       watch DICOM_INBOX with webserver and daemon, until Ctrl-C"
	@echo "make doctor   look at this machine, the folders and Dagster, and say what is wrong and what to do"
	@echo "make receive  receive studies by C-STORE into DICOM_INBOX, until Ctrl-C"
	@echo "make monitor  watch live operation, serve metrics and health, and tell people, until Ctrl-C"
	@echo "make bench    measure the speed of this machine, compared with the reference's loop"
	@echo "make bench-gpu  measure a CUDA card, compared with the reference's loop on it, in eight minutes"
	@echo "make test     check style, types and import contracts, and run every test (ARGS=... goes to pytest)"
	@echo "make quick    run the tests that need no server, engine or shared data: under three minutes"
	@echo "make fix      correct the style of Python files and shell scripts"
	@echo "make clean    remove .venv, the demo and the Dagster home"

install: $(VENV)/installed $(DAGSTER_HOME)/dagster.yaml

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is not Python 3.11 or later: run make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

# A dagster.yaml in a home of your own stays as it is. The home .dagster always gets the file of conf/.
$(DAGSTER_HOME)/dagster.yaml: $(INSTANCE) FORCE
	@mkdir -p $(DAGSTER_HOME)
	@if [ ! -e $@ ] || { [ $(DAGSTER_HOME) = $(CURDIR)/.dagster ] && ! cmp -s $(INSTANCE) $@; }; then cp $(INSTANCE) $@; fi

demo: $(VENV)/installed $(DAGSTER_HOME)/dagster.yaml
	@$(BIN)/python -m ich_resources.demo $(DEMO)
	$(BIN)/dagster job execute -m ich_assets.definitions -j ich_batch -c $(DEMO)/run.yaml
	@echo
	@echo "Trained on phantoms: the numbers mean nothing for people."
	@echo "Open      $(CURDIR)/$(DEMO)/results/output/worklist.html"
	@echo "Panels    $(CURDIR)/$(DEMO)/results/output/saliency_panels/"
	@echo "Ranking   $(CURDIR)/$(DEMO)/results/output/predictions_per_series.csv"
	@echo "Report    $(CURDIR)/$(DEMO)/results/output/run_report.json"
	@echo "Labels    $(CURDIR)/$(DEMO)/labels.csv (which slices of the ten phantom patients show blood)"
	@echo "Next      make ui, and open http://127.0.0.1:$(or $(PORT),3000)/assets/run_outputs"

# If no folder is set, the UI shows the folders of the demo, and runs with its options.
ifeq ($(DICOM_INPUT)$(MODEL_DIR)$(RUN_ROOT),)
ui: export DICOM_INPUT := $(CURDIR)/$(DEMO)/dicom
ui: export MODEL_DIR := $(CURDIR)/$(DEMO)/models
ui: export RUN_ROOT := $(CURDIR)/$(DEMO)/results
ui: export MAX_FOLDS_PER_BACKBONE := 1
ui: export NETWORKS_BACKEND := $(shell sed -n 's/^  networks:.*backend: \([a-z]*\).*/\1/p' $(DEMO)/run.yaml 2>/dev/null)
endif
ui: $(VENV)/installed $(DAGSTER_HOME)/dagster.yaml
	@echo "Ranking   http://127.0.0.1:$(or $(PORT),3000)/assets/run_outputs"
	@echo "Runs      http://127.0.0.1:$(or $(PORT),3000)/runs"
	$(BIN)/python -m ich_assets.runtime.web dev -w workspace.yaml -h 127.0.0.1 -p $(or $(PORT),3000)

# A tick may take longer than Dagster's limit of 60 seconds if the inbox is large and the disk slow.
up: export DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS ?= 300
up: export PYTHONFAULTHANDLER ?= 1
up: $(VENV)/installed $(DAGSTER_HOME)/dagster.yaml
	@: $${DICOM_INBOX:?set DICOM_INBOX to the folder that receives studies}
	@: $${MODEL_DIR:?set MODEL_DIR to the folder that holds 2DNet}
	@: $${RUN_ROOT:?set RUN_ROOT to a folder for results}
	@mkdir -p "$$DICOM_INBOX"
	@$(BIN)/dagster instance concurrency set gpu 1 >/dev/null
	@$(BIN)/python -W ignore -m ich_assets.sensors.ready
	@echo "Inbox     http://127.0.0.1:$(or $(PORT),3000)/assets/inbox_ledger"
	@echo "Ranking   http://127.0.0.1:$(or $(PORT),3000)/assets/run_outputs"
	$(BIN)/python -m ich_assets.runtime.web dev -w workspace.yaml -h 127.0.0.1 -p $(or $(PORT),3000) \
		--log-level $(or $(ICH_LOG_LEVEL),info)

doctor: $(VENV)/installed $(DAGSTER_HOME)/dagster.yaml
	@$(BIN)/python -W ignore -m ich_assets.doctor

receive: $(VENV)/installed
	$(BIN)/python -m ich_resources.receiver

monitor: export MONITOR_WEBSERVER ?= http://127.0.0.1:$(or $(PORT),3000)
monitor: $(VENV)/installed
	@: $${RUN_ROOT:?set RUN_ROOT to the folder for results}
	$(BIN)/python -m ich_resources.monitor

bench: $(VENV)/installed
	$(BIN)/python benchmarks/bench.py

bench-gpu: $(VENV)/installed
	$(BIN)/python benchmarks/gpu.py

test: lint unit

lint: $(VENV)/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint $(DOCKERFILES)
	$(BIN)/shellcheck $(SCRIPTS)
	$(BIN)/shfmt --diff --indent 4 --case-indent $(SCRIPTS)

# Two processes run the tests; tests/conftest.py says which tests stay in one process. The quick tests come
# first. With ARGS pytest runs once: make test ARGS="tests/ich_resources -k window"
QUICK := not slow and not hpc and not weights and not gpu
SIDE_BY_SIDE := -n 2 --dist loadfile --no-loadscope-reorder
# Threads of PyTorch that wait do not take the cores from the other process's tests.
unit quick: export OMP_WAIT_POLICY := PASSIVE
unit: $(VENV)/installed
ifeq ($(ARGS),)
	$(BIN)/pytest -m "$(QUICK)" $(SIDE_BY_SIDE)
	$(BIN)/pytest -m "not ($(QUICK))" $(SIDE_BY_SIDE)
else
	$(BIN)/pytest $(ARGS)
endif

quick: $(VENV)/installed
	$(BIN)/pytest -m "$(QUICK)" $(SIDE_BY_SIDE)

fix: $(VENV)/installed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/shfmt --write --indent 4 --case-indent $(SCRIPTS)

clean:
	rm -rf $(VENV) $(DEMO) $(CURDIR)/.dagster *.egg-info
