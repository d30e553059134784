python := .venv/bin/python

.PHONY: setup check test docs bench

setup:  ## A virtual environment with everything that tests need.
	python3 -m venv .venv
	$(python) -m pip install -e ".[test]"

check:  ## Formatting, lint and types.
	$(python) -m ruff format --check .
	$(python) -m ruff check .
	$(python) -m mypy

test:  ## All tests.
	$(python) -m pytest -n 2 --dist worksteal

docs:  ## The documentation as a site, built anew when a page changes.
	$(python) -m mkdocs serve

bench:  ## Speed of the default model beside its peers.
	$(python) benchmarks/speed.py
