# The programs of the rehearsal's CD: its Setup, static, and what packs a system into its install image.
REHEARSAL := $(BUILD)/images/rehearsal
REHEARSAL_SETUP := $(addprefix images/rehearsal/,main.c answer.c partition.c wim.c devices.c install.c disk.c)

.PHONY: rehearsal
rehearsal: $(REHEARSAL)/setup $(REHEARSAL)/pack $(REHEARSAL)/openssh.msi

$(REHEARSAL)/setup: $(REHEARSAL_SETUP) images/rehearsal/rehearsal.h images/rehearsal/sparse.h images/rehearsal/rules.mk
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(Q)$(CC) $(WINELAB_CFLAGS) -D_GNU_SOURCE -static -o $@ $(filter %.c,$^) -lexpat

$(REHEARSAL)/pack: images/rehearsal/pack.c images/rehearsal/sparse.h
	@mkdir -p $(@D)
	$(SAY) CC $@
	$(Q)$(CC) $(WINELAB_CFLAGS) -D_GNU_SOURCE -o $@ $<

$(REHEARSAL)/sshd.exe: images/rehearsal/sshd.c images/rehearsal/rules.mk
	@mkdir -p $(@D)
	$(SAY) WIN64 $@
	$(Q)$(CC_WIN64) $(WINELAB_WINFLAGS) -o $@ $< -ladvapi32

# wixl takes the times of what it packs: always the same.
$(REHEARSAL)/openssh.msi: images/rehearsal/openssh.wxs $(REHEARSAL)/sshd.exe
	@rm -rf $(REHEARSAL)/packed && mkdir -p $(REHEARSAL)/packed
	$(SAY) MSI $@
	$(Q)cp $(REHEARSAL)/sshd.exe $(REHEARSAL)/packed/ && touch -d @$(SAMPLES_EPOCH) $(REHEARSAL)/packed/sshd.exe
	$(Q)cd $(REHEARSAL)/packed && SOURCE_DATE_EPOCH=$(SAMPLES_EPOCH) wixl -a x64 -D BUILT=. -o $(abspath $@) $(abspath $<)
	@rm -rf $(REHEARSAL)/packed
