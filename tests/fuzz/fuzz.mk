# fuzz.mk - the fuzz targets, built twice: with clang and libFuzzer to find inputs, and with any
# compiler to try those that are kept.
#
#   make fuzz FUZZ_S=600                       each target in turn, for FUZZ_S seconds each (60)
#   make fuzz FUZZ=json                        one target, or several: FUZZ="json uri"
#   make fuzz FUZZ=json PLANT=1                with the planted bug, which must be found
#   make SAN=address,undefined fuzz-corpus     without libFuzzer: the inputs that are kept, changed
#                                              ones for FUZZ_MS milliseconds each (300), and, with
#                                              the planted bug, an input that leads to it

FUZZ   ?= $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_S ?= 60
FUZZ_MS ?= 300
PLANT  ?=
FUZZ_CC ?= $(or $(shell command -v clang-14),clang)

FUZZ_FLAGS := $(if $(PLANT),-DFUZZ_PLANT) -Itests/fuzz
FUZZ_DIR   := $(BUILD)/fuzz$(if $(PLANT),-planted)

# What each target is linked with: layers, and objects of layers that need not be built as a whole.
fuzz_layers_config  := config base
fuzz_layers_cursor  := mcp tools schema base
fuzz_layers_event   := hub io base
fuzz_layers_frontmatter := tools schema base
fuzz_layers_glob    := files tools schema base
fuzz_layers_headers := mcp tools schema base
fuzz_layers_json    := base
fuzz_layers_mcp     := mcp tools schema base
fuzz_layers_pattern := base
fuzz_layers_query   := base
fuzz_layers_round   := mcp tools schema base
fuzz_layers_schema  := schema base
fuzz_layers_state   := store io base
fuzz_layers_template := tools schema base
fuzz_layers_uri     := io base

fuzz_objects_headers := $(addprefix $(BUILD)/obj/gateway/worker/,address.o content_type.o origin.o)
fuzz_objects_mcp     := $(FUZZ_DIR)/mcp_world.o
fuzz_objects_pattern := $(BUILD)/obj/lua/vm/pattern.o
fuzz_objects_query   := $(addprefix $(BUILD)/obj/gateway/index/,excerpt.o query.o tokenizer.o)
fuzz_objects_uri     := $(addprefix $(BUILD)/obj/gateway/http/,guard.o target.o)

$(FUZZ_DIR)/%.o: tests/fuzz/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPP_ALL) $(FUZZ_FLAGS) $(C_ALL) -MMD -MP -c $< -o $@

fuzz_parts = $(FUZZ_DIR)/fuzz_$1.o $(FUZZ_DIR)/fuzz.o $(fuzz_objects_$1) \
             $(foreach l,$(fuzz_layers_$1),$(call archive,$l))

# feed-NAME takes files; libfuzzer-NAME makes them up, and needs objects that were built for it.
define fuzz_rules
$(FUZZ_DIR)/feed-$1: $(FUZZ_DIR)/feed.o $(call fuzz_parts,$1)
	$(Q)$(CC) -fno-lto $(LD_ALL) -Wl,--start-group $$^ -Wl,--end-group $(PKG_LIBS) -lm -o $$@
$(FUZZ_DIR)/libfuzzer-$1: $(call fuzz_parts,$1)
	$(call say,LINK,$$@)
	$(Q)$(CC) -fsanitize=fuzzer $(LD_ALL) -Wl,--start-group $$^ -Wl,--end-group $(PKG_LIBS) -lm -o $$@
endef
$(foreach t,$(FUZZ),$(eval $(call fuzz_rules,$t)))

.PHONY: fuzz fuzz-corpus fuzz-planted fuzz-programs

# The planted bug reads behind a block: AddressSanitizer alone knows.
fuzz-corpus: $(FUZZ:%=$(FUZZ_DIR)/feed-%)
	@FUZZ_MS=$(FUZZ_MS) sh tests/fuzz/run.sh corpus $(FUZZ_DIR) $(FUZZ)
	$(if $(findstring address,$(SAN)),@$(MAKE) PLANT=1 fuzz-planted)

fuzz-planted: $(FUZZ:%=$(FUZZ_DIR)/feed-%)
	@sh tests/fuzz/run.sh planted $(FUZZ_DIR) $(FUZZ)

fuzz-programs: $(FUZZ:%=$(FUZZ_DIR)/libfuzzer-%)

# Objects with libFuzzer's counters in a folder of their own. Warnings are for the compiler that
# the gateway is built with: clang knows some that it does not.
fuzz:
	@sh tests/fuzz/run.sh check $(FUZZ_CC)
	$(MAKE) CC=$(FUZZ_CC) WERROR= SAN=address,undefined CFLAGS='$(CFLAGS) -fsanitize=fuzzer-no-link' \
	  BUILD=$(BUILD)/clang fuzz-programs
	@FUZZ_S=$(FUZZ_S) PLANT=$(PLANT) sh tests/fuzz/run.sh fuzz \
	  $(BUILD)/clang/fuzz$(if $(PLANT),-planted) $(FUZZ)

-include $(wildcard $(FUZZ_DIR)/*.d)
