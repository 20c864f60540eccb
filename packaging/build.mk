# SPDX-License-Identifier: GPL-2.0-only
# What leaves this tree: install, a tarball, packages. Included by the top Makefile; docs/install.md tells about each.

PREFIX  ?= /usr/local
MACHINE := $(shell uname -m)
DIST    := anyprobe-$(VERSION)-$(MACHINE)
STAGE    = $(abspath $(O))/stage
# When VERSION was made, in seconds since 1970: the only time that is written into what is packed.
export SOURCE_DATE_EPOCH ?= 1795219200

.PHONY: man install uninstall dkms-source dist deb rpm

PAGES = anyprobe $(SAMPLES) $(BARE_SAMPLES)
man: $(O)/anyprobe ## the manual pages, in .output/man/
	$(Q)mkdir -p $(O)/man
	$(Q)for page in $(PAGES); do \
		$(O)/anyprobe man $$page > $(O)/man/$$([ $$page = anyprobe ] || echo anyprobe-)$$page.1 || exit 1; done

# For uninstall too: what is in the one list and not in the other would stay for ever.
INSTALLED = bin/anyprobe share/bash-completion/completions/anyprobe share/doc/anyprobe/COPYING \
	$(patsubst %,share/man/man1/%.1,anyprobe $(filter-out anyprobe-anyprobe,$(PAGES:%=anyprobe-%)))

install: $(O)/anyprobe man ## into $(DESTDIR)$(PREFIX)
	$(Q)install -D -m 755 $(O)/anyprobe $(DESTDIR)$(PREFIX)/bin/anyprobe
	$(Q)install -d -m 755 $(DESTDIR)$(PREFIX)/share/man/man1
	$(Q)install -m 644 $(patsubst share/man/man1/%,$(O)/man/%,$(filter %.1,$(INSTALLED))) $(DESTDIR)$(PREFIX)/share/man/man1/
	$(Q)install -D -m 644 scripts/completion.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/anyprobe
	$(Q)install -D -m 644 COPYING $(DESTDIR)$(PREFIX)/share/doc/anyprobe/COPYING
	@echo "installed $(DESTDIR)$(PREFIX)/bin/anyprobe, its manual pages and completion"

uninstall: ## what install put into $(DESTDIR)$(PREFIX)
	$(Q)rm -f $(INSTALLED:%=$(DESTDIR)$(PREFIX)/%)
	$(Q)rmdir $(DESTDIR)$(PREFIX)/share/doc/anyprobe 2>/dev/null || true
	@echo "removed $(DESTDIR)$(PREFIX)/bin/anyprobe, its manual pages and completion"

# $(call module_source,FOLDER): what a machine needs to build the module, and nothing else.
define module_source
	$(Q)install -d -m 755 $(1) $(1)/kmod $(1)/vm
	$(Q)install -m 644 Kbuild COPYING $(1)/
	$(Q)install -m 644 packaging/module.mk $(1)/Makefile
	$(Q)install -m 644 kmod/*.[ch] $(1)/kmod/
	$(Q)install -m 755 kmod/configure $(1)/kmod/
	$(Q)install -m 644 vm/*.[ch] $(1)/vm/
endef

dkms-source: ## the module's source for DKMS, in $(DESTDIR)/usr/src/anyprobe-VERSION
	$(call module_source,$(DESTDIR)/usr/src/anyprobe-$(VERSION))
	$(Q)sed 's/@VERSION@/$(VERSION)/' packaging/dkms.conf > $(DESTDIR)/usr/src/anyprobe-$(VERSION)/dkms.conf
	$(Q)chmod 644 $(DESTDIR)/usr/src/anyprobe-$(VERSION)/dkms.conf

# Names sorted, nobody's and no time's: the same bytes from every folder, user and day.
dist: $(O)/anyprobe man ## a tarball for machines without packages: .output/anyprobe-VERSION-MACHINE.tar.gz
	$(Q)rm -rf $(STAGE)/dist && mkdir -p $(STAGE)/dist/$(DIST)/man
	$(Q)install -m 755 $(O)/anyprobe packaging/load.sh $(STAGE)/dist/$(DIST)/
	$(Q)install -m 644 COPYING scripts/completion.bash docs/install.md $(STAGE)/dist/$(DIST)/
	$(Q)install -m 644 $(patsubst share/man/man1/%,$(O)/man/%,$(filter %.1,$(INSTALLED))) $(STAGE)/dist/$(DIST)/man/
	$(call module_source,$(STAGE)/dist/$(DIST)/module)
	$(Q)tar -C $(STAGE)/dist --sort=name --mtime=@$(SOURCE_DATE_EPOCH) --owner=0 --group=0 --numeric-owner \
		--mode=u=rwX,go=rX --format=ustar -cf $(O)/$(DIST).tar $(DIST)
	$(Q)gzip -9nf $(O)/$(DIST).tar && rm -rf $(STAGE)/dist
	@echo $(O)/$(DIST).tar.gz

deb: $(O)/anyprobe man ## Debian packages, in .output/: anyprobe and anyprobe-dkms
	$(Q)rm -rf $(STAGE)/deb
	$(Q)umask 022 && $(MAKE) -s install DESTDIR=$(STAGE)/deb/anyprobe PREFIX=/usr >/dev/null
	$(Q)umask 022 && $(MAKE) -s dkms-source DESTDIR=$(STAGE)/deb/anyprobe-dkms
	$(Q)VERSION=$(VERSION) sh packaging/deb/build $(STAGE)/deb $(O)

rpm: $(O)/anyprobe man ## RPM packages, in .output/: anyprobe and anyprobe-dkms
	$(Q)command -v rpmbuild >/dev/null || { echo "make: failed to find rpmbuild: install rpm (Debian) or rpm-build (RHEL)" >&2; exit 1; }
	$(Q)rm -rf $(STAGE)/rpm && mkdir -p $(STAGE)/rpm
	$(Q)umask 022 && $(MAKE) -s install DESTDIR=$(STAGE)/rpm/files PREFIX=/usr >/dev/null
	$(Q)umask 022 && $(MAKE) -s dkms-source DESTDIR=$(STAGE)/rpm/files
	$(Q)rpmbuild -bb --quiet --target $(MACHINE)-linux --define 'version $(VERSION)' --define 'staged $(STAGE)/rpm/files' \
		--define '_topdir $(STAGE)/rpm' --define '_rpmdir $(abspath $(O))' packaging/rpm/anyprobe.spec >$(STAGE)/rpm/log 2>&1 || \
		{ cat $(STAGE)/rpm/log >&2; exit 1; }
	$(Q)rm -rf $(STAGE)/rpm
	@ls $(O)/$(MACHINE)/anyprobe-$(VERSION)-1.$(MACHINE).rpm $(O)/noarch/anyprobe-dkms-$(VERSION)-1.noarch.rpm
