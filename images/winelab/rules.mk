# The programs that go into the winelab guest. Included by the top Makefile; alone:
# make -f images/winelab/rules.mk winelab
BUILD ?= build
SAY ?= $(if $(V),@:,@printf '  %-6s %s\n')
Q ?= $(if $(V),,@)
CC_WIN64 ?= x86_64-w64-mingw32-gcc
WINELAB := $(BUILD)/images/winelab
WINELAB_WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough -Werror
# No path of the building machine and no date gets into a program: same sources, same bytes.
WINELAB_CFLAGS := -std=c17 -O2 -s $(WINELAB_WARN) -ffile-prefix-map=$(CURDIR)=. -Wdate-time
# Static: they run before the guest's root is there, or in place of its shell.
WINELAB_LINUX := $(addprefix $(WINELAB)/,init winshell labctl)
WINELAB_WINDOWS := $(addprefix $(WINELAB)/,linerun.exe wineboot.exe shutdown.exe crashdump.exe)
WINELAB_WINFLAGS := $(WINELAB_CFLAGS) -municode -D_WIN32_WINNT=0x0601 -Wl,--no-insert-timestamp
WINELAB_LINK = $(CC_WIN64) $(WINELAB_WINFLAGS) $(WINELAB_EXTRA) -o $@ $(filter %.c,$^) -ladvapi32

.PHONY: winelab
winelab: $(WINELAB_LINUX) $(WINELAB_WINDOWS)

$(WINELAB)/init: images/winelab/safeboot.c images/winelab/safeboot.h
$(WINELAB_LINUX): $(WINELAB)/%: images/winelab/%.c images/winelab/rules.mk
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(Q)$(CC) $(WINELAB_CFLAGS) -D_GNU_SOURCE -static -o $@ $(filter %.c,$^)

$(WINELAB_WINDOWS): images/winelab/rules.mk images/winelab/down.h images/winelab/minidump.h
$(WINELAB)/linerun.exe: images/winelab/linerun.c
	@mkdir -p $(@D)
	$(SAY) WIN64 $@
	$(Q)$(WINELAB_LINK)
$(WINELAB)/wineboot.exe $(WINELAB)/shutdown.exe: $(WINELAB)/%.exe: images/winelab/%.c \
		images/winelab/down.c
	@mkdir -p $(@D)
	$(SAY) WIN64 $@
	$(Q)$(WINELAB_LINK)
# Without a console: Wine would start two processes to give it one, in the middle of a crash.
$(WINELAB)/crashdump.exe: WINELAB_EXTRA := -Wl,--subsystem,windows
$(WINELAB)/crashdump.exe: images/winelab/crashdump.c images/winelab/minidump.c \
		images/winelab/down.c
	@mkdir -p $(@D)
	$(SAY) WIN64 $@
	$(Q)$(WINELAB_LINK)
