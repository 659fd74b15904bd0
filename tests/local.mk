# Unit tests: one program for each source file; tests/unit/*.mk list them.
# nft, ip and conntrack stand where an ordinary user's PATH does not lead.
AM_TESTS_ENVIRONMENT = PATH="$$PATH:/usr/sbin:/sbin"; export PATH; \
	top_srcdir='$(top_srcdir)'; export top_srcdir; \
	WEIR_BIN='$(abs_builddir)/weir$(EXEEXT)'; export WEIR_BIN;
UNIT_LIBS = $(LDADD) $(CMOCKA_LIBS)
include $(srcdir)/tests/unit/base.mk
include $(srcdir)/tests/unit/net.mk
include $(srcdir)/tests/unit/http.mk
include $(srcdir)/tests/unit/tls.mk
include $(srcdir)/tests/unit/model.mk
include $(srcdir)/tests/unit/config.mk
include $(srcdir)/tests/unit/balance.mk
include $(srcdir)/tests/unit/proxy.mk
include $(srcdir)/tests/unit/firewall.mk
include $(srcdir)/tests/unit/control.mk
include $(srcdir)/tests/sim/local.mk
include $(srcdir)/tests/fuzz/local.mk

# What an event costs the worker, in system calls.
TESTS += tests/syscalls/count
