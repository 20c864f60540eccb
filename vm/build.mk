# SPDX-License-Identifier: GPL-2.0-only
# The vm: its library, the same files built the kernel's way, their tests, fuzzers and bench. Included by
# the top Makefile; `make -f vm/build.mk vm-tests` works alone too.
O        ?= .output
CLANG    ?= clang
CFLAGS   ?= -O2 -g

include sources.mk

ifeq ($(V),1)
  Q =
  vm_say = @:
else
  Q = @
  vm_say = @printf '  %-8s %s\n' $(1) $(patsubst $(O)/%,%,$@)
endif

VM_KSRCS  := $(filter-out vm/port_user.c vm/port_kernel.c,$(wildcard vm/*.c))
VM_WARN   := -Wall -Wextra -Werror
VM_KERNEL_x86_64 := -mno-sse -mno-mmx -mno-red-zone -mcmodel=kernel
# What the kernel asks of C, from 2.6.32's dialect on; -nostdinc leaves only the shim's <linux/...>.
VM_KERNEL_FLAGS := -std=gnu89 -O2 -g -ffreestanding -nostdinc -isystem $(shell $(CC) -print-file-name=include) \
	-D__KERNEL__ -Itests/machine/shim -fno-strict-aliasing -fno-common -fno-pic $(VM_KERNEL_$(shell uname -m)) \
	-fno-asynchronous-unwind-tables -Wall -Wundef -Wstrict-prototypes -Wno-trigraphs \
	-Wdeclaration-after-statement -Wvla -Wframe-larger-than=1024 -Werror
VM_NO_GCSE := $(call no_gcse,$(CC))

VM_LIB_OBJS    := $(VM_SRCS:%.c=$(O)/libvm/%.o)
VM_KERNEL_OBJS := $(VM_KSRCS:%.c=$(O)/vm-kernel/%.o)
VM_TEST_SRCS   := $(wildcard tests/machine/*.c)
VM_TEST_OBJS   := $(VM_TEST_SRCS:%.c=$(O)/%.o)
VM_TESTS       := $(O)/tests/machine/tests
VM_FUZZERS     := $(patsubst tests/machine/fuzz/%.c,$(O)/fuzz/%,$(wildcard tests/machine/fuzz/*.c))
TEST_PROGRAMS  += $(VM_TESTS)

.PHONY: vm vm-tests vm-kernel-style vm-fuzz vm-tsan vm-bench vm-ci
vm: $(O)/libvm.a ## the BPF machine as a library, .output/libvm.a
vm-tests: $(VM_TESTS) ## the machine's tests (with --random N --seed S: against the running kernel)
vm-kernel-style: $(O)/vm-kernel-style.o ## the machine built as the module builds it
vm-fuzz: $(VM_FUZZERS) ## the machine's fuzzers, for libFuzzer
vm-tsan: $(O)/tests/machine/stress ## maps under threads, with ThreadSanitizer
vm-bench: $(O)/tests/machine/bench
# What CI runs. Exit status 77 of the comparison says that there is no bpf(2) for us here.
VM_FUZZ_SECONDS ?= 20
vm-ci: vm-tests vm-fuzz vm-tsan ## all of the machine's tests, the comparison, fuzzers and stress briefly
	$(Q)$(O)/tests/machine/tests
	$(Q)$(O)/tests/machine/tests --random 10000 --seed 1 || [ $$? = 77 ]
	$(Q)for name in $(notdir $(VM_FUZZERS)); do mkdir -p $(O)/corpus/$$name && \
		$(O)/fuzz/$$name -max_total_time=$(VM_FUZZ_SECONDS) -max_len=2000 -artifact_prefix=$(O)/corpus/ \
			$(O)/corpus/$$name tests/machine/corpus/$$name > $(O)/corpus/$$name.log 2>&1 || \
		{ tail -40 $(O)/corpus/$$name.log; exit 1; }; \
		echo "fuzz/$$name: $$(tail -1 $(O)/corpus/$$name.log)"; done
	$(Q)$(O)/tests/machine/stress 5

$(O)/libvm/%.o: %.c
	$(call vm_say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(CFLAGS) $(SANITIZE) $(SAME_PATHS) $(VM_WARN) $(if $(findstring interp,$<),$(VM_NO_GCSE)) -ffunction-sections -MMD -MP -c $< -o $@

$(O)/libvm.a: $(VM_LIB_OBJS)
	$(call vm_say,AR)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

$(O)/vm-kernel/%.o: %.c
	$(call vm_say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) $(VM_KERNEL_FLAGS) $(if $(findstring interp,$<),$(VM_NO_GCSE)) -MMD -MP -c $< -o $@

# One object with every name of the vm prefixed, so that it can stand next to the library in one program.
$(O)/vm-kernel/names: $(VM_KERNEL_OBJS)
	$(Q)nm -g --defined-only $^ | awk 'NF == 3 {print $$3, "k_" $$3}' | sort -u > $@
	$(Q)echo "user_place kernel_style_place" >> $@
	$(Q)echo "user_place_name kernel_style_place_name" >> $@

$(O)/vm-kernel-style.o: $(VM_KERNEL_OBJS) $(O)/vm-kernel/names
	$(call vm_say,LD)
	$(Q)$(LD) -r -o $@.tmp $(VM_KERNEL_OBJS)
	$(Q)objcopy --redefine-syms=$(O)/vm-kernel/names $@.tmp $@ && rm $@.tmp

$(O)/tests/machine/place_kernel.o: $(O)/tests/machine/place_vm.o $(O)/vm-kernel/names
	$(Q)objcopy --redefine-syms=$(O)/vm-kernel/names $< $@

$(O)/tests/machine/%.o: tests/machine/%.c
	$(call vm_say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(CFLAGS) $(SANITIZE) $(VM_WARN) -I. -MMD -MP -c $< -o $@

# -no-pie: the kernel's code model addresses the lowest two gigabytes.
$(O)/tests/machine/tests: $(VM_TEST_OBJS) $(O)/tests/machine/place_kernel.o $(O)/vm-kernel-style.o $(O)/libvm.a
	$(call vm_say,LINK)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) -no-pie $(if $(SANITIZE),,-static) -o $@ $^ -lcunit

-include $(wildcard $(O)/libvm/vm/*.d $(O)/vm-kernel/vm/*.d $(O)/tests/machine/*.d)

# --- fuzzers, stress, bench: each one file, linked with the machine's sources ---------------------
VM_FUZZ_FLAGS := -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all

$(O)/libvm-fuzz/%.o: %.c
	$(call vm_say,CC)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(VM_FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(VM_WARN) -MMD -MP -c $< -o $@

$(O)/fuzz/%: tests/machine/fuzz/%.c $(VM_SRCS:%.c=$(O)/libvm-fuzz/%.o) $(wildcard tests/machine/fuzz/*.h)
	$(call vm_say,FUZZ)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(VM_FUZZ_FLAGS) -fsanitize=fuzzer $(VM_WARN) -I. -o $@ $(filter %.c %.o,$^)

$(O)/libvm-tsan/%.o: %.c
	$(call vm_say,CC)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -std=gnu11 -O1 -g -fsanitize=thread $(VM_WARN) -MMD -MP -c $< -o $@

$(O)/tests/machine/stress: tests/machine/stress/stress.c $(VM_SRCS:%.c=$(O)/libvm-tsan/%.o)
	$(call vm_say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -std=gnu11 -O1 -g -fsanitize=thread $(VM_WARN) -I. -pthread -o $@ $^

$(O)/tests/machine/bench: $(wildcard tests/machine/bench/*.c) $(O)/tests/machine/assemble.o $(O)/libvm.a
	$(call vm_say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(CFLAGS) $(VM_WARN) -I. -Itests/machine -static -pthread -o $@ $^ -lbpf -lelf -lz

-include $(wildcard $(O)/libvm-fuzz/vm/*.d $(O)/libvm-tsan/vm/*.d)
