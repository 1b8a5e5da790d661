# Two commands for a newcomer: `make demo` and `make test`.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test lint types contracts proto proto-check cubins bench lock clean

demo: .venv/runtime
	$(BIN)/suian demo $(ARGS)

test: .venv/dev lint types contracts proto-check
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile $(ARGS)

lint: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: .venv/dev
	$(BIN)/mypy

contracts: .venv/dev
	$(BIN)/lint-imports

# Regenerates the stubs in place.
proto: .venv/dev
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m grpc_tools.protoc \
	  -I $(or $(OUT),daemon/rpc)=proto/suian/pages/v1 \
	  --python_out=. --grpc_python_out=. --mypy_out=quiet:. --mypy_grpc_out=quiet:. \
	  $(or $(OUT),daemon/rpc)/pages.proto

# The committed stubs are those the proto file gives, and the contract breaks nobody.
proto-check: .venv/dev
	cd proto && ../$(BIN)/buf lint . && ../$(BIN)/buf breaking . --against baseline.binpb
	cp -r daemon/rpc .venv/rpc-committed
	$(MAKE) --no-print-directory proto
	diff -r -x __pycache__ .venv/rpc-committed daemon/rpc; s=$$?; rm -rf .venv/rpc-committed; exit $$s

# The CUDA kernels for every card we name, into kernels/binaries: no card is needed.
cubins: .venv/dev
	$(BIN)/python -m kernels.cubins

# Each topic's lines, beside whatever peers are installed: the others are left out by a line.
bench: .venv/runtime
	$(BIN)/python -m benchmarks.run >.venv/lines && mv .venv/lines benchmarks/results/speed.jsonl
	set -e; for topic in chain throughput skew blank crop sizes accuracy feeder spool stream hostile; do \
	  test -e benchmarks/$$topic.py || continue; \
	  $(BIN)/python -m benchmarks.$$topic >.venv/lines; \
	  mv .venv/lines benchmarks/results/$$topic.jsonl; \
	done

# Rewrites the locks: hashes, no hosts. Needs uv on the path.
lock:
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --generate-hashes -q pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --generate-hashes -q --extra dev pyproject.toml -o requirements-dev.lock
	uv pip compile --universal --python-version 3.11 --no-emit-index-url --generate-hashes -q -c requirements.lock --extra gpu pyproject.toml -o requirements-gpu.lock

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Suian needs Python 3.11 or newer; say which with: make PYTHON=/path/to/python3 ...")'
	$(PYTHON) -m venv .venv

.venv/runtime: requirements.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install -q --require-hashes -r requirements.lock
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	touch $@

.venv/dev: requirements-dev.lock pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install -q --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install -q --no-deps --no-build-isolation -e .
	touch $@ .venv/runtime

clean:
	rm -rf .venv build dist *.egg-info
