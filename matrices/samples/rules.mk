# The sample vendors: included by the top Makefile, or alone: make -f matrices/samples/rules.mk
# Everything goes to $(BUILD)/samples/<vendor>/. See README.md for what it is.
BUILD ?= build
SAY ?= $(if $(V),@:,@printf '  %-6s %s\n')
Q ?= $(if $(V),,@)
SAMPLES_SRC := matrices/samples
SAMPLES_OUT := $(BUILD)/samples
SAMPLES_CC ?= x86_64-w64-mingw32-gcc
SAMPLES_WINDRES ?= x86_64-w64-mingw32-windres
SAMPLES_HOSTCC ?= $(CC)
SAMPLES_EPOCH := 1767225600 # 2026-01-01: the same sources give the same installers

SAMPLES_WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
    -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough -Werror
SAMPLES_CFLAGS := -std=c17 -O2 -D_WIN32_WINNT=0x0A00 -DUNICODE -D_UNICODE \
    -D__USE_MINGW_ANSI_STDIO=1 $(SAMPLES_WARN) -I$(SAMPLES_SRC)/common
SAMPLES_LDFLAGS := -static -s -Wl,--no-insert-timestamp
# The image base is given because the linker would derive one from the output path.
SAMPLES_DLL_LDFLAGS := -shared -Wl,--image-base,0x180000000 $(SAMPLES_SRC)/common/engine.def \
    $(SAMPLES_LDFLAGS)
# The kernel's headers are written in Microsoft's dialect: system headers, multi-character tags.
SAMPLES_DRIVER_CFLAGS := -std=c17 -O2 -ffreestanding -fno-builtin -mno-red-zone $(SAMPLES_WARN) \
    -Wno-multichar -isystem /usr/x86_64-w64-mingw32/include/ddk -I$(SAMPLES_SRC)/common
SAMPLES_DRIVER_LDFLAGS := -nostdlib -s -shared -Wl,--subsystem,native -Wl,--entry,DriverEntry \
    -Wl,--image-base,0x140000000 -Wl,--exclude-all-symbols -Wl,--no-insert-timestamp

.PHONY: samples
samples: # alone, this file builds everything; the top Makefile has its own first target

# ---- objects ------------------------------------------------------------------------------------
# Common code is compiled once; what holds the vendor's mask table once per vendor.
SAMPLES_GUARD_O := $(patsubst %,$(SAMPLES_OUT)/common/%.o,guard queue watch sweep quarantine \
    engine_host payload content crc32 log paths settings version err)
SAMPLES_SERVICE_O := $(SAMPLES_OUT)/common/service.o
SAMPLES_CTL_O := $(patsubst %,$(SAMPLES_OUT)/common/%.o,ctl update scm payload content crc32 log \
    paths settings version err)
SAMPLES_MATCH_O := $(patsubst %,$(SAMPLES_OUT)/common/%.o,match content crc32 err)
SAMPLES_CLEAN_O := $(patsubst %,$(SAMPLES_OUT)/common/%.o,heuristic_none notice_none)

$(SAMPLES_OUT)/common/%.o: $(SAMPLES_SRC)/common/%.c
	@mkdir -p $(@D)
	$(SAY) WIN64 $@
	$(Q)$(SAMPLES_CC) $(SAMPLES_CFLAGS) -MMD -c -o $@ $<

# $(1) vendor
define samples_vendor_objects
$(SAMPLES_OUT)/$(1)/obj/%.o: $(SAMPLES_SRC)/$(1)/%.c
	@mkdir -p $$(@D)
	$$(SAY) WIN64 $$@
	$$(Q)$$(SAMPLES_CC) $$(SAMPLES_CFLAGS) -MMD -c -o $$@ $$<
$(SAMPLES_OUT)/$(1)/obj/engine.o: $(SAMPLES_SRC)/common/engine.c
	@mkdir -p $$(@D)
	$$(SAY) WIN64 $$@
	$$(Q)$$(SAMPLES_CC) $$(SAMPLES_CFLAGS) -I$(SAMPLES_SRC)/$(1) -MMD -c -o $$@ $$<
$(SAMPLES_OUT)/$(1)/obj/mkcontent: $(addprefix $(SAMPLES_SRC)/,tools/mkcontent.c common/crc32.c \
        common/crc32.h common/content.h $(1)/mask.h)
	@mkdir -p $$(@D)
	$$(SAY) CC $$@
	$$(Q)$$(SAMPLES_HOSTCC) -std=c17 -D_GNU_SOURCE -O2 $$(SAMPLES_WARN) -I$(SAMPLES_SRC)/common \
	    -I$(SAMPLES_SRC)/$(1) -o $$@ $$(filter %.c,$$^)
