# The in-guest agent. Included by the top Makefile; alone: make -f agents/rules.mk agents
BUILD ?= build
# Commands are shown with make V=1.
Q ?= $(if $(V),,@)
SAY ?= $(if $(V),@:,@printf '  %-6s %s\n')
CC_WIN64 ?= x86_64-w64-mingw32-gcc
CC_WIN32 ?= i686-w64-mingw32-gcc
# jsmn is one header without code for a platform; the cross compilers do not look where it lies.
JSMN_H ?= /usr/include/jsmn.h

AGENT_WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough -Werror
# No path of the building machine and no date gets into the program: same sources, same bytes.
AGENT_REPRO := -ffile-prefix-map=$(CURDIR)=. -frandom-seed=coexist -Wdate-time
AGENT_COMMON := -std=c17 $(AGENT_WARN) $(AGENT_REPRO) -Iagents -isystem $(BUILD)/agents/include
AGENT_WINFLAGS := $(AGENT_COMMON) -O2 -D_WIN32_WINNT=0x0502 -DWINVER=0x0502 -DUNICODE -D_UNICODE \
	-D__USE_MINGW_ANSI_STDIO=1
AGENT_WINLDFLAGS := -static -s -municode -Wl,--no-insert-timestamp -Wl,--major-subsystem-version=5 \
	-Wl,--minor-subsystem-version=2
AGENT_WINLIBS := -ladvapi32 -lshell32 -lversion
AGENT_POSIXFLAGS = $(AGENT_COMMON) -D_GNU_SOURCE -O2 -g -pthread -fPIE $(SAN_FLAGS) $(CFLAGS)

AGENT_SHARED := $(sort $(wildcard agents/proto/*.c agents/common/*.c))
AGENT_WIN_SRC := $(AGENT_SHARED) $(sort $(wildcard agents/windows/*.c))
AGENT_POSIX_SRC := $(AGENT_SHARED) $(sort $(wildcard agents/posix/*.c))
AGENT_WIN64_OBJ := $(AGENT_WIN_SRC:agents/%.c=$(BUILD)/agents/win64/%.o)
AGENT_WIN32_OBJ := $(AGENT_WIN_SRC:agents/%.c=$(BUILD)/agents/win32/%.o)
AGENT_POSIX_OBJ := $(AGENT_POSIX_SRC:agents/%.c=$(BUILD)/agents/native/%.o)
# The dispatcher for tests: without main, and without proto/, which the orchestrator's library has.
AGENT_LIB := $(BUILD)/agents/libagent.a
AGENT_LIB_OBJ := $(filter-out %/posix/main.o %/posix/op_exec.o %/posix/op_system.o \
	$(BUILD)/agents/native/proto/%,$(AGENT_POSIX_OBJ))
AGENT_JSMN := $(BUILD)/agents/include/jsmn.h

.PHONY: agents
agents: $(BUILD)/agents/agent.exe $(BUILD)/agents/agent32.exe $(BUILD)/agents/agent-posix

$(AGENT_JSMN): $(JSMN_H)
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(BUILD)/agents/agent.exe: $(AGENT_WIN64_OBJ)
	$(SAY) LD $@
	$(Q)$(CC_WIN64) $(AGENT_WINLDFLAGS) -o $@ $^ $(AGENT_WINLIBS)

$(BUILD)/agents/agent32.exe: $(AGENT_WIN32_OBJ)
	$(SAY) LD $@
	$(Q)$(CC_WIN32) $(AGENT_WINLDFLAGS) -o $@ $^ $(AGENT_WINLIBS)

$(BUILD)/agents/agent-posix: $(AGENT_POSIX_OBJ)
	$(SAY) LD $@
	$(Q)$(CC) $(AGENT_POSIXFLAGS) -o $@ $^ -lsodium -lz -lm

$(AGENT_LIB): $(AGENT_LIB_OBJ)
	@rm -f $@
	$(SAY) AR $@
	$(Q)$(AR) rcs $@ $^

# Tests of the dispatcher's inside and of the agent as a whole; nothing here without the top Makefile.
AGENT_INSIDE := $(BUILD)/tests/unit/test_agent_json $(BUILD)/tests/fuzz/fuzz_frame
$(AGENT_INSIDE): $(AGENT_LIB)
$(AGENT_INSIDE): LDFLAGS_ALL += -Wl,--whole-archive $(AGENT_LIB) -Wl,--no-whole-archive
$(BUILD)/tests/unit/test_agent_posix: $(BUILD)/agents/agent-posix

$(BUILD)/agents/win64/%.o: agents/%.c agents/rules.mk | $(AGENT_JSMN)
	@mkdir -p $(@D)
	$(SAY) WIN64 $<
	$(Q)$(CC_WIN64) $(AGENT_WINFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/agents/win32/%.o: agents/%.c agents/rules.mk | $(AGENT_JSMN)
	@mkdir -p $(@D)
	$(SAY) WIN32 $<
	$(Q)$(CC_WIN32) $(AGENT_WINFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/agents/native/%.o: agents/%.c agents/rules.mk | $(AGENT_JSMN)
	@mkdir -p $(@D)
	$(SAY) CC $<
	$(Q)$(CC) $(AGENT_POSIXFLAGS) -MMD -MP -c -o $@ $<

-include $(AGENT_WIN64_OBJ:.o=.d) $(AGENT_WIN32_OBJ:.o=.d) $(AGENT_POSIX_OBJ:.o=.d)
