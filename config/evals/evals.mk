# evals.mk - the evaluations that come with the gateway and must be built.

all: $(BUILD)/evals/exact_match

$(BUILD)/gen/sample.h: config/evals/sample.jsonl
	@mkdir -p $(@D)
	@{ echo 'static const unsigned char sample_data[] = {'; \
	   od -An -v -tx1 $< | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'; echo '};'; } >$@

$(BUILD)/evals/%: config/evals/%.c $(BUILD)/gen/sample.h $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPP_ALL) -I$(BUILD)/gen $(C_ALL) $(LD_ALL) $< $(PKG_LIBS) -o $@
