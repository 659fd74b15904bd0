#include "balance/health.h"

#include "base/fail.h"

bool matcher_matches(const struct code_range *ranges, size_t n_ranges,
		     uint16_t code)
{
	for (size_t i = 0; i < n_ranges; i++)
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	return false;
}

/* HEALTH_NO_REASON: the check succeeded. */
static enum health_reason reason_of(const struct health_check *check,
				    enum check_result result, uint16_t code)
{
	switch (result) {
	case CHECK_ANSWERED:
		return matcher_matches(check->matcher, check->n_matcher, code)
			       ? HEALTH_NO_REASON
			       : HEALTH_CODE_MISMATCH;
	case CHECK_OTHER_BODY:
		return matcher_matches(check->matcher, check->n_matcher, code)
			       ? HEALTH_FAILED_CHECKS
			       : HEALTH_CODE_MISMATCH;
	case CHECK_CONNECTED:
		return HEALTH_NO_REASON;
	case CHECK_TIMEOUT:
		return HEALTH_TIMEOUT;
	case CHECK_BROKEN:
	case CHECK_NO_STATUS:
		return HEALTH_FAILED_CHECKS;
	case CHECK_INTERNAL:
		return HEALTH_INTERNAL_ERROR;
	}
	BUG("check result %d", (int)result);
}

static void track_note(struct health_track *track, bool good)
{
	if (track->run_is_good != good)
		track->run = 0;
	track->run_is_good = good;
	if (track->run < UINT32_MAX)
		track->run++;
}

/* AWS: a new target needs one success, whatever the threshold. */
static bool note_success(const struct health_track *track,
			 const struct health_check *check, enum health *health,
			 enum health_reason *reason)
{
	if (*health == HEALTH_HEALTHY)
		return false;
	if (*health == HEALTH_UNHEALTHY && track->run < check->rise)
		return false;
	*health = HEALTH_HEALTHY;
	*reason = HEALTH_NO_REASON;
	return true;
}

static bool note_failure(const struct health_track *track,
			 const struct health_check *check, enum health *health,
			 enum health_reason *reason, enum health_reason why)
{
	if (*health == HEALTH_UNHEALTHY) {
		*reason = why;
		return false;
	}
	if (track->run < check->fall) {
		if (*health == HEALTH_INITIAL)
			*reason = HEALTH_INITIAL_CHECKING;
		return false;
	}
	*health = HEALTH_UNHEALTHY;
	*reason = why;
	return true;
}

bool health_note(struct health_track *track, const struct health_check *check,
		 enum check_result result, uint16_t code, enum health *health,
		 enum health_reason *reason)
{
	enum health_reason why = reason_of(check, result, code);

	switch (*health) {
	case HEALTH_INITIAL:
	case HEALTH_HEALTHY:
	case HEALTH_UNHEALTHY:
		break;
	case HEALTH_UNUSED:
	case HEALTH_DRAINING:
	case HEALTH_UNAVAILABLE:
		return false;
	}
	track_note(track, why == HEALTH_NO_REASON);
	return why == HEALTH_NO_REASON
		       ? note_success(track, check, health, reason)
		       : note_failure(track, check, health, reason, why);
}
