SIZE   ?= small
# The models of params.yaml, in brackets or below each other. 043: a comment, 047: a quotation mark.
LISTED := $(shell awk '/^models:/ { on = 1; sub(/^models:/, "") } on && /^[^- \t\r\043]/ { exit } \
	on { sub(/\043.*/, ""); gsub(/[][,"\047\r-]/, " "); print }' params.yaml 2> /dev/null)
MODELS ?= $(or $(strip $(LISTED)),embedder reranker rewriter)
MODEL  ?= stack
STAGE  ?= prod

PYTHON ?= python3
BIN    := .venv/bin
# dvc and the stages it runs use the project's own Python.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export HF_HUB_DISABLE_TELEMETRY := 1
# Python compiles a module once, in its first run; without files for that, in every run (20 s each).
unexport PYTHONDONTWRITEBYTECODE
# Threads that wait must sleep soon: awake, they take the processor of a busy machine from others.
export OMP_WAIT_POLICY := PASSIVE
export GOMP_SPINCOUNT := 1000
export OPENBLAS_THREAD_TIMEOUT := 4
# Pass a question on exactly as it was typed: neither make nor the shell may interpret its characters.
export QUESTION := $(value Q)
unexport Q
export ASKER := $(value WHO)
unexport WHO

# Who shares the work of ingest, preparation and cross-validation: ENGINE=ray, or the processors here.
ifneq ($(strip $(ENGINE)),)
export FINDTUNE_ENGINE := $(strip $(ENGINE))
endif

# `dvc repro` that outlives kills: it writes dvc.lock atomically, and repairs it and stale locks.
# exec: no shell may stand between it and make, or it would not notice that make was killed.
REPRODUCE := exec python -m commands.reproduce

# A value as one argument of the shell, whatever apostrophes and blanks it has. Lists of paths (DATA,
# FILES, DOCUMENTS) go to the shell as they are, so quotation marks in them hold a path together.
quoted = '$(subst ','\'',$(1))'

# An option for a variable that is 1; without it for 0 or nothing. Another value, such as yes, is
# refused before anything runs, since make expands a whole recipe first.
switch = $(if $(filter-out 0 1,$($(1)))$(word 2,$($(1))),$(error $(1) is '$($(1))'; \
	it takes 1 for yes and 0 for no))$(if $(filter 1,$($(1))),$(2))

# Commands that train many times have defaults of their own.
MANY_RUNS = $(if $(FOLDS),--folds $(FOLDS)) $(if $(SEEDS),--seeds '$(SEEDS)')

ifeq ($(strip $(MODELS)),)
$(error MODELS is empty; name one or more of embedder, reranker and rewriter)
endif
COMMA := ,
define NEWLINE


endef
ifneq ($(findstring $(COMMA),$(MODELS)),)
$(error MODELS is $(MODELS); separate the models by blanks: MODELS='embedder reranker')
endif
ifneq ($(words $(SIZE)),1)
$(error SIZE is '$(SIZE)'; it takes one size, such as small)
endif
UNKNOWN := $(filter-out embedder reranker rewriter,$(MODELS))
ifneq ($(UNKNOWN),)
$(error no model is called $(UNKNOWN); MODELS takes embedder, reranker and rewriter)
endif

# DVC needs git, which an unpacked archive of the project lacks.
ifneq ($(filter train export job preview stats metrics diff crossvalidate prove prove-stack private,$(MAKECMDGOALS)),)
ifeq ($(wildcard .git),)
ifneq ($(shell git rev-parse --is-inside-work-tree 2> /dev/null),true)
$(error this folder is in no git repository; run: git init && git add -A && git commit -m "Start")
endif
endif
endif

ifneq ($(strip $(LISTED)),)
UNLISTED := $(filter-out $(LISTED),$(MODELS))
ifneq ($(UNLISTED),)
$(error $(UNLISTED) is not in models of params.yaml, which has $(LISTED); add it there)
endif
endif

