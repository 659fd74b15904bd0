/*
 * nft_send.c - plans out, in batches.
 *
 * No message of a batch asks for an acknowledgement: the kernel works while
 * we are in sendmsg(), so whatever it has to complain about is waiting when
 * that returns, and silence is success. With 100,000 acknowledgements the
 * receive buffer would overflow, and a batch that was taken look like one
 * that was not.
 *
 * Floor: kernel.
 */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fail.h"
#include "nft_batch.h"
#include "nft_inside.h"

enum {
	FAULTS_MAX = 20,
	/* Each costs a message, no dump. */
	SEND_TRIES = 1000,
};

static void make_room(struct nft *nft, size_t octets)
{
	int fd = mnl_socket_get_fd(nft->socket);
	int size = (int)(octets + MESSAGE_ROOM);

	/* Force needs CAP_NET_ADMIN; without it nothing will work anyway. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

static uint32_t bad_offset(const struct nlmsghdr *reply)
{
	const struct nlattr *attr;

	if (!(reply->nlmsg_flags & NLM_F_ACK_TLVS))
		return 0;
	/* The failed message's header alone is echoed (NLM_F_CAPPED). */
	mnl_attr_for_each (attr, reply, sizeof(struct nlmsgerr))
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS)
			return mnl_attr_get_u32(attr);
	return 0;
}

static void complain_step(const struct plan *plan, const struct plan_step *step,
			  int error, struct diag *diag)
{
	struct place place = step ? plan_place(step) : (struct place){0};
	struct plan one = {.table = plan->table, .n_steps = 1};
	struct plan_step copy;
	char *words;

	if (!step) {
		diag_error(diag, NULL, NULL,
			   "the kernel refuses the firewall rules: %s",
			   nft_reason(error));
		return;
	}
	copy = *step;
	one.steps = &copy;
	words = plan_text(&one);
	words[strcspn(words, "\n")] = '\0';
	diag_error(diag, place.file ? &place : NULL, NULL,
		   "the kernel refuses \"%s\": %s", words, nft_reason(error));
	free(words);
}

/* What the answers to a batch came to. */
struct outcome {
	enum nft_result result;
	unsigned n_faults;
	bool unsure; /* answers were lost, or are to no question of ours */
	/* A part of ours went before, and now something is not there. */
	bool missing;
	const struct plan_step *at; /* where; NULL: nowhere in the plan */
};

static void take_answer(struct nft *nft, const struct batch *b,
			const struct plan *plan, const struct nlmsghdr *m,
			struct outcome *o, struct diag *diag)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(m);
	const struct sent *s = batch_find(b, m->nlmsg_seq);

	if (m->nlmsg_type != NLMSG_ERROR || !s) {
		o->unsure = true;
		return;
	}
	if (e->error == 0)
		return;
	if (-e->error == ERESTART && o->result == NFT_DONE) {
		o->result = NFT_RACED;
		return;
	}
	if (-e->error == ENOENT && nft->has_begun && !o->missing) {
		o->missing = true;
		o->at = batch_step_at(b, s, bad_offset(m));
		return;
	}
	if (-e->error == ENOENT && nft->has_begun)
		return;
	o->result = NFT_FAILED;
	nft->last_error = -e->error;
	if (diag && o->n_faults++ < FAULTS_MAX)
		complain_step(plan, batch_step_at(b, s, bad_offset(m)),
			      -e->error, diag);
}

/* Whoever flushes all tables between two parts takes the first of them along:
 * that is one more try. With the table still there, the kernel lacks what it
 * says it lacks. */
static enum nft_result judge_missing(struct nft *nft, const struct plan *plan,
				     const struct plan_step *at,
				     struct diag *diag)
{
	struct nft_table_info info;

	if (nft_find_table(nft, plan->table, &info) < 0 && errno == ENOENT)
		return NFT_RACED;
	nft->last_error = ENOENT;
	if (diag)
		complain_step(plan, at, ENOENT, diag);
	return NFT_FAILED;
}

/*
 * Everything that waits on the socket. Several hundred errors overflow it,
 * which says nothing of those that wait before: they are read on. One error
 * is enough to know that nothing was taken; without any, and with answers
 * lost, only reading back tells.
 */
