# From a fresh clone: Python 3.11 or newer and make are enough for `make demo`.

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

# Each stamp is newer than what was installed for it, so an install is repeated only when its list changes.
MADE := $(VENV)/.made
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:

.PHONY: help
help: ## list these targets
	@echo "usage: make TARGET"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

.PHONY: demo
demo: $(RUNTIME) ## the shipped example through the real pipeline, then a report
	@$(BIN)/router demo

.PHONY: up
up: $(RUNTIME) ## everything in one process, on this machine
	@$(BIN)/router up

.PHONY: install
install: $(RUNTIME) ## make the virtual environment and install the router into it

.PHONY: dev
dev: $(DEV) ## the same, with all tools of lint and test

.PHONY: test
test: $(DEV) ## run all tests, with coverage (ARGS="-k ledger" narrows them)
	@.ci/fetch-kafka $(BIN)/python
	$(BIN)/python -m pytest --cov --cov-report= $(ARGS)
ifeq ($(ARGS),)
	@echo "coverage:"
	@$(BIN)/coverage report
	@echo "coverage of the decisions (lines and branches, at least 95 %):"
	@$(BIN)/coverage report --include='router/domain/*,router/policy/*' --fail-under=95
endif

.PHONY: lint
lint: $(DEV) ## style, types, layers, spelling, the shipped policy and the generated topics
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/yamllint --strict .
	$(BIN)/router check config
	$(BIN)/python -m router.events.schemas --check

.PHONY: audit-dependencies
audit-dependencies: $(DEV) ## ask whether what we install has known vulnerabilities (ARGS=--strict: fail where nobody knows)
	$(BIN)/python .ci/audit-dependencies $(ARGS)

.PHONY: format
format: $(DEV) ## let ruff repair what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(RUNTIME) ## measure leads per second on this machine, beside its peers (see bench-peers)
	$(BIN)/python -m tests.benchmarks $(ARGS)

.PHONY: mutations
mutations: $(DEV) ## put bugs into a scratch copy, one by one, and tell what catches each (about half an hour)
	@.ci/fetch-kafka $(BIN)/python
	$(BIN)/python -m tests.mutations $(ARGS)

.PHONY: chaos
chaos: $(DEV) ## kill, stop and cut off everything under load, and judge it (ARGS="--only FAULT" narrows it)
	@.ci/fetch-kafka $(BIN)/python
	$(BIN)/python -m tests.chaos $(ARGS)

.PHONY: soak
soak: $(DEV) ## twenty minutes of load: what grows, and whether the promises hold (ARGS="--minutes 60")
	@.ci/fetch-kafka $(BIN)/python
	$(BIN)/python -m tests.load soak $(ARGS)

.PHONY: bench-peers
bench-peers: $(MADE) ## install what the worker is measured beside, into an environment of its own
	@test -x .venv-bench/bin/pip || $(BIN)/python -m venv --clear .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check '.[bench]'

SECONDS ?= 120
.PHONY: fuzz
fuzz: $(DEV) ## look at length for input that breaks something (SECONDS=120, for each kind of input)
	@$(PIP) install --quiet --no-build-isolation --editable '.[fuzz]'
	for target in events configuration expression; do \
		$(BIN)/python -m tests.fuzz $$target --seconds $(SECONDS) || exit 1; done

.PHONY: topics
topics: $(RUNTIME) ## write topics/ anew from the event models
	$(BIN)/python -m router.events.schemas

.PHONY: requirements
requirements: export CUSTOM_COMPILE_COMMAND = make requirements
requirements: COMPILE = $(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options --annotation-style line
requirements: $(DEV) ## pin the newest versions that pyproject.toml allows (with Python 3.11)
	$(COMPILE) --extra enrich --extra gateway --extra notify -o requirements.txt pyproject.toml
	$(COMPILE) --only-build-deps --build-deps-for editable --build-deps-for wheel -o requirements-build.txt pyproject.toml
	$(COMPILE) --no-strip-extras --extra dev --build-deps-for editable --build-deps-for wheel -c requirements.txt -c requirements-build.txt \
		-o requirements-dev.txt pyproject.toml

.PHONY: clean
clean: ## remove all that make made; .router (your data) stays
	rm -rf $(VENV) .venv-bench build dist .test-kafka .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find router tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@test -x $(BIN)/pip || { python=$$(.ci/find-python) && echo "making $(VENV) with $$python" \
		&& "$$python" -m venv --clear $(VENV); }
	@touch $@

$(RUNTIME): requirements.txt requirements-build.txt pyproject.toml | $(MADE)
	@echo "installing the router and what it needs (about 30 s)"
	@$(PIP) install --quiet --require-hashes -r requirements-build.txt
	@$(PIP) install --quiet --require-hashes -r requirements.txt
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements-dev.txt $(RUNTIME)
	@echo "installing the tools of lint and test (about 30 s)"
	@$(PIP) install --quiet --require-hashes -r requirements-dev.txt
	@touch $@
