# SPDX-License-Identifier: GPL-2.0-only
# Standalone build into .output/. `make` builds .output/anyprobe; `make help` lists the rest.
# V=1 shows whole command lines.

include samples.mk sources.mk

ifneq ($(words $(CURDIR)),1)
$(error $(CURDIR): make cannot build in a folder with a space in its name)
endif

O        ?= .output
CC       ?= cc
CXX      ?= c++
CLANG    ?= clang
BPFTOOL  ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
OBJCOPY  ?= objcopy
STRIP    ?= strip
LLVM_STRIP ?= llvm-strip
PKG_CONFIG ?= pkg-config

ARCH     := $(shell uname -m | sed -e 's/x86_64/x86/' -e 's/aarch64/arm64/')
VERSION  := $(ANYPROBE_VERSION)
# The same bytes wherever and whenever it is built: no folder of this machine in what is compiled.
SAME_PATHS = -ffile-prefix-map=$(CURDIR)=.

WARNINGS := -Wall -Wextra -Werror
CFLAGS   ?= -O2 -g
# Small is fast here: most of a short run is the kernel mapping the program's file.
CXXFLAGS ?= -Os -g
CXXFLAGS_ALL = $(CXXFLAGS) $(SANITIZE) $(SAME_PATHS) $(WARNINGS) $(PROGRAM_CXXFLAGS) -I$(O) -I$(O)/skeletons
CFLAGS_ALL   = -std=gnu11 -D_GNU_SOURCE $(CFLAGS) $(SANITIZE) $(SAME_PATHS) $(WARNINGS) -I.
BPF_ARCH := $(ARCH)
BPF_CFLAGS = $(call bpf_flags,$(CC)) $(SAME_PATHS) -Werror
LIBBPF_A ?= $(call find_libbpf,$(CC))
LIBS     = $(O)/libvm.a $(O)/libbpf.a -lelf -lz

ifeq ($(V),1)
  Q =
  say = @:
else
  Q = @
  say = @printf '  %-8s %s\n' $(1) $(patsubst $(O)/%,%,$@)
  MAKEFLAGS += --no-print-directory
endif

BPF_OBJECTS := $(SAMPLES:%=$(O)/kern/%_kern.o)
SKELETONS   := $(SAMPLES:%=$(O)/skeletons/%.skel.h)
SAMPLE_OBJS := $(SAMPLES:%=$(O)/user/%_user.o)
BARE_OBJS   := $(BARE_SAMPLES:%=$(O)/user/%_user.o)
# Everything but main(): what the test programs link too.
LAYER_OBJS  := $(LAYER_SRCS:%.cpp=$(O)/%.o)
ENGINE_OBJS := $(ENGINE_SRCS:%.cpp=$(O)/%.o)
PROGRAM_OBJS := $(LAYER_OBJS) $(ENGINE_OBJS) $(SAMPLE_OBJS) $(BARE_OBJS)

.PHONY: all help clean samples asan print-tests tests
.DELETE_ON_ERROR:
.SECONDARY:

all: $(O)/anyprobe ## the program and its BPF objects (the default)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

-include vm/build.mk

# --- BPF side ---------------------------------------------------------------------------------
$(O)/kern/%_kern.o: kern/%_kern.c | $(O)/kern
	$(call say,BPF)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(O)/skeletons/%.skel.h: $(O)/kern/%_kern.o | $(O)/skeletons
	$(call say,SKEL)
	$(Q)$(BPFTOOL) gen skeleton $< name $*_kern > $@

# --- the private copy of libbpf whose system calls reach the chosen engine ----------------------
$(O)/libbpf.a: $(LIBBPF_A) Makefile | $(O)/
	$(call say,OBJCOPY)
	$(Q)test -n "$<" || { echo "make: no libbpf.a found: install libbpf-dev (scripts/setup build)" >&2; exit 1; }
	$(Q)$(OBJCOPY) $(LIBBPF_RENAMES) $< $@

