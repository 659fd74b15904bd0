# The data path on socket pairs and a clock moved by hand.
if HAVE_CMOCKA
sim_tests = tests/sim/test_time tests/sim/test_retry \
	tests/sim/test_ends tests/sim/test_early tests/sim/test_random \
	tests/sim/test_steps
check_PROGRAMS += $(sim_tests)
TESTS += $(sim_tests)
sim_common = tests/sim/sim.c tests/sim/sim.h
tests_sim_test_time_SOURCES = tests/sim/test_time.c $(sim_common)
tests_sim_test_time_LDADD = $(UNIT_LIBS)
tests_sim_test_retry_SOURCES = tests/sim/test_retry.c $(sim_common)
tests_sim_test_retry_LDADD = $(UNIT_LIBS)
tests_sim_test_ends_SOURCES = tests/sim/test_ends.c $(sim_common)
tests_sim_test_ends_LDADD = $(UNIT_LIBS)
tests_sim_test_early_SOURCES = tests/sim/test_early.c $(sim_common)
tests_sim_test_early_LDADD = $(UNIT_LIBS)
tests_sim_test_random_SOURCES = tests/sim/test_random.c $(sim_common)
tests_sim_test_random_LDADD = $(UNIT_LIBS)

# The data path once more, with its steps counted (tests/sim/steps.h).
check_LIBRARIES = tests/sim/libcounted.a
tests_sim_libcounted_a_SOURCES = src/base/slice.c src/base/writer.c \
	$(net_sources) \
	$(http_sources) $(model_sources) $(balance_sources) \
	$(stream_sources) $(proxy_sources)
tests_sim_libcounted_a_CFLAGS = $(AM_CFLAGS) -fsanitize-coverage=trace-pc
tests_sim_libcounted_a_CPPFLAGS = $(AM_CPPFLAGS) \
	-include $(srcdir)/tests/sim/steps.h
tests_sim_test_steps_SOURCES = tests/sim/test_steps.c tests/sim/steps.c \
	tests/sim/steps.h $(sim_common)
tests_sim_test_steps_LDADD = tests/sim/libcounted.a $(UNIT_LIBS)
endif