# Models of params.yaml that MODELS leaves out; without one of them there is no stack to judge.
LEFT_OUT := $(filter-out $(MODELS),$(LISTED))

.DEFAULT_GOAL := help
# `make -j train preview` must run in this order: both bring stages up to date.
.NOTPARALLEL:
.PHONY: help setup train import stats preview rewrite search serve export collect forget compare estimate monitor \
	loop metrics diff plots report grade crossvalidate prove prove-stack bench readme check test test-all torture private \
	job push pull remote current published comment doctor promote rollback history lock

##@ Start

help:           ## List these commands
	@awk -F ':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} \
		/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(BIN)/.ready ## Install the project's dependencies and tools into .venv

# pip would compile 20,000 modules, of which the stages import 4,000.
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --no-compile
COMPILE := $(BIN)/python -c 'import dvc.repo; from stages import rooms; \
	[rooms.load(model, cell) for model in rooms.MODELS for cell in rooms.CELLS]'

$(BIN)/.ready: requirements.lock requirements.torch.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Findtune needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv .venv
	$(PIP_INSTALL) -r requirements.torch.lock
	$(PIP_INSTALL) --no-deps --require-hashes -r requirements.lock
	$(COMPILE)
	@touch $@

train: setup    ## Train and evaluate MODELS at SIZE, then judge them together as one search: make train SIZE=medium
	@python -m commands.add_size $(SIZE)
	$(REPRODUCE) $(MODELS:%=card@%-$(SIZE))
	@python -m commands.table $(MODELS:%=%/$(SIZE))
	@$(if $(filter reranker rewriter,$(MODELS)),$(REPRODUCE) ingest@preferences > /dev/null)
	$(if $(LEFT_OUT),,$(REPRODUCE) stack@$(SIZE))
	$(if $(LEFT_OUT),,$(REPRODUCE) report@$(SIZE))
	@$(if $(LEFT_OUT),,python -m commands.stack_table $(SIZE))

doctor: setup   ## Check the machine, the repository and every byte that DVC keeps
	@python -m commands.doctor

##@ Data

import: setup   ## Import what users picked elsewhere: make import FROM=ubi FILES='FILE FILE'
	$(if $(strip $(FILES)),,$(error FILES is empty; name exports: make import FROM=ubi FILES='FILE FILE'))
	$(if $(strip $(FROM)),,$(error FROM is empty; name the program that wrote them: make import FROM=ubi FILES='FILE FILE'))
	@set --; for file in $(DOCUMENTS); do set -- "$$@" --documents "$$file"; done; \
		python -m commands.import_feedback "$$@" -- $(FROM) $(FILES)

preview: setup  ## Show training examples of MODELS: where each comes from, and why it has its label
	@python -m commands.require_size $(SIZE)
	@$(REPRODUCE) $(MODELS:%=prepare@%-$(SIZE)) > /dev/null
	@for model in $(MODELS); do python -m commands.preview $$model $(SIZE) || exit; done

stats: setup    ## Describe the data before training, and list labels that look wrong (REVIEW=0: no list)
	@python -m commands.require_size $(SIZE)
	@$(REPRODUCE) $(MODELS:%=prepare@%-$(SIZE)) > /dev/null
	@python -m commands.stats $(SIZE) $(MODELS) $(call switch,REVIEW)$(if $(filter 0,$(REVIEW)),--no-review)

private: setup  ## Keep data/training_data out of git from now on; DVC tracks it instead
	@python -m commands.private

##@ Results

metrics: setup  ## Print the measures of MODELS at SIZE from the last evaluation
	@python -m commands.table $(MODELS:%=%/$(SIZE)) --check

report: setup   ## Write everything measured at SIZE to one HTML file, and print its path
	@python -m commands.report $(SIZE)

diff: setup     ## Compare these models with the live ones, or with BASE=main; DETAILS=1 shows more
	@python -m commands.diff $(SIZE) $(MODELS) --stage $(call quoted,$(STAGE)) \
		$(if $(BASE),--base $(call quoted,$(BASE))) $(call switch,DETAILS,--details)

