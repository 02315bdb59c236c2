# make demo        build, run the water tank bench with a stuck sensor, write its report
# make test        all tests, with reduced counts where a full count takes long (they are listed at the end)
# make test-full   all tests with full counts
# make check       lint, types, C tests under sanitizers, tests
# make firmware    build the applications of the shipped rigs for all boards, print flash, RAM, stack, instructions a step
# Others: build lint types ctest bench bench-report fuzz firmware-table instructions-table timing-table format clean distclean

PYTHON ?=
VENV ?= .venv
CC := gcc
PY := $(VENV)/bin/python
export PIP_ROOT_USER_ACTION := ignore

# What a change to makes the compiled parts out of date.
SOURCES := setup.py firmware/cffi_build.py $(shell find core drivers firmware -name '*.[ch]' -o -name '*.pyx' -o -name '*.px[di]')
# Editable installs: one with what running a bench needs, one with everything. The path is in the name, so a moved clone
# is installed again.
PLACE := $(subst /,-,$(CURDIR))
RUN := $(VENV)/.hil-run$(PLACE)
DEV := $(VENV)/.hil-dev$(PLACE)
BUILT := build/.built

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: demo test test-full bytecode check lint types ctest bench bench-report fuzz format build clean distclean packages-test firmware \
	firmware-table instructions-table timing-table

$(DEV): pyproject.toml
	@tools/venv.sh $(VENV) all,test,dev $(PYTHON)
	@touch $(RUN) $(DEV)

$(RUN): pyproject.toml
	@tools/venv.sh $(VENV) models $(PYTHON)
	@touch $(RUN)

$(BUILT): $(SOURCES) | $(RUN)
	@echo "Compiling"
	@mkdir -p build
	@rm -f build/temp.*/lib*.a # an archive keeps the objects of sources that are gone or renamed
	@$(PY) setup.py --quiet build_clib build_ext --inplace >build/compile.log 2>&1 || { cat build/compile.log; exit 1; }
	@grep -E 'warning:' -A 4 build/compile.log || true
	@touch $@

build: $(RUN) $(BUILT)

# ---- run ----

demo: build
	@rm -rf build/demo && mkdir -p build/demo
	$(VENV)/bin/hil run rigs/quad_tank --duration 20 --fault 'sensor.h1=stuck@8s..14s' \
		--record build/demo/recording --report build/demo/report.html
	@echo "Report: $(CURDIR)/build/demo/report.html"

# ---- firmware ----

firmware: build
	@tools/system_packages.sh firmware
	@$(PY) -m hil.mcu $(ARGS)

# Keeps the figures that tests compare with.
firmware-table: build
	@tools/system_packages.sh firmware
	@$(PY) -m hil.mcu --write-table

# Keeps the instructions of a tick that tests compare with, for this compiler.
instructions-table: packages-test $(DEV) build
	@$(PY) -m hil.counts --write-table

# ---- test ----

test: packages-test $(DEV) build bytecode
	@echo "Counts are reduced where a full count takes long (listed at the end); make test-full runs all of them."
	@env -u HIL_FULL tools/run_tests.sh $(PY) $(ARGS)

test-full: packages-test $(DEV) build bytecode
	@HIL_FULL=1 tools/run_tests.sh $(PY) $(ARGS)

# Tests start `hil` some hundred times; where PYTHONDONTWRITEBYTECODE is set each start would compile its modules again.
bytecode: $(RUN)
	@$(PY) -m compileall -q hil drivers

# What firmware needs is no condition: tests of it are skipped where it cannot be installed, and say so.
packages-test:
	@tools/system_packages.sh test
	@tools/system_packages.sh firmware || echo "Tests that compile or emulate firmware will be skipped."

# HIL beside other libraries, into docs/timing.md: on a machine that does nothing else.
timing-table: packages-test $(DEV) build
	@$(PY) tests/bench/timing_table.py $(ARGS)

bench: packages-test $(DEV) build
	@$(PY) -m pytest tests/bench -s $(ARGS)

