# What developers run besides `make` and `make check`. Each variant of the
# build has a folder of its own below this one, so none disturbs another.
GOALS = lint format asan tsan coverage bench check-e2e check-fault soak check-netns samples
.PHONY: $(GOALS) variant

EXTRA_DIST += .clang-format .ci/run COPYING \
	contrib/common.sh contrib/deps contrib/test contrib/quickstart \
	bench/README.md bench/run-bench bench/run-firewall bench/compare \
	bench/backend.c bench/limit.c \
	bench/load.c bench/peers tests

# tests goes in as a folder, for its many small files; what a build inside the
# sources left there does not.
dist-hook:
	find $(distdir)/tests \( -name __pycache__ -o -name .deps \) -type d \
		-prune -exec rm -rf {} +
	find $(distdir)/tests \( -name '*.o' -o -name '*.log' -o -name '*.trs' \
		-o -name .dirstamp -o -name 'test_*' ! -name '*.*' \) \
		-type f -delete

lint:
	$(srcdir)/tests/lint/run

format:
	cd $(srcdir) && find src tests -name '*.[ch]' | \
		xargs clang-format-14 -i

# The scenes: real weir, real sockets, on the loopback.
check-e2e: weir$(EXEEXT)
	WEIR_BIN=$(abs_builddir)/weir$(EXEEXT) $(srcdir)/tests/e2e/run $(SCENES)

# One allocation or one system call fails, in turn; FAULTS="--all" for each of
# them, or names of stories.
tests/fault/shim.so: tests/fault/shim.c
	$(AM_V_CC)$(MKDIR_P) tests/fault && $(CC) -std=gnu11 -Wall -Wextra -O1 \
		-fPIC -shared -o $@ $(srcdir)/tests/fault/shim.c -ldl

check-fault: weir$(EXEEXT) tests/fault/shim.so
	WEIR_BIN=$(abs_builddir)/weir$(EXEEXT) \
		WEIR_SHIM=$(abs_builddir)/tests/fault/shim.so \
		$(srcdir)/tests/fault/run $(FAULTS)

CLEANFILES += tests/fault/shim.so

# Chaos for a bounded while; SOAK="--seconds 600 --workers 8" for more.
soak: weir$(EXEEXT)
	WEIR_BIN=$(abs_builddir)/weir$(EXEEXT) $(srcdir)/tests/e2e/soak.py $(SOAK)

# Part of `make check` already: what needs a network namespace of its own.
check-netns:
	$(MAKE) check TESTS='$(filter tests/netns/%,$(TESTS))'

samples: weir$(EXEEXT)
	WEIR_BIN=$(abs_builddir)/weir$(EXEEXT) $(srcdir)/tests/config/samples

# The rows that weir has code for, beside nginx and haproxy; BENCH adds options
# (BENCH="--rounds 5"), ROWS chooses. Wants a quiet machine.
ROWS = s1,s2,s3,s4a,s4b,s5,s6f,s6r,s8,s9p,s9t,s11,s12,s14,s15
bench: weir$(EXEEXT)
	WEIR_BIN=$(abs_builddir)/weir$(EXEEXT) $(srcdir)/bench/run-bench \
		--peers haproxy,nginx,weir --scenario $(ROWS) $(BENCH)

# VARIANT and OPTIONS name a build; its tests and scenes run in it.
variant:
	test -x $(VARIANT)/config.status || { mkdir -p $(VARIANT) && \
		cd $(VARIANT) && $(abs_srcdir)/configure $(OPTIONS); }
	$(MAKE) -C $(VARIANT)
	$(MAKE) -C $(VARIANT) check
	$(MAKE) -C $(VARIANT) check-e2e

asan:
	$(MAKE) variant VARIANT=asan OPTIONS=--enable-sanitizers

tsan:
	$(MAKE) variant VARIANT=tsan OPTIONS=--enable-sanitizers=thread

coverage:
	$(MAKE) variant VARIANT=coverage OPTIONS=--enable-coverage
	gcovr --root $(abs_srcdir) --filter '$(abs_srcdir)/src/' \
		--print-summary coverage
