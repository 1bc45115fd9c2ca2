# make run   : set everything up in .venv and answer a first question
# make test  : set everything up and check everything
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TOOLS := $(VENV)/.tools
INSTALL := $(BIN)/python -m pip install -q --no-compile -c constraints.txt -e
SINGLE := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1

.PHONY: run test check specs gallery bench wheel clean help

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

run: $(READY)  ## run the quickstart and print where its report is
	$(BIN)/recurse run specs/quickstart.yaml

test: $(TOOLS)  ## lint, types, import directions, specs, tests
	$(MAKE) -j2 check specs
	$(SINGLE) $(BIN)/python -m pytest -q -n 2 tests

check: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

specs: $(READY)  ## validate the shipped specs
	$(BIN)/recurse validate specs

gallery: $(READY)  ## run every shipped spec and regenerate reports/gallery
	$(BIN)/recurse run specs --store runs
	$(BIN)/recurse report --store runs --format md -o reports/gallery

bench: $(TOOLS)  ## ratios against plain NumPy and plain PyTorch
	for file in tests/benchmarks/bench_*.py; do $(SINGLE) $(BIN)/python $$file; done

wheel: $(READY)  ## build the wheel in dist/
	$(BIN)/python -m pip wheel -q --no-deps -w dist .

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) '.[torch,jax,reports]'
	touch $(READY)

$(TOOLS): $(READY)
	$(INSTALL) '.[torch,jax,reports,dev]'
	touch $(TOOLS)

clean:
	rm -rf $(VENV) dist build runs