plots: setup    ## Draw training curves, scored pairs and reliability into dvc_plots/
	@dvc plots show

crossvalidate: setup ## Train and evaluate FOLDS x SEEDS times, to see how certain a gain is (hours)
	@python -m commands.require_size $(SIZE)
	$(REPRODUCE) $(MODELS:%=prepare@%-$(SIZE)) $(sort base@embedder-$(SIZE) $(MODELS:%=base@%-$(SIZE)))
	$(foreach model,$(MODELS),@exec python -m commands.crossvalidate $(model) $(SIZE) \
		$(MANY_RUNS) --out .scratch/crossvalidation-$(model)-$(SIZE)$(NEWLINE))

# Before the bases are fetched, which takes minutes.
REFUSE_MISSING_FOLDERS = for folder in $(DATA); do [ -d "$$folder" ] || { echo "Error: there is no folder $$folder; \
	DATA names folders of data, and quotation marks hold a path with blanks together" >&2; exit 1; }; done

prove: setup    ## Measure what tuning gains on your data, every question tested once: make prove DATA='DIR DIR'
	$(if $(strip $(DATA)),,$(error DATA is empty; name folders of data: make prove DATA='DIR DIR'))
	@$(REFUSE_MISSING_FOLDERS)
	@python -m commands.require_size $(SIZE)
	$(REPRODUCE) $(sort base@embedder-$(SIZE) $(MODELS:%=base@%-$(SIZE)))
	@python -m commands.prove $(SIZE) $(DATA) --models '$(MODELS)' $(MANY_RUNS) \
		$(if $(JOBS),--jobs $(JOBS)) --out .scratch/prove

prove-stack: setup ## Measure what tuning gains on your data for a whole search: make prove-stack DATA='DIR DIR'
	$(if $(strip $(DATA)),,$(error DATA is empty; name folders of data: make prove-stack DATA='DIR DIR'))
	@$(REFUSE_MISSING_FOLDERS)
	@python -m commands.require_size $(SIZE)
	$(REPRODUCE) $(sort base@embedder-$(SIZE) $(MODELS:%=base@%-$(SIZE)))
	@python -m commands.prove_stack $(SIZE) $(DATA) --models '$(MODELS)' --out .scratch/prove

# This fails where the stack of a size was never evaluated, and says what does that: for hours, so
# only if a person asks for it.
REFUSE_UNEVALUATED = $(if $(wildcard metrics/stack/$(SIZE).md),,python -m commands.stack_table $(SIZE))

grade: setup    ## List documents that searches find for held-out questions and that still need a grade
	@$(REFUSE_UNEVALUATED)
	$(REPRODUCE) stack@$(SIZE)
	@python -m commands.grade $(SIZE)

bench: setup    ## Compare speed and memory with the stock libraries: make bench [QUALITY=1] [OUT=FILE]
	@python -m commands.bench $(SIZE) $(call switch,QUALITY,--quality) $(if $(OUT),--out $(call quoted,$(OUT)))

readme: setup   ## Write the measures of MODELS at SIZE into README.md and docs/measures.md
	@python -m commands.table $(MODELS:%=%/$(SIZE)) --summary --into README.md
	@python -m commands.table $(MODELS:%=%/$(SIZE)) --into docs/measures.md > /dev/null

##@ Use

rewrite: setup  ## Rewrite ten held-out questions with base and tuned side by side; yours: Q='...'
	@python -m commands.rewrite $(SIZE) $(if $(value Q),-- "$$QUESTION")

search: setup   ## Search with the shipped pipeline: make search Q='...' [CORPUS=FILE] [INT8=1]
	@python -m commands.search $(SIZE) $(if $(CORPUS),--corpus $(call quoted,$(CORPUS))) \
		$(call switch,INT8,--int8) -- "$$QUESTION"

# The rewriter gets no copy: it is sampled in bf16.
EXPORTED = $(filter-out rewriter,$(MODELS))

