# The data path on socket pairs and a clock moved by hand.
if HAVE_CMOCKA
sim_tests = tests/sim/test_time tests/sim/test_retry \
	tests/sim/test_ends tests/sim/test_random
check_PROGRAMS += $(sim_tests)
TESTS += $(sim_tests)
sim_common = tests/sim/sim.c tests/sim/sim.h
tests_sim_test_time_SOURCES = tests/sim/test_time.c $(sim_common)
tests_sim_test_time_LDADD = $(UNIT_LIBS)
tests_sim_test_retry_SOURCES = tests/sim/test_retry.c $(sim_common)
tests_sim_test_retry_LDADD = $(UNIT_LIBS)
tests_sim_test_ends_SOURCES = tests/sim/test_ends.c $(sim_common)
tests_sim_test_ends_LDADD = $(UNIT_LIBS)
tests_sim_test_random_SOURCES = tests/sim/test_random.c $(sim_common)
tests_sim_test_random_LDADD = $(UNIT_LIBS)
endif