# `hil bench` with emulated devices, as a CI job runs it. It has no baseline, so no figure fails it; exit code 3 says that
# the machine could not be judged on.
bench-report: build
	@code=0; timeout 180 $(VENV)/bin/hil bench rigs/quad_tank --seconds 1 --json build/bench.json \
		--markdown build/bench.md --html build/bench.html || code=$$?; \
	[ ! -f build/bench.md ] || cat build/bench.md; [ $$code -eq 0 ] || [ $$code -eq 3 ]

check: lint types ctest test

# ---- read ----

C_FILES = $(shell find core drivers firmware hil/counts tests -name '*.[ch]' -not -path '*/build/*' 2>/dev/null)

# Everything is read before it fails, so that one run names all there is to mend.
lint: $(DEV)
	@tools/system_packages.sh lint
	@failed=; \
	step() { echo "lint: $$1 $$2"; "$$@" || failed="$$failed $$(basename $$1)($$2)"; }; \
	step $(VENV)/bin/ruff check; \
	step $(VENV)/bin/ruff format --check; \
	step $(VENV)/bin/clang-format --dry-run --Werror $(C_FILES); \
	step cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem -I core/include -I drivers/include -I firmware/common core drivers firmware \
		hil/counts; \
	[ -z "$$failed" ] || { echo "lint: failed:$$failed"; exit 1; }

types: $(DEV) build
	$(PY) -m mypy
	$(PY) -m mypy.stubtest hil._core hil._fmu hil._bus hil._link hil._port hil._proxy

format: $(DEV)
	$(PY) -m ruff check --fix-only
	$(PY) -m ruff format
	$(VENV)/bin/clang-format -i $(C_FILES)

# ---- C tests: every tests/c/test_*.c is a program that ends with 0 if it holds ----

INCLUDE := -Icore/include -Idrivers/include -Idrivers/src -Itests/c
C_FLAGS := -std=c11 -g -O1 -fno-strict-aliasing -ffp-contract=off -fno-omit-frame-pointer -D_GNU_SOURCE -Wall -Wextra \
	-pthread -MMD -MP $(INCLUDE)
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
LIB_SOURCES := $(shell find core/src core/linux drivers/src -name '*.c' 2>/dev/null)
LIB_OBJECTS := $(LIB_SOURCES:%.c=build/ctest/%.o)
C_TESTS := $(patsubst %.c,build/ctest/%,$(wildcard tests/c/test_*.c))

ctest: $(C_TESTS)
	@for program in $(C_TESTS); do \
		timeout 300 $$program || { echo "ctest: $$program failed"; exit 1; }; \
	done
	@echo "ctest: $(words $(C_TESTS)) programs passed under address and undefined behaviour sanitizers"

build/ctest/%.o: %.c
	@mkdir -p $(@D)
	@$(CC) $(C_FLAGS) $(SANITIZE) -c -o $@ $<

build/ctest/libhil.a: $(LIB_OBJECTS)
	@rm -f $@ && ar rcs $@ $^

$(C_TESTS): build/ctest/%: build/ctest/%.o build/ctest/libhil.a
	@$(CC) $(SANITIZE) -pthread -o $@ $^ -lm

# ---- fuzzers: every tests/c/fuzz_*.c runs for FUZZ_S seconds ----

FUZZ_S ?= 60
FUZZERS := $(patsubst tests/c/%.c,build/fuzz/%,$(wildcard tests/c/fuzz_*.c))

fuzz: $(FUZZERS)
	@for program in $(FUZZERS); do \
		mkdir -p $$program.corpus && \
		$$program -max_total_time=$(FUZZ_S) -print_final_stats=1 -artifact_prefix=$$program. $$program.corpus || exit 1; \
	done

build/fuzz/%: tests/c/%.c $(LIB_SOURCES)
	@tools/system_packages.sh fuzz
	@mkdir -p $(@D)
	@clang $(filter-out -MMD -MP,$(C_FLAGS)) -O2 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $^ -lm

# ---- clean ----

clean:
	rm -rf build dist *.egg-info hil/*.so
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

-include $(shell find build/ctest -name '*.d' 2>/dev/null)
