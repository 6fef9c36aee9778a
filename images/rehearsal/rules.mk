# The programs of the rehearsal's CD: its Setup, static, and what packs a system into its install image.
REHEARSAL := $(BUILD)/images/rehearsal
REHEARSAL_SETUP := $(addprefix images/rehearsal/,main.c answer.c partition.c wim.c devices.c install.c disk.c)

.PHONY: rehearsal
rehearsal: $(REHEARSAL)/setup $(REHEARSAL)/pack

$(REHEARSAL)/setup: $(REHEARSAL_SETUP) images/rehearsal/rehearsal.h images/rehearsal/sparse.h images/rehearsal/rules.mk
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(Q)$(CC) $(WINELAB_CFLAGS) -D_GNU_SOURCE -static -o $@ $(filter %.c,$^) -lexpat

$(REHEARSAL)/pack: images/rehearsal/pack.c images/rehearsal/sparse.h
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(Q)$(CC) $(WINELAB_CFLAGS) -D_GNU_SOURCE -o $@ $<
