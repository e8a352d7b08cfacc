# make reproduce   set up and run the paper's sharing ablation at a tiny scale: 2 CPU cores, about 10 minutes
# make test        set up and run the test suite
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# One thread a test process: several with two threads each on busy cores are many times slower.
QUIET := HF_HUB_OFFLINE=1 MLFLOW_DISABLE_TELEMETRY=true PIP_DISABLE_PIP_VERSION_CHECK=1

.PHONY: setup reproduce test lint

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(QUIET) $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

reproduce: setup
	$(QUIET) $(BIN)/albert-lab reproduce table4 scale=tiny

test: setup
	$(QUIET) OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
