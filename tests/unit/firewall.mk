# Tests of src/firewall: units, golden texts.
# Real packets through real rules; 77 where there are no namespaces.
TESTS += tests/netns/scenes tests/netns/fight tests/netns/neighbours
EXTRA_DIST += tests/golden/check-nft
if HAVE_CMOCKA
firewall_model = tests/golden/model.c tests/golden/model.h
firewall_scenes = $(firewall_model) tests/golden/scenes.c tests/golden/scenes.h
firewall_random = $(firewall_model) \
	tests/golden/naive.c tests/golden/naive.h \
	tests/golden/random.c tests/golden/random.h
firewall_tests = tests/unit/test_boxes tests/unit/test_bridge tests/unit/test_import tests/unit/test_store tests/unit/test_plan tests/unit/test_verdict tests/unit/test_machine tests/unit/test_nflog \
	tests/golden/test_golden tests/netns/test_nft \
	tests/netns/test_conntrack tests/netns/test_packets
check_PROGRAMS += $(firewall_tests)
TESTS += $(firewall_tests) tests/golden/check-nft
tests_unit_test_boxes_SOURCES = tests/unit/test_boxes.c
tests_unit_test_boxes_LDADD = $(UNIT_LIBS)
tests_unit_test_import_SOURCES = tests/unit/test_import.c
tests_unit_test_import_LDADD = $(UNIT_LIBS)
tests_unit_test_bridge_SOURCES = tests/unit/test_bridge.c $(firewall_model)
tests_unit_test_bridge_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_test_bridge_LDADD = $(UNIT_LIBS)
tests_unit_test_store_SOURCES = tests/unit/test_store.c $(firewall_scenes)
tests_unit_test_store_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_test_store_LDADD = $(UNIT_LIBS)
tests_unit_test_nflog_SOURCES = tests/unit/test_nflog.c
tests_unit_test_nflog_LDADD = $(UNIT_LIBS)
tests_unit_test_machine_SOURCES = tests/unit/test_machine.c
tests_unit_test_machine_LDADD = $(UNIT_LIBS)
tests_golden_test_golden_SOURCES = tests/golden/test_golden.c $(firewall_scenes)
tests_golden_test_golden_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_golden_test_golden_LDADD = $(UNIT_LIBS)
tests_unit_test_verdict_SOURCES = tests/unit/test_verdict.c $(firewall_random)
tests_unit_test_verdict_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_test_verdict_LDADD = $(UNIT_LIBS)
tests_unit_test_plan_SOURCES = tests/unit/test_plan.c \
	tests/unit/fake_kernel.c tests/unit/fake_kernel.h $(firewall_random)
tests_unit_test_plan_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_test_plan_LDADD = $(UNIT_LIBS)
tests_netns_test_nft_SOURCES = tests/netns/test_nft.c \
	tests/netns/namespace.c tests/netns/namespace.h \
	tests/golden/scenes.c tests/golden/scenes.h $(firewall_random)
tests_netns_test_nft_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_netns_test_nft_LDADD = $(UNIT_LIBS)
tests_netns_test_conntrack_SOURCES = tests/netns/test_conntrack.c \
	tests/netns/namespace.c tests/netns/namespace.h $(firewall_model)
tests_netns_test_conntrack_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_netns_test_conntrack_LDADD = $(UNIT_LIBS)
tests_netns_test_packets_SOURCES = tests/netns/test_packets.c \
	tests/netns/craft.c tests/netns/craft.h \
	tests/netns/namespace.c tests/netns/namespace.h $(firewall_random)
tests_netns_test_packets_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_netns_test_packets_LDADD = $(UNIT_LIBS)
endif
