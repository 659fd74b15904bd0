#include "period.h"

#include <string.h>

#include "base/fail.h"
#include "base/slice.h"

/* This keeps sums from overflowing. */
enum { PERIOD_MOST_S = 1000 * 24 * 3600 };

bool period_read(const char *word, long long *seconds)
{
	static const struct {
		char letter;
		unsigned seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 24 * 3600}};
	struct slice digits = slice_of(word);
	unsigned unit = 1;
	uint64_t number;

	for (size_t i = 0; i < ARRAY_SIZE(units) && digits.n; i++)
		if (word[strlen(word) - 1] == units[i].letter) {
			unit = units[i].seconds;
			digits = slice_first(digits, digits.n - 1);
			break;
		}
	if (!slice_to_u64(digits, &number) || number == 0 ||
	    number > PERIOD_MOST_S / unit)
		return false;
	*seconds = (long long)(number * unit);
	return true;
}
