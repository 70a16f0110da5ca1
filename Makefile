# `make demo` runs the whole product on this machine, `make test` proves it; both set themselves up.

PYTHON ?= python3
PORT ?= 8000
DATA_DIR ?= var
export PYTHON PORT DATA_DIR

python := .venv/bin/python
uv := .venv/bin/uv
compile := $(uv) pip compile --quiet --universal --no-header pyproject.toml

.PHONY: demo test check requirements clean

demo: .venv/.demo
	@exec $(python) -m supportbot.demo

test: .venv/.dev tests/browser/node_modules/.installed
	@scripts/install-chromium
	@scripts/check
	@$(python) -m pytest

check: .venv/.dev
	@scripts/check

.venv/.demo: requirements-embedded.txt scripts/install-python
	@scripts/install-python requirements-embedded.txt
	@touch $@

.venv/.dev: requirements-dev.txt scripts/install-python
	@scripts/install-python requirements-dev.txt
	@touch $@

tests/browser/node_modules/.installed: tests/browser/package-lock.json scripts/install-node-packages
	@scripts/install-node-packages
	@touch $@

# Pins everything anew: each larger set keeps to the versions of the smaller ones.
requirements: .venv/.dev
	$(compile) --upgrade --output-file requirements.txt
	$(compile) --upgrade --extra embedded --constraint requirements.txt \
		--output-file requirements-embedded.txt
	$(compile) --upgrade --extra embedded --extra dev --constraint requirements.txt \
		--constraint requirements-embedded.txt --output-file requirements-dev.txt

# Leaves DATA_DIR alone: it holds data.
clean:
	rm -rf .venv staticfiles tests/browser/node_modules .mypy_cache .ruff_cache .pytest_cache \
		.import_linter_cache
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +
