# Everything that is done with the project. `make demo` and `make test` need only python3 with venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO ?= lrdash-demo
# Processes that share the tests; trainings among them still take turns.
JOBS ?= 2
# Two threads in each of two trainings on two cores are several times slower than one in each.
export OMP_NUM_THREADS ?= 1

.PHONY: demo test check format acceptance soak faults fuzz bench sizes coverage clean

demo: $(VENV)/.trainer  ## a real six-run sweep of tiny models on this machine, live on screen
	$(BIN)/lrdash demo $(DEMO)

test: $(VENV)/.dev  ## the smallest form of every point, in any order
	$(BIN)/pytest -n $(JOBS) --dist loadfile -m "not acceptance and not soak and not faults and not fuzz" --durations=20

check: $(VENV)/.dev  ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

acceptance: $(VENV)/.dev  ## the full counts of the tests (under 60 minutes)
	$(BIN)/pytest -m acceptance --timeout=3600 --durations=20

soak faults fuzz: $(VENV)/.dev
	$(BIN)/pytest -m $@ --timeout=7200

bench: $(VENV)/.dev  ## every budget against its peer or limit in the same run
	$(BIN)/python -m tests.benchmarks

sizes: $(VENV)/.dev  ## the table of sizes in docs/architecture.md
	$(BIN)/python -m tests.docs.sizes

coverage: $(VENV)/.dev  ## line coverage of the tests that `make test` runs
	$(BIN)/pytest -n $(JOBS) --dist loadfile -m "not acceptance and not soak and not faults and not fuzz" \
		--cov --cov-report=term:skip-covered

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.trainer: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[trainer]'
	touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@ $(VENV)/.trainer
