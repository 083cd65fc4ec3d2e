# Everything happens in .venv, which the first target that needs it makes. Try `make help`.

PYTHON ?= python3
CONSTRAINTS ?= constraints.txt# empty: the newest packages that pyproject.toml allows
FLAGS ?=# for `make book`; --all builds and checks every page again
PORT ?= 8000
BIN = .venv/bin
INSTALL = $(BIN)/pip install --quiet --disable-pip-version-check $(addprefix --constraint ,$(CONSTRAINTS)) --editable

export OPENBLAS_NUM_THREADS = 1# two busy BLAS threads spin against each other

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help book serve test lint experiments release-check bench clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

book: .venv/installed  ## build the book, what changed in it; a warning is an error
	$(BIN)/jupyter-book build . -W -n --keep-going $(FLAGS)
	@echo "The book is built: open file://$(CURDIR)/_build/html/index.html"

serve: book  ## build the book and serve it on this machine, on port PORT
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

test: .venv/installed  ## run every test, the chapters included
	$(BIN)/pytest --cov

lint: .venv/installed-lint  ## check format, style, types and the workflows
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/zizmor --offline --quiet .github

experiments: .venv/installed  ## run the experiments whose record is missing or stale
	$(BIN)/python -m experiments

release-check: .venv/installed  ## fail if a record is missing or stale
	$(BIN)/python -m experiments --check

bench: .venv/installed  ## time the rules beside PyTorch's; needs the reference packages
	@$(BIN)/python -c "import threadpoolctl, torch" || \
	    { echo 'make bench needs PyTorch and threadpoolctl: $(INSTALL) ".[reference]"' >&2; exit 1; }
	$(BIN)/python -m benchmarks

clean:  ## remove what was built and cached, and .venv
	rm -rf _build dist .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache .coverage .coverage.*
	find src tests book experiments benchmarks -name __pycache__ -prune -exec rm -rf {} +

.venv/bin/pip:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	    { echo "make: Python 3.11 or newer is needed; if it has another name: make $(MAKECMDGOALS) PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c "import ensurepip, venv" || \
	    { echo "make: $(PYTHON) lacks its venv module (on Debian and Ubuntu the package python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml $(CONSTRAINTS) | .venv/bin/pip
	$(INSTALL) ".[book,test]"
	@touch $@

.venv/installed-lint: .venv/installed
	$(INSTALL) ".[lint]"
	@touch $@
