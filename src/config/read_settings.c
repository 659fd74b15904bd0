/* Settings of the process. */
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "read.h"

#define INTO(member) .offset = offsetof(struct settings, member)

/* -- folders that depend on who we are ------------------------------------- */

/* Started as root, as the user of the unit or by an init system that made
 * our folders: the places of the system. Else those of the user. */
static bool is_system(struct reader *r)
{
	struct slice user = r->snap->settings.user;
	const struct passwd *pw;

	if (geteuid() == 0 || getenv("RUNTIME_DIRECTORY"))
		return true;
	pw = getpwuid(geteuid());
	return pw && slice_eq(slice_of(pw->pw_name), user);
}

/* `folder` of the user; NULL, or no whole path: that of the system. */
static struct slice own_folder(struct reader *r, const char *folder,
			       const char *system, const char *name)
{
	if (is_system(r) || !folder || folder[0] != '/')
		return slice_of(arena_printf(r->arena, "%s/%s", system, name));
	return slice_of(arena_printf(r->arena, "%s/weir/%s", folder, name));
}

static void fill_socket(struct reader *r, struct settings *s)
{
	char *state = file_state_home();

	if (s->admin_socket.n == 0)
		s->admin_socket = own_folder(r, getenv("XDG_RUNTIME_DIR"),
					     "/run/weir", "admin.sock");
	if (s->stickiness_key_file.n == 0)
		s->stickiness_key_file =
			own_folder(r, state, "/var/lib/weir", "stickiness.key");
	if (s->overlay_file.n == 0)
		s->overlay_file =
			own_folder(r, state, "/var/lib/weir", "overlay.json");
	free(state);
}

/* -- values that only stand here ------------------------------------------- */

static unsigned cpus_of_this_process(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	n = CPU_COUNT(&set);
	return n > 0 ? (unsigned)n : 1;
}

static void parse_workers(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	unsigned n = r->options->n_cpus, running = r->options->n_workers;
	unsigned *workers = slot;
	bool is_auto;

	if (!want_scalar(r, k->name, v))
		return;
	is_auto = slice_eq(v->text, SLICE("auto"));
	if (!is_auto)
		type_count.parse(r, k, v, slot);
	else
		*workers = n ? n : cpus_of_this_process();
	if (running && *workers != running && !is_auto)
		warn(r, &v->at, NULL,
		     "%u workers run: another number takes effect with a "
		     "restart",
		     running);
	if (running)
		*workers = running;
}

static void parse_connections(struct reader *r, const struct key *k,
			      const struct node *v, void *slot)
{
	if (!want_scalar(r, k->name, v))
		return;
	if (slice_eq(v->text, SLICE("auto")))
		*(uint64_t *)slot = 0;
	else
		type_duration.parse(r, k, v, slot);
}

static void parse_account(struct reader *r, const struct key *k,
			  const struct node *v, void *slot)
{
	uint64_t number;

	if (!want_scalar(r, k->name, v))
		return;
	if (v->text.n != 12 || !slice_to_u64(v->text, &number))
		complain(r, &v->at, NULL, "%s must have 12 digits", k->name);
	else
		*(struct slice *)slot = arena_slice(r->arena, v->text);
}

static void parse_strict(struct reader *r, const struct key *k,
			 const struct node *v, void *slot)
{
	type_boolean.parse(r, k, v, slot);
	r->strict = *(bool *)slot;
}

static const struct type type_strict = {parse_strict, SHAPE_BOOLEAN, NULL};
static const struct type type_workers = {parse_workers,
					 SHAPE_NUMBER | SHAPE_TEXT, "^auto$"};
static const struct type type_connections = {
	parse_connections, SHAPE_NUMBER | SHAPE_TEXT, "^auto$"};
static const struct type type_account = {parse_account, SHAPE_TEXT,
					 "^[0-9]{12}$"};

static const struct word levels[] = {
	{"debug", LOG_DEBUG, NULL},
	{"info", LOG_INFO, NULL},
	{"warning", LOG_WARNING, NULL},
	{"error", LOG_ERROR, NULL},
	{0},
};

static const struct word formats[] = {
	{"text", LOG_TEXT, NULL},
	{"json", LOG_JSON, NULL},
	{0},
};

