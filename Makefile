SHELL := bash
.DEFAULT_GOAL := help

# More tests at once than this gains nothing on two cores. One thread each: torch would otherwise
# start as many threads in every worker as there are cores.
WORKERS ?= 2
ARGS ?=

BIN := $(CURDIR)/.venv/bin
DEMO := egs2/mini_an4/asr1
IN_ENV := PATH="$(BIN):$$PATH"
PYTEST := $(IN_ENV) OMP_NUM_THREADS=1 "$(BIN)/python" -m pytest -n $(WORKERS) --dist loadfile

.PHONY: help env demo test test-all bench docs lint format clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

env: ## install into .venv (every target below does so first; a second time it does nothing)
	@tools/bootstrap.sh

demo: env ## train a small recursive model on real speech and decode with it (ARGS="--option value")
	@cd $(DEMO) && $(IN_ENV) ./demo.sh $(ARGS)

test: env ## run the tests (ARGS="-k name", WORKERS=2)
	@$(PYTEST) $(ARGS)

test-all: env ## run the tests and the whole of ESPnet's case grids
	@$(PYTEST) -m "" $(ARGS)

bench: env ## time the encoders against ESPnet's, as ratios (ARGS="--full")
	@"$(BIN)/python" benchmarks/encoder_time.py $(ARGS)

docs: env ## build the documentation's site in build/site; warnings are errors
	@"$(BIN)/mkdocs" build --strict

lint: env ## look for mistakes, wrong types and unformatted code
	@"$(BIN)/ruff" check .
	@"$(BIN)/ruff" format --check .
	@"$(BIN)/mypy" espnet_recursive

format: env ## format the code
	@"$(BIN)/ruff" check --fix .
	@"$(BIN)/ruff" format .

# Only what can be made again in minutes: the experiments of the other recipes may have taken days,
# and downloads/ is where users put corpora.
clean: ## remove caches, builds and what the demo wrote (never downloads, nor other recipes' exp)
	@rm -rf build dist *.egg-info .pytest_cache .ruff_cache
	@rm -rf $(DEMO)/data $(DEMO)/dump $(DEMO)/exp
	@find . \( -name .venv -o -name .tools -o -name .git \) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
