PY ?= python3
BIN := .venv/bin
NPM = PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix web run --silent
# Browser tests that make test holds; make pages runs those of every page too.
PROVEN := $(addprefix tests/browser/,test_living_park.py command test_first_users.py test_duty.py test_alarms.py)
.PHONY: run dev test pages check bench lock clean help

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/'

run: ## start ParkSight with the living demo park
	@$(PY) tools/bootstrap.py run
	@exec $(BIN)/python -m parksight demo $(ARGS)

dev: ## the same with reload of server and pages (pages on http://127.0.0.1:5173)
	@$(PY) tools/bootstrap.py test
	@exec $(BIN)/python -m parksight dev $(ARGS)

test: ## all checks and all tests
	@$(PY) tools/bootstrap.py test
	@$(BIN)/python tools/checks.py
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not browser"
	@$(BIN)/python -m pytest -m browser $(PROVEN)

pages: ## browser tests of the operator pages on the living park
	@$(PY) tools/bootstrap.py test
	@$(BIN)/python -m pytest -m browser tests/browser

check: ## checks and fast tests, about a minute
	@$(PY) tools/bootstrap.py test
	@$(BIN)/python tools/checks.py
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not browser and not slow and not postgres" tests

bench: ## reproducible measurements, ratios in one run
	@$(PY) tools/bootstrap.py test
	@$(BIN)/python -m bench $(ARGS)

lock: ## rewrite the hashed requirement files from pyproject.toml
	@tools/lock.sh

clean: ## remove what the targets made, keep the data
	rm -rf .venv .stamps web/node_modules src/parksight/web/static
