# The text of HTTP: pure functions over octets.
http_sources = \
	src/http/admit.c src/http/admit.h \
	src/http/chunked.c src/http/chunked.h \
	src/http/cookie.c src/http/cookie.h \
	src/http/desync.c src/http/desync.h \
	src/http/dialect.c src/http/dialect.h \
	src/http/field_edits.c src/http/field_edits.h \
	src/http/framing.c src/http/framing.h \
	src/http/h1_parse.c src/http/h1_parse.h \
	src/http/h1_write.c src/http/h1_write.h \
	src/http/head.c src/http/head.h \
	src/http/hops.c src/http/hops.h \
	src/http/names.c src/http/names.h \
	src/http/octets.c src/http/octets.h \
	src/http/pattern.c src/http/pattern.h \
	src/http/query.c src/http/query.h \
	src/http/template.c src/http/template.h \
	src/http/trailers.c src/http/trailers.h \
	src/http/transform.c src/http/transform.h \
	src/http/uri.c src/http/uri.h
src_libweir_a_SOURCES += $(http_sources)