endef
$(foreach vendor,alder birch cedar,$(eval $(call samples_vendor_objects,$(vendor))))

$(SAMPLES_OUT)/alder/obj/driver/%.o: $(SAMPLES_SRC)/common/%.c
	@mkdir -p $(@D)
	$(SAY) WIN64 $@
	$(Q)$(SAMPLES_CC) $(SAMPLES_DRIVER_CFLAGS) -MMD -c -o $@ $<
$(SAMPLES_OUT)/alder/obj/driver/alderflt.o: $(SAMPLES_SRC)/alder/alderflt.c
	@mkdir -p $(@D)
	$(SAY) WIN64 $@
	$(Q)$(SAMPLES_CC) $(SAMPLES_DRIVER_CFLAGS) -MMD -c -o $@ $<

# ---- programs -----------------------------------------------------------------------------------
# $(1) output, $(2) file name in Windows, $(3) version, $(4) company, $(5) 0x1 program, 0x2 DLL,
# 0x3 driver, $(6) objects, $(7) linker's flags and libraries
define samples_program
$(1).res.o: $(SAMPLES_SRC)/common/version.rc.in $(SAMPLES_SRC)/rules.mk
	@mkdir -p $$(@D)
	$$(Q)sed -e 's/@FILE@/$(2)/; s/@VERSION@/$(3)/; s/@COMPANY@/$(4)/; s/@TYPE@/$(5)/' \
	    -e 's/@COMMAS@/$(subst .,$(comma),$(3))/' $$< > $(1).rc
	$$(Q)$$(SAMPLES_WINDRES) -o $$@ $(1).rc
$(1): $(6) $(1).res.o
	$$(SAY) PE $$@
	$$(Q)$$(SAMPLES_CC) -o $$@ $(6) $(1).res.o $(7)
endef
comma := ,

SAMPLES_ALDER := $(SAMPLES_OUT)/alder
SAMPLES_BIRCH := $(SAMPLES_OUT)/birch
SAMPLES_CEDAR := $(SAMPLES_OUT)/cedar
samples_exe = $(eval $(call samples_program,$(1),$(2),1.0.0.0,$(3),0x1,$(4),$(5)))
samples_dll = $(eval $(call samples_program,$(1),$(2),$(3),$(4),0x2,$(5),\
    $(SAMPLES_DLL_LDFLAGS)))
# The control tool twice: for the command line, and for installers, which must not open consoles.
# $(1) vendor, $(2) company
define samples_ctl
$(call samples_exe,$(SAMPLES_OUT)/$(1)/files/$(1)ctl.exe,$(1)ctl.exe,$(2),\
    $(SAMPLES_OUT)/$(1)/obj/vendor.o $(SAMPLES_CTL_O),-municode $(SAMPLES_LDFLAGS) -lversion)
$(call samples_exe,$(SAMPLES_OUT)/$(1)/files/$(1)setup.exe,$(1)setup.exe,$(2),\
    $(SAMPLES_OUT)/$(1)/obj/vendor.o $(SAMPLES_CTL_O),\
    -municode -mwindows $(SAMPLES_LDFLAGS) -lversion)
endef

# Services are linked as window programs (-mwindows): they need no console, so none is made.
SAMPLES_NAME := Alder Security (sample)
$(call samples_exe,$(SAMPLES_ALDER)/files/aldersvc.exe,aldersvc.exe,$(SAMPLES_NAME),\
    $(addprefix $(SAMPLES_ALDER)/obj/,vendor.o engine.o) $(SAMPLES_GUARD_O) $(SAMPLES_SERVICE_O) \
    $(SAMPLES_OUT)/common/service_guard.o $(SAMPLES_OUT)/common/engine_linked.o \
    $(SAMPLES_OUT)/common/match.o $(SAMPLES_CLEAN_O),-mwindows $(SAMPLES_LDFLAGS) -lversion)
$(call samples_ctl,alder,$(SAMPLES_NAME))
$(eval $(call samples_program,$(SAMPLES_ALDER)/files/alderflt.sys,alderflt.sys,1.0.0.0,\
    $(SAMPLES_NAME),0x3,$(addprefix $(SAMPLES_ALDER)/obj/driver/,alderflt.o content.o crc32.o),\
    $(SAMPLES_DRIVER_LDFLAGS) -lntoskrnl))

SAMPLES_NAME := Birch Labs (sample)
$(call samples_exe,$(SAMPLES_BIRCH)/files/birchsvc.exe,birchsvc.exe,$(SAMPLES_NAME),\
    $(SAMPLES_BIRCH)/obj/vendor.o $(SAMPLES_GUARD_O) $(SAMPLES_SERVICE_O) \
    $(SAMPLES_OUT)/common/service_guard.o $(SAMPLES_OUT)/common/engine_not_linked.o,\
    -mwindows $(SAMPLES_LDFLAGS) -lversion)
