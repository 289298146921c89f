# Everything runs in .venv; `make demo` and `make test` need only Python 3.11 or newer and make.
PYTHON ?= python3
BIN := .venv/bin
MINUTES ?= 3

.PHONY: setup demo studies test test-slow lint bench bench-optimizers bench-vae vae-likelihood deepobs bench-metrics sanity bench-rvae series descent portraits stacked health faults clean

setup: .venv/ready

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/ready: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

.venv/dev: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps torch-fidelity  # it asks for torchvision
	@touch $@

demo: .venv/ready
	$(BIN)/poise train gan fashion-mnist --minutes $(MINUTES) --out runs/demo --overwrite

lint: .venv/dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto

test-slow: .venv/dev
	OMP_NUM_THREADS=1 $(BIN)/pytest -m slow -n auto

faults: .venv/dev
	$(BIN)/pytest tests/faults

bench: .venv/dev
	$(BIN)/python benchmarks/gan_throughput.py

bench-optimizers: .venv/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python benchmarks/optimizer_step.py

bench-vae: .venv/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python benchmarks/vae.py speed

# forty minutes, and hours: docs/vae.md has the tables
vae-likelihood: .venv/dev
	$(BIN)/python benchmarks/vae.py likelihood --minutes 2 --images 500
	$(BIN)/python benchmarks/vae.py likelihood --steps 2500 --recipes vae vamp --images 500

deepobs: .venv/dev
	$(BIN)/python benchmarks/vae.py deepobs --epochs 100

bench-metrics: .venv/dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps pytorch-fid  # it asks for torchvision
	$(BIN)/python benchmarks/metrics.py all

# what scores see of spoiled data: the tables of docs/metrics.md
sanity: .venv/dev
	PYTHONPATH=tests $(BIN)/python tests/metrics/sanity_images.py
	PYTHONPATH=tests $(BIN)/python tests/metrics/sanity_series.py

bench-rvae: .venv/dev
	$(BIN)/python benchmarks/rvae.py speed

# an hour: docs/rvae.md has the tables
series: .venv/dev
	$(BIN)/python benchmarks/rvae.py chorales --recipes rvae-fast rvae-srnn vrnn
	$(BIN)/python benchmarks/rvae.py chorales --data bach-quarters --recipes rvae-fast rvae-srnn vrnn
	$(BIN)/python benchmarks/rvae.py judged

# an hour on two cores: docs/compare.md has the tables
studies: .venv/dev
	$(BIN)/poise compare toy ring grid --workers 2
	$(BIN)/poise compare gd-sgd-adam ring --workers 2
	$(BIN)/poise compare gan-rules fashion-mnist --workers 2
	$(BIN)/poise compare gan-optimizers fashion-mnist --workers 2
	$(BIN)/poise compare vae-optimizers fashion-mnist --workers 2
	$(BIN)/poise compare rvae-optimizers sines --workers 2

descent: .venv/dev
	$(BIN)/python benchmarks/descent.py

# an hour a run on one core
stacked: .venv/dev
	$(BIN)/python benchmarks/stacked.py --images 1000000 --seeds 0 1 2

# hours; goes on where it was stopped
health: .venv/dev
	PYTHONPATH=tests $(BIN)/python benchmarks/health.py --seeds 0 1 2 3 4 5 6 7 8 9 10 11 --workers 2
	PYTHONPATH=tests $(BIN)/python benchmarks/health.py --cure --seeds 1 3 5 7 --workers 2

RULES := alternating extragradient past-extragradient lookahead consensus symplectic competitive unrolled

portraits: .venv/ready
	$(BIN)/poise phase bilinear --out docs/images/phase-bilinear.png
	$(BIN)/poise phase bilinear --rules simultaneous --out docs/images/rules/simultaneous.png
	for rule in $(RULES); do \
		$(BIN)/poise phase bilinear --rules simultaneous,$$rule --out docs/images/rules/$$rule.png || exit 1; \
	done

clean:
	rm -rf .venv runs