export: setup   ## Make int8 copies of MODELS for make search and make serve INT8=1, and measure them on test
	$(if $(EXPORTED),,$(error MODELS is $(MODELS); copies are made of embedder and reranker))
	@python -m commands.add_size $(SIZE)
	@python -m commands.add_export $(EXPORTED)
	$(REPRODUCE) $(EXPORTED:%=export@%-$(SIZE))

# findtune/serving knows neither the sizes in params.yaml nor `make pull`, so this stops first.
REFUSE_MISSING_MODELS = $(if $(filter 1,$(LIVE))$(wildcard models/*/$(SIZE)),,python -m commands.missing_models $(SIZE))

serve: setup    ## Serve the shipped pipeline, or MODELS, over HTTP: make serve PORT=8080 RECORD=1
	@$(REFUSE_MISSING_MODELS)
	@exec python -m commands.serve $(SIZE) $(if $(PORT),--port $(PORT)) $(if $(CORPUS),--corpus $(call quoted,$(CORPUS))) \
		$(if $(filter command environment,$(firstword $(origin MODELS))),$(MODELS:%=--model %)) \
		$(call switch,RECORD,--record) $(call switch,LIVE,--live $(call quoted,$(STAGE))) \
		$(if $(AGAINST),--against $(call quoted,$(AGAINST))) $(if $(SHUFFLE),--shuffle $(call quoted,$(SHUFFLE))) $(call switch,INT8,--int8) \
		$(foreach name,$(subst $(COMMA), ,$(ALLOWED_HOSTS)),--allowed-host '$(name)')

##@ Learn from users

collect: setup  ## Turn the picks that make serve RECORD=1 recorded into training data
	@python -m commands.collect

# Pass an option even if its variable is empty: without it, more would be deleted.
named = $(if $(filter command environment,$(origin $(1))),$(2))

# A misspelled option, such as BEFOR=90d or before=90d, would also delete more. Other names are left
# alone, since a make that calls this one passes its own variables on.
GIVEN = $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
LIKE_OPTIONS := BEF% UNA% WHO% COD% q who Who code Code before Before unanswered Unanswered
UNKNOWN_OPTIONS = $(filter-out WHO CODE BEFORE UNANSWERED,$(filter $(LIKE_OPTIONS),$(GIVEN)))

forget: setup   ## Delete recorded searches: make forget Q='...', WHO=USER or BEFORE=90d
	$(if $(UNKNOWN_OPTIONS),$(error forget has no option $(UNKNOWN_OPTIONS); it takes Q, WHO, CODE, BEFORE and UNANSWERED))
	@python -m commands.forget $(call named,Q,--question "$$QUESTION") $(call named,WHO,--user "$$ASKER") \
		$(call named,CODE,--session $(call quoted,$(CODE))) $(call named,BEFORE,--before $(call quoted,$(BEFORE))) \
		$(call switch,UNANSWERED,--unanswered)

monitor: setup  ## Write a page on served searches (drift, picks by rank, latency) that says whether to retrain
	@python -m commands.monitor $(SIZE)

compare: setup  ## Say which of two interleaved pipelines users prefer: make compare A=VERSION B=VERSION
	@python -m commands.compare $(if $(A),--first $(call quoted,$(A))) $(if $(B),--second $(call quoted,$(B)))

estimate: setup ## Estimate from shuffled results how the stack would do with users: make estimate SHOWN=VERSION
	@python -m commands.estimate $(SIZE) $(if $(SHOWN),--shown $(call quoted,$(SHOWN))) $(if $(CORPUS),--corpus $(call quoted,$(CORPUS)))

loop: setup     ## Train on new feedback, compare with the live version, and promote a WIN; for cron
	@python -m commands.loop $(SIZE) $(call quoted,$(STAGE))

##@ Release

promote: setup  ## Make the committed model live: make promote MODEL=stack STAGE=prod
	@python -m commands.promote $(call quoted,$(MODEL)) $(SIZE) $(call quoted,$(STAGE)) $(call switch,FORCE,--force)

rollback: setup ## Go back to the version that was live before: make rollback MODEL=stack STAGE=prod
	@python -m commands.rollback $(call quoted,$(MODEL)) $(call quoted,$(STAGE))

history: setup  ## Print which version of each model was live when, with its measures
	@python -m commands.history

##@ Share

remote: setup   ## Set the remote that make push publishes to: make remote URL=s3://BUCKET/FOLDER
	$(if $(strip $(URL)),,$(error URL is empty; name the remote: make remote URL=s3://BUCKET/FOLDER))
	@! printf '%s' $(call quoted,$(URL)) | LC_ALL=C grep -q '[^ -~]' || { echo "Error: DVC can't write down a URL \
	with letters such as ü; name another folder, or a link to this one." >&2; exit 1; }
	@dvc remote add --default --force storage $(call quoted,$(URL))
	@dvc remote modify storage verify true

push: setup     ## Publish data and models to the DVC remote
	@exec python -m commands.transfer push

pull: setup     ## Fetch published data and models instead of making them
	@exec python -m commands.transfer pull

# What `make train` makes, but add_size: the clones that share results must have the same params.yaml.
TARGET ?= $(MODELS:%=card@%-$(SIZE)) $(if $(LEFT_OUT),,stack@$(SIZE) report@$(SIZE))

job: setup      ## Make TARGET on any machine: pull finished stages from the DVC remote, and push new ones
	@exec python -m commands.job $(TARGET)

##@ Develop

check: setup    ## Lint, check types, and parse the pipeline
	ruff format --check . && ruff check . && mypy && dvc stage list > /dev/null

# The tests of a file share what they build, so a file stays in one process.
TEST_PROCESSES := --numprocesses logical --maxprocesses 4 --dist loadfile

test: setup     ## Run the fast tests: no network, no GPU, no real weights
	OMP_NUM_THREADS=1 pytest $(TEST_PROCESSES)

test-all: setup ## Run the slow tests too
	OMP_NUM_THREADS=1 pytest $(TEST_PROCESSES) -m "slow or not slow"

torture: setup  ## Test with random kills, full disks, bit flips and fuzzed input (hours): make torture KILLS=20
	pytest -s -m slow tests/test_torture.py tests/commands/test_reproduce.py::test_no_kill_while_dvc_writes_its_lock_loses_an_entry \
		$(if $(KILLS),--kills $(KILLS)) $(if $(DISKS),--full-disks $(DISKS)) $(if $(FLIPS),--flips $(FLIPS)) \
		$(if $(FUZZED),--fuzzed $(FUZZED))

# pip-compile keeps what requirements.lock pins. Its comments would warn of torch, left out on purpose.
lock: setup     ## Pin every dependency again, with hashes
	$(BIN)/pip install --quiet pip-tools
	pip-compile --quiet --generate-hashes --no-header --no-annotate --strip-extras --extra dev --extra serve \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--unsafe-package torch --output-file requirements.lock pyproject.toml
	@mkdir -p .scratch
	@{ printf '# %s\n' \
		'Every package but torch, with the hashes of its files; `make lock` writes it anew from pyproject.toml.' \
		'torch is in requirements.torch.lock: its CPU and GPU builds of one version have other hashes.'; \
		sed -e '/^#/d' -e '/^$$/d' requirements.lock; } > .scratch/requirements.lock
	@mv .scratch/requirements.lock requirements.lock

current: setup  ## Gate: every stage is up to date, as far as git can tell
	@python -m commands.gate current

published: setup ## Gate: the DVC remote has everything that dvc.lock names
	@python -m commands.gate published

# Without changes, DVC prints the two lines of a table's header.
comment: setup  ## Print the measures against BASE as Markdown: make comment BASE=origin/main
	@base=$(call quoted,$(or $(BASE),HEAD~1)) && changes="$$(dvc metrics diff --md "$$base")" && \
		if [ "$$(printf '%s\n' "$$changes" | wc -l)" -gt 2 ]; then printf '%s\n' "$$changes"; \
		else echo "No measure differs from $$base."; fi
