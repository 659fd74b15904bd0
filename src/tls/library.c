#include "library.h"

#include <openssl/err.h>
#include <string.h>

const char *library_reason(void)
{
	unsigned long code = ERR_get_error();
	const char *reason = ERR_SYSTEM_ERROR(code)
				     ? strerror(ERR_GET_REASON(code))
				     : ERR_reason_error_string(code);

	ERR_clear_error();
	return reason ? reason : "no reason given";
}

void library_forget(void)
{
	if (ERR_peek_error())
		ERR_clear_error();
}
