# Python lives in .venv; nothing else is installed but by the lab, which says what it needs.
PYTHON ?= python3
BIN := .venv/bin
LAB := $(BIN)/python -m tests.lab

.PHONY: lab-cache crash-matrix chaos races mutation help demo test packages unit e2e e2e-full lab bench bench-plan bench-upgrade lint schema examples docs recording
.DEFAULT_GOAL := help

help:  ## Show what can be made
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

.venv/.made: pyproject.toml
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/pip install --quiet --editable . --group dev
	@touch $@

demo: .venv/.made  ## Plan, review, live apply and summary of a whole upgrade on a simulated cluster
	@$(BIN)/kubectl-upgrade_cp rehearse

test: packages lint lab-cache unit e2e  ## All tests, on real clusters too (root, Debian 12, Go)

packages: .venv/.made  ## Install the Debian packages that tests need (root)
	$(LAB) packages

lint: .venv/.made  ## ruff, mypy, import-linter, shellcheck
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	# actions and facts are read together with what they source from lib/
	$(BIN)/shellcheck --shell=sh --check-sourced $$(git ls-files '*.sh' ':!kubectl_upgrade/node/lib')

# unit tests use the lab's real etcd when it has been built
lab-cache: .venv/.made  ## Build what the real clusters are made of (root, Go; ten minutes from nothing)
	$(LAB) build --control-planes 3 --workers 3 --version v1.34.4 --also v1.35.4

unit: .venv/.made  ## Tests without any cluster: some minutes, on all processors
	$(BIN)/pytest -m 'not lab and not full' -n auto --dist worksteal

e2e: .venv/.made  ## One whole upgrade of a real 3 + 3 cluster and what hangs on it (root)
	$(BIN)/pytest -m lab tests/e2e

e2e-full: .venv/.made  ## The rest of the scenarios on real clusters (root, long)
	$(BIN)/pytest -m full tests/e2e tests/machines

lab: .venv/.made  ## Bring up a real 3 + 3 cluster to try things on (root)
	$(LAB) up --control-planes 3 --workers 3
	@echo "export KUBECONFIG=$$($(LAB) kubeconfig)"

crash-matrix: .venv/.made  ## Every step cut off at every moment in every way, simulated; each must end as undisturbed
	$(BIN)/python -m tests.resilience.crash_matrix
	$(BIN)/python -m tests.resilience.journal

chaos: .venv/.made  ## 10,000 random schedules of faults and people, simulated
	$(BIN)/python -m tests.resilience.chaos

mutation: .venv/.made  ## Change the rules one at a time: does a test notice? (a quarter of an hour)
	$(BIN)/python -m tests.resilience.mutation

races: .venv/.made  ## Who wins: 8 racers, 3 takers, an old client that wakes; 1,000 of each, simulated
	$(BIN)/python -m tests.resilience.races

bench: .venv/.made  ## Figures, each a JSON line; two parts of five need root and Go (docs/benchmarks.md)
	$(BIN)/python -m bench

bench-plan: .venv/.made  ## What `plan` costs beside kubectl and kubeadm, on a real cluster (root, Debian 12, Go)
	$(BIN)/python -m bench.plan_cost $(ARGS)

bench-upgrade: .venv/.made  ## Real upgrades in three ways: documented, Ansible, ours (root, Debian 12, Go; over an hour)
	$(BIN)/python -m bench.upgrade $(ARGS)

schema: .venv/.made  ## Write schemas/ anew from the types
	$(BIN)/python -m kubectl_upgrade.planfile.schema

examples: .venv/.made  ## Write plans/ anew from the planner
	UPDATE_PLANS=1 $(BIN)/pytest -q tests/planner/test_examples.py

docs: .venv/.made  ## Write docs/checks.md anew from the checks and their tests
	$(BIN)/python -m kubectl_upgrade.cli.checks_page

recording: .venv/.made  ## Record docs/demo.svg from the real demo
	$(BIN)/python docs/record_demo.py
