# make reproduce   install and run the paper's sharing ablation at a tiny scale: 2 CPU cores, about 10 minutes
# make test        install the tools of the tests as well, and run the suite
# make setup       install all of it
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# One thread a test process: several with two threads each on busy cores are many times slower.
QUIET := HF_HUB_OFFLINE=1 MLFLOW_DISABLE_TELEMETRY=true PIP_DISABLE_PIP_VERSION_CHECK=1
INSTALL := $(QUIET) $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable

.PHONY: setup reproduce test lint

setup: $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Installing into $(VENV): 1.9 GB with PyTorch for CPUs only; PyPI's for Linux adds CUDA, several GB more."
	@echo "It takes some minutes, most of them for the download."
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the tools of the tests into $(VENV): 0.4 GB more."
	$(INSTALL) '.[dev]'
	touch $@

reproduce: $(VENV)/.installed
	@echo "Training eight models with two seeds each: about 10 minutes on 2 CPU cores."
	$(QUIET) $(BIN)/albert-lab reproduce table4 scale=tiny

test: $(VENV)/.installed-dev
	$(QUIET) OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses 2 --dist worksteal

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
