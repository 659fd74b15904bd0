#include "clock.h"

#include <stdbool.h>
#include <string.h>

_Thread_local uint64_t clock_thread_ms;
_Thread_local time_t clock_thread_s;
_Thread_local long clock_thread_ns;

static _Thread_local bool is_fake;
static _Thread_local time_t date_of;
static _Thread_local char date[CLOCK_HTTP_DATE_OCTETS];

void clock_update(void)
{
	struct timespec mono, wall;

	if (is_fake)
		return;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &mono);
	clock_gettime(CLOCK_REALTIME_COARSE, &wall);
	clock_thread_ms =
		(uint64_t)mono.tv_sec * 1000 + (uint64_t)mono.tv_nsec / 1000000;
	clock_thread_s = wall.tv_sec;
	clock_thread_ns = wall.tv_nsec;
}

static int64_t steady_ms;
static bool is_steady;

int64_t clock_steady_begin_ms(void)
{
	if (!is_steady)
		clock_steady_adopt((int64_t)clock_thread_s * 1000 -
				   (int64_t)clock_thread_ms);
	return steady_ms;
}

time_t clock_steady_s(void)
{
	return (time_t)((clock_steady_begin_ms() + (int64_t)clock_thread_ms) /
			1000);
}

void clock_steady_adopt(int64_t begin_ms)
{
	steady_ms = begin_ms;
	is_steady = true;
}

void clock_fake(uint64_t now_ms, time_t wall_s)
{
	is_fake = true;
	clock_thread_ms = now_ms;
	clock_thread_s = wall_s;
	clock_thread_ns = 0;
}

static void put2(char *out, int value)
{
	out[0] = (char)('0' + value / 10);
	out[1] = (char)('0' + value % 10);
}

void clock_format_http(time_t when, char *out)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;

	gmtime_r(&when, &tm);
	memcpy(out, "Xxx, 00 Xxx 0000 00:00:00 GMT", CLOCK_HTTP_DATE_OCTETS);
	memcpy(out, days + 3 * tm.tm_wday, 3);
	put2(out + 5, tm.tm_mday);
	memcpy(out + 8, months + 3 * tm.tm_mon, 3);
	put2(out + 12, (tm.tm_year + 1900) / 100);
	put2(out + 14, (tm.tm_year + 1900) % 100);
	put2(out + 17, tm.tm_hour);
	put2(out + 20, tm.tm_min);
	put2(out + 23, tm.tm_sec);
}

const char *clock_http_date(void)
{
	if (date_of != clock_thread_s || !date[0]) {
		date_of = clock_thread_s;
		clock_format_http(date_of, date);
	}
	return date;
}
