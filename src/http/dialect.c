#include "dialect.h"

/* Looks at an escape; `s` begins with the backslash. */
static const char *check_escape(struct slice s)
{
	if (s.n < 2)
		return "a backslash at the end escapes nothing";
	switch (s.p[1]) {
	case '1' ... '9':
	case 'k':
		return "back-references are not allowed";
	case 'g':
		return "back-references and subroutines (\\g) are not allowed";
	case 'p':
	case 'P':
		return "Unicode classes (\\p) are not allowed";
	case 'K':
		return "\\K is not allowed";
	case 'G':
		return "\\G is not allowed";
	case 'E':
		return "\\E has no \\Q before it";
	case 'X':
	case 'R':
	case 'C':
	case 'N':
		return "\\C, \\N, \\R and \\X are not allowed";
	default:
		return NULL;
	}
}

/* Flags such as (?i) and (?i-s:...); `s` begins behind the '?'. */
static const char *check_flags(struct slice s)
{
	bool minus = false;

	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case 'i':
		case 'm':
		case 's':
		case 'U':
			break;
		case '-':
			/* (?-1) is a subroutine; one minus only is a flag. */
			if (minus)
				return "this group is not understood";
			minus = true;
			break;
		case ':':
		case ')':
			return NULL;
		case '0' ... '9':
			return "subroutines and recursion are not allowed";
		default:
			return "only the flags i, m, s and U are allowed";
		}
	}
	return "a group is never closed";
}

/* Looks behind "(?"; `s` begins there. */
static const char *check_group(struct slice s)
{
	if (s.n == 0)
		return "a group is never closed";
	switch (s.p[0]) {
	case '=':
	case '!':
		return "look-ahead is not allowed";
	case '<':
		if (s.n > 1 &&
		    (s.p[1] == '=' || s.p[1] == '!' || s.p[1] == '*'))
			return "look-behind is not allowed";
		return NULL;
	case '*':
		return "look-around is not allowed";
	case '>':
		return "atomic groups are not allowed";
	case '|':
		return "branch reset groups are not allowed";
	case '(':
		return "conditional groups are not allowed";
	case 'C':
		return "callouts are not allowed";
	case '#':
		return "comments are not allowed";
	case 'R':
	case '&':
	case '+':
	case '0' ... '9':
		return "subroutines and recursion are not allowed";
	case 'P':
		if (s.n > 1 && s.p[1] == '<')
			return NULL;
		return s.n > 1 && s.p[1] == '='
			       ? "back-references are not allowed"
			       : "subroutines and recursion are not allowed";
	case '\'':
		return NULL;
	default:
		return check_flags(s);
	}
}

/*
 * Passes over a bracket class; `s` begins with '['. Returns the octets of
 * it, or 0 with a sentence in *why.
 */
static size_t pass_class(struct slice s, const char **why, size_t *at)
{
	size_t i = 1;

	if (i < s.n && s.p[i] == '^')
		i++;
	/* A bracket in the first place is an ordinary one. */
	if (i < s.n && s.p[i] == ']')
		i++;
	while (i < s.n && s.p[i] != ']') {
		*at = i;
		if (s.p[i] == '\\') {
			*why = check_escape(slice_from(s, i));
			if (*why)
				return 0;
			if (s.p[i + 1] == 'Q') {
				*why = "\\Q is not allowed in a class";
				return 0;
			}
			i += 2;
		} else if (s.p[i] == '[' && i + 1 < s.n && s.p[i + 1] == ':') {
			size_t end = i + 2;

			while (end + 1 < s.n && s.p[end] != ']' &&
			       s.p[end] != '\\' &&
			       !(s.p[end] == ':' && s.p[end + 1] == ']'))
				end++;
			/* Without its end it is a bracket and a colon. */
			i = end + 1 < s.n && s.p[end] == ':' ? end + 2 : i + 1;
		} else {
			i++;
		}
	}
	*at = 0;
	if (i >= s.n) {
		*why = "a class is never closed";
		return 0;
	}
	return i + 1;
}

/* The octets of a quantifier at the start of `s`, or 0. */
static size_t quantifier(struct slice s)
{
	size_t i = 1;
	bool digits = false;

	if (s.n == 0)
		return 0;
	if (s.p[0] == '*' || s.p[0] == '+' || s.p[0] == '?')
		return 1;
	if (s.p[0] != '{')
		return 0;
	/* {2} {2,} {2,3}; newer engines read {,3} as well, and spaces. */
	for (; i < s.n && s.p[i] != '}'; i++) {
		if (ascii_is_digit(s.p[i]))
			digits = true;
		else if (s.p[i] != ',' && s.p[i] != ' ')
			return 0;
	}
	return i < s.n && digits ? i + 1 : 0;
}

/* Passes over "\Q...\E"; what is in between is text. */
static size_t pass_quoted(struct slice s)
{
	for (size_t i = 2; i + 1 < s.n; i++)
		if (s.p[i] == '\\' && s.p[i + 1] == 'E')
			return i + 2;
	return s.n;
}

const char *dialect_check(struct slice regex, size_t *at)
{
	size_t i = 0;

	while (i < regex.n) {
		struct slice s = slice_from(regex, i);
		const char *why = NULL;
		size_t n = 1, inside = 0;

		if (s.p[0] == '\\') {
			why = check_escape(s);
			n = s.n > 1 && s.p[1] == 'Q' ? pass_quoted(s) : 2;
		} else if (s.p[0] == '[') {
			n = pass_class(s, &why, &inside);
		} else if (slice_starts(s, SLICE("(?"))) {
			why = check_group(slice_from(s, 2));
			n = 2;
		} else if (slice_starts(s, SLICE("(*"))) {
			why = "verbs are not allowed";
		} else if ((n = quantifier(s)) != 0) {
			if (n < s.n && s.p[n] == '+')
				why = "possessive quantifiers are not allowed";
			else if (n < s.n && s.p[n] == '?')
				n++;
		} else {
			n = 1;
		}
		if (why) {
			*at = i + inside;
			return why;
		}
		i += n;
	}
	return NULL;
}
