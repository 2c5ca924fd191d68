# make demo      train both networks and draw the comparison into results/demo
# make test      the fast tests
# make test-all  every test, the slow ones included
# make lint      ruff and mypy
# make docs      build the site into docs/_build/html; the first time takes minutes, since it runs the examples
# make docs-check  build it and check all links between its pages
# make lock      update requirements.lock and docs/requirements.lock from pyproject.toml (needs uv)
# make clean     remove environments and caches
#
# The first four create the environment .venv from requirements.lock, and again when the lock or the Python changes. The site
# has an environment of its own, .venv-docs, so that the tests need not wait for what only its pages need.
# PYTHON=/path/to/python chooses the interpreter, VENV=folder the path of the environment, TESTS=tests/brian some tests.

CANDIDATES := $(or $(PYTHON),python3.11 python3.12 python3.13 python3)
VENV := .venv
RUN := $(VENV)/bin/python

# The first candidate that runs and is supported, as "3.11.7 /path/to/python3.11"; nothing when there is none.
# Inside an activated environment this is its base Python, since that environment may be the one that is created here.
IDENTIFY := import sys; (3, 11) <= sys.version_info < (3, 14) or sys.exit(1); \
	print("%d.%d.%d" % sys.version_info[:3], sys._base_executable)
FOUND := $(shell for python in $(CANDIDATES); do "$$python" -c '$(IDENTIFY)' 2>/dev/null && break; done)
INTERPRETER := $(wordlist 2,99,$(FOUND))
stamp = $(1)/made-for-$(firstword $(FOUND))-$(firstword $(shell cksum $(2)))
STAMP := $(call stamp,$(VENV),requirements.lock)
DOCS_STAMP := $(call stamp,.venv-docs,docs/requirements.lock)

# One thread per process: the kernels are serial, and BLAS threads only get in each other's way.
export NUMBA_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MPLBACKEND := Agg
# Compiled kernels are kept here, not in the user's folder.
export NUMBA_CACHE_DIR := $(CURDIR)/.cache/numba

.PHONY: help demo test test-all lint docs docs-check lock clean
.DELETE_ON_ERROR:

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

demo: $(STAMP)
	$(RUN) -m scripts.demo --overwrite

test: $(STAMP)
	$(RUN) -m pytest -n 2 -m 'not slow' $(TESTS)

test-all: $(STAMP)
	$(RUN) -m pytest -n 2

lint: $(STAMP)
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy

docs: $(DOCS_STAMP)
	.venv-docs/bin/python -m sphinx -q -W --keep-going docs docs/_build/html
	@echo "The site is docs/_build/html/index.html."

docs-check: docs
	.venv-docs/bin/python docs/check_links.py docs/_build/html

$(STAMP): LOCK := requirements.lock
$(DOCS_STAMP): LOCK := docs/requirements.lock

# The interpreter's pip installs into the environment, since Debian's Python cannot create an environment with pip.
$(STAMP) $(DOCS_STAMP):
	@test -n "$(FOUND)" || { \
	    echo 'No supported Python found. Python 3.11, 3.12 or 3.13 is required; these were tried:'; \
	    for python in $(CANDIDATES); do \
	        echo "    $$python: $$("$$python" --version 2>/dev/null || echo 'does not run')"; \
	    done; \
	    echo 'Install one of the three, or name one, for example: make test PYTHON=/path/to/python3.12'; \
	    exit 1; } >&2
	@echo "Creating $(@D) with Python $(firstword $(FOUND)); this takes a minute or two."
	"$(INTERPRETER)" -m venv --clear --without-pip "$(@D)"
	"$(INTERPRETER)" -m pip --python "$(@D)/bin/python" install --quiet --require-hashes -r $(LOCK)
	"$(@D)/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch "$@"

lock:
	uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes --no-emit-index-url \
	    --custom-compile-command 'make lock' --output-file requirements.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --all-extras --group docs --generate-hashes \
	    --no-emit-index-url --custom-compile-command 'make lock' --constraint requirements.lock \
	    --output-file docs/requirements.lock pyproject.toml

clean:
	rm -rf .venv* .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist docs/_build docs/gallery docs/_examples \
	    docs/sg_execution_times.rst docs/reference/generated
	find synaptic_sampling models scripts tests -name __pycache__ -exec rm -rf {} +
