/*
 * test_bridge.c - bridges whose frames go past all rules are found, in folders
 * like those of the kernel.
 */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "golden/model.h"
#include "kernel/bridge.h"

static char folder[64];
static struct bridge_paths paths;

static void make(const char *path, const char *text)
{
	char whole[200];
	FILE *f;

	snprintf(whole, sizeof(whole), "%s/%s", folder, path);
	if (!text) {
		assert_int_equal(mkdir(whole, 0700), 0);
		return;
	}
	f = fopen(whole, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void port(const char *interface, const char *bridge)
{
	char path[100], target[100];

	make(interface, NULL);
	snprintf(path, sizeof(path), "%s/brport", interface);
	make(path, NULL);
	snprintf(path, sizeof(path), "%s/%s/brport/bridge", folder, interface);
	snprintf(target, sizeof(target), "../../%s", bridge);
	assert_int_equal(symlink(target, path), 0);
	snprintf(path, sizeof(path), "%s/brif/%s", bridge, interface);
	make(path, "");
}

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/weir-bridge-XXXXXX");
	assert_non_null(mkdtemp(folder));
	paths = (struct bridge_paths){folder, folder};
	make("br0", NULL);
	make("br0/brif", NULL);
	make("br0/bridge", NULL);
	make("br0/bridge/nf_call_iptables", "0\n");
	make("bridge-nf-call-iptables", "0\n");
	make("plain", NULL);
	return 0;
}

static int teardown(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -r '%s'", folder);
	return system(command);
}

static unsigned findings(struct model *m, bool is_error)
{
	struct diag diag = {0};
	unsigned n;

	bridge_check(&paths, &m->config, is_error, &diag);
	n = is_error ? diag.n_errors : diag.n_warnings;
	diag_release(&diag);
	return n;
}

static struct model *two_instances(void)
{
	struct model *m = model_new();

	model_open(m, "web");
	model_instance(m, "a", "10.0.0.1", "port-a", "web");
	model_instance(m, "b", "10.0.0.2", "port-b", "web");
	model_instance(m, "c", "10.0.0.3", "plain", "web");
	model_instance(m, "d", "10.0.0.4", NULL, "web");
	return m;
}

static void regress_ports_of_one_bridge_are_found(void **state)
{
	struct model *m = two_instances();
	const struct instance *in = m->config.instances;
	char bridge[INTERFACE_NAME_MAX];

	(void)state;
	port("port-a", "br0");
	/* Alone there, all that it says is routed. */
	assert_int_equal(findings(m, true), 0);
	port("port-b", "br0");
	assert_int_equal(findings(m, true), 2);
	assert_int_equal(findings(m, false), 2);
	assert_true(bridge_between(&paths, &in[0], &in[1], 4, bridge));
	assert_string_equal(bridge, "br0");
	assert_false(bridge_between(&paths, &in[0], &in[2], 4, bridge));
	assert_false(bridge_between(&paths, &in[0], &in[3], 4, bridge));
	assert_false(bridge_between(&paths, &in[0], NULL, 4, bridge));

	m->config.settings.ignores_bridges = true;
	assert_int_equal(findings(m, true), 0);
	model_free(m);
}

static void regress_filtered_bridges_are_fine(void **state)
{
	static const char *const switches[] = {"br0/bridge/nf_call_iptables",
					       "bridge-nf-call-iptables"};
	struct model *m = two_instances();

	(void)state;
	port("port-a", "br0");
	port("port-b", "br0");
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(findings(m, true), 2);
		make(switches[i], "1\n");
		assert_int_equal(findings(m, true), 0);
		make(switches[i], "0\n");
	}
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			regress_ports_of_one_bridge_are_found, setup, teardown),
		cmocka_unit_test_setup_teardown(
			regress_filtered_bridges_are_fine, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
