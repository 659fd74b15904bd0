#include "glitch.h"

static const char *const tokens[] = {
#define X(symbol, token, sentence) token,
#include "glitches.def"
#undef X
};

const char *glitch_token(enum glitch g)
{
	return tokens[g];
}
