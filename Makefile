# The commands of the project. `make run` and `make test` work on a bare clone.
.DEFAULT_GOAL := help
PYTHON := .venv/bin/python

.PHONY: help
help: ## show the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 22

.PHONY: run
run: ## run the assistant: http://127.0.0.1:8000
	@scripts/setup.sh run
	@exec $(PYTHON) -m bot run

.PHONY: chat
chat: ## talk to the running assistant in the terminal
	@scripts/setup.sh run
	@exec $(PYTHON) -m bot chat

.PHONY: train
train: ## train the language model, measure it and compare it with the one before (`make run` trains too, if the live one does not fit)
	@scripts/setup.sh run
	@$(PYTHON) -m bot train --compare $(wildcard tests/nlu/heldout/*.tsv)

.PHONY: encoder
encoder: ## make the sentence encoder in nlu/encoder from nlu/examples (needs PyTorch: docs/understanding.md)
	@scripts/setup.sh encoder
	@PYTHONPATH=. .venv-encoder/bin/python -m nlu.finetuning $(if $(OUT),--out $(OUT))

.PHONY: evaluate
evaluate: ## measure the language model: [DATA="a.tsv b.tsv"] [ENTITIES="a.txt"] [JSON=report.json]
	@scripts/setup.sh run
	@$(PYTHON) -m bot evaluate $(or $(DATA),$(wildcard tests/nlu/heldout/*.tsv)) $(if $(ENTITIES),--entities $(ENTITIES)) $(if $(JSON),--json $(JSON))

.PHONY: compare-default
compare-default: ## train Rasa's default pipeline on the same messages and measure it beside ours (over an hour)
	@scripts/setup.sh run
	@$(PYTHON) -m bot compare-default $(or $(DATA),$(wildcard tests/nlu/heldout/*.tsv))

.PHONY: test
test: ## everything that must pass
	@scripts/setup.sh dev
	@$(MAKE) --no-print-directory check
	@$(PYTHON) -m bot train
	@.venv-nlu/bin/python -m pytest -q -c tests/nlu/pytest.ini tests/nlu
	@$(PYTHON) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: check
check: ## style, types, layers and training data
	@scripts/setup.sh dev
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@PYTHONPATH=. .venv/bin/lint-imports --no-cache
	@$(PYTHON) -m bot domain --check
	@.venv-nlu/bin/python -m nlu.lint

.PHONY: bench
pictures: ## take the pictures of the documentation anew: [NAMES="home thread"]
	@scripts/setup.sh dev
	@$(PYTHON) scripts/pictures.py $(NAMES)

bench: ## measure the console with 1,000,000 messages (1.1 GB in var/bench): [MESSAGES=100000] [DATABASE=url] [JSON=figures.json]
	@scripts/setup.sh run
	@$(PYTHON) -m bot bench $(if $(MESSAGES),--messages $(MESSAGES)) $(if $(DATABASE),--database $(DATABASE)) $(if $(JSON),--json $(JSON))

.PHONY: lock
lock: ## renew the lock files
	@scripts/setup.sh run
	@scripts/lock.sh
