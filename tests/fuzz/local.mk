# Fuzz targets and their corpora.
#
# A new one needs tests/fuzz/fuzz_NAME.c, seeds in tests/fuzz/corpus/NAME/,
# and three lines like those of the others below. `make check` replays the
# corpora; `make fuzz`, in a folder made with `configure --enable-fuzz
# CC=clang`, runs each target for FUZZ_SECONDS.
FUZZ_SECONDS = 60

if ENABLE_FUZZ
fuzz_main =
else
fuzz_main = tests/fuzz/replay.c
TESTS += $(fuzz_targets)
endif
FUZZ_LIBS = $(LDADD) $(FUZZ_ENGINE)
check_PROGRAMS += $(fuzz_targets)
EXTRA_DIST += tests/fuzz/fuzz.h tests/fuzz/replay.c tests/fuzz/corpus

fuzz_targets =

fuzz_targets += tests/fuzz/fuzz_h1_head
tests_fuzz_fuzz_h1_head_SOURCES = tests/fuzz/fuzz_h1_head.c $(fuzz_main)
tests_fuzz_fuzz_h1_head_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_h2_head
tests_fuzz_fuzz_h2_head_SOURCES = tests/fuzz/fuzz_h2_head.c $(fuzz_main)
tests_fuzz_fuzz_h2_head_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_h2_session
tests_fuzz_fuzz_h2_session_SOURCES = tests/fuzz/fuzz_h2_session.c $(fuzz_main)
tests_fuzz_fuzz_h2_session_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_chunked
tests_fuzz_fuzz_chunked_SOURCES = tests/fuzz/fuzz_chunked.c $(fuzz_main)
tests_fuzz_fuzz_chunked_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_client_fields
tests_fuzz_fuzz_client_fields_SOURCES = tests/fuzz/fuzz_client_fields.c \
	$(fuzz_main)
tests_fuzz_fuzz_client_fields_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_cookie
tests_fuzz_fuzz_cookie_SOURCES = tests/fuzz/fuzz_cookie.c $(fuzz_main)
tests_fuzz_fuzz_cookie_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_import
tests_fuzz_fuzz_import_SOURCES = tests/fuzz/fuzz_import.c $(fuzz_main)
tests_fuzz_fuzz_import_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_overlay
tests_fuzz_fuzz_overlay_SOURCES = tests/fuzz/fuzz_overlay.c $(fuzz_main)
tests_fuzz_fuzz_overlay_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_pattern
tests_fuzz_fuzz_pattern_SOURCES = tests/fuzz/fuzz_pattern.c $(fuzz_main)
tests_fuzz_fuzz_pattern_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_proxy_header
tests_fuzz_fuzz_proxy_header_SOURCES = tests/fuzz/fuzz_proxy_header.c \
	$(fuzz_main)
tests_fuzz_fuzz_proxy_header_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_query
tests_fuzz_fuzz_query_SOURCES = tests/fuzz/fuzz_query.c $(fuzz_main)
tests_fuzz_fuzz_query_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_secgroup
tests_fuzz_fuzz_secgroup_SOURCES = tests/fuzz/fuzz_secgroup.c \
	tests/golden/model.c tests/golden/naive.c tests/golden/random.c \
	$(fuzz_main)
tests_fuzz_fuzz_secgroup_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_fuzz_fuzz_secgroup_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_sighting
tests_fuzz_fuzz_sighting_SOURCES = tests/fuzz/fuzz_sighting.c $(fuzz_main)
tests_fuzz_fuzz_sighting_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_sticky
tests_fuzz_fuzz_sticky_SOURCES = tests/fuzz/fuzz_sticky.c $(fuzz_main)
tests_fuzz_fuzz_sticky_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_store
tests_fuzz_fuzz_store_SOURCES = tests/fuzz/fuzz_store.c $(fuzz_main)
tests_fuzz_fuzz_store_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_transform
tests_fuzz_fuzz_transform_SOURCES = tests/fuzz/fuzz_transform.c $(fuzz_main)
tests_fuzz_fuzz_transform_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_uri
tests_fuzz_fuzz_uri_SOURCES = tests/fuzz/fuzz_uri.c $(fuzz_main)
tests_fuzz_fuzz_uri_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_web_request
tests_fuzz_fuzz_web_request_SOURCES = tests/fuzz/fuzz_web_request.c $(fuzz_main)
tests_fuzz_fuzz_web_request_LDADD = $(FUZZ_LIBS)

fuzz_targets += tests/fuzz/fuzz_yaml
tests_fuzz_fuzz_yaml_SOURCES = tests/fuzz/fuzz_yaml.c $(fuzz_main)
tests_fuzz_fuzz_yaml_LDADD = $(FUZZ_LIBS)

# What is found stays in the build folder: tests/fuzz/found/NAME. A crash is
# written to tests/fuzz/ there; it goes to the corpus with its fix.
.PHONY: fuzz
if ENABLE_FUZZ
fuzz: $(fuzz_targets)
	@set -e; for t in $(fuzz_targets); do \
		name=$${t##*/fuzz_}; found=tests/fuzz/found/$$name; \
		$(MKDIR_P) $$found; echo "== $$name"; \
		./$$t -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
			-max_len=8192 -print_final_stats=1 \
			-artifact_prefix=tests/fuzz/$$name- \
			$$found $(srcdir)/tests/fuzz/corpus/$$name; \
	done
else
fuzz:
	@echo "make fuzz needs: configure --enable-fuzz CC=clang" >&2; exit 1
endif
