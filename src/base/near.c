#include "near.h"

#include <stdbool.h>
#include <string.h>

#include "slice.h"

enum { NEAR_WORD_MAX = 64 };

static unsigned least_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static char letter_fold(char c)
{
	return ascii_lower(c);
}

/* Insertions, deletions, changes and swaps of neighbours. */
static unsigned edit_distance(const char *a, const char *b)
{
	size_t n_a = strlen(a), n_b = strlen(b);
	unsigned rows[3][NEAR_WORD_MAX + 1];

	if (n_a > NEAR_WORD_MAX || n_b > NEAR_WORD_MAX)
		return NEAR_WORD_MAX;
	for (size_t j = 0; j <= n_b; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n_a; i++) {
		unsigned *row = rows[i % 3], *up = rows[(i + 2) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n_b; j++) {
			bool same = letter_fold(a[i - 1]) ==
				    letter_fold(b[j - 1]);

			row[j] = least_of(least_of(up[j], row[j - 1]) + 1,
					  up[j - 1] + !same);
			if (i > 1 && j > 1 &&
			    letter_fold(a[i - 1]) == letter_fold(b[j - 2]) &&
			    letter_fold(a[i - 2]) == letter_fold(b[j - 1]))
				row[j] = least_of(row[j],
						  rows[(i + 1) % 3][j - 2] + 1);
		}
	}
	return rows[n_a % 3][n_b];
}

struct nearest nearest_to(const char *word)
{
	return (struct nearest){
		.word = word,
		.distance = (unsigned)strlen(word) / 3 + 1,
	};
}

void nearest_try(struct nearest *n, const char *candidate)
{
	size_t written = strlen(n->word);
	bool cut_short = written >= 3 &&
			 strncmp(candidate, n->word, written) == 0;
	unsigned edits = cut_short ? 1 : edit_distance(n->word, candidate);

	if (edits < n->distance || (edits == n->distance && !n->best)) {
		n->distance = edits;
		n->best = candidate;
	}
}