$(call samples_ctl,birch,$(SAMPLES_NAME))
SAMPLES_BIRCH_ENGINE_O := $(SAMPLES_BIRCH)/obj/engine.o $(SAMPLES_MATCH_O)
$(call samples_dll,$(SAMPLES_BIRCH)/files/bircheng.dll,bircheng.dll,1.0.0.0,$(SAMPLES_NAME),\
    $(SAMPLES_BIRCH_ENGINE_O) $(SAMPLES_CLEAN_O))
$(call samples_dll,$(SAMPLES_BIRCH)/birch-engine-2.dll,bircheng.dll,1.1.0.0,$(SAMPLES_NAME),\
    $(SAMPLES_BIRCH_ENGINE_O) $(SAMPLES_CLEAN_O))
$(call samples_dll,$(SAMPLES_BIRCH)/birch-engine-fp.dll,bircheng.dll,1.2.0.0,$(SAMPLES_NAME),\
    $(SAMPLES_BIRCH_ENGINE_O) $(SAMPLES_BIRCH)/obj/heuristic_unmask.o \
    $(SAMPLES_OUT)/common/notice_none.o)

SAMPLES_NAME := Cedar Software (sample)
$(call samples_exe,$(SAMPLES_CEDAR)/files/cedarsvc.exe,cedarsvc.exe,$(SAMPLES_NAME),\
    $(addprefix $(SAMPLES_CEDAR)/obj/,vendor.o cedarsvc.o worker.o) $(SAMPLES_SERVICE_O) \
    $(addprefix $(SAMPLES_OUT)/common/,log.o paths.o err.o),-mwindows $(SAMPLES_LDFLAGS))
$(call samples_exe,$(SAMPLES_CEDAR)/files/cedarscan.exe,cedarscan.exe,$(SAMPLES_NAME),\
    $(addprefix $(SAMPLES_CEDAR)/obj/,vendor.o cedarscan.o) $(SAMPLES_GUARD_O) \
    $(SAMPLES_OUT)/common/engine_not_linked.o,-mwindows $(SAMPLES_LDFLAGS) -lversion)
$(call samples_ctl,cedar,$(SAMPLES_NAME))
SAMPLES_CEDAR_ENGINE_O := $(SAMPLES_CEDAR)/obj/engine.o $(SAMPLES_MATCH_O)
$(call samples_dll,$(SAMPLES_CEDAR)/files/cedareng.dll,cedareng.dll,1.0.0.0,$(SAMPLES_NAME),\
    $(SAMPLES_CEDAR_ENGINE_O) $(SAMPLES_CLEAN_O))
$(call samples_dll,$(SAMPLES_CEDAR)/cedar-engine-slow.dll,cedareng.dll,1.1.0.0,$(SAMPLES_NAME),\
    $(SAMPLES_CEDAR_ENGINE_O) $(SAMPLES_CEDAR)/obj/notice_slow.o \
    $(addprefix $(SAMPLES_OUT)/common/,heuristic_none.o paths.o) $(SAMPLES_CEDAR)/obj/vendor.o)

# ---- content ------------------------------------------------------------------------------------
# $(1) output, $(2) vendor, $(3) text
define samples_content
$(1): $(SAMPLES_SRC)/$(2)/$(3).txt $(SAMPLES_OUT)/$(2)/obj/mkcontent
	@mkdir -p $$(@D)
	$$(SAY) DATA $$@
	$$(Q)$(SAMPLES_OUT)/$(2)/obj/mkcontent $$< $$@
endef
$(eval $(call samples_content,$(SAMPLES_ALDER)/files/content.acf,alder,content-1))
$(eval $(call samples_content,$(SAMPLES_ALDER)/alder-content-2.acf,alder,content-2))
$(eval $(call samples_content,$(SAMPLES_ALDER)/alder-content-bad.acf,alder,content-bad))
$(eval $(call samples_content,$(SAMPLES_BIRCH)/files/content.bcf,birch,content-1))
$(eval $(call samples_content,$(SAMPLES_BIRCH)/birch-content-2.bcf,birch,content-2))
$(eval $(call samples_content,$(SAMPLES_CEDAR)/files/content.ccf,cedar,content-1))
$(eval $(call samples_content,$(SAMPLES_CEDAR)/cedar-content-2.ccf,cedar,content-2))

