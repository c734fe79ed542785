# Set-up happens by itself: every target that needs the virtual environment makes it first.
PYTHON ?= python3
BIN := .venv/bin
# Of tests: each has a lab of its own, and waits most of the time.
WORKERS ?= 3
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder --durations 15
# For `make logs`: a process of the lab, a pod, or a pod's owner.
NAME ?=
# For `make destroy`: ARGS=--yes answers its question. For `make review` and `make doctor`: their options.
ARGS ?=

# True for every Python that can run rhsi; an older one must be able to read it.
NEW_ENOUGH := sys.version_info >= (3, 11)

.DEFAULT_GOAL := help
.PHONY: help machine up preview doctor review rotate soak status logs link-cut link-restore destroy down test test-unit lint docs bench clean

# A virtual environment whose Python has gone, was replaced or is too old lacks its own packages: it is made anew.
ifeq ($(shell $(BIN)/python -c 'import sys, pip; print($(NEW_ENOUGH))' 2>/dev/null),True)
CHECKED := $(BIN)/python
else
CHECKED := $(PYTHON)
.PHONY: .venv/installed
endif

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 14

.venv/installed: requirements.txt requirements-ops.txt requirements-lab.txt requirements-dev.txt
	@command -v $(PYTHON) >/dev/null || { echo 'error: There is no $(PYTHON) on PATH: install Python 3.11 or newer, or name one, such as `make PYTHON=python3.12 up`.' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; $(NEW_ENOUGH) or sys.exit("error: $(PYTHON) is Python %d.%d, and rhsi needs 3.11 or newer: name a newer one, such as `make PYTHON=python3.12 up`." % sys.version_info[:2])'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -r requirements-dev.txt
	@touch $@

# Apart from the rest: nobody pays for it before the first `make docs`.
.venv/docs: .venv/installed requirements-docs.txt
	$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off -r requirements-docs.txt
	@touch $@

# What the lab needs of a machine, before minutes of packages and builds.
machine:
	@if $(CHECKED) -c 'import sys; sys.exit(not ($(NEW_ENOUGH)))' 2>/dev/null; then $(CHECKED) -m lab.preflight; fi

up: machine .venv/installed  ## Start the lab and bring both stacks up
	@$(BIN)/python -m lab up

preview: machine .venv/installed  ## Preview both stacks on the lab
	@$(BIN)/python -m lab preview

doctor: .venv/installed  ## Find what would make `up` of the lab's stacks fail
	@$(BIN)/python -m lab shell --fresh -- env PYTHONPATH="$(CURDIR)" "$(CURDIR)/$(BIN)/python" -m ops doctor $(ARGS)

review: .venv/installed  ## Review what `up` would do to both stacks of the lab: one comment in Markdown
	@$(BIN)/python -m lab shell --fresh -- env PYTHONPATH="$(CURDIR)" "$(CURDIR)/$(BIN)/python" -m ops review $(ARGS)

rotate: .venv/installed  ## Rotate on the lab and show what existed when
	@$(BIN)/python -m lab rotate

soak: .venv/installed  ## Rotate 100 times; count objects, measure memory
	@$(BIN)/python -m lab soak

status: .venv/installed  ## Show what stands
	@$(BIN)/python -m lab status

logs: .venv/installed  ## Print what NAME printed: a process of the lab, a pod or its owner; no NAME lists all
	@$(BIN)/python -m lab logs $(NAME)

link-cut: .venv/installed  ## Cut the links between the sites
	@$(BIN)/python -m lab link cut

link-restore: .venv/installed  ## Restore the links that were cut
	@$(BIN)/python -m lab link restore

destroy: .venv/installed  ## Destroy both stacks, standbys first; ARGS=--yes asks nothing
	@$(BIN)/python -m lab destroy $(ARGS)

down: .venv/installed  ## Stop the lab and forget its state
	@$(BIN)/python -m lab down

test: machine .venv/installed  ## Run the tests: unit, contract, and the whole life on a lab for each of WORKERS=3
	$(PYTEST)

test-unit: .venv/installed  ## Run the tests that need no servers
	$(PYTEST) tests/unit

lint: .venv/installed  ## Style, types, shell scripts and GitHub's workflows
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy
	$(BIN)/shellcheck $$(git ls-files '*.sh' '.ci/run')
	$(BIN)/python -m lab.binaries.workflows
	$(BIN)/zizmor --offline --no-progress --quiet --persona pedantic .github

docs: .venv/docs  ## Build the documentation into site/, and check its links
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

bench: machine .venv/installed  ## Time the lab and both stacks, measure memory and what the link costs replication
	@$(BIN)/python -m bench

clean:  ## Stop the lab, and remove the virtual environment too
	@if [ -e "$${RHSI_LAB_HOME:-.lab}" ] && [ "$(CHECKED)" = $(BIN)/python ]; then $(BIN)/python -m lab down; fi
	rm -rf .venv