static enum nft_result answers_collect(struct nft *nft, const struct batch *b,
				       const struct plan *plan,
				       struct diag *diag)
{
	int fd = mnl_socket_get_fd(nft->socket);
	struct outcome o = {.result = NFT_DONE};

	for (;;) {
		const struct nlmsghdr *m = (const void *)nft->reply;
		ssize_t got = recv(fd, nft->reply, REPLY_OCTETS,
				   MSG_DONTWAIT | MSG_TRUNC);
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) {
			o.unsure = true;
			continue;
		}
		if (got <= 0)
			break;
		if (got > REPLY_OCTETS) {
			o.unsure = true;
			continue;
		}
		for (; mnl_nlmsg_ok(m, left); m = mnl_nlmsg_next(m, &left))
			take_answer(nft, b, plan, m, &o, diag);
	}
	if (errno != EAGAIN)
		o.unsure = true;
	if (o.missing && o.result == NFT_DONE)
		o.result = judge_missing(nft, plan, o.at, diag);
	return o.result == NFT_DONE && o.unsure ? NFT_UNSURE : o.result;
}

static enum nft_result batch_send(struct nft *nft, struct batch *b,
				  const struct plan *plan, struct diag *diag)
{
	make_room(nft, b->n);
	if (mnl_socket_sendto(nft->socket, b->octets, b->n) < 0) {
		nft->last_error = errno;
		if (diag)
			complain_step(plan, NULL, errno, diag);
		return NFT_FAILED;
	}
	return answers_collect(nft, b, plan, diag);
}

/*
 * Sends what was planned for the table as it was at `stamp`. The kernel knows
 * the generation of all tables only, so where somebody changed another one in
 * this moment, the same batch goes once more.
 */
static enum nft_result batch_send_at(struct nft *nft, struct batch *b,
				     const struct plan *plan, uint32_t stamp,
				     struct diag *diag)
{
	enum nft_result result = NFT_RACED;

	for (unsigned i = 0; i < SEND_TRIES && result == NFT_RACED; i++) {
		uint32_t now = stamp;

		if (nft->watch_fd >= 0 && stamp && !nft->owns) {
			if (nft_hear_all(nft, &now) < 0) {
				nft->last_error = errno;
				if (diag)
					complain_step(plan, NULL, errno, diag);
				return NFT_FAILED;
			}
			if (nft->stamp != stamp)
				return NFT_RACED;
		}
		batch_at_generation(b, nft->owns ? 0 : now);
		result = batch_send(nft, b, plan, diag);
		if (nft->watch_fd < 0)
			break;
	}
	return result;
}

/* *done gets the number of the plan's steps that are. */
static enum nft_result send_phase(struct nft *nft, struct batch *b,
				  const struct plan *plan,
				  enum plan_phase phase, uint32_t stamp,
				  size_t *done, struct diag *diag)
{
	/* Who wakes a table leaves the rest of it as it was. */
	uint32_t flags = plan->fresh ? nft->table_flags : plan->old_flags;
	/* Nobody meets a new table before its hooks are there. */
	bool in_parts = plan->fresh && phase == PHASE_PREPARE;
	size_t at = phase ? plan->ends[phase - 1] : 0;
	enum nft_result result = NFT_DONE;

	while (at < plan->ends[phase] && result == NFT_DONE) {
		batch_begin(b, &nft->seq);
		while (at < plan->ends[phase] &&
		       (!in_parts || b->n < PART_OCTETS))
			at += batch_add_step(b, &nft->seq, plan, at, flags);
		batch_end(b, &nft->seq);
		result = batch_send_at(nft, b, plan, stamp, diag);
		if (result == NFT_DONE)
			*done = at;
		nft->has_begun = *done > 0;
		stamp = 0;
	}
	return result;
}

/* What was prepared goes again: nothing refers to it. Should that fail, it
 * does no harm, and the next plan removes it. */
