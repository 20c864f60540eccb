# SPDX-License-Identifier: GPL-2.0-only
# What the program is made of, for both ways of building: the Makefile, and programs.kbuild in a kernel tree.
# All paths are below $(TOP): empty, or with a slash at its end.

ifneq ($(origin TOP),file)
TOP :=
endif

ANYPROBE_VERSION := 0.1.0

# Before make 4.3 it begins a comment even in the arguments of a function.
hash := \#

source_files = $(patsubst $(TOP)%,%,$(sort $(wildcard $(addprefix $(TOP),$(1)))))

LAYER_SRCS  := $(call source_files,user/layer/*.cpp user/layer/*/*.cpp)
ENGINE_SRCS := $(call source_files,ftrace/*.cpp)
VM_SRCS     := $(filter-out vm/port_kernel.c,$(call source_files,vm/*.c))

# Its C++, whatever else is asked of the compiler.
PROGRAM_CXXFLAGS = -std=c++20 -fno-rtti -ffunction-sections -fdata-sections -DFMT_HEADER_ONLY \
	-DANYPROBE_VERSION='"$(ANYPROBE_VERSION)"' $(addprefix -I$(TOP),user kern .)

# What the machine's folders are called, as in /usr/include/x86_64-linux-gnu: clang names a vendor too. $(1): a compiler.
folder_of = $(subst -unknown-linux,-linux,$(subst -pc-linux,-linux,$(shell $(1) -dumpmachine)))

# What a BPF object is compiled with. $(1): the C compiler that knows where this machine's asm/ headers lie.
BPF_CPU ?= v1
bpf_flags = -g -O2 -target bpf -mcpu=$(BPF_CPU) -D__TARGET_ARCH_$(BPF_ARCH) -Wall -Wextra \
	-Wno-missing-declarations -Wno-unused-parameter $(addprefix -I$(TOP),kern/include kern) \
	-idirafter /usr/include/$(call folder_of,$(1))

# The private copy of libbpf: these calls of its reach the chosen engine.
LIBBPF_RENAMES := $(foreach name,syscall mmap mmap64 ioctl epoll_ctl,--redefine-sym $(name)=ap_$(name))

# find_libbpf COMPILER: the archive.
find_libbpf = $(firstword $(wildcard $(addsuffix /libbpf.a,$(shell $(PKG_CONFIG) --variable=libdir libbpf 2>/dev/null) \
	/usr/lib/$(call folder_of,$(1)) /usr/lib64 /usr/lib)))

# The system calls' names and numbers, as lines of an initializer. $(1): the C compiler.
syscall_names = echo '$(hash)include <asm/unistd.h>' | $(1) -E -dM - | \
	sed -n 's/^$(hash)define __NR_\([a-z0-9_]*\) \([0-9]*\)$$/{\2, "\1"},/p' | LC_ALL=C sort

# The dispatch has hundreds of indirect jumps; global CSE would fold them into one. $(1): the C compiler.
no_gcse = $(shell $(1) -fno-gcse -Werror -E -xc /dev/null >/dev/null 2>&1 && echo -fno-gcse)
