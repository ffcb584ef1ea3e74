# Roundhouse: `make help` lists the verbs. All they need is make and a Python that is 3.11 or newer.

# The first of these that is new enough; PYTHON=/path/to/python names another.
CANDIDATES := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11 python)
IS_NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
FOUND = $(shell for each in $(CANDIDATES); do "$$each" -c '$(IS_NEW_ENOUGH)' >/dev/null 2>&1 && echo "$$each" && break; done)
NONE = $(error Roundhouse needs Python 3.11 or newer, and none of these is: $(CANDIDATES). Install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python)

VENV := .venv/bin
# The rooms that hold no I/O; their tests leave no line and no branch out.
PURE := gateway/errors.py,gateway/openai/*,gateway/routing/*,gateway/registry/*,gateway/limits/*,gateway/metering/*,gateway/catalog/*

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test unit check format bench bench-smoke bench-scale bench-functions package catalog clean install install-dev

help: ## list the verbs
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

# One plain command, so that make runs it without a shell in between and a signal to make reaches it.
run: install ## serve on this machine with a demo; PORT=7071, DEMO=0 leaves the demo out, ARGS="--workers 2"
	@$(VENV)/python -m gateway $(if $(filter 0 no off false,$(DEMO)),--no-demo,--demo) $(ARGS)

test: install-dev check ## everything that must hold: checks, all tests, coverage, the real Functions runtime
	@rm -f .coverage .coverage.*
	$(VENV)/python -m pytest tests/unit -q -n 2 --cov --cov-report=
	$(VENV)/python -m pytest tests --ignore=tests/unit -q -n 2 --cov --cov-append --cov-report=
	$(VENV)/python -m coverage report --fail-under=95
	$(VENV)/python -m coverage report --include='$(PURE)' --fail-under=100
	$(VENV)/python scripts/functions_tests.py
	$(VENV)/python -m benchmarks.smoke

unit: install-dev ## the unit tests alone: no sockets, no sleeping, seconds
	$(VENV)/python -m pytest tests/unit -q -n 2

check: install-dev ## format, lint, types and the fences around the structure, in seconds
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/python -m pytest tests/architecture tests/unit/test_app.py -q

format: install-dev ## put the code into its one format and mend what lint can mend
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

bench: install-dev ## measure the gateway against bare relays and its peers, into benchmarks/results.md; ARGS="--quick"
	$(VENV)/python -m benchmarks $(ARGS)

bench-smoke: install-dev ## in half a minute: does a call still cost little more than a bare relay's
	$(VENV)/python -m benchmarks.smoke

bench-scale: install-dev ## start-up, memory and choice with many tenants and deployments, into benchmarks/scale.md
	$(VENV)/python -m benchmarks.scale $(ARGS)

bench-functions: install-dev ## CPU of a call in the real Functions runtime, beside an empty function's, into benchmarks/functions.md
	$(VENV)/python scripts/functions_bench.py $(ARGS)

package: install-dev ## make the zip that Azure Functions deploys
	$(VENV)/python scripts/package.py

catalog: install-dev ## make the built-in facts on models anew, from the source that scripts/catalog.py pins
	$(VENV)/python scripts/catalog.py

install: ## make .venv with all that `make run` needs
	@$(or $(FOUND),$(NONE)) -m gateway.local.install

install-dev: ## the same, with all that `make test` needs
	@$(or $(FOUND),$(NONE)) -m gateway.local.install requirements-dev.txt

clean: ## remove what was installed and built; the registry in .roundhouse/ stays
	rm -rf .venv .venv-* azurite/node_modules benchmarks/.peers dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
