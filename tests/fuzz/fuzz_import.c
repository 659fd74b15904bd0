/*
 * fuzz_import.c - files of other firewalls.
 *
 * Whatever a text is, what comes of it is a file that check takes, and all
 * that is left is lines of text.
 */
#include "fuzz.h"

#include "config/config.h"
#include "firewall/import.h"

/* A service is whatever the text is, too: it may include itself. */
static bool find_service(void *context, struct slice name, struct text *xml)
{
	const struct slice *text = context;

	text_add(xml, *text);
	return name.n > 0;
}

static void check_yaml(const struct import *result, struct text *yaml)
{
	const struct config_options options = {.without_secrets = true};
	struct diag diag = {0};
	struct snapshot *snap = config_load_text(
		"out", slice_of(text_str(yaml)), &options, &diag);

	/* Names of interfaces are taken as they come, for check to judge. */
	if (!snap && !strstr(text_str(yaml), "interfaces:")) {
		diag_print(&diag, stderr, false);
		HOLDS(snap);
	}
	HOLDS(result->n_said <= 2 * IMPORT_RULES_MAX);
	snapshot_unref(snap);
	diag_release(&diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = fuzz_slice(data, size);
	struct import_services services = {.find = find_service};
	struct import result = {0};
	enum import_kind kind = fuzz_octet(&text) % 3;

	services.context = &text;
	if (import_text(kind, text, "f", &services, &result))
		check_yaml(&result, &result.yaml);
	for (size_t i = 0; i < result.left.n; i++)
		HOLDS((unsigned char)result.left.p[i] >= ' ' ||
		      result.left.p[i] == '\n');
	text_release(&result.yaml);
	text_release(&result.left);
	return 0;
}
