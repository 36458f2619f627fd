# make setup | demo | test | slow | check | bench: each does the whole set-up first. `make demo BROWSER=no` opens no browser,
# `make demo SERVE=no` also stops after the printed answers, `make test WORKERS=4` tests in four processes.

PYTHON ?= python3
BIN := .venv/bin
BROWSER ?= yes
SERVE ?= yes
STUDIES ?= 600
WORKERS ?= 2
QUERY ?= effusion but no calcification

# In that many processes; one thread each, or theirs would wait for each other.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS)

.PHONY: setup demo test slow check bench clean

setup: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/medneg phantom demo/phantoms --studies $(STUDIES) --seed 7
	$(BIN)/medneg ingest demo/phantoms --archive demo/archive
	$(BIN)/medneg calibrate --archive demo/archive > demo/calibration.txt
	$(BIN)/medneg search "$(QUERY)" --archive demo/archive --compare
ifeq ($(SERVE),yes)
	$(BIN)/medneg ui --archive demo/archive $(if $(filter no,$(BROWSER)),--no-browser)
endif

test: setup
	$(PYTEST) --dist loadfile

slow: setup
	$(PYTEST) --dist worksteal -m "slow and not bench"

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(MAKE) test

bench: setup
	$(BIN)/python -m pytest -m bench -s tests/bench

clean:
	rm -rf demo build *.egg-info .mypy_cache .pytest_cache .ruff_cache
