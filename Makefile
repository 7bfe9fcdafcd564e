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
# everything that X's unit tests link; tests/lint/edges.awk holds the sources to the same table.

LAYERS := base config io limit auth store hub index kit schema tools files mcp http stdio vm api worker

below_base   :=
below_config := base
below_io     := base
below_limit  := io base
below_auth   := base
below_store  := io base
below_hub    := io base
below_index  := io base
below_kit    := base
below_schema := base
below_tools  := schema base
below_files  := tools schema base
below_mcp    := tools schema base
below_http   := io base
below_stdio  := io base
below_vm     := schema store hub tools io base
below_api    := vm limit index files $(below_vm)
below_worker := api vm stdio http mcp files tools schema kit index hub store auth limit io config base

dir_vm  := lua/vm
dir_api := lua/api
folder   = $(or $(dir_$1),gateway/$1)
sources  = $(sort $(wildcard $(call folder,$1)/*.c))
objects  = $(patsubst %.c,$(BUILD)/obj/%.o,$(call sources,$1)) $(extra_$1)
archive  = $(BUILD)/lib/$1.a
extra_vm := $(BUILD)/obj/gen/lualib.o
extra_schema := $(BUILD)/obj/gen/metaschemas.o

# ---- flags -------------------------------------------------------------------------------------

RUN_PKGS  := libmicrohttpd lua5.4 libcjson inih gnutls libpcre2-8 libcurl sqlite3
TEST_PKGS := cmocka
PKG_CFLAGS  := $(shell $(PKG_CONFIG) --cflags $(RUN_PKGS))
PKG_LIBS    := $(shell $(PKG_CONFIG) --libs $(RUN_PKGS))
TEST_CFLAGS  = $(shell $(PKG_CONFIG) --cflags $(TEST_PKGS))
TEST_LIBS    = $(shell $(PKG_CONFIG) --libs $(TEST_PKGS))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wwrite-strings \
        -Wpointer-arith -Wvla -Wconversion $(WERROR)
HARDEN := -fstack-protector-strong $(if $(SAN),,-D_FORTIFY_SOURCE=2)
SANITIZE := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)

# The binary is optimised as a whole, a tenth less work for a call. Objects hold plain code as well:
# the units' programs link that, and stay quick to link. LTO= does without.
IS_GCC := $(findstring Free Software Foundation,$(shell $(CC) --version))
LTO    ?= $(if $(SAN),,$(if $(IS_GCC),-flto=auto))
FAT    := $(if $(LTO),$(LTO) -ffat-lto-objects)
OPT    := $(if $(SAN),-O2,-O3)
# GCC clears and copies structs with `rep stos` and `rep movs`, whose start takes longer than all the
# work of the C library. A call clears a dozen of some hundred bytes.
STRUCTS := unrolled_loop:128:noalign,libcall:-1:noalign
IS_X86  := $(filter x86_64-%,$(shell $(CC) -dumpmachine))
OPT += $(if $(SAN),,$(if $(and $(IS_GCC),$(IS_X86)),\
         -mmemset-strategy=$(STRUCTS) -mmemcpy-strategy=$(STRUCTS)))
# What is under a sanitizer is the code; the tests themselves need to be built soon, not to run fast.
TEST_OPT := $(if $(SAN),-O0)

CPP_ALL := -D_GNU_SOURCE -DMG_VERSION='"$(VERSION)"' -Igateway -Ilua $(PKG_CFLAGS)
C_ALL   := -std=c11 $(OPT) -g -fPIE -pthread $(HARDEN) $(WARN) $(SANITIZE) $(CFLAGS)
LD_ALL  := -pie -pthread -Wl,-z,relro,-z,now -Wl,--as-needed $(SANITIZE) $(LDFLAGS)

export ASAN_OPTIONS  ?= detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS ?= print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS  ?= halt_on_error=1:second_deadlock_stack=1

.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all test unit unit-valgrind lua-test e2e security schema-suite hostile torture soak sanitize \
        lint bench-repository \
        bench fmt install clean FORCE $(LAYERS:%=unit-%) $(LAYERS:%=valgrind-%)

# V=1 shows whole command lines, -s nothing but what goes wrong.
V ?= 0
Q := $(if $(filter 0,$(V)),@)
quiet := $(or $(filter-out 0,$(V)),$(findstring s,$(firstword -$(MAKEFLAGS))))
say = $(if $(quiet),,@printf '  %-5s %s\n' $1 $2)

all: $(BUILD)/moongate

# Rewrites its target only when the text differs: what depends on it is remade exactly then.
define write_if_changed
@mkdir -p $(@D); printf '%s\n' $1 | cmp -s - $@ || printf '%s\n' $1 >$@
endef

$(BUILD)/flags: FORCE
	$(call write_if_changed,'$(subst ','\'',$(CC) $(CPP_ALL) $(C_ALL) $(FAT))')

# ---- objects and archives ----------------------------------------------------------------------

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPP_ALL) $(C_ALL) $(FAT) -MMD -MP -c $< -o $@

$(BUILD)/obj/tests/unit/%.o: tests/unit/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPP_ALL) -Itests/unit $(TEST_CFLAGS) $(C_ALL) $(TEST_OPT) -MMD -MP -c $< -o $@

$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPP_ALL) $(C_ALL) $(FAT) -MMD -MP -c $< -o $@

# The list file makes an archive notice a source that was removed.
define layer_rules
$(BUILD)/lib/$1.list: FORCE
	$$(call write_if_changed,$(patsubst $(BUILD)/%,%,$(call objects,$1)))
$(call archive,$1): $(call objects,$1) $(BUILD)/lib/$1.list
	@rm -f $$@
	@$(AR) rcsD $$@ $(call objects,$1)
endef
$(foreach l,$(LAYERS),$(eval $(call layer_rules,$l)))

# The runtime library in Lua travels inside the binary.
LUALIB := $(sort $(shell find lua/lib -name '*.lua' 2>/dev/null))

$(BUILD)/gen/lualib.list: FORCE
	$(call write_if_changed,$(LUALIB))

$(BUILD)/gen/lualib.c: gateway/base/embed.sh $(LUALIB) $(BUILD)/gen/lualib.list
	@sh $< lualib_files lua/lib $(LUALIB) >$@

# So do the metaschemas of JSON Schema.
META := $(sort $(shell find gateway/schema/meta -type f))

$(BUILD)/gen/metaschemas.c: gateway/base/embed.sh $(META)
	@mkdir -p $(@D)
	@sh $< metaschemas gateway/schema/meta $(META) >$@

MAIN_SRC := $(wildcard gateway/main.c) $(sort $(wildcard gateway/cli/*.c))
MAIN_OBJ := $(MAIN_SRC:%.c=$(BUILD)/obj/%.o)

$(BUILD)/moongate: $(MAIN_OBJ) $(foreach l,$(LAYERS),$(call archive,$l))
	$(call say,LINK,$@)
	$(Q)$(CC) $(OPT) $(LTO) $(LD_ALL) $(MAIN_OBJ) -Wl,--start-group \
	  $(foreach l,$(LAYERS),$(call archive,$l)) -Wl,--end-group $(PKG_LIBS) -lm -o $@.new
	$(Q)mv -f $@.new $@

# ---- unit tests --------------------------------------------------------------------------------
# tests/unit/LAYER/test_*.c are programs; every other .c beside them is linked into each of them. Of
# tests/unit/support each takes what it uses: that may need no more than the layer's own archives.

unit_sources = $(sort $(wildcard tests/unit/$1/test_*.c))
unit_helpers = $(filter-out $(call unit_sources,$1),$(sort $(wildcard tests/unit/$1/*.c)))
unit_help_o  = $(patsubst %.c,$(BUILD)/obj/%.o,$(call unit_helpers,$1))
unit_progs   = $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(call unit_sources,$1))
unit_libs    = $(BUILD)/lib/support.a $(foreach l,$1 $(below_$1),$(call archive,$l))
SUPPORT     := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tests/unit/support/*.c)))

$(BUILD)/lib/support.a: $(SUPPORT)
	@mkdir -p $(@D); rm -f $@
	@$(AR) rcsD $@ $(SUPPORT)

# SHORT=1 leaves out what valgrind or ThreadSanitizer takes long for: the other checkers run it, and
# `make sanitize` leaves out nothing.
LONG_valgrind := vm/test_memory vm/test_stall vm/test_load http/test_framing http/test_stream \
                 store/test_backlog store/test_recovery config/test_garbage io/test_watchfiles \
                 index/test_trouble api/test_re api/test_http api/test_codec api/test_jobs \
                 api/test_state api/test_index base/test_json_limits base/test_json_differential \
                 io/test_fetch_queue io/test_fetch_hops kit/test_kitstate
LONG_thread   := vm/test_memory http/test_framing config/test_garbage
left_out = $(if $(SHORT),$(LONG_$1:%=$(BUILD)/unit/%))

define unit_rules
$(call unit_progs,$1): $(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(call unit_help_o,$1) \
    $(call unit_libs,$1)
	@mkdir -p $$(@D)
	@$(CC) -fno-lto $(LD_ALL) $$< $(call unit_help_o,$1) -Wl,--start-group $(call unit_libs,$1) \
	  -Wl,--end-group $$(TEST_LIBS) $(PKG_LIBS) -lm -o $$@
unit-$1: $(call unit_progs,$1)
	@sh tests/unit/run.sh $$(filter-out $$(call left_out,$$(SAN)),$$^)
valgrind-$1: $(call unit_progs,$1)
	@sh tests/unit/run.sh --valgrind $$(filter-out $$(call left_out,valgrind),$$^)
endef
$(foreach l,$(LAYERS),$(eval $(call unit_rules,$l)))

unit: $(LAYERS:%=unit-%)
unit-valgrind: $(LAYERS:%=valgrind-%)

# ---- tests of the whole program ----------------------------------------------------------------
# They start $(BUILD)/moongate themselves, on free ports and in folders of their own. E2E="file ..."
# narrows e2e to some files; SHORT=1 asks torture and soak for the form that every test run takes.

export MOONGATE_BIN   := $(abspath $(BUILD)/moongate)
export MOONGATE_BUILD := $(abspath $(BUILD))
export MOONGATE_SAN   := $(SAN)
export MOONGATE_SHORT := $(SHORT)

E2E       ?= $(sort $(wildcard tests/e2e/*.test.mjs))
NODE_TEST := $(NODE) --test --test-reporter=spec --test-concurrency=3

# What the torture preloads into the gateway, and helper programs of its own.
SHIMS    := $(patsubst tests/torture/%_shim.c,$(BUILD)/torture/%_shim.so,\
              $(wildcard tests/torture/*_shim.c))
TORTURES := $(sort $(wildcard tests/torture/*.test.mjs))
SOAKS    := $(sort $(wildcard tests/soak/*.test.mjs))
SECURITY := $(sort $(wildcard tests/security/*.test.mjs))

$(BUILD)/torture/%_shim.so: tests/torture/%_shim.c $(BUILD)/flags
	$(call say,SO,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -std=c11 -O2 -g -fPIC -shared -pthread $(WARN) $< -ldl -o $@

# A program that works the store with no gateway around it; and the same store with the journal's syncs
# left out, which the torture must catch.
DRIVE      := tests/torture/storedrive.c
DRIVE_LIBS := $(foreach l,$(below_store),$(call archive,$l))
LD_DRIVE    = -Wl,--start-group $(DRIVE_LIBS) -Wl,--end-group $(PKG_LIBS) -lm
DRIVERS    := $(BUILD)/torture/storedrive $(BUILD)/torture/storedrive-nosync

$(BUILD)/torture/storedrive: $(DRIVE) $(call archive,store) $(DRIVE_LIBS) $(BUILD)/flags
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPP_ALL) $(C_ALL) $(LD_ALL) $(DRIVE) $(call archive,store) $(LD_DRIVE) -o $@

$(BUILD)/torture/storedrive-nosync: $(DRIVE) $(call sources,store) $(DRIVE_LIBS) $(BUILD)/flags
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPP_ALL) $(C_ALL) $(LD_ALL) -Dfdatasync=sync_nothing $(DRIVE) $(call sources,store) \
	  $(LD_DRIVE) -o $@

lua-test: all
	@sh tests/lua/run.sh

e2e: all
	$(if $(MOONGATE_TEST_SCHEMAS),,@echo "MOONGATE_TEST_SCHEMAS is not set: no message is held to its schema")
	$(NODE_TEST) --test-timeout=120000 $(E2E)

security: all
	$(NODE_TEST) --test-timeout=120000 $(SECURITY)

# More of what the security tests send in every run.
hostile: all
	MOONGATE_HOSTILE=5000 $(NODE) --test --test-reporter=spec tests/security/hostile.test.mjs

# Tests whose bounds on time a test run multiplies by ten.
HOTRELOAD := tests/e2e/hotreload.test.mjs
EXACT := $(if $(SHORT),,$(BUILD)/unit/vm/test_library $(BUILD)/unit/schema/test_hostile)

torture: all $(SHIMS) $(DRIVERS) $(EXACT)
	$(if $(EXACT),EXACT=1 sh tests/unit/run.sh $(EXACT))
	$(if $(EXACT),MOONGATE_EXACT=1 $(NODE) --test --test-reporter=spec $(HOTRELOAD))
	$(NODE) --test --test-reporter=spec --test-concurrency=$(if $(SHORT),2,1) $(TORTURES)

soak: all
	$(NODE) --test --test-reporter=spec --test-concurrency=1 $(SOAKS)

# Everything of the working tree, built with the SAN that is set. Folders may be absent.
test: unit $(if $(wildcard tests/lua/run.sh),lua-test) $(if $(E2E),e2e) $(if $(SECURITY),security)

sanitize:
	$(MAKE) SAN=address,undefined BUILD=$(BUILD)/asan test
	$(MAKE) SAN=thread BUILD=$(BUILD)/tsan test
	$(MAKE) unit-valgrind

# ---- lint --------------------------------------------------------------------------------------

C_FILES   := $(foreach l,$(LAYERS),$(call sources,$l)) $(MAIN_SRC)
C_HEADERS := $(sort $(wildcard gateway/*/*.h lua/*/*.h))
TIDY      := $(C_FILES:%.c=$(BUILD)/tidy/%.ok)
LUA_DIRS  := $(wildcard lua/lib lua/types tools.d config tests)

lint: lint-text lint-cppcheck lint-lua $(TIDY)
.PHONY: lint-text lint-cppcheck lint-lua

lint-text:
	@sh tests/lint/run.sh

lint-cppcheck:
	@mkdir -p $(BUILD)/cppcheck
	@cppcheck -q -j 2 --cppcheck-build-dir=$(BUILD)/cppcheck --std=c11 --error-exitcode=1 \
	  --enable=warning,performance,portability --inline-suppr --suppressions-list=tests/lint/cppcheck \
	  --include=tests/lint/cppcheck.h -D_GNU_SOURCE -D__linux__ -DMG_VERSION='""' \
	  -Igateway -Ilua $(C_FILES) $(wildcard config/evals/*.c)

lint-lua:
	@luacheck -q --no-color $(LUA_DIRS)

TIDY_FLAGS := -std=c11 $(CPP_ALL) -include tests/lint/tidy.h

# The object stands for its headers: whatever makes it stale makes the file be looked at again.
$(BUILD)/tidy/%.ok: $(BUILD)/obj/%.o .clang-tidy tests/lint/tidy.h
	$(call say,TIDY,$*.c)
	@mkdir -p $(@D)
	@clang-tidy --quiet --warnings-as-errors='*' $*.c -- $(TIDY_FLAGS) 2>$@.err >$@.out \
	  || { cat $@.out; grep -v 'warnings generated\|^Suppressed\|^Use -header' $@.err; exit 1; }
	@rm -f $@.err $@.out; touch $@

fmt:
	clang-format -i $(C_FILES) $(C_HEADERS) \
	  $(wildcard config/evals/*.c tests/*/*.[ch] tests/unit/*/*.[ch])

# ---- JSON Schema's own tests --------------------------------------------------------------------
# make schema-suite SUITE=DIR runs the official JSON-Schema-Test-Suite's required tests of draft
# 2020-12: DIR holds their `tests` and `remotes`.

$(BUILD)/schema-suite: tests/schema/suite.c $(call archive,schema) $(call archive,base) $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) -fno-lto $(CPP_ALL) $(C_ALL) $(LD_ALL) $< $(call archive,schema) $(call archive,base) \
	  $(PKG_LIBS) -lm -o $@

schema-suite: $(BUILD)/schema-suite
	$(BUILD)/schema-suite $(SUITE)

# ---- bench -------------------------------------------------------------------------------------

$(BUILD)/bench/%: tests/bench/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPP_ALL) $(C_ALL) $(LD_ALL) $< $(PKG_LIBS) -o $@

bench: all $(BUILD)/bench/constant
	$(NODE) tests/bench/run.mjs

# The shipped tools over the repository ROOT.
bench-repository: all
	ROOT="$(ROOT)" $(NODE) tests/bench/repository.mjs

# ---- install -----------------------------------------------------------------------------------
# An mcp.ini that is there already stays; the shipped one lies beside the documentation as well. In
# both, the evaluations are named where they are installed. The service's user reads mcp.ini: keys
# belong in files that it names.

sysconfdir ?= /etc
unitdir    ?= /lib/systemd/system
bindir  := $(PREFIX)/bin
datadir := $(PREFIX)/share/moongate
docdir  := $(PREFIX)/share/doc/moongate
etcdir  := $(sysconfdir)/moongate
evaldir := $(PREFIX)/libexec/moongate

install: all
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(etcdir) $(DESTDIR)$(docdir) $(DESTDIR)$(unitdir) \
	  $(DESTDIR)$(evaldir)
	install -m 755 $(BUILD)/moongate $(DESTDIR)$(bindir)/moongate
	install -m 755 $(BUILD)/evals/exact_match config/evals/demo.sh $(DESTDIR)$(evaldir)
	sed -e 's|^command = build/evals/|command = $(evaldir)/|' \
	    -e 's|^command = config/evals/|command = $(evaldir)/|' mcp.ini >$(DESTDIR)$(docdir)/mcp.ini
	test -e $(DESTDIR)$(etcdir)/mcp.ini || \
	  install -m 644 $(DESTDIR)$(docdir)/mcp.ini $(DESTDIR)$(etcdir)/mcp.ini
	cd tools.d && find . -type f ! -name '*_test.lua' \
	  -exec install -D -m 644 '{}' '$(DESTDIR)$(etcdir)/tools.d/{}' \;
	cd lua/types && find . -type f -exec install -D -m 644 '{}' '$(DESTDIR)$(datadir)/types/{}' \;
	install -m 644 README.md $(wildcard docs/*.md) config/nginx.conf $(DESTDIR)$(docdir)
	sed -e 's|@bindir@|$(bindir)|' -e 's|@etcdir@|$(etcdir)|' config/moongate.service \
	  >$(DESTDIR)$(unitdir)/moongate.service

clean:
	rm -rf $(BUILD)

include config/evals/evals.mk
include tests/fuzz/fuzz.mk
-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
