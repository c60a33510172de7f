# Each target makes its own virtual environment: Python 3.11 or later, make and a C++20 compiler are all that is needed.
PYTHON ?= python3
BIN := .venv/bin
CORE := CMakeLists.txt pyproject.toml $(wildcard core/*)
export PIP_DISABLE_PIP_VERSION_CHECK = 1

# What is compared with in `make bench`, each installed if it can be; adelie apart, since it pins NumPy. R's glmnet is used where it is.
PEERS := scikit-learn celer skglm glum pycasso skein-glm
# What trains networks of ours too, in `make test-torch`.
TRAINERS := lightning transformers accelerate skorch
SOURCES := $(CORE) $(shell find src core -name '*.py' -o -name '*.[ch]pp')

.PHONY: demo test test-torch test-pages page lint docs pictures hard-inputs bench bench-quick bench-check sanitize wheel clean

demo: .venv/demo ## the main job on real data
	PATH="$(CURDIR)/$(BIN):$$PATH" sh examples/demo.sh

test: .venv/test ## every test; those of shrinkage.torch where PyTorch is importable
	@$(BIN)/python -c "import torch" 2>/dev/null || echo "PyTorch is not installed: the tests of shrinkage.torch are skipped. make test-torch installs it."
	@$(BIN)/python -c "import playwright" 2>/dev/null || echo "Playwright is not installed: the tests of pages in a browser are skipped. make test-pages installs it."
	$(BIN)/python -m pytest -n 2

test-torch: .venv/torch ## the tests of shrinkage.torch, of all else that meets PyTorch, and of the pages that show it
	$(BIN)/python -m pytest -n 2 -k "torch or blocks_run"

# The report and the explorer are one page, built from web/ and committed, so that users need no Node.
page: web/node_modules/.ready
	cd web && npm run build
	cp web/dist/index.html src/shrinkage/page/template.html

test-pages: .venv/pages web/node_modules/.ready ## the report and the explorer in a browser
	@command -v chromium chromium-browser google-chrome google-chrome-stable >/dev/null || { test "$$(id -u)" = 0 && apt-get update -qq \
	  && apt-get install -y -qq --no-install-recommends chromium; } || echo "No Chromium, and not root to install it: its tests are skipped."
	cd web && npm run build && npm test
	@cmp -s web/dist/index.html src/shrinkage/page/template.html || { echo "src/shrinkage/page/template.html is not what web/ builds: run make page and commit it."; exit 1; }
	$(BIN)/python -m pytest tests/pages

lint: .venv/lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: .venv/docs
	$(BIN)/sphinx-build -W -b html docs docs/_build

pictures: .venv/docs ## the README's first picture
	$(BIN)/python docs/pictures/make.py

hard-inputs: .venv/test ## what hard input does to ours and to scikit-learn's lasso
	$(BIN)/python -m benchmarks.hard_inputs

bench: .bench/ours .bench-adelie/ready ## every job against every peer: at most 90 minutes, resumed where it stopped
	.bench/bin/python -m benchmarks.run

bench-quick: .bench/ours .bench-adelie/ready ## four of its rows in under five minutes
	.bench/bin/python -m benchmarks.run --quick

bench-check: .bench/ours .bench-adelie/ready ## does every peer solve the problem that is judged? on small data
	.bench/bin/python -m benchmarks.check

sanitize: ## the core's own tests under the address, undefined-behaviour and thread sanitizers, without Python
	sh core/tests/sanitize.sh

wheel: .venv/ready
	$(BIN)/pip wheel --no-deps -w dist .

clean:
	rm -rf .venv .bench .bench-adelie benchmarks/.cache build dist demo docs/_build web/node_modules web/dist

.venv/ready:
	@command -v $(PYTHON) >/dev/null || { echo "Python is missing: install Python 3.11 or later, or say make PYTHON=/path/to/python3."; exit 1; }
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { echo "Python 3.11 or later is needed; $(PYTHON) is older. Say make PYTHON=/path/to/python3.11."; exit 1; }
	@command -v c++ >/dev/null || { echo "A C++20 compiler is missing: install g++ 11 or clang 14, or later."; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "The venv module is missing: on Debian and Ubuntu, apt-get install python3-venv."; exit 1; }
	@touch $@

# An editable install, so that an edit of Python needs no second one; the core is built again when it changes.
.venv/demo: .venv/ready $(CORE)
	$(BIN)/pip install -q -e ".[cli]"
	@touch $@

.venv/test: .venv/ready $(CORE)
	$(BIN)/pip install -q -e ".[test]"
	@touch $@

# A PyTorch that is there already will do.
.venv/torch: .venv/test
	@$(BIN)/python -c "import torch, safetensors" 2>/dev/null || $(BIN)/pip install -q -e ".[torch]"
	@$(BIN)/pip install -q $(TRAINERS) || echo "Not all of $(TRAINERS) install here: the tests of those that do not are skipped."
	@touch $@

.venv/docs: .venv/ready $(CORE)
	$(BIN)/pip install -q -e ".[docs,cli]"
	@touch $@

.venv/pages: .venv/test
	$(BIN)/pip install -q playwright jupyterlab
	@touch $@

web/node_modules/.ready: web/package-lock.json
	@command -v npm >/dev/null || { echo "Node is missing: install Node.js 20.19 or later (on Debian: apt-get install nodejs npm)."; exit 1; }
	cd web && npm ci --no-audit --no-fund
	@touch $@

.venv/lint: .venv/test
	$(BIN)/pip install -q ruff mypy
	@touch $@

.bench/ready:
	$(PYTHON) -m venv .bench
	.bench/bin/pip install -q numpy scipy matplotlib
	@for peer in $(PEERS); do .bench/bin/pip install -q $$peer || echo "$$peer does not install here; the table says so."; done
	@touch $@

# Not editable: what is measured is what users get.
.bench/ours: .bench/ready $(SOURCES)
	.bench/bin/pip install -q .
	@touch $@

.bench-adelie/ready:
	$(PYTHON) -m venv .bench-adelie
	@.bench-adelie/bin/pip install -q adelie || echo "adelie does not install here; the table says so."
	@touch $@
