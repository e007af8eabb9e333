# Every command of a working copy. `make setup` needs only Python >= 3.11; the others call it.
PYTHON ?= python3
BIN := .venv/bin
export UV_LINK_MODE = copy
# Containers like to set it: without compiled files every process of ours compiles all of it anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test check check-code check-types check-sql run lock clean

setup: .venv/installed

.venv/installed: requirements/development.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mutoscope needs Python 3.11 or newer: make setup PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	VIRTUAL_ENV=.venv UV_COMPILE_BYTECODE=1 $(BIN)/uv pip install --quiet --require-hashes -r requirements/development.txt
	VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps -e .
	@touch $@

demo: setup
	$(BIN)/mutoscope demo --out demo-output

run: setup
	$(BIN)/mutoscope serve

check: setup
	@$(MAKE) --no-print-directory --jobs=2 check-sql check-types check-code

check-code:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/deptry src
	$(BIN)/codespell

check-types:
	$(BIN)/mypy

check-sql:
	$(BIN)/sqlfluff lint --disable-progress-bar src/mutoscope/storage

test: check
	$(BIN)/pytest -n 3 --dist loadfile

# Writes the locks anew; they name no download address.
lock: setup
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes pyproject.toml --group dev -o requirements/development.txt

clean:
	rm -rf .venv demo-output build dist .*_cache .hypothesis
