# `make` sets up .venv, runs the pipeline and prints the results; `make help` lists the rest.

PYTHON ?= python3
TASKS ?=
SEEDS ?=
ARGS ?=
UV ?=
NAME ?= gpu

VENV := $(CURDIR)/.venv
STAMP := $(VENV)/.installed
DOCS_VENV := $(CURDIR)/.venv-docs
DOCS_STAMP := $(DOCS_VENV)/.installed
# What a version of JAX can break: rules, Jacobians, Hessians, graphs of the tasks, flags.
CORE := $(addprefix tests/interpreter/tracing/, rules test_call.py test_program.py) \
  $(addprefix tests/interpreter/, execution/test_evaluation.py $(addprefix test_, hessian.py \
  jacobian.py jacobian_orders.py jacobian_transformed.py jax_contracts.py jax_coverage.py)) \
  tests/pipeline/test_xla_flags.py tests/test_fingerprints.py
export PATH := $(VENV)/bin:$(PATH)
export VIRTUAL_ENV := $(VENV)

.PHONY: run smoke test test-slow test-all test-newer coverage-jax ecosystem lint types stale bench-interpreter bench-scaling bench-orders bench-learning bench-races bench-order-times bench-gpu bench-throughput bench-cli faults docs install clean help

run: $(STAMP)  ## Run the stages that are out of date and print the results (TASKS="mlp kerr_metric" for some, SEEDS=5 for five seeds)
	@elimax run $(TASKS) $(if $(SEEDS),--seeds $(SEEDS))

smoke: $(STAMP)  ## Run the whole pipeline on three tasks with small budgets, in a scratch copy
	@elimax run --profile smoke $(if $(SEEDS),--seeds $(SEEDS))

# --quick: no slow tests, a quarter of the random examples and of the cases of tests with many, and
# programs that XLA optimises less.
test: $(STAMP)  ## Run all but the slow tests, in five to ten minutes on two cores (ARGS="-k game" for some)
	@pytest -n auto --dist loadfile --quick $(ARGS)

test-slow: $(STAMP)  ## Run the slow tests
	@pytest -n auto --dist loadfile -m slow $(ARGS)

test-all: $(STAMP)  ## Run all tests, cases and random examples: before a release, after large changes
	@pytest -n auto --dist loadfile $(ARGS)

test-newer:  ## Run the core tests with another Python in .venv-newer (PYTHON=python3.13)
	@$(MAKE) --no-print-directory VENV=$(CURDIR)/.venv-newer ARGS="$(CORE) $(ARGS)" test

coverage-jax: $(STAMP)  ## Compare jacve with JAX on all of its primitives (ARGS="--sample 3 --group scan --jobs 4")
	@PYTHONPATH=tests python -m support.jax_coverage $(ARGS)

ecosystem: $(STAMP)  ## Compare jacve with JAX on functions of other packages (ARGS="tinygp brax --jobs 1")
	@python -m benchmarks.ecosystem $(ARGS)

lint: $(STAMP)  ## Check formatting and style
	@ruff format --check .
	@ruff check .

types: $(STAMP)  ## Check types
	@pyright

stale: $(STAMP)  ## Check that dvc.lock and the committed results belong to this tree
	@python -m elimax.pipeline.checkout.code_fingerprints --check

bench-interpreter: $(STAMP)  ## Compare Jacobians with those of JAX on the CPU (TASKS="mlp" for some, ARGS="--seconds 600")
	@python -m benchmarks.jacobians $(TASKS) --batch 1 512 65536 $(ARGS)

bench-scaling: $(STAMP)  ## Measure tracing and emission of programs of up to 10 000 equations
	@python -m benchmarks.scaling $(ARGS)

bench-orders: $(STAMP)  ## Show the best counts by annealing, bounds, and what auto finds (TASKS="mlp", ARGS="--seconds 5 20 --seeds 2")
	@python -m benchmarks.orders $(TASKS) $(ARGS)

bench-learning: $(STAMP)  ## Compare the learned policy with rules and annealing on 154 programs, in half an hour (ARGS="--full" or "--sets random_small --seconds 1")
	@python -m benchmarks.learning $(ARGS)

bench-races: $(STAMP)  ## Race several ways to compute a Jacobian against JAX on 47 small systems (ARGS="kepler_orbit --batch 512")
	@python -m benchmarks.races $(ARGS)

bench-order-times: $(STAMP)  ## Time two dozen orders of every task, to see what predicts their time (TASKS="mlp" for some, ARGS="--batch 1")
	@python -m benchmarks.order_times $(TASKS) $(ARGS)

bench-gpu: $(STAMP)  ## Check and time Jacobians, and time training, on a GPU (NAME=h100 for results/gpu/h100)
	@python -m benchmarks.gpu $(TASKS) --out results/gpu/$(NAME) $(ARGS)

bench-throughput: $(STAMP)  ## Measure rates of search, games, training and tracing (ARGS="--benchmark-autosave" keeps them)
	@pytest benchmarks/throughput/speeds.py -q -p benchmark -o python_functions='measure_*' \
	  --benchmark-storage=file://results/throughput --benchmark-sort=fullname \
	  --benchmark-columns=median,iqr,rounds $(ARGS)

bench-cli: $(STAMP)  ## Time help, listings and a run with nothing to do (ARGS="--quick")
	@python -m benchmarks.command_line $(ARGS)

faults: $(STAMP)  ## Kill every stage at random points, twenty times each, in about an hour (ARGS="search --tries 3")
	@python -m benchmarks.faults $(ARGS)

docs: $(DOCS_STAMP)  ## Build the documentation in docs/_build; sets up .venv-docs
	@$(DOCS_VENV)/bin/sphinx-build --quiet --fail-on-warning --keep-going -c docs $(ARGS) . docs/_build
	@echo "see docs/_build/index.html"

install: $(STAMP)  ## Set up .venv from requirements.lock (UV=1: with uv, faster)

# pip checks the hash of every package; elimax itself is linked, so edits take effect at once.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "elimax needs Python 3.11 or newer: make PYTHON=python3.12"; exit 1; }
	@echo "setting up $(notdir $(VENV)), which takes about a minute"
ifdef UV
	@test -x $(VENV)/bin/python || uv venv --quiet --python $(PYTHON) $(VENV)
	@uv pip sync --quiet requirements.lock
	@uv pip install --quiet --no-deps -e .
else
	@test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	@python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@python -m pip install -qq --disable-pip-version-check --no-deps -e .
endif
	@touch $@

# Only this environment has the packages of the documentation, and it lacks those of the stages.
$(DOCS_STAMP): docs/requirements.lock pyproject.toml
	@echo "setting up $(notdir $(DOCS_VENV)), which takes about a minute"
ifdef UV
	@test -x $(DOCS_VENV)/bin/python || uv venv --quiet --python $(PYTHON) $(DOCS_VENV)
	@VIRTUAL_ENV=$(DOCS_VENV) uv pip sync --quiet docs/requirements.lock
	@VIRTUAL_ENV=$(DOCS_VENV) uv pip install --quiet --no-deps -e .
else
	@test -x $(DOCS_VENV)/bin/python || $(PYTHON) -m venv $(DOCS_VENV)
	@$(DOCS_VENV)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r docs/requirements.lock
	@$(DOCS_VENV)/bin/python -m pip install -qq --disable-pip-version-check --no-deps -e .
endif
	@touch $@

clean:  ## Remove checkpoints, scratch copies, built pages and tool caches; results and .venv stay
	@rm -rf .state .pytest_cache .ruff_cache .hypothesis docs/_build
	@find . -path './.venv*' -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 19
