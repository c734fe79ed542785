# Set-up happens by itself: every target that needs the virtual environment makes it first.
PYTHON ?= python3
BIN := .venv/bin
# Of tests: each has a lab of its own, and waits most of the time.
WORKERS ?= 3
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder --durations 15

.DEFAULT_GOAL := help
.PHONY: help up preview rotate soak status down test test-unit lint bench clean

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

.venv/installed: requirements.txt requirements-lab.txt requirements-dev.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

up: .venv/installed  ## Start the lab and bring both stacks up
	@$(BIN)/python -m lab up

preview: .venv/installed  ## Preview both stacks on the lab
	@$(BIN)/python -m lab preview

rotate: .venv/installed  ## Rotate on the lab and show what existed when
	@$(BIN)/python -m lab rotate

soak: .venv/installed  ## Rotate 100 times; count objects, measure memory
	@$(BIN)/python -m lab soak

status: .venv/installed  ## Show what stands
	@$(BIN)/python -m lab status

down: .venv/installed  ## Stop the lab and forget its state
	@$(BIN)/python -m lab down

test: .venv/installed  ## Run the tests: unit, contract, and the whole life on a lab for each of WORKERS=3
	$(PYTEST)

test-unit: .venv/installed  ## Run the tests that need no servers
	$(PYTEST) tests/unit

lint: .venv/installed  ## Style, types and shell scripts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/shellcheck $$(git ls-files '*.sh' '.ci/run')

bench: .venv/installed  ## Time the lab and both stacks, measure memory and what the link costs replication
	@$(BIN)/python -m bench

clean: down  ## Remove the virtual environment too
	rm -rf .venv
