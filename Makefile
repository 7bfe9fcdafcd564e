# Moongate's one Makefile. Everything it makes goes to $(BUILD); the tree itself stays clean.
#
#   make                              the binary, $(BUILD)/moongate
#   make unit-store                   build and run the unit tests of one layer
#   make test SAN=address,undefined   all tests of the working tree under a sanitizer (or SAN=thread)
#   make BUILD=/somewhere/else ...    any other place for what is built
#   make WERROR=                      warnings stay warnings, for packagers

VERSION := 0.1.0

SAN    ?=
WERROR ?= -Werror
PREFIX ?= /usr/local
ifeq ($(SAN),)
BUILD ?= build
else ifeq ($(SAN),thread)
BUILD ?= build/tsan
else
BUILD ?= build/asan
endif
override BUILD := $(patsubst %/,%,$(BUILD))

CC         ?= cc
AR         ?= ar
PKG_CONFIG ?= pkg-config
NODE       ?= tests/node
CFLAGS     ?=
LDFLAGS    ?=

# ---- layers ------------------------------------------------------------------------------------
# One folder is one layer is one archive. below_X names every layer that X may include, and so
# everything that X's unit tests link; tests/lint/edges.sh holds the sources to the same table.

LAYERS := base config io limit auth store hub tools mcp http vm api worker

below_base   :=
below_config := base
below_io     := base
below_limit  := base
below_auth   := base
below_store  := io base
below_hub    := io base
below_tools  := base
below_mcp    := tools base
below_http   := io base
below_vm     := store hub tools io base
below_api    := vm $(below_vm)
below_worker := api vm http mcp tools hub store auth limit io config base

dir_vm  := lua/vm
dir_api := lua/api
folder   = $(or $(dir_$1),gateway/$1)
sources  = $(sort $(wildcard $(call folder,$1)/*.c))
objects  = $(patsubst %.c,$(BUILD)/obj/%.o,$(call sources,$1)) $(extra_$1)
archive  = $(BUILD)/lib/$1.a
extra_vm := $(BUILD)/obj/gen/lualib.o

# ---- flags -------------------------------------------------------------------------------------

RUN_PKGS  := libmicrohttpd lua5.4 libcjson inih gnutls
TEST_PKGS := cmocka
PKG_CFLAGS  := $(shell $(PKG_CONFIG) --cflags $(RUN_PKGS))
PKG_LIBS    := $(shell $(PKG_CONFIG) --libs $(RUN_PKGS))
TEST_CFLAGS  = $(shell $(PKG_CONFIG) --cflags $(TEST_PKGS))
TEST_LIBS    = $(shell $(PKG_CONFIG) --libs $(TEST_PKGS))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wwrite-strings \
        -Wpointer-arith -Wvla -Wconversion $(WERROR)
HARDEN := -fstack-protector-strong $(if $(SAN),,-D_FORTIFY_SOURCE=2)
SANITIZE := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)

CPP_ALL := -D_GNU_SOURCE -DMG_VERSION='"$(VERSION)"' -Igateway -Ilua $(PKG_CFLAGS)
C_ALL   := -std=c11 -O2 -g -fPIE -pthread $(HARDEN) $(WARN) $(SANITIZE) $(CFLAGS)
LD_ALL  := -pie -pthread -Wl,-z,relro,-z,now -Wl,--as-needed $(SANITIZE) $(LDFLAGS)

export ASAN_OPTIONS  ?= detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS ?= print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS  ?= halt_on_error=1:second_deadlock_stack=1

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all unit unit-valgrind clean FORCE $(LAYERS:%=unit-%) $(LAYERS:%=valgrind-%)

# V=1 shows whole command lines.
V ?= 0
Q := $(if $(filter 0,$(V)),@)
say = $(if $(filter 0,$(V)),@printf '  %-5s %s\n' $1 $2)

all: $(BUILD)/moongate

# Rewrites its target only when the text differs: what depends on it is remade exactly then.
define write_if_changed
@mkdir -p $(@D); printf '%s\n' $1 | cmp -s - $@ || printf '%s\n' $1 >$@
endef

$(BUILD)/flags: FORCE
	$(call write_if_changed,'$(subst ','\'',$(CC) $(CPP_ALL) $(C_ALL))')

# ---- objects and archives ----------------------------------------------------------------------

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPP_ALL) $(C_ALL) -MMD -MP -c $< -o $@

$(BUILD)/obj/tests/unit/%.o: tests/unit/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPP_ALL) -Itests/unit $(TEST_CFLAGS) $(C_ALL) -MMD -MP -c $< -o $@

$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPP_ALL) $(C_ALL) -MMD -MP -c $< -o $@

# The list file makes an archive notice a source that was removed.
define layer_rules
$(BUILD)/lib/$1.list: FORCE
	$$(call write_if_changed,$(call objects,$1))
$(call archive,$1): $(call objects,$1) $(BUILD)/lib/$1.list
	@rm -f $$@
	@$(AR) rcsD $$@ $(call objects,$1)
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rules,$l)))

# The runtime library in Lua travels inside the binary.
LUALIB := $(sort $(shell find lua/lib -name '*.lua' 2>/dev/null))

$(BUILD)/gen/lualib.list: FORCE
	$(call write_if_changed,$(LUALIB))

$(BUILD)/gen/lualib.c: lua/vm/embed.sh $(LUALIB) $(BUILD)/gen/lualib.list
	@sh lua/vm/embed.sh lua/lib $(LUALIB) >$@

MAIN_SRC := $(wildcard gateway/main.c) $(sort $(wildcard gateway/cli/*.c))
MAIN_OBJ := $(MAIN_SRC:%.c=$(BUILD)/obj/%.o)

$(BUILD)/moongate: $(MAIN_OBJ) $(foreach l,$(LAYERS),$(call archive,$l))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LD_ALL) $(MAIN_OBJ) -Wl,--start-group $(foreach l,$(LAYERS),$(call archive,$l)) \
	  -Wl,--end-group $(PKG_LIBS) -lm -o $@

# ---- unit tests --------------------------------------------------------------------------------
# tests/unit/LAYER/test_*.c are programs; every other .c beside them is linked into each of them.

unit_sources = $(sort $(wildcard tests/unit/$1/test_*.c))
unit_helpers = $(filter-out $(call unit_sources,$1),$(sort $(wildcard tests/unit/$1/*.c)))
unit_help_o  = $(patsubst %.c,$(BUILD)/obj/%.o,$(call unit_helpers,$1))
unit_progs   = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(call unit_sources,$1))
unit_libs    = $(foreach l,$1 $(below_$1),$(call archive,$l))

define unit_rules
$(call unit_progs,$1): $(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(call unit_help_o,$1) \
    $(call unit_libs,$1)
	@mkdir -p $$(@D)
	@$(CC) $(LD_ALL) $$< $(call unit_help_o,$1) -Wl,--start-group $(call unit_libs,$1) \
	  -Wl,--end-group $$(TEST_LIBS) $(PKG_LIBS) -lm -o $$@
unit-$1: $(call unit_progs,$1)
	@sh tests/unit/run.sh $$^
valgrind-$1: $(call unit_progs,$1)
	@sh tests/unit/run.sh --valgrind $$^
endef
$(foreach l,$(LAYERS),$(eval $(call unit_rules,$l)))

unit: $(LAYERS:%=unit-%)
unit-valgrind: $(LAYERS:%=valgrind-%)

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
