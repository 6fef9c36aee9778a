# Testing. `make check` is everything; each part can be run alone.
unit := $(filter $(BUILD)/tests/unit/%,$(TEST_PROGS))
contract := $(filter $(BUILD)/tests/contract/%,$(TEST_PROGS))
sim := $(filter $(BUILD)/tests/sim/%,$(TEST_PROGS))
golden := $(filter $(BUILD)/tests/golden/%,$(TEST_PROGS))

# Run side by side: each has a lab folder, ports and machines of its own. The longest begins first.
TEST_JOBS ?= $(shell nproc)
SLOWEST := %/test_vm_libvirt %/test_sim_minimize %/test_sim_cell %/test_false_alarms %/test_screen %/test_ssh
slowest_first = $(filter $(SLOWEST),$(1)) $(filter-out $(SLOWEST),$(1))

.PHONY: check-unit check-sim check-golden check-contract
check-unit: $(unit) agents ## unit tests
	@COEXIST_TEST_JOBS=$(TEST_JOBS) tests/run.sh unit $(call slowest_first,$(unit))
check-sim: $(sim) ## the cell and the run on the virtual clock, with faults
	@COEXIST_TEST_JOBS=$(TEST_JOBS) tests/run.sh sim $(call slowest_first,$(sim))
check-golden: $(golden) $(COEXIST) ## inputs and the exact outputs they must give
	@tests/run.sh golden $(golden)
check-contract: $(contract) ## fake and real backends through one suite each
	@COEXIST_TEST_JOBS=$(TEST_JOBS) tests/run.sh contract $(call slowest_first,$(contract))

.PHONY: check check-rules check-clang check-san check-fuzz check-static check-e2e check-docs bench
check: ## everything: installs what testing needs, ends with the counts
	@tests/deps.sh all
	@tests/check.sh

check-rules: ## the rules of the house, as greps
	@tests/house-rules.sh

# One build shows that clang has no warnings, runs the tests under the sanitizers and has the fuzzers.
SANITIZED = $(MAKE) --no-print-directory BUILD=build/clang CC=clang SANITIZE=address,undefined \
    CFLAGS=-fsanitize=fuzzer-no-link OPT='-O1 -gline-tables-only'
check-clang: ## no warnings with clang either
	+@$(SANITIZED) build/clang/coexist tests fuzzers

# The real backends are left out here: libvirt's and libguestfs' own code is not ours to sanitize.
SAN_TESTS = $(unit) $(sim) $(golden) $(filter %_fake,$(contract))
check-san: ## unit, simulation, golden and fake contracts under ASan and UBSan
	+@$(SANITIZED) run-san
run-san: $(SAN_TESTS) $(COEXIST)
	@COEXIST_TEST_LOGS=$(BUILD)/test-logs COEXIST_BUILD=$(BUILD) COEXIST_TEST_JOBS=$(TEST_JOBS) \
	    ASAN_OPTIONS=detect_leaks=1:abort_on_error=1:quarantine_size_mb=16 tests/run.sh san $(call slowest_first,$(SAN_TESTS))
.PHONY: run-san

FUZZ_SECONDS ?= 15
check-fuzz: ## a short run of each fuzzer
	+@$(SANITIZED) run-fuzz
run-fuzz: $(FUZZ_PROGS)
	@tests/fuzz.sh $(FUZZ_SECONDS) $(FUZZ_PROGS)
.PHONY: run-fuzz

check-static: ## cppcheck and clang-tidy
	@tests/static.sh $(CPPFLAGS_ALL)

check-docs: all ## help, man page, completion and README against the program
	@tests/docs.sh

check-e2e: image incident-updates rehearsal ## the demo matrix and rougher treatment, on real machines; PARTS="hosts faults incidents install" for more
	@tests/e2e/run.sh $(PARTS)

# Not part of check, which only builds them: a figure is as good as the quiet of the machine it was taken on.
NAME ?= *
bench: $(BENCH_PROGS) all ## figures, a line "bench NAME ratio=R a=OURS b=BASE" each; NAME=restore for one of them
	@found=; for b in $(BUILD)/tests/bench/bench_$(NAME); do \
	    case " $(BENCH_PROGS) " in *" $$b "*) found=1; "$$b" || exit 1 ;; esac; done; \
	    [ -n "$$found" ] || { echo "no benchmark $(NAME)" >&2; exit 1; }
