#include "gate.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "http/uri.h"
#include "model/trust.h"
#include "proxy/client.h"
#include "proxy/core.h"
#include "proxy/limits.h"

/* -- challenges ------------------------------------------------------------ */

static bool is_token(struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = ascii_lower(text.p[i]);

		if (!ascii_is_digit(c) && !(c >= 'a' && c <= 'z') && c != '-' &&
		    c != '_')
			return false;
	}
	return text.n > 0 && text.n <= CHALLENGE_TOKEN_MAX;
}

static bool is_challenge(const struct http_head *head, struct slice *token)
{
	static const struct slice before =
		SLICE_INIT("/.well-known/acme-challenge/");
	struct uri uri;

	if ((head->method_id != METHOD_GET && head->method_id != METHOD_HEAD) ||
	    !uri_split(head->target, (enum method)head->method_id, &uri) ||
	    !slice_starts(uri.path, before))
		return false;
	*token = slice_from(uri.path, before.n);
	return is_token(*token);
}

/* A link may lead to another name in the folder, not out of it. A kernel
 * before 5.6 follows none at all. */
static int open_below(int folder, const char *name)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, folder, name, &how, sizeof(how));

	if (fd < 0 && errno == ENOSYS)
		fd = openat(folder, name, (int)how.flags | O_NOFOLLOW);
	return fd;
}

static bool read_challenge(int fd, char room[CHALLENGE_MAX], size_t *n)
{
	struct stat st;
	ssize_t got;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    st.st_size > CHALLENGE_MAX)
		return false;
	got = read(fd, room, CHALLENGE_MAX);
	*n = got > 0 ? (size_t)got : 0;
	return got >= 0;
}

static void complain(struct exchange *x, int error)
{
	struct log_line l;

	if (!worker_log(x->worker, &l, LOG_WARNING,
			"cannot read the answer to a challenge"))
		return;
	log_slice(&l, "folder", x->listener->acme_challenges);
	log_str(&l, "error", strerror(error));
	log_end(&l);
}

bool gate_challenge(struct exchange *x, const struct http_head *head,
		    char room[CHALLENGE_MAX], size_t *n)
{
	char name[CHALLENGE_TOKEN_MAX + 1];
	struct slice token;
	int folder, fd;
	bool is_read;

	if (!is_challenge(head, &token))
		return false;
	memcpy(name, token.p, token.n);
	name[token.n] = '\0';
	folder = open(x->listener->acme_challenges.p,
		      O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = folder < 0 ? -1 : open_below(folder, name);
	if (fd < 0 && errno != ENOENT)
		complain(x, errno);
	is_read = fd >= 0 && read_challenge(fd, room, n);
	if (fd >= 0)
		close(fd);
	if (folder >= 0)
		close(folder);
	return is_read;
}

/* -- maintenance ----------------------------------------------------------- */

static bool is_allowed(const struct exchange *x, const struct http_head *head,
		       const struct maintenance *m)
{
	const struct listener *l = x->listener;
	struct addr peer = client_peer(x->client), client;
	struct cidr address;

	client = trust_client(l->balancer, head, &peer);
	return addr_to_cidr(&client, &address) &&
	       cidr_set_has(&m->allow, &address);
}

enum reason gate_ask(struct exchange *x, const struct http_head *head)
{
	const struct listener *l = x->listener;
	const struct maintenance *m = gate_maintenance(x);

	if (!m)
		m = l->maintenance;
	if (m && !is_allowed(x, head, m)) {
		x->retry_after_s = m->retry_after_s;
		return REASON_MAINTENANCE;
	}
	return limits_ask(x, head, &l->limits);
}