static void send_undo(struct nft *nft, struct batch *b, const struct plan *plan,
		      size_t done)
{
	if (done == 0)
		return;
	if (plan->fresh) {
		nft_delete(nft, plan->table);
		return;
	}
	batch_begin(b, &nft->seq);
	batch_add_undo(b, &nft->seq, plan, done);
	batch_end(b, &nft->seq);
	batch_send(nft, b, plan, NULL);
}

/* For which stamp to switch. What we prepared ourselves does not count, but
 * where nobody tells us who changed what, it is one generation more. A new
 * table is not waited for. */
static uint32_t stamp_to_switch(const struct nft *nft, const struct plan *plan,
				uint32_t stamp)
{
	if (stamp == 0 || plan->ends[PHASE_PREPARE] == 0)
		return stamp;
	if (plan->fresh)
		return 0;
	return nft->watch_fd < 0 ? stamp + 1 : stamp;
}

static enum nft_result send_phases(struct nft *nft, struct batch *b,
				   const struct plan *plan, uint32_t stamp,
				   struct diag *diag)
{
	size_t done = 0;
	enum nft_result result =
		send_phase(nft, b, plan, PHASE_PREPARE, stamp, &done, diag);

	if (result == NFT_DONE)
		result = send_phase(nft, b, plan, PHASE_SWITCH,
				    stamp_to_switch(nft, plan, stamp), &done,
				    diag);
	if (result == NFT_RACED || result == NFT_FAILED)
		send_undo(nft, b, plan, done);
	if (result != NFT_DONE)
		return result;
	/* Once the rules are switched there is no way back. */
	result = send_phase(nft, b, plan, PHASE_TIDY, 0, &done, NULL);
	if (result != NFT_FAILED)
		return result;
	diag_warning(diag, NULL, NULL,
		     "the new rules are in force, but what they no longer need "
		     "could not be removed: %s",
		     nft_reason(nft->last_error));
	return NFT_DONE;
}

static void note_sent(struct nft *nft, const struct plan *plan)
{
	nft->stamp++;
	if (plan->fresh)
		nft->owns = nft->table_flags & TABLE_OWNER;
}

enum nft_result nft_send(struct nft *nft, const struct plan *plan,
			 uint32_t generation, struct diag *diag)
{
	struct batch b = {0};
	enum nft_result result;

	if (plan_is_empty(plan))
		return NFT_DONE;
	nft->has_begun = false;
	result = send_phases(nft, &b, plan, generation, diag);
	nft->has_begun = false;
	batch_release(&b);
	if (result == NFT_DONE || result == NFT_UNSURE)
		note_sent(nft, plan);
	return result;
}

/* One step about the table as a whole. 0, or -1 with errno. */
static int send_one(struct nft *nft, struct batch *b, const struct plan *plan)
{
	enum nft_result result;

	batch_end(b, &nft->seq);
	result = batch_send(nft, b, plan, NULL);
	batch_release(b);
	if (result == NFT_DONE)
		return 0;
	errno = result == NFT_FAILED ? nft->last_error : EAGAIN;
	return -1;
}

int nft_delete(struct nft *nft, const char *table)
{
	struct plan_step step = {.kind = PLAN_DELETE_TABLE};
	struct plan plan = {.table = table, .steps = &step, .n_steps = 1};
	struct nft_table_info info;
	struct batch b = {0};

	if (nft_find_table(nft, table, &info) < 0)
		return -1;
	batch_begin(&b, &nft->seq);
	batch_add_step(&b, &nft->seq, &plan, 0, 0);
	if (send_one(nft, &b, &plan))
		return -1;
	nft->stamp++;
	nft->owns = false;
	return 0;
}

int nft_adopt(struct nft *nft, const char *table)
{
	struct nft_table_info info;
	struct plan plan = {.table = table};
	struct batch b = {0};

	if (!nft->table_flags) {
		errno = EOPNOTSUPP;
		return -1;
	}
	if (nft_find_table(nft, table, &info) < 0)
		return -1;
	batch_begin(&b, &nft->seq);
	batch_add_table(&b, &nft->seq, table, nft->table_flags);
	if (send_one(nft, &b, &plan))
		return -1;
	nft->stamp++;
	nft->owns = true;
	return 0;
}
