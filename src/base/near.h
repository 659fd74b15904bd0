/*
 * near.h - the word that was meant, perhaps.
 *
 * Floor: base.
 */
#ifndef WEIR_BASE_NEAR_H
#define WEIR_BASE_NEAR_H

struct nearest {
	const char *word;  /* as written; borrowed */
	const char *best;  /* a candidate, borrowed; NULL: nothing is near */
	unsigned distance; /* edits that may be needed at most, then least */
};

/* At most one edit for each three letters. A swap of neighbours is one edit,
 * and so is leaving off the end; the case of ASCII letters does not count. */
struct nearest nearest_to(const char *word);
void nearest_try(struct nearest *n, const char *candidate);

#endif
