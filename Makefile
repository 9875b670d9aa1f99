# Verbs for people; meson and ninja do the work. `make help` lists them.
BUILD ?= build
RUNS ?= run
MESON_ARGS ?=

.PHONY: help run test python check bench fuzz torture canaries coverage docs format clean install build
.DEFAULT_GOAL := help

help: ## what there is
	@sed -n 's/^\([a-z]*\):[^#]*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

$(BUILD)/build.ninja:
	@tools/deps.sh build
	@meson setup $(BUILD) $(MESON_ARGS) > /dev/null && echo "configured $(BUILD)"

build: $(BUILD)/build.ninja ## build the program
	@tools/deps.sh build
	@ninja -C $(BUILD) --quiet millrace

# Plain `make run` starts a new directory; RESUME=1 continues the newest one.
run: build ## run the main job: DATA=folder of candles (default: simulated market), SEED=1, CONFIG=file, RESUME=1
	@BUILD=$(BUILD) RUNS=$(RUNS) DATA='$(DATA)' SEED='$(SEED)' CONFIG='$(CONFIG)' RESUME='$(RESUME)' \
		tools/run.sh $(ARGS)

# Configured anew once the packages of the tests are there: before, it was done without them.
$(BUILD)/.tests-configured:
	@tools/deps.sh test
	@if test -f $(BUILD)/build.ninja; then meson setup --reconfigure $(BUILD) $(MESON_ARGS); \
		else meson setup $(BUILD) $(MESON_ARGS); fi > /dev/null && touch $@

test: $(BUILD)/.tests-configured ## build everything and run all tests
	@tools/deps.sh test
	@ninja -C $(BUILD) --quiet
	@meson test -C $(BUILD) --no-rebuild --print-errorlogs $(TEST_ARGS)

# Fetches nothing: the wheel is made with what the interpreter's own packages have.
PYTHON ?= /usr/bin/python3
python: build ## build the Python package and install it into build/venv: PYTHON=/usr/bin/python3
	@tools/deps.sh python
	@ninja -C $(BUILD) --quiet bindings/python/_millrace.abi3.so
	@tools/python.sh $(BUILD) $(PYTHON)

check: ## format, layers, style, headers
	@tools/deps.sh check
	@tools/check.sh

# What it compares with is built when its packages are there; `tools/deps.sh bench` installs them.
bench: build ## measure, beside floors and other stores; prints the tables of bench/RESULTS.md
	@tools/deps.sh missing bench | tee $(BUILD)/.bench-missing.new
	@cmp -s $(BUILD)/.bench-missing.new $(BUILD)/.bench-missing || { \
		meson configure --clearcache $(BUILD) > /dev/null \
		&& meson setup --reconfigure $(BUILD) $(MESON_ARGS) > /dev/null \
		&& mv $(BUILD)/.bench-missing.new $(BUILD)/.bench-missing; }
	@ninja -C $(BUILD) --quiet benchmarks
	@python3 bench/run.py $(BUILD) $(ARGS)

fuzz: ## fuzz every parser for SECONDS=20 each
	@tools/deps.sh check
	@tools/fuzz.sh $(or $(SECONDS),20)

# Needs root for its disks; without, those parts are skipped with the reason.
torture: $(BUILD)/.tests-configured ## torture the log with real processes: MINUTES=60, ONLY=word of a row
	@tools/deps.sh test
	@ninja -C $(BUILD) --quiet torture
	@ninja -C $(BUILD) --quiet tests/sim/log_sim_test tests/crash/power_states_test
	@half=$$((($(or $(SIM_SEEDS),10000) + 1) / 2)); test=$(BUILD)/tests/sim/log_sim_test; \
		export MILLRACE_SIM_SEEDS=$$half MILLRACE_SIM_OPS=2000; \
		MILLRACE_SEED=1 $$test & other=$$!; \
		MILLRACE_SEED=$$((half + 1)) $$test; mine=$$?; wait $$other && exit $$mine
	@half=$$((($(or $(POWER_STATES),1000000) + 1) / 2)); test=$(BUILD)/tests/crash/power_states_test; \
		export MILLRACE_POWER_STATES=$$half MILLRACE_POWER_LANES=2; \
		MILLRACE_POWER_LANE=0 $$test & other=$$!; \
		MILLRACE_POWER_LANE=1 $$test; mine=$$?; wait $$other && exit $$mine
	@MINUTES='$(or $(MINUTES),60)' ONLY='$(ONLY)' python3 tests/torture/run.py $(BUILD)

canaries: ## seed bugs in a copy of the log, one by one; a test must catch each; ARGS='--only word'
	@tools/deps.sh test
	@python3 tests/canaries/run.py . build-canaries $(ARGS)

coverage: ## branches that the tests of the log take; append, recover, commit: all of them
	@tools/deps.sh test
	@python3 tools/coverage.py build-coverage

docs: build ## write the generated parts of docs/ anew
	@ninja -C $(BUILD) --quiet tools/print_tables
	@python3 tools/gen_docs.py $(BUILD)/tools/print_tables

format: ## format the C sources
	@git ls-files '*.c' '*.h' '*.cpp' | xargs clang-format -i

install: build ## install the program, the library and its headers (DESTDIR and meson's --prefix apply)
	@meson compile -C $(BUILD) millrace:shared_library >/dev/null
	@meson install -C $(BUILD) --no-rebuild

clean: ## remove what was built
	@rm -rf $(BUILD)
