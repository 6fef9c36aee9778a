# The incident library: included by the top Makefile after the samples' rules. See README.md.
INCIDENTS_SRC := matrices/incidents
INCIDENTS_OUT := $(BUILD)/incidents
INCIDENTS_CASES ?=
INCIDENTS_VERSION := 2.0.0.0
INCIDENTS_CFLAGS := $(SAMPLES_CFLAGS) -I$(INCIDENTS_SRC)
INCIDENTS_CEDAR := comesandgoes once
INCIDENTS_DEEDS := $(patsubst $(INCIDENTS_SRC)/deeds/%.c,%,$(wildcard $(INCIDENTS_SRC)/deeds/*.c))
INCIDENTS_ALL := $(foreach d,$(filter-out $(INCIDENTS_CEDAR),$(INCIDENTS_DEEDS)),$(INCIDENTS_OUT)/birch-$(d).dll) \
    $(foreach d,$(INCIDENTS_CEDAR),$(INCIDENTS_OUT)/cedar-$(d).dll) $(INCIDENTS_OUT)/birch-refused.dll \
    $(patsubst $(INCIDENTS_SRC)/programs/%.c,$(INCIDENTS_OUT)/%.exe,$(wildcard $(INCIDENTS_SRC)/programs/*.c)) \
    $(INCIDENTS_OUT)/birch-blind.content $(INCIDENTS_OUT)/birch-big.content

$(INCIDENTS_OUT)/obj/%.o: $(INCIDENTS_SRC)/%.c $(wildcard $(INCIDENTS_SRC)/*.h)
	@mkdir -p $(@D)
	$(SAY) WIN64 $@
	$(Q)$(SAMPLES_CC) $(INCIDENTS_CFLAGS) -c -o $@ $<

# $(1) vendor, $(2) company, $(3) name, $(4) objects besides the vendor's
define incidents_engine
$(call samples_program,$(INCIDENTS_OUT)/$(1)-$(3).dll,$(1)eng.dll,$(INCIDENTS_VERSION),$(2),0x2,\
    $(SAMPLES_OUT)/$(1)/obj/engine.o $(SAMPLES_OUT)/$(1)/obj/vendor.o $(SAMPLES_MATCH_O) \
    $(SAMPLES_OUT)/common/heuristic_none.o $(SAMPLES_OUT)/common/paths.o $(4),$(SAMPLES_DLL_LDFLAGS))
endef
INCIDENTS_HOST := $(INCIDENTS_OUT)/obj/deed_host.o
$(foreach d,$(filter-out $(INCIDENTS_CEDAR),$(INCIDENTS_DEEDS)),$(eval $(call incidents_engine,birch,Birch Labs \
    (sample),$(d),$(INCIDENTS_OUT)/obj/deeds/$(d).o $(INCIDENTS_HOST))))
$(foreach d,$(INCIDENTS_CEDAR),$(eval $(call incidents_engine,cedar,Cedar Software \
    (sample),$(d),$(INCIDENTS_OUT)/obj/deeds/$(d).o $(INCIDENTS_HOST))))
$(eval $(call incidents_engine,birch,Birch Labs (sample),refused,$(INCIDENTS_OUT)/obj/engines/refused.o))

$(INCIDENTS_OUT)/%.exe: $(INCIDENTS_OUT)/obj/programs/%.o
	$(SAY) PE $@
	$(Q)$(SAMPLES_CC) -o $@ $< -mconsole $(SAMPLES_LDFLAGS)

$(INCIDENTS_OUT)/birch-%.content: $(INCIDENTS_OUT)/content/%.txt $(SAMPLES_OUT)/birch/obj/mkcontent
	$(SAY) DATA $@
	$(Q)$(SAMPLES_OUT)/birch/obj/mkcontent $< $@
$(INCIDENTS_OUT)/content/blind.txt: $(INCIDENTS_SRC)/content/blind.txt
	@mkdir -p $(@D)
	$(Q)cp $< $@
$(INCIDENTS_OUT)/content/big.txt: $(SAMPLES_SRC)/birch/content-1.txt
	@mkdir -p $(@D)
	$(Q)sed 's/^version .*/version 2.0.0.0/' $< >$@
	$(Q)for i in $$(seq 900); do printf 'signature Many.%d text coexist-sample-number-%d\n' $$i $$i; done >>$@
.SECONDARY: $(INCIDENTS_OUT)/content/big.txt $(INCIDENTS_OUT)/content/blind.txt

.PHONY: incidents incident-updates
incident-updates: $(INCIDENTS_ALL) samples
	$(Q)$(INCIDENTS_SRC)/build.sh $(SAMPLES_OUT) $(INCIDENTS_OUT) $(INCIDENTS_CASES)
incidents: image incident-updates ## re-enact known outages and alarming but harmless updates; says what was caught
	@$(INCIDENTS_SRC)/run.sh $(COEXIST) $(LAB) runs $(INCIDENTS_OUT)
