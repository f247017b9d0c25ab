SIZE   ?= small
MODELS ?= embedder reranker rewriter
FOLDS  ?= 5
SEEDS  ?= 13,14,15

PYTHON ?= python3
BIN    := .venv/bin
# dvc and the stages it runs find the project's own Python first.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export HF_HUB_DISABLE_TELEMETRY := 1
# A question as it was typed: neither make nor the shell may read signs of its own in it. What a
# command line sets make would export by itself, and read on the way.
export QUESTION := $(value Q)
unexport Q

ifeq ($(strip $(MODELS)),)
$(error MODELS is empty; name one or more of embedder, reranker and rewriter)
endif

.DEFAULT_GOAL := help
.PHONY: help setup train show rewrite metrics diff plots crossvalidate readme compose check test slow push pull lock

help:           ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(BIN)/.ready ## Install what the project and its tools need into .venv

$(BIN)/.ready: requirements.lock requirements.torch.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Findtune needs Python 3.11 or newer; PYTHON=... names one.")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.torch.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@touch $@

train: setup    ## Data, models and evaluation of MODELS at SIZE, then the table: make train SIZE=medium
	@python -m stages.enlist $(SIZE)
	dvc --wait-for-lock repro $(MODELS:%=evaluate@%-$(SIZE))
	@python -m stages.table $(MODELS:%=%/$(SIZE))
	@$(if $(filter reranker rewriter,$(MODELS)),dvc --wait-for-lock repro ingest@preferences > /dev/null)

show: setup     ## A few training examples of MODELS, with their source and why
	@dvc --wait-for-lock repro $(MODELS:%=pair@%-$(SIZE)) > /dev/null
	@for model in $(MODELS); do python -m stages.show $$model $(SIZE); done

rewrite: setup  ## Ten held-out questions, base and tuned side by side; yours: Q='...'
	@python -m stages.rewrite $(SIZE) $(if $(value Q),-- "$$QUESTION")

metrics: setup  ## The table of MODELS at SIZE, as last evaluated
	@python -m stages.table $(MODELS:%=%/$(SIZE))

diff: setup     ## Compare the workspace's measures with the last commit's
	@found="$$(dvc metrics diff)" && echo "$${found:-No measure differs from the last commit.}"

plots: setup    ## Draw training curves, scored pairs and reliability into dvc_plots/
	@dvc plots show

crossvalidate: setup ## Train and judge FOLDS x SEEDS times: how sure a gain is (long)
	dvc --wait-for-lock repro $(MODELS:%=pair@%-$(SIZE)) $(sort base@embedder-$(SIZE) $(MODELS:%=base@%-$(SIZE)))
	@for model in $(MODELS); do python -m stages.crossvalidate $$model $(SIZE) \
		--folds $(FOLDS) --seeds $(SEEDS) --out .scratch/crossvalidation-$$model-$(SIZE); done

readme: setup   ## Put the measures of MODELS at SIZE into the README
	@python -m stages.table $(MODELS:%=%/$(SIZE)) --into README.md

compose: setup  ## Compose the medium catalog anew from data/schema.yaml
	@python -m stages.compose

check: setup    ## Lint, type-check, and parse the pipeline
	ruff format --check . && ruff check . && mypy && dvc stage list > /dev/null

test: setup     ## Run the fast tests: no network, no GPU, no real weights
	pytest

slow: setup     ## Run the slow tests too
	pytest -m "slow or not slow"

push: setup     ## Publish data and models to the DVC remote
	dvc push

pull: setup     ## Fetch published data and models instead of building them
	dvc pull

lock: setup     ## Pin every dependency anew, with hashes
	$(BIN)/pip install --quiet pip-tools
	pip-compile --quiet --generate-hashes --no-header --no-annotate --strip-extras --extra dev \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--unsafe-package torch --output-file requirements.lock pyproject.toml