/* clang-format off */
const struct key settings_keys[] = {
	{"strict_aws_limits", &type_strict, INTO(strict_aws_limits), "false",
	 .doc = "Turns every range and limit of AWS into an error."},
	{"workers", &type_workers, INTO(workers), "auto", {1, 1024},
	 .doc = "Event-loop threads; auto: one for each CPU that the process "
		"may run on."},
	{"user", &type_name64, INTO(user),
	 .doc = "Identity after a start as root; root stays root.",
	 .absent = "weir, else nobody if there is no weir"},
	{"max_connections", &type_connections, INTO(max_connections), "auto",
	 {1, 1e9},
	 .doc = "Connections at a time; auto: what the limit of file "
		"descriptors allows."},
	{"log.level", &type_word, INTO(log_level), "info", .words = levels,
	 .doc = "The least important lines that are written to stderr. With "
		"debug each state that a request enters has a line."},
	{"log.format", &type_word, INTO(log_format), "text", .words = formats,
	 .doc = "text is logfmt; json has one object a line."},
	{"admin.socket", &type_path, INTO(admin_socket),
	 .doc = "Unix socket through which the commands reach the daemon.",
	 .absent = "/run/weir/admin.sock; for an ordinary user "
		   "$XDG_RUNTIME_DIR/weir/admin.sock"},
	{"admin.listen", &type_admin_listen, NO_SLOT,
	 .values = "ADDRESS:PORT, of a loopback address; others are not built "
		   "yet",
	 .doc = "Address and port where programs may ask over HTTP whether "
		"weir lives and is ready.",
	 .absent = "off"},
	{"admin.admin_group", &type_name64, INTO(admin_group),
	 .doc = "Group of the system that may change what runs.",
	 .absent = "the group of the daemon"},
	{"admin.read_group", &type_name64, INTO(read_group),
	 .doc = "Group of the system that may ask.", .absent = "none"},
	NOT_BUILT("admin.token_file",
		  "Tokens that let programs ask over HTTP, one a line.",
		  "none"),
	NOT_BUILT("admin.tls.certificate",
		  "PEM file with the chain of the listener for HTTP.", "none"),
	NOT_BUILT("admin.tls.private_key",
		  "PEM file with the key of that certificate.", "none"),
	NOT_BUILT("admin.tls.client_ca",
		  "CAs of the clients that may ask over HTTP.", "none"),
	{"admin.host_names", &type_admin_hosts, NO_SLOT,
	 .values = "names without a port",
	 .doc = "Names under which one may ask over HTTP.",
	 .absent = "addresses and localhost only"},
	{"admin.path_prefix", &type_admin_prefix, INTO(admin_path_prefix),
	 .values = "a path such as /weir",
	 .doc = "What each path of admin.listen begins with.",
	 .absent = "nothing"},
	{"shutdown_timeout_seconds", &type_seconds, INTO(shutdown_timeout_ms),
	 "30", {0, 86400},
	 .doc = "Time that running requests get after a stop was asked for."},
	{"availability_zone", &type_name64, INTO(availability_zone),
	 "eu-local-1a",
	 .doc = "The zone that this node counts as."},
	{"stickiness_key_file", &type_path, INTO(stickiness_key_file),
	 .doc = "Seals cookies; shared by nodes; made at the first start if "
		"it is absent.",
	 .absent = "/var/lib/weir/stickiness.key; for an ordinary user "
		   "$XDG_STATE_HOME/weir/stickiness.key, "
		   "else ~/.local/state/weir/stickiness.key"},
	{"ca_bundle", &type_path, INTO(ca_bundle),
	 .doc = "PEM file with the CAs that targets are verified with where "
		"their group names none.",
	 .absent = "those of the system"},
	{"oidc_signing_key_file", &type_not_built, NO_SLOT,
	 .doc = "Signs x-amzn-oidc-data.",
	 .absent = "/var/lib/weir/oidc.key"},
	{"drain_timeout_seconds", &type_seconds, INTO(drain_timeout_ms), "0",
	 {0, 31536000},
	 .doc = "Longest life of an old generation after a reload; 0: no end."},
	{"overlay_file", &type_path, INTO(overlay_file),
	 .doc = "What was changed at run time.",
	 .absent = "/var/lib/weir/overlay.json; for an ordinary user "
		   "$XDG_STATE_HOME/weir/overlay.json, "
		   "else ~/.local/state/weir/overlay.json"},
	{"acme_challenge_directory", &type_path, INTO(acme_challenges),
	 .doc = "Folder with answers to ACME's HTTP challenges, which go ahead "
		"of everything else.",
	 .absent = "off"},
	{"certificate_watch.enabled", &type_boolean, INTO(certificate_watch),
	 "true",
	 .doc = "Takes certificates, keys, trust stores and revocation lists of "
		"listeners over as their files change."},
	{"certificate_expiry_warning_days", &type_count,
	 INTO(certificate_warning_days), "14", .any = {0, 3650},
	 .doc = "Days before its end at which a certificate is warned of."},
	{"history_seconds", &type_count, INTO(history_s), "3600", {0, 86400},
	 .doc = "For how long counters are remembered, in steps of ten "
		"seconds."},
	{"metrics.max_series", &type_count, INTO(max_series), "20000",
	 {100, 1e6},
	 .doc = "Series that metrics may have; beyond it whole families are "
		"left out."},
	NOT_BUILT("core_dumps",
		  "Lets the process be dumped, with the keys in it.", "false"),
	NOT_BUILT("confinement",
		  "seccomp and Landlock after the start.", "enforce"),
	{"region", &type_name64, INTO(region), "eu-local-1",
	 .doc = "Fills ARNs and names."},
	{"account_id", &type_account, INTO(account_id), "000000000000",
	 .doc = "Fills ARNs: 12 digits, in quotes."},
	{0},
};
/* clang-format on */

static void parse_settings(struct reader *r, const struct key *k,
			   const struct node *v, void *slot)
{
	struct settings *s = slot;

	if (want_map(r, k->name, v))
		read_mapping(r, v, "settings", settings_keys, s);
}

const struct type type_settings = {parse_settings, SHAPE_MAP, NULL};

void read_settings_done(struct reader *r)
{
	struct settings *s = &r->snap->settings;

	if (s->user.n == 0) {
		s->user = SLICE("weir");
		s->user_is_default = true;
	}
	fill_socket(r, s);
	check_admin_listen(r);
}
