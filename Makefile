# A fresh clone needs Python >= 3.11 and make; everything else goes into .venv.
#
#   make demo ARGS="--json out.json"     arguments for the command
#   make test WORKERS=8                  tests side by side; many of them wait, on servers and clocks
#   make demo PYTHON=/path/to/python     the Python that .venv is made from

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo ui lab test check setup simulator constraints clean

# Another environment that is active in the shell must not leak into ours.
unexport PYTHONHOME PYTHONPATH VIRTUAL_ENV UV_PYTHON UV_SYSTEM_PYTHON

VENV := .venv
BIN := $(VENV)/bin
IS_SUPPORTED := -c 'import sys; sys.exit(sys.version_info < (3, 11))'
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3 python; do \
	"$$python" $(IS_SUPPORTED) 2>/dev/null && echo "$$python" && break; done)
WORKERS := 3
INSTALL = $(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.lab ## run the pipeline on demonstration images and show what it finds
	@$(BIN)/astrid demo $(ARGS)

ui: $(VENV)/.lab ## open the Dagster UI on the store
	@$(BIN)/astrid ui $(ARGS)

lab: $(VENV)/.lab ## open the notebooks in JupyterLab, on the store of `make demo`
	@ASTRID_STORE="$${ASTRID_STORE:-$(CURDIR)/.astrid}" $(BIN)/jupyter lab --notebook-dir=notebooks $(ARGS)

test: $(VENV)/.dev ## run the tests
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(ARGS)

check: $(VENV)/.dev ## lint, formatting, types, import layers, documentation
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest --quiet tests/test_docs.py

setup: $(VENV)/.dev ## only install what the tests and checks need

simulator: $(VENV)/.simulator ## add Node, for the tests against Cloudflare's R2 simulator

constraints: $(VENV)/.uv ## resolve constraints.txt again (ARGS=--upgrade: to the newest)
	@echo uv | $(BIN)/uv pip compile --quiet pyproject.toml - --all-extras --universal \
		--python-version 3.11 --fork-strategy fewest --no-annotate --no-header \
		--no-emit-index-url --output-file constraints.txt $(ARGS) > /dev/null
	@sed 's/ ;.*//' constraints.txt > $(VENV)/constraints && cp $(VENV)/constraints constraints.txt
	@test -z "$$(sed 's/==.*//' constraints.txt | uniq -d)" \
		|| { echo 'error: a package has two versions in constraints.txt' >&2; exit 1; }

clean: ## remove .venv and the tools' caches; a store in .astrid stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# One stamp for each thing installed. `python -m venv` mends a half-made .venv in place.
$(VENV)/.uv:
	@"$(PYTHON)" $(IS_SUPPORTED) 2>/dev/null \
		|| { echo 'error: Python 3.11 or newer is needed; say which with make PYTHON=...' >&2; exit 1; }
	@echo 'Making $(VENV) with $(PYTHON)'
	@"$(PYTHON)" -m venv $(VENV) \
		|| { echo 'error: $(PYTHON) cannot make a virtual environment (Debian: apt install python3-venv)' >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@touch $@

$(VENV)/.lab: $(VENV)/.uv pyproject.toml constraints.txt
	@echo 'Installing into $(VENV) (once; a minute or a few)'
	@$(INSTALL) --editable '.[lab]'
	@touch $@

$(VENV)/.dev: $(VENV)/.uv pyproject.toml constraints.txt
	@echo 'Installing into $(VENV), with the development tools (once; a minute or a few)'
	@$(INSTALL) --editable '.[dev]'
	@touch $(VENV)/.lab $@

$(VENV)/.simulator: $(VENV)/.dev
	@$(INSTALL) --editable '.[simulator]'
	@touch $@
