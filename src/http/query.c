#include "http/query.h"

bool query_next(struct slice *rest, struct slice *key, struct slice *value)
{
	while (rest->p) {
		struct slice pair = slice_cut(rest, '&');

		if (pair.n == 0)
			continue;
		*key = slice_cut(&pair, '=');
		*value = pair.p ? pair : slice_make(key->p + key->n, 0);
		return true;
	}
	return false;
}
