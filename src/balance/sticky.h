/*
 * sticky.h - a cookie that brings a client back to its target.
 *
 * AWSALB and its twin AWSALBCORS (for requests from other sites) carry the
 * same sealed value: when it was issued and which target it means. Nothing is
 * kept on our side, so every node with the same key file honours it. The
 * value is bound to the name of its group: the cookie of one group is noise
 * to another. AWSALBTG and AWSALBTGCORS do the same for the group that a
 * weighted forward has chosen; the cookie of the group is asked first, then
 * that of the target in it.
 *
 * Floor: balance.  Source: AWS: sticky sessions.
 */
#ifndef WEIR_BALANCE_STICKY_H
#define WEIR_BALANCE_STICKY_H

#include <time.h>

#include "http/head.h"
#include "model/group.h"
#include "model/rule.h"
#include "tls/seal.h"

struct writer;

enum {
	STICKY_NAME_OCTETS = 32,  /* of a target group, at most */
	STICKY_PLAIN_OCTETS = 17, /* version, time of issue, identity */
	STICKY_VALUE_OCTETS = SEAL_TEXT_OCTETS(STICKY_PLAIN_OCTETS),
	/* Version, time of issue, name of a group. */
	STICKY_GROUP_PLAIN_OCTETS = 9 + STICKY_NAME_OCTETS,
	STICKY_GROUP_VALUE_OCTETS = SEAL_TEXT_OCTETS(STICKY_GROUP_PLAIN_OCTETS),
	STICKY_EXPIRES_S = 7 * 24 * 3600, /* what the cookie tells browsers */
};

/*
 * The value of a cookie for a target of a group.
 *
 * identity  target_state.identity
 * out       gets STICKY_VALUE_OCTETS characters, no zero
 *
 * Returns how many, or 0 on failure: then send no cookie.
 */
size_t sticky_seal(struct sealer *sealer, const struct target_group *group,
		   uint64_t identity, time_t now_s, char *out, size_t size);

/*
 * Opens the value of a cookie. True when it was made for this group and is
 * not older than the group's stickiness lasts; *identity is then for
 * pick_find().
 */
bool sticky_open(struct sealer *sealer, const struct target_group *group,
		 struct slice value, time_t now_s, uint64_t *identity);

/*
 * The same for the cookies of a request; AWSALBCORS wins over AWSALB.
 * *came tells whether either was there: when it was and no target comes of
 * it, the request counts as COUNT_NON_STICKY.
 */
bool sticky_of_head(struct sealer *sealer, const struct target_group *group,
		    const struct http_head *head, time_t now_s,
		    uint64_t *identity, bool *came);

/*
 * The Set-Cookie fields of a response; 7 days from now_s.
 *
 * out  gets STICKY_FIELDS fields
 * w    gets their values, about 300 octets together
 *
 * Returns how many there are: 0 when sealing fails or there is no room.
 */
enum { STICKY_FIELDS = 2 };
size_t sticky_fields(struct field out[static STICKY_FIELDS], struct writer *w,
		     struct sealer *sealer, const struct target_group *group,
		     uint64_t identity, time_t now_s);

/* -- the group of a weighted forward --------------------------------------- */

/*
 * The value of AWSALBTG for a group. It says when it was issued and which
 * group it means; any rule that may choose the group honours it.
 *
 * out  gets STICKY_GROUP_VALUE_OCTETS characters, no zero
 *
 * Returns how many, or 0 on failure: then send no cookie.
 */
size_t sticky_group_seal(struct sealer *sealer,
			 const struct target_group *group, time_t now_s,
			 char *out, size_t size);

/* The group of the forward action that a value means, also one of weight 0;
 * NULL when it means none of them, is too old for the action, or was not made
 * by us: then choose by weight. */
const struct target_group *sticky_group_open(struct sealer *sealer,
					     const struct forward *forward,
					     struct slice value, time_t now_s);

/* The same for the cookies of a request; AWSALBTGCORS wins over AWSALBTG. */
const struct target_group *sticky_group_of_head(struct sealer *sealer,
						const struct forward *forward,
						const struct http_head *head,
						time_t now_s);

/* Whether a cookie came that was not made by us, or was changed on its way: URL
 * encoded, say. For logs. */
bool sticky_group_is_broken(struct sealer *sealer,
			    const struct http_head *head);

/* The Set-Cookie fields of a group, as sticky_fields() has them. */
size_t sticky_group_fields(struct field out[static STICKY_FIELDS],
			   struct writer *w, struct sealer *sealer,
			   const struct target_group *group, time_t now_s);

#endif
