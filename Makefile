# Everything runs in .venv, which is made when it is not there. It takes python3 and make, nothing else.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest -q -n $(WORKERS)
COVER := --cov=subband --cov-report=

# The processes are the parallel part; more threads in each only slow them down.
test slow lint docs bench: export OMP_NUM_THREADS = 1

.PHONY: help demo test slow lint types layers unit shapes docs bench tables gpu clean

help:
	@echo "make demo    train four losses on synthetic images and write a report (about 2 minutes)"
	@echo "make test    lint, types, import layers, tests, doctests, shape checks"
	@echo "make slow    the tests that take long; a build server runs both"
	@echo "make lint | docs | bench [ONLY=cwmi] | gpu [ONLY=cwmi] | clean    one part at a time"

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[all,dev]"
	@touch $@

demo: $(READY)
	$(BIN)/subband demo $(TASK) --out runs/demo --overwrite

test: lint types layers unit shapes
	$(BIN)/coverage report --skip-covered --fail-under=95

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

layers: $(READY)
	$(BIN)/lint-imports

unit: $(READY)
	rm -f .coverage .coverage.*
	$(PYTEST) -m "not gpu and not slow" --doctest-modules $(COVER) tests src

slow: $(READY)
	$(PYTEST) -m "slow and not gpu" tests

# The same tests of losses and transforms, every annotated shape checked at each call.
shapes: $(READY)
	$(PYTEST) -m "not gpu and not message and not slow" --jaxtyping-packages=subband.losses,subband.transforms,shape_checker.check \
		$(COVER) --cov-append tests/losses tests/transforms

docs: $(READY)
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build/html
	@echo docs/_build/html/index.html

bench: $(READY)
	$(BIN)/python benchmarks/run.py $(ONLY)
	$(BIN)/python benchmarks/tables.py

tables: $(READY)
	$(BIN)/python benchmarks/tables.py

# Takes the Python that runs it: a machine with a GPU and PyTorch needs no install.
gpu:
	$(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)) benchmarks/gpu.py $(ONLY)

clean:
	rm -rf docs/_build docs/reference/_generated .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache \
		.import_linter_cache .hypothesis build dist
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +
