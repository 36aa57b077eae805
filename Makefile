# make demo, make test: all a fresh machine needs is python3 (3.11 or later) with venv, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo_run
export DAGSTER_HOME ?= $(CURDIR)/.dagster
DOCKERFILES := $(wildcard docker/Dockerfile tests/hpc/*/*/Dockerfile)
SCRIPTS := $(wildcard docker/*.sh singularity/*.sh tests/hpc/*.sh tests/hpc/*/*.sh tests/hpc/*/*/*.sh)
INSTANCE := conf/dagster$(if $(DAGSTER_POSTGRES_URL),.postgres).yaml

ifneq ($(word 2,$(CURDIR)),)
$(error make cannot work in a path with spaces: $(CURDIR))
endif

.DEFAULT_GOAL := help
.PHONY: help install demo ui up receive bench test lint unit quick fix clean FORCE

help:
	@echo "make install  .venv with everything, and a Dagster home in .dagster"
	@echo "make demo     a synthetic study with untrained weights, from DICOM to panels"
	@echo "make ui       the Dagster UI on http://127.0.0.1:3000"
	@echo "make up       watch DICOM_INBOX: webserver and daemon, until Ctrl-C"
	@echo "make receive  take studies by C-STORE into DICOM_INBOX, until Ctrl-C"
	@echo "make bench    how fast it is here, against the reference's loop"
	@echo "make test     style, types, import contracts, every test (ARGS=... goes to pytest)"
	@echo "make quick    the tests that need no server, engine or shared data: under three minutes"
	@echo "make fix      mend the style of Python files and shell scripts"
	@echo "make clean    remove what make has made"

install: $(VENV)/installed $(DAGSTER_HOME)/dagster.yaml

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

# A home of your own keeps its dagster.yaml; ours is always the one of conf/.
$(DAGSTER_HOME)/dagster.yaml: $(INSTANCE) FORCE
	@mkdir -p $(DAGSTER_HOME)
	@if [ ! -e $@ ] || { [ $(DAGSTER_HOME) = $(CURDIR)/.dagster ] && ! cmp -s $(INSTANCE) $@; }; then cp $(INSTANCE) $@; fi

demo: $(VENV)/installed $(DAGSTER_HOME)/dagster.yaml
	@$(BIN)/python -m ich_resources.demo $(DEMO)
	$(BIN)/dagster job execute -m ich_assets.definitions -j ich_batch -c $(DEMO)/run.yaml
	@echo
	@echo "Made with untrained stand-in weights: the numbers mean nothing."
	@echo "Panels    $(CURDIR)/$(DEMO)/results/output/saliency_panels/"
	@echo "Ranking   $(CURDIR)/$(DEMO)/results/output/predictions_per_series.csv"
	@echo "Report    $(CURDIR)/$(DEMO)/results/output/run_report.json"
	@echo "Next      make ui"

# Without any folder of your own the UI shows those of the demo.
ifeq ($(DICOM_INPUT)$(MODEL_DIR)$(RUN_ROOT),)
ui: export DICOM_INPUT := $(CURDIR)/$(DEMO)/dicom
ui: export MODEL_DIR := $(CURDIR)/$(DEMO)/models
ui: export RUN_ROOT := $(CURDIR)/$(DEMO)/results
ui: export MAX_FOLDS_PER_BACKBONE := 1
endif
ui: $(VENV)/installed $(DAGSTER_HOME)/dagster.yaml
	$(BIN)/python -m ich_assets.runtime.web dev -w workspace.yaml -h 127.0.0.1 -p $(or $(PORT),3000)

# A tick over a large inbox on a slow disk may need more than Dagster's 60 seconds.
up: export DAGSTER_SENSOR_GRPC_TIMEOUT_SECONDS ?= 300
up: $(VENV)/installed $(DAGSTER_HOME)/dagster.yaml
	@: $${DICOM_INBOX:?set DICOM_INBOX to the folder that studies come into}
	@: $${MODEL_DIR:?set MODEL_DIR to the folder that holds 2DNet}
	@: $${RUN_ROOT:?set RUN_ROOT to a folder for results}
	@mkdir -p "$$DICOM_INBOX"
	@$(BIN)/dagster instance concurrency set gpu 1 >/dev/null
	$(BIN)/python -m ich_assets.runtime.web dev -w workspace.yaml -h 127.0.0.1 -p $(or $(PORT),3000)

receive: $(VENV)/installed
	$(BIN)/python -m ich_resources.receiver

bench: $(VENV)/installed
	$(BIN)/python benchmarks/bench.py

test: lint unit

lint: $(VENV)/installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint $(DOCKERFILES)
	$(BIN)/shellcheck $(SCRIPTS)
	$(BIN)/shfmt --diff --indent 4 --case-indent $(SCRIPTS)

# Quick tests run side by side, a file in one process; the others have the machine for themselves.
# With arguments of your own, one run: make test ARGS="tests/ich_resources -k window"
QUICK := not slow and not hpc and not weights and not gpu
unit: $(VENV)/installed
ifeq ($(ARGS),)
	$(BIN)/pytest -m "$(QUICK)" -n 2 --dist loadfile
	$(BIN)/pytest -m "not ($(QUICK))"
else
	$(BIN)/pytest $(ARGS)
endif

quick: $(VENV)/installed
	$(BIN)/pytest -m "$(QUICK)" -n 2 --dist loadfile

fix: $(VENV)/installed
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	$(BIN)/shfmt --write --indent 4 --case-indent $(SCRIPTS)

clean:
	rm -rf $(VENV) $(DEMO) $(CURDIR)/.dagster *.egg-info
