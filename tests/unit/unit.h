/* unit.h - what every unit test includes: cmocka and its four headers. */
#ifndef WEIR_TESTS_UNIT_H
#define WEIR_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fail.h"
#include "base/slice.h"

/* Rows of a table of cases leave out what is zero in them. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* The octets of a slice against a C string. */
#define assert_slice(s, text)                                                  \
	do {                                                                   \
		struct slice unit_got = (s);                                   \
		assert_int_equal(unit_got.n, strlen(text));                    \
		if (unit_got.n)                                                \
			assert_memory_equal(unit_got.p, text, unit_got.n);     \
	} while (0)

#endif
