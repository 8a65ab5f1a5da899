.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help setup demo test check fuzz bench docs site lock clean

help: ## Show this list.
	@grep -E '^[a-z0-9%-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

# The lock file has hashes, so what is installed is what was tested.
.venv/ready: requirements.lock pyproject.toml
	@echo "Setting up .venv (once; a minute or two) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: .venv/ready ## Only set up .venv, which the others do too where it is missing.

demo: .venv/ready ## Watch the whole story on this machine, in half a minute.
	@$(BIN)/jobferry demo

# Four at once on two cores: much of a test is waiting for somebody else. The long ones begin.
KINDS := faults simulation e2e contract integration unit
test: .venv/ready ## Run all tests, on JOBFERRY_TEST_DSN, a container, or the embedded Postgres.
	@$(BIN)/pytest -q -n 4 --dist loadfile $(KINDS:%=tests/%)

test-pg%: .venv/ready ## Run the tests on another PostgreSQL: test-pg14 ... test-pg17.
	@.ci/with-postgres $* $(MAKE) --no-print-directory test

check: .venv/ready ## Static checks: format, lint, types, import directions.
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/mypy tests docs/generate.py docs/conf.py
	@$(BIN)/lint-imports
	@$(BIN)/python docs/generate.py --check
	@$(MAKE) --no-print-directory site

# Longer: make fuzz SECONDS=600
SECONDS ?= 20
fuzz: .venv/ready ## Let atheris look for octets that break something.
	@PYTHONPATH=tests $(BIN)/python -m fuzz --seconds $(SECONDS)

bench: .venv/ready ## Measure speed and memory against raw limits.
	@$(BIN)/jobferry bench

docs: .venv/ready ## Write the generated parts of the documents.
	@$(BIN)/python docs/generate.py

site: .venv/ready ## Build the documents as a site, into docs/_build.
	@$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build

lock: ## Pin the dependencies anew.
	@$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet pip-tools
	@CUSTOM_COMPILE_COMMAND="make lock" .venv-lock/bin/pip-compile --quiet --upgrade --strip-extras \
		--generate-hashes --extra dev --unsafe-package jobferry \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links -o requirements.lock pyproject.toml
	@rm -rf .venv-lock

clean: ## Remove what was set up and measured.
	rm -rf .venv jobferry-data .mypy_cache .ruff_cache .pytest_cache
