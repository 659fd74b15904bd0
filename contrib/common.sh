# common.sh - what the scripts of this folder share; sourced, never run.
# shellcheck shell=bash
#
# Colour only on a terminal and only when NO_COLOR is not set. A step that
# lasts shows that it lives: on a terminal in one line, else a line now and
# then. Everything a step prints goes to a file and is shown if it fails.

# Servers, ip and nft stand where an ordinary user's PATH does not lead.
export PATH=$PATH:/usr/sbin:/sbin

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
	bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' dim=$'\e[2m' plain=$'\e[0m'
	clear_line=$'\r\e[K'
else
	bold='' red='' green='' dim='' plain='' clear_line=''
fi

say()   { printf '%s\n' "$*"; }
head1() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
fail()  { printf '%s%s%s\n' "$red" "$*" "$plain" >&2; }
die()   { fail "${0##*/}: $*"; exit 1; }

# Tells, until it is killed, for how long TITLE has been running.
tick() {
	local title=$1 log=$2 began=$SECONDS last
	trap 'exit 0' TERM
	while :; do
		sleep "${clear_line:+1}${clear_line:-10}" & wait $!
		if [[ -n $clear_line ]]; then
			last=$(tail -n 1 "$log" 2>/dev/null | tr -cd '[:print:]' | cut -c 1-48)
			printf '%s  %s %s%4d s  %s%s' "$clear_line" "$title" "$dim" \
				$((SECONDS - began)) "$last" "$plain"
		else
			printf '  %s: %d s so far\n' "$title" $((SECONDS - began))
		fi
	done
}

# step TITLE LOG COMMAND... : runs it, its output to LOG; returns its status.
step() {
	local title=$1 log=$2 began=$SECONDS ticker status=0
	shift 2
	mkdir -p "$(dirname "$log")"
	: >"$log"
	[[ -n $clear_line ]] || printf '  %s ...\n' "$title"
	tick "$title" "$log" &
	ticker=$!
	"$@" >"$log" 2>&1 </dev/null || status=$?
	kill "$ticker" 2>/dev/null || true
	wait "$ticker" 2>/dev/null || true
	if ((status == 0)); then
		printf '%s  %s%s%s %s(%d s)%s\n' "$clear_line" "$green" "$title" \
			"$plain" "$dim" $((SECONDS - began)) "$plain"
	elif ((status == 77)); then
		printf '%s  %s %s(skipped: %s)%s\n' "$clear_line" "$title" "$dim" \
			"$(tail -n 1 "$log")" "$plain"
	else
		printf '%s  %s%s: failed with status %d after %d s%s\n' "$clear_line" \
			"$red" "$title" "$status" $((SECONDS - began)) "$plain"
	fi
	return "$status"
}

# The lines of a log that tell what went wrong, set off: from a sanitizer's or
# a test's word on, else the end.
show_log() {
	local lines=${2:-40} from
	from=$(grep -anE -m 1 'ERROR: .*Sanitizer|runtime error:|^\[  ERROR' "$1" |
		cut -d: -f1 || true)
	printf '%s  --- %s%s\n' "$dim" "${1#"$top"/}" "$plain"
	if [[ -n $from ]]; then
		tail -n "+$from" "$1" | head -n "$lines"
	else
		tail -n "$lines" "$1"
	fi | cut -c 1-300 | sed 's/^/  | /'
	printf '%s  ---%s\n' "$dim" "$plain"
}

# until_true SECONDS COMMAND... : waits for a fact, not for a time.
until_true() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return 1
		sleep 0.05
	done
}

# Whether something accepts connections on 127.0.0.1:PORT.
port_is_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

as_root() {
	if ((EUID == 0)); then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root for: $* (there is no sudo here)"
	fi
}

# Makes ./configure where it is missing or older than what it is made from.
make_configure() {
	local newest
	[[ ! -e $top/config.status ]] ||
		die "this folder itself is configured; run \"make distclean\" here first"
	newest=$(find "$top/configure.ac" "$top/Makefile.am" "$top/src" "$top/tests" \
		"$top/contrib" "$top/man" \( -name '*.mk' -o -name 'configure.ac' \
		-o -name 'Makefile.am' \) -newer "$top/configure" 2>/dev/null || true)
	[[ -x $top/configure && -z $newest ]] || (cd "$top" && autoreconf -fi)
}

# configure_in FOLDER OPTION... : configures there unless it was done already
# by the configure that stands here now.
configure_in() {
	local folder=$1
	shift
	mkdir -p "$folder"
	[[ $folder/config.status -nt $top/configure ]] ||
		(cd "$folder" && "$top/configure" "$@")
}

cores() { nproc 2>/dev/null || echo 2; }
