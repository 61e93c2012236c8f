# `make run` and `make test` need nothing but Python 3.11 or later; they set everything up.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
PAPER ?= osteosarcoma_fusion
ARGS ?=

export DO_NOT_TRACK := 1
# Where this is set, as in many containers, each process would compile every library anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test check lock setup bench clean

run: $(STAMP)
	$(BIN)/kedro run --pipeline=$(PAPER) $(ARGS)

test: $(STAMP)
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/nbstripout --verify notebooks/*.ipynb

bench: $(STAMP)
	for file in startup ingestion "ingestion --memory" series training smsdnet evaluation fusion \
		gradcam report diagnosis dense patches row "row spinal_smsdnet" "row femoral_alexnet" \
		"row spinal_wff" "row spinal_penn" tuning_lambda tuning_workers; do \
		set -- $$file; $(BIN)/python benchmarks/$$1.py $$2 || exit 1; \
	done

setup: $(STAMP)

# uv itself comes from the lock; then every package is installed by hash. `--python` keeps uv from
# installing into an environment that happens to be active.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -o '^uv==[0-9.]*' requirements.lock)"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

lock:
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-header --quiet --output-file requirements.lock

clean:
	rm -rf data/02_intermediate/* data/03_primary/* data/05_model_input/* data/06_models/* \
		data/07_model_output/* data/08_reporting/*