# ---- installers ---------------------------------------------------------------------------------
# The packers keep file times: they are set to the epoch, in a folder of copies.
# $(1) vendor's folder, $(2) files
define samples_pack_folder
rm -rf $(1)/pack && mkdir -p $(1)/pack && cp $(2) $(1)/pack/ && \
    touch -d @$(strip $(SAMPLES_EPOCH)) $(1)/pack/*
endef

SAMPLES_ALDER_FILES := $(addprefix $(SAMPLES_ALDER)/files/,aldersvc.exe alderctl.exe aldersetup.exe \
    alderflt.sys content.acf)
SAMPLES_BIRCH_FILES := $(addprefix $(SAMPLES_BIRCH)/files/,birchsvc.exe birchctl.exe birchsetup.exe \
    bircheng.dll content.bcf)
SAMPLES_CEDAR_FILES := $(addprefix $(SAMPLES_CEDAR)/files/,cedarsvc.exe cedarscan.exe \
    cedareng.dll cedarctl.exe cedarsetup.exe content.ccf)

# $(1) vendor, $(2) output, $(3) files
define samples_nsis
$(2): $(SAMPLES_SRC)/$(1)/$(1).nsi $(SAMPLES_SRC)/common/product.nsh $(3)
	$$(Q)$$(call samples_pack_folder,$(SAMPLES_OUT)/$(1),$(3))
	$$(SAY) NSIS $$@
	$$(Q)SOURCE_DATE_EPOCH=$(SAMPLES_EPOCH) makensis -V2 -WX -NOCD -DVERSION=1.0.0.0 \
	    "-DBUILT=$(SAMPLES_OUT)/$(1)/pack" "-DOUTPUT=$$@" \
	    "-DCOMMON=$(SAMPLES_SRC)/common" $$<
	@rm -rf $(SAMPLES_OUT)/$(1)/pack
endef
$(eval $(call samples_nsis,alder,$(SAMPLES_ALDER)/alder-1.0.0.exe,$(SAMPLES_ALDER_FILES)))
$(eval $(call samples_nsis,cedar,$(SAMPLES_CEDAR)/cedar-1.0.0.exe,$(SAMPLES_CEDAR_FILES)))

$(SAMPLES_BIRCH)/birch-1.0.0.msi: $(SAMPLES_SRC)/birch/birch.wxs $(SAMPLES_BIRCH_FILES)
	$(Q)$(call samples_pack_folder,$(SAMPLES_BIRCH),$(SAMPLES_BIRCH_FILES))
	$(Q)cd $(SAMPLES_BIRCH)/pack && SOURCE_DATE_EPOCH=$(SAMPLES_EPOCH) \
	    wixl -a x64 -D BUILT=. -o $(abspath $@) $(abspath $<)
	@rm -rf $(SAMPLES_BIRCH)/pack

# ---- descriptions with true digests -------------------------------------------------------------
# $(1) vendor, $(2) template without .json.in, $(3) the file it gives the digest of
define samples_stamp
$(SAMPLES_OUT)/$(1)/$(2).json: $(SAMPLES_SRC)/$(1)/$(2).json.in $(SAMPLES_SRC)/tools/stamp.sh \
        $(SAMPLES_OUT)/$(1)/$(3)
	$$(SAY) JSON $$@
	$$(Q)$(SAMPLES_SRC)/tools/stamp.sh $$< $(SAMPLES_OUT)/$(1) > $$@.new && mv $$@.new $$@
SAMPLES_ALL += $(SAMPLES_OUT)/$(1)/$(2).json
endef
SAMPLES_ALL :=
$(eval $(call samples_stamp,alder,product,alder-1.0.0.exe))
$(eval $(call samples_stamp,alder,alder-content-2,alder-content-2.acf))
$(eval $(call samples_stamp,alder,alder-content-bad,alder-content-bad.acf))
$(eval $(call samples_stamp,birch,product,birch-1.0.0.msi))
$(eval $(call samples_stamp,birch,birch-content-2,birch-content-2.bcf))
$(eval $(call samples_stamp,birch,birch-engine-2,birch-engine-2.dll))
$(eval $(call samples_stamp,birch,birch-engine-fp,birch-engine-fp.dll))
$(eval $(call samples_stamp,cedar,product,cedar-1.0.0.exe))
$(eval $(call samples_stamp,cedar,cedar-content-2,cedar-content-2.ccf))
$(eval $(call samples_stamp,cedar,cedar-engine-slow,cedar-engine-slow.dll))

samples: $(SAMPLES_ALL)

-include $(wildcard $(SAMPLES_OUT)/*/*.d $(SAMPLES_OUT)/*/obj/*.d $(SAMPLES_OUT)/*/obj/*/*.d)
