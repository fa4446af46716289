# Everything a newcomer or a developer does, each as one word. `make` alone lists them.
# Needs: make, and Python 3.11 to 3.13 with its venv module. Another Python: make PYTHON=/path/to/python3.12 demo

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test lint caches format models eeg-workload voice-emotion action-units tutorial wheel soak proof fuzz kill bench bench-fusion bench-xdf ambivalence conflict calibration gpu-check clean

# The first interpreter that really runs and is of a supported version (a shim may exist without its Python).
RIGHT_VERSION := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	if $$name -c '$(RIGHT_VERSION)' 2>/dev/null; then echo $$name; break; fi; done)
DEMO_SECONDS ?= 30
DATA ?= $(or $(STREAMSENSE_DATA),../shared/data)
BIN := .venv/bin
INSTALL_OPTIONS ?=
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
	$(INSTALL_OPTIONS)

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/demo.stamp ## install into .venv, then score a simulated participant for 30 s
	$(BIN)/streamsense demo --seconds $(DEMO_SECONDS)

test: .venv/dev.stamp ## install the development tools into .venv, then check and test everything
	$(MAKE) --jobs 2 lint caches
	$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

lint: .venv/dev.stamp ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What is compiled at its first use would be compiled by many tests at the same time.
caches: .venv/dev.stamp
	$(BIN)/python -m tests.helpers.warm_caches

format: .venv/dev.stamp ## put the code into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

models: .venv/dev.stamp ## make all shipped models again (the trained ones need the recordings, as DATA=folder; some hours)
	$(BIN)/python -m streamsense.training.shipped_models $(DATA)

eeg-workload: .venv/dev.stamp ## train and measure the EEG expert again (needs the recordings, as DATA=folder; an hour)
	OMP_NUM_THREADS=1 $(BIN)/python -m streamsense.training.eeg_workload $(DATA)

voice-emotion: .venv/dev.stamp ## train and measure the voice expert again (needs the recordings, as DATA=folder; a quarter of an hour)
	OMP_NUM_THREADS=1 $(BIN)/python -m streamsense.training.voice_emotion $(DATA)/emodb

action-units: .venv/dev.stamp ## measure again how right the action units are, for docs/action-units.md (needs the recordings)
	STREAMSENSE_PROOF=1 $(BIN)/python -m tests.helpers.action_unit_page

tutorial: .venv/dev.stamp ## do all that docs/tutorial-own-model.md says, at full length, and print the time it takes
	$(BIN)/python -m tests.helpers.own_model_tutorial

wheel: .venv/dev.stamp ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

soak: .venv/dev.stamp ## a live session of 10 minutes (HOURS= for more): no tick missed, memory flat, nothing left behind
	$(BIN)/python -m benchmarks.soak $(if $(HOURS),--hours $(HOURS))

proof: .venv/dev.stamp ## sessions on real recordings at full length: recorded, verified, compared with LabRecorder's file
	STREAMSENSE_PROOF=1 $(BIN)/python -m pytest -s tests/real_data/test_recorded_session.py tests/interop/test_labrecorder.py \
		tests/real_data/test_live_session.py tests/real_data/test_action_unit_truth.py

fuzz: .venv/dev.stamp ## damage 10,000 XDF files and read them
	$(BIN)/python -m tests.sources.test_xdf_damage 10000

kill: .venv/dev.stamp ## kill a recording at 200 random moments and read what is left
	STREAMSENSE_KILLS=200 $(BIN)/python -m pytest -s tests/faults/test_killed_recording.py -k a_second_at_most

bench: .venv/dev.stamp ## what the features cost, beside what others use for the same (on a quiet machine)
	$(BIN)/python -m benchmarks.features

bench-fusion: .venv/dev.stamp ## what fusion, ambivalence, dynamics and explanation of a tick cost (on a quiet machine)
	$(BIN)/python -m benchmarks.fusion_cost

bench-xdf: .venv/dev.stamp ## our XDF reader beside pyxdf on 200 MB
	$(BIN)/python benchmarks/xdf_reader.py

ambivalence: .venv/dev.stamp ## a face-validity check of the ambivalence score on acts (with real voices where DATA=folder has emodb/)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.ambivalence $(if $(wildcard $(DATA)/emodb),--data $(DATA))

calibration: .venv/dev.stamp ## whether the score's SD can be believed, and how it bears losses and noise (needs DATA=folder; half an hour)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.calibration $(DATA)

conflict: .venv/dev.stamp ## fusion of real parts that agree, are spoilt or contradict each other (DATA=folder; the first time experts are trained)
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.conflict $(DATA)

gpu-check: .venv/dev.stamp ## the shipped models on an NVIDIA GPU: that they ran there, as on the CPU, and how fast
	$(BIN)/python -m benchmarks.gpu_check

clean: ## remove .venv, caches and what was built
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/python.stamp:
	@if [ -z "$(PYTHON)" ]; then \
		echo "No Python 3.11, 3.12 or 3.13 was found; python3 is: $$(python3 --version 2>&1 | head -n 1)."; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12"; exit 2; fi
	@if ! $(PYTHON) -c '$(RIGHT_VERSION)'; then \
		echo "$(PYTHON) is $$($(PYTHON) --version 2>&1 | head -n 1); expected Python 3.11, 3.12 or 3.13."; \
		echo "Name another: make PYTHON=/path/to/python3.12"; exit 2; fi
	@if ! $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$(PYTHON) lacks its venv module. On Debian and Ubuntu: sudo apt-get install python3-venv"; exit 2; fi
	$(PYTHON) -m venv .venv
	@touch $@

.venv/demo.stamp: .venv/python.stamp pyproject.toml constraints.txt
	@echo "Installing streamsense and what it needs into .venv: some minutes and 1.4 GB, the first time only."
	$(PIP_INSTALL) --editable '.[demo]'
	@touch $@

.venv/dev.stamp: .venv/python.stamp pyproject.toml constraints.txt
	@echo "Installing streamsense and its development tools into .venv: some minutes and 1.5 GB, the first time only."
	$(PIP_INSTALL) --editable '.[dev]'
	@touch $@ .venv/demo.stamp
