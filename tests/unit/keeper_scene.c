#include "keeper_scene.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "unit.h"

const char one_port[] =
	"security_groups:\n"
	"  - name: web\n"
	"    ingress: {protocol: tcp, ports: 80, from: 192.0.2.0/24}\n"
	"instances: {name: a, addresses: 10.0.0.1, security_groups: web}\n";

const char two_ports[] =
	"security_groups:\n"
	"  - name: web\n"
	"    ingress: {protocol: tcp, ports: [80, 443], from: 192.0.2.0/24}\n"
	"instances: {name: a, addresses: 10.0.0.1, security_groups: web}\n";

/* Each writing has a time of its own, however fast they follow. */
void write_file(struct scene *s, const char *text)
{
	struct timespec times[2] = {{0}, {0}};
	FILE *to = fopen(s->file, "w");

	assert_non_null(to);
	fputs(text, to);
	fclose(to);
	times[0].tv_sec = times[1].tv_sec = 1000000 + s->n_writes++;
	assert_int_equal(utimensat(AT_FDCWD, s->file, times, 0), 0);
}

void open_keeper(struct scene *s)
{
	const struct keeper_options options = {
		.file = s->file,
		.folder = s->state,
		.kernel = &s->kernel.kernel,
	};

	s->keeper = keeper_new(&options);
}

/* As when the process dies: nothing is reverted. */
void die_and_begin_again(struct scene *s)
{
	keeper_free(s->keeper);
	open_keeper(s);
}

int scene_setup(void **state)
{
	struct scene *s = xcalloc(1, sizeof(*s));

	log_setup(LOG_ERROR + 1, LOG_TEXT);
	clock_fake(1000000, 1700000000);
	snprintf(s->folder, sizeof(s->folder), "/tmp/weir-keeper-XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->file, sizeof(s->file), "%s/weir.yaml", s->folder);
	snprintf(s->state, sizeof(s->state), "%s/state", s->folder);
	write_file(s, one_port);
	fake_kernel_init(&s->kernel);
	open_keeper(s);
	*state = s;
	return 0;
}

int scene_teardown(void **state)
{
	static const char *const names[] = {
		"state/in-force.json", "state/memory.json",
		"state/overlay.json",  "state/before.json",
		"state/waiting.json",  "weir.yaml"};
	struct scene *s = *state;
	char path[200];

	keeper_free(s->keeper);
	fake_kernel_release(&s->kernel);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->folder, names[i]);
		unlink(path);
	}
	rmdir(s->state);
	rmdir(s->folder);
	free(s);
	return 0;
}

/* -- asking ---------------------------------------------------------------- */

json_t *ask(struct scene *s, json_t *request_take)
{
	uint64_t memo = 0;
	json_t *answer = keeper_answer(s->keeper, request_take, &memo);

	json_decref(request_take);
	assert_non_null(answer);
	return answer;
}

bool is_ok(const json_t *answer)
{
	return json_is_true(json_object_get(answer, "ok"));
}

const char *text_at(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

long long number_at(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* Asks for something without arguments; it must be granted. Returns the
 * number of changes. */
long long do_it(struct scene *s, const char *command)
{
	json_t *answer = ask(s, json_pack("{s:s}", "command", command));
	long long changes = number_at(answer, "changes");

	if (!is_ok(answer))
		fail_msg("%s: %s %s", command, text_at(answer, "error"),
			 text_at(answer, "text"));
	json_decref(answer);
	return changes;
}

void apply_to_confirm(struct scene *s, int seconds)
{
	json_t *answer = ask(s, json_pack("{s:s, s:i}", "command", "apply",
					  "confirm", seconds));

	assert_true(is_ok(answer));
	assert_int_equal(number_at(answer, "confirm_seconds"), seconds);
	json_decref(answer);
}

void assert_rules(struct scene *s, const char *expect)
{
	char *now = fake_kernel_text(&s->kernel);

	assert_string_equal(now, expect);
	free(now);
}

bool admits_443(struct scene *s)
{
	char *now = fake_kernel_text(&s->kernel);
	bool has = strstr(now, "tcp dport 443") != NULL;

	free(now);
	return has;
}

char *state_file(struct scene *s, const char *name)
{
	return xasprintf("%s/%s", s->state, name);
}