# --- names of the system calls, from the C library's kernel headers ------------------------------
$(O)/syscall_names.inc: Makefile | $(O)/
	$(call say,GEN)
	$(Q)$(call syscall_names,$(CC)) > $@

$(O)/user/layer/symbols/syscall_name.o: $(O)/syscall_names.inc

# --- user side ----------------------------------------------------------------------------------
$(SAMPLE_OBJS): $(O)/user/%_user.o: user/%_user.cpp $(O)/skeletons/%.skel.h
	$(call say,CXX)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(CXXFLAGS_ALL) -MMD -MP -c $< -o $@

$(O)/%.o: %.cpp
	$(call say,CXX)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(CXXFLAGS_ALL) -MMD -MP -c $< -o $@

$(O)/%.o: %.c
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

# Static, so that one file can be copied to any machine. The static glibc's own warnings about
# getpwuid and friends do not apply: nothing here calls them.
LINK = $(CXX) $(CXXFLAGS_ALL) $(if $(SANITIZE),,-static) -Wl,--gc-sections -o $@

$(O)/anyprobe: $(O)/user/main.o $(PROGRAM_OBJS) $(O)/libvm.a $(O)/libbpf.a
	$(call say,LINK)
	$(Q)$(LINK).debug $(filter %.o,$^) $(LIBS)
	$(Q)$(STRIP) -o $@ $@.debug
	$(Q)for name in $(SAMPLES) $(BARE_SAMPLES); do ln -sf anyprobe $(O)/$$name; done

# --- what has been compiled otherwise is compiled anew --------------------------------------------
# Without this folder's name, which is in no object: a copy of .output/ is as good elsewhere.
FLAGS = $(subst $(CURDIR),.,$(CXX) $(CXXFLAGS_ALL); $(CC) $(CFLAGS_ALL); $(CLANG) $(BPF_CFLAGS))
$(O)/flags: FORCE | $(O)/
	$(Q)echo '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || echo '$(subst ','\'',$(FLAGS))' > $@

.PHONY: FORCE
FORCE:

$(O)/user/main.o $(PROGRAM_OBJS) $(VM_LIB_OBJS) $(BPF_OBJECTS): $(O)/flags

