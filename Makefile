# Every target does what it needs first: on a fresh machine `make sweep` alone suffices.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
sweep ?= quick
results ?= results
out ?= reports/index.html
# Each holds the libraries in memory; of more than four the machine's memory has to be thought of.
workers ?= $(shell n=$$(nproc 2>/dev/null || echo 2); echo $$((n < 4 ? n : 4)))

.PHONY: help setup dev sweep study report test lint bench audit lock clean

help:
	@echo "make sweep   run the sweep '$(sweep)' (sweep=NAME for another) and write $(out)"
	@echo "make study   learning rates searched for alike, three seeds, a matched budget: some hours"
	@echo "make report  rebuild the report from $(results)"
	@echo "make test    the test suite        make lint   formatting, lint and types"
	@echo "make bench   is the timing fine enough here, and what does the harness itself cost?"
	@echo "make audit   is something known against the locked versions? (asks PyPI)"
	@echo "make setup   the virtual environment alone"

setup: $(VENV)/.ready
dev: $(VENV)/.ready-dev

$(VENV)/.ready: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed: make PYTHON=python3.11"; exit 1; }
	@echo "Making the virtual environment $(VENV) from requirements.lock (a few minutes once)"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --no-compile --disable-pip-version-check -r requirements.lock
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.lock
	@echo "Adding the tools of requirements-dev.lock"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	@touch $@

# The report is written even when a trial failed: failures are results too.
sweep: setup
	@status=0; $(PY) -m harness -m sweep=$(sweep) results=$(results) $(ARGS) || status=$$?; \
	$(PY) -m harness.report results=$(results) out=$(out) && exit $$status

# A matched budget takes sizes of its own; methods without a size are the same trials in both.
study: setup
	@status=0; $(PY) -m harness -m sweep=study results=$(results) $(ARGS) || status=$$?; \
	$(PY) -m harness -m sweep=study size=null budget=0.5% results=$(results) $(ARGS) || status=$$?; \
	$(PY) -m harness.report results=$(results) out=$(out) && exit $$status

report: setup
	@$(PY) -m harness.report results=$(results) out=$(out)

test: dev
	$(PY) -m pytest -n $(workers) --dist worksteal $(ARGS)

lint: dev
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy

bench: setup
	@$(PY) -m harness.bench $(ARGS)

# Strict: what could not be looked up counts as a failure, not as free of known faults.
audit:
	@rm -rf build/audit && $(PYTHON) -m venv build/audit
	@build/audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit
	@build/audit/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r requirements-dev.lock \
	  || { echo "Not clean: a fault is named above, or pip-audit could not reach PyPI's records of them"; exit 1; }

# Exact versions of what pyproject.toml allows today; run on the oldest Python that is supported.
lock:
	@rm -rf build/lock && $(PYTHON) -m venv build/lock
	@build/lock/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0 hatchling editables
	@build/lock/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation '.[quant,onnx]'
	@build/lock/bin/python -m pip freeze --exclude peft-harness | sed 's/+cpu//' > requirements.lock
	@build/lock/bin/python -m pip install --quiet --disable-pip-version-check --no-build-isolation '.[quant,onnx,slurm,dev]'
	@build/lock/bin/python -m pip freeze --exclude peft-harness | sed 's/+cpu//' > build/all.lock
	@{ echo "-r requirements.lock"; grep -vxFf requirements.lock build/all.lock; } > requirements-dev.lock
	@rm -rf build/lock build/all.lock

clean:
	rm -rf $(VENV) build dist
