# SPDX-License-Identifier: GPL-2.0-only
# Builds anyprobe.ko for the running kernel, or for KDIR=…; load.sh does it and loads the result.
KDIR ?= /lib/modules/$(shell uname -r)/build

all:
	$(MAKE) -C $(KDIR) M=$(CURDIR) CONFIG_DEBUG_INFO_BTF_MODULES= modules

clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) clean

.PHONY: all clean
