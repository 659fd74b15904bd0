/*
 * rule_words.h - what a rule asks for, in words.
 *
 * Floor: cmd.
 */
#ifndef WEIR_CMD_RULE_WORDS_H
#define WEIR_CMD_RULE_WORDS_H

#include <jansson.h>

struct text; /* base/text.h */

/* Appends texts, and objects as KEY=VALUE: "a | b". */
void words_of_values(struct text *out, const json_t *values);

/* Appends one condition: "path_pattern = /a | /b"; "~" for regular
 * expressions. */
void words_of_condition(struct text *out, const json_t *condition);

#endif
