# Testing. `make check` is everything; each part can be run alone.
unit := $(filter $(BUILD)/tests/unit/%,$(TEST_PROGS))
contract := $(filter $(BUILD)/tests/contract/%,$(TEST_PROGS))
sim := $(filter $(BUILD)/tests/sim/%,$(TEST_PROGS))
golden := $(filter $(BUILD)/tests/golden/%,$(TEST_PROGS))

.PHONY: check-unit check-sim check-golden check-contract
check-unit: $(unit) ## unit tests
	@tests/run.sh unit $(unit)
check-sim: $(sim) ## the cell and the run on the virtual clock, with faults
	@tests/run.sh sim $(sim)
check-golden: $(golden) $(COEXIST) ## inputs and the exact outputs they must give
	@tests/run.sh golden $(golden)
check-contract: $(contract) ## fake and real backends through one suite each
	@tests/run.sh contract $(contract)
