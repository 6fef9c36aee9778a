# coexist: every entry point. `make help` lists them; `make demo` and `make check` are the two that do
# everything on a fresh Debian 12.
#
# Everything generated lies under $(BUILD). Other builds of the same tree (sanitizers, fuzzers, clang) are this same
# file with another BUILD, CC and SANITIZE.

BUILD ?= build
ifeq ($(origin CC),default)
CC := gcc
endif
# V=1 shows the commands as they are.
Q := $(if $(V),,@)
SAY = $(if $(V),@:,@printf '  %-6s %s\n')
PREFIX ?= /usr/local
LAB ?= lab
SANITIZE ?=
VERSION := 0.1.0

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/bash

# ---- what it is made of -------------------------------------------------------------------------
LIB_SRCS := $(wildcard orchestrator/*/*.c images/*.c reports/*.c agents/proto/*.c)
LIB_SRCS := $(filter-out orchestrator/cli/main.c,$(LIB_SRCS))
LIB_OBJS := $(LIB_SRCS:%.c=$(BUILD)/obj/%.o)
MAIN_OBJ := $(BUILD)/obj/orchestrator/cli/main.o
LIB := $(BUILD)/libcoexist.a
COEXIST := $(BUILD)/coexist

TEST_KINDS := unit contract sim golden
TEST_SRCS := $(foreach k,$(TEST_KINDS),$(wildcard tests/$(k)/test_*.c))
TEST_PROGS := $(TEST_SRCS:%.c=$(BUILD)/%)
FUZZ_SRCS := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_PROGS := $(FUZZ_SRCS:%.c=$(BUILD)/%)
BENCH_SRCS := $(wildcard tests/bench/bench_*.c)
BENCH_PROGS := $(BENCH_SRCS:%.c=$(BUILD)/%)
TEST_SUPPORT := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard tests/support/*.c))
TEST_LIB := $(BUILD)/tests/libsupport.a

PKGS := libvirt libvirt-qemu libssh2 jansson zlib sqlite3 libxml-2.0 gsl libsodium libpng libpcre2-8 libevtx libisofs-1 libudfread libarchive
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough -Werror
# Asked for only when something is compiled: `make deps` has to work before pkg-config is there.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
# wimlib.pc asks for the development packages of libraries that only static linking needs.
PKG_LIBS = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PKGS)) -lwim -lcadical -lstdc++ -lm -lpthread)$(PKG_LIBS)
SAN_FLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all -DCOEXIST_SANITIZED)
OPT ?= -O2 -g
CPPFLAGS_ALL = -Iorchestrator -Iagents -I. -D_GNU_SOURCE -DCOEXIST_VERSION='"$(VERSION)"' $(PKG_CFLAGS)
CFLAGS_ALL = -std=c17 $(OPT) -fPIE -fstack-protector-strong $(WARN) $(SAN_FLAGS) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now $(SAN_FLAGS) $(LDFLAGS)

# ---- building -----------------------------------------------------------------------------------
.PHONY: all
all: $(COEXIST) agents samples winelab $(BUILD)/coexist.1 $(BUILD)/coexist.bash ## build everything

-include agents/rules.mk
-include matrices/samples/rules.mk
-include matrices/incidents/rules.mk
-include images/winelab/rules.mk
-include images/rehearsal/rules.mk
.PHONY: agents samples

$(BUILD)/obj/%.o: %.c $(BUILD)/.flags
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

# Objects that embed files by .incbin: the compiler's dependency output does not see those.
$(filter $(BUILD)/obj/orchestrator/model/%,$(LIB_OBJS)): $(wildcard matrices/schema/*.json)
$(filter $(BUILD)/obj/reports/%,$(LIB_OBJS)): $(wildcard reports/assets/* reports/schema/*.json)

# Changed flags rebuild; unchanged flags leave the stamp alone.
$(BUILD)/.flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(OPT) $(WARN) $(SAN_FLAGS) $(CFLAGS) $(VERSION)' | cmp -s - $@ || \
	    echo '$(CC) $(OPT) $(WARN) $(SAN_FLAGS) $(CFLAGS) $(VERSION)' > $@
.PHONY: FORCE
FORCE:

$(LIB): $(LIB_OBJS)
	@rm -f $@
	$(SAY) AR $@
	$(Q)$(AR) rcs $@ $^

$(COEXIST): $(MAIN_OBJ) $(LIB)
	$(SAY) LD $@
	$(Q)$(CC) $(LDFLAGS_ALL) $(MAIN_OBJ) $(LIB) $(PKG_LIBS) -o $@

$(BUILD)/coexist.1: $(COEXIST)
	$(SAY) MAN $@
	$(Q)$(COEXIST) --man > $@.tmp && mv $@.tmp $@

$(BUILD)/coexist.bash: $(COEXIST)
	$(SAY) BASH $@
	$(Q)$(COEXIST) --completion bash > $@.tmp && mv $@.tmp $@

$(BUILD)/obj/tests/%.o: CPPFLAGS_ALL += -Itests

$(TEST_LIB): $(TEST_SUPPORT)
	@mkdir -p $(@D)
	@rm -f $@
	$(SAY) AR $@
	$(Q)$(AR) rcs $@ $^

# A test program is its own test_*.c, the other files of its folder, and what it uses of the support files.
TEST_PARTS = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out tests/$(1)/test_%.c tests/$(1)/bench_%.c,$(wildcard tests/$(1)/*.c)))
define test_rule
$(filter $(BUILD)/tests/$(1)/%,$(TEST_PROGS) $(BENCH_PROGS)): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(TEST_PARTS) $(TEST_LIB) $(LIB)
	@mkdir -p $$(@D)
	$$(SAY) TEST $$@
	$$(Q)$$(CC) $$(CFLAGS_ALL) $$(LDFLAGS_ALL) $$(filter %.o,$$^) $(TEST_LIB) $(LIB) -lcheck -lsubunit $$(PKG_LIBS) -lrt -o $$@
endef
$(foreach k,$(TEST_KINDS) bench,$(eval $(call test_rule,$(k))))

$(FUZZ_PROGS): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(LIB)
	@mkdir -p $(@D)
	$(SAY) FUZZ $@
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -fsanitize=fuzzer $< $(LIB) $(PKG_LIBS) -o $@

-include $(LIB_OBJS:.o=.d) $(MAIN_OBJ:.o=.d) $(wildcard $(BUILD)/obj/tests/*/*.d)

.PHONY: tests fuzzers
tests: $(TEST_PROGS) $(BENCH_PROGS)
fuzzers: $(FUZZ_PROGS)

include tests/rules.mk

# ---- using --------------------------------------------------------------------------------------
.PHONY: demo image install clean help
demo: ## install what is missing, build, make the image, run the demo matrix, show where the report is
	@tests/deps.sh run
	$(MAKE) all
	$(MAKE) image
	$(COEXIST) --lab $(LAB) run matrices/demo.json

image: all ## make the winelab guest image unless it is there and unchanged
	$(COEXIST) --lab $(LAB) image build images/winelab.json --if-changed

deps: ## install what building, running and testing need
	@tests/deps.sh all
.PHONY: deps

install: all ## install the program, man page, completion and data
	install -D -m 755 $(COEXIST) $(DESTDIR)$(PREFIX)/bin/coexist
	install -D -m 644 $(BUILD)/coexist.1 $(DESTDIR)$(PREFIX)/share/man/man1/coexist.1
	install -D -m 644 $(BUILD)/coexist.bash \
	    $(DESTDIR)$(PREFIX)/share/bash-completion/completions/coexist

clean: ## remove what was built (not lab/ and runs/)
	rm -rf $(BUILD)

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