# --- tests ----------------------------------------------------------------------------------------
UNIT_OBJS := $(patsubst %.cpp,$(O)/%.o,$(wildcard tests/*.cpp)) $(O)/tests/machine/assemble.o
LIVE_OBJS := $(patsubst %.cpp,$(O)/%.o,$(wildcard tests/live/*.cpp)) $(O)/tests/suite.o
# Objects as anybody writes them, for the loader and `anyprobe run`.
BPF_TESTS := $(patsubst tests/objects/%.c,$(O)/tests/%.o,$(wildcard tests/objects/*.bpf.c))

$(O)/tests/%.bpf.o: tests/objects/%.bpf.c
	$(call say,BPF)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c $< -o $@
	$(Q)$(LLVM_STRIP) -g $@

$(O)/tests/unit-tests $(O)/tests/live-tests: | $(BPF_TESTS)
$(UNIT_OBJS): | $(SKELETONS)
$(UNIT_OBJS) $(LIVE_OBJS) $(VM_TEST_OBJS) $(BPF_TESTS): $(O)/flags

$(O)/tests/unit-tests: $(UNIT_OBJS) $(PROGRAM_OBJS) $(O)/libvm.a $(O)/libbpf.a
	$(call say,LINK)
	$(Q)$(LINK) $(filter %.o,$^) $(LIBS) -lcunit

$(O)/tests/live-tests: $(LIVE_OBJS)
	$(call say,LINK)
	$(Q)$(LINK) $(filter %.o,$^) -lcunit

# anyprobe on a bpf(2) that answers as that of 3.10 does; the live tests take it as ANYPROBE.
$(O)/tests/old-kernel: tests/old/old_kernel.cpp
	$(call say,CXX)
	@mkdir -p $(@D)
	$(Q)$(CXX) -O1 -std=c++20 $(WARNINGS) -static $< -o $@

$(O)/tests/measure: tests/bench/measure.cpp
	$(call say,CXX)
	@mkdir -p $(@D)
	$(Q)$(CXX) -O2 -std=c++20 $(WARNINGS) -static $< -o $@

tests: $(O)/tests/unit-tests $(O)/tests/live-tests $(O)/tests/old-kernel $(TEST_PROGRAMS) ## the test programs

asan: ## the unit tests and anyprobe under AddressSanitizer and UBSan, in .output/asan/
	$(Q)$(MAKE) O=$(O)/asan CXXFLAGS="-O1 -g" CFLAGS="-O1 -g" \
		SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer" \
		$(O)/asan/anyprobe $(O)/asan/tests/unit-tests

print-tests:
	@echo unit $(O)/tests/unit-tests
	@echo unit $(O)/asan/tests/unit-tests
	@echo live $(O)/tests/live-tests
	@for t in $(VM_TESTS); do echo unit $$t; done

# --- the kernel module: built in a copy, for each kernel one ---------------------------------------
KDIR ?= /lib/modules/$(shell uname -r)/build
MODULE_RELEASE = $(shell sed -n 's/.*UTS_RELEASE "\(.*\)"/\1/p' $(KDIR)/include/generated/utsrelease.h $(KDIR)/include/linux/utsrelease.h 2>/dev/null)
MODULE_DIR = $(abspath $(O))/module/$(MODULE_RELEASE)
.PHONY: modules module-tests
modules: ## the kernel module, for KDIR=… (the running kernel's headers), in .output/module/RELEASE/
	$(Q)test -f $(KDIR)/Makefile || { echo "make: failed to build the module: $(KDIR) has no kernel headers: install \
	linux-headers-$$(uname -r) (or kernel-devel), or give KDIR=" >&2; exit 1; }
	$(Q)mkdir -p $(MODULE_DIR)/kmod $(MODULE_DIR)/vm
	$(Q)cp -up Kbuild $(MODULE_DIR)/ && cp -up kmod/*.[ch] kmod/configure $(MODULE_DIR)/kmod/ && cp -up vm/*.[ch] $(MODULE_DIR)/vm/
	$(Q)MAKEFLAGS="$${MAKEFLAGS%% -- *}" $(MAKE) $(if $(Q),-s,V=1) -C $(KDIR) M=$(MODULE_DIR) CC=$(CC) CONFIG_DEBUG_INFO_BTF_MODULES= modules </dev/null
	$(Q)cp -u $(MODULE_DIR)/kmod/forkcount.ko $(MODULE_DIR)/
	$(if $(SIGN_KEY),$(Q)for ko in $(MODULE_DIR)/*.ko; do $(KDIR)/scripts/sign-file sha256 $(SIGN_KEY) $(SIGN_CERT) $$ko || exit 1; done)
	$(call say,MODULE)

# What is thrown at /dev/anyprobe, inside a guest of scripts/vm.
$(O)/tests/module/%: tests/module/%.c tests/module/module.c tests/module/module.h kmod/protocol.h
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(CFLAGS) $(WARNINGS) -I. -static -pthread -o $@ $(filter %.c,$^)

MODULE_TESTS = $(filter-out module,$(patsubst tests/module/%.c,%,$(wildcard tests/module/*.c)))
module-tests: $(MODULE_TESTS:%=$(O)/tests/module/%) ## the module's own tests, for a guest

include packaging/build.mk

clean: ## remove .output/
	$(Q)rm -rf $(O)

$(O)/ $(O)/kern $(O)/skeletons:
	@mkdir -p $@

-include $(shell find $(O) -name '*.d' 2>/dev/null)
