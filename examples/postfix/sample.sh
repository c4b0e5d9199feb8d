#!/usr/bin/env bash
# Samples a running Postfix and writes CSV for eta: a line per interval, at once, until it is stopped. Needs root, as the queue does.
#
#   sample.sh [-i SECONDS] [-c CONFIG_DIR] [-q QUEUE_DIR] [-l LOG_FILE] | eta -follow
#
# backlog        messages in the queues incoming, active and deferred: the files there, but not one that is still being received. Mail on hold waits for
#                a person and is not counted; nor is maildrop, where local mail rests for a moment before it gets a queue id.
# inflow_total   messages that entered since the script was started: cleanup's line "message-id=", which each message has once, however often it is
#                tried and whatever its number of recipients. ("queue active" comes again with every retry, and late once the active queue is full.)
# outflow_total  messages that left: qmgr's line "removed" comes once, after the last recipient.
#
# Traps:
# - Mail that bounces or expires leaves too, and the bounce is a message that enters. Cleared does not mean delivered.
# - Deferred mail waits for its next try ($minimal_backoff_time and more), so a queue that could drain may stand still after an outage, and fall in
#   steps later. "postqueue -f" tries at once.
# - A message to several recipients is one message until all of them are done: one dead destination keeps it.
# - Mail that cleanup rejects, discards or holds, and that postsuper deletes, requeues, holds or releases, is counted so that the flows agree with the
#   backlog. What does not: a client that hangs up within the body (entered, never left), a file moved to the queue corrupt (likewise), and mail deleted
#   while on hold (left twice).
# - A content filter that gives the mail back makes two messages of each.
# - The log is followed by its offset: rotation and truncation are survived. Where only the journal has the log, set maillog_file or install rsyslog.
set -u
export LC_ALL=C

usage() {
	echo "usage: sample.sh [-i SECONDS] [-c CONFIG_DIR] [-q QUEUE_DIR] [-l LOG_FILE]" >&2
	exit 2
}

fail() {
	echo "sample.sh: $*" >&2
	exit 1
}

interval=2 config=() queue='' log=''
while getopts i:c:q:l: option; do
	case $option in
	i) interval=$OPTARG ;;
	c) config=(-c "$OPTARG") ;;
	q) queue=$OPTARG ;;
	l) log=$OPTARG ;;
	*) usage ;;
	esac
done
[ $((OPTIND - 1)) -eq $# ] || usage
[[ $interval =~ ^[0-9]*\.?[0-9]+$ && $interval =~ [1-9] ]] || usage

setting() { postconf "${config[@]+"${config[@]}"}" -xh "$1"; }
PATH=$PATH:/usr/sbin
command -v postconf >/dev/null || fail "postconf not found: apt-get install postfix"
name=$(setting syslog_name) || fail "no configuration of Postfix; try -c CONFIG_DIR"
queue=${queue:-$(setting queue_directory)}
log=${log:-$(setting maillog_file)}
log=${log:-/var/log/mail.log}
[[ $log = /* ]] || log=$PWD/$log
cd "$queue" || exit 1
for q in incoming active deferred; do
	[ -r $q ] || fail "$queue/$q cannot be read; root can"
done
[ -r "$log" ] || fail "$log cannot be read; name the log with -l"

# waiting prints the backlog. Messages move on while they are listed: a name seen twice counts once, and active is listed again for those that went
# there from deferred meanwhile. Files that vanish are no error.
waiting() {
	find incoming active deferred active -type f \( -path 'incoming/*' ! -perm -100 -o -printf '%f\n' \) 2>/dev/null | sort -u | wc -l
}

# count adds what the log says from the offset on to the counters. A line that is not yet complete is left for the next time.
count() {
	local size chunk in out used
	size=$(stat -Lc %s /dev/fd/3)
	[ "$size" -ge "$offset" ] || offset=0 # truncated in place
	chunk=$((size - offset))
	read -r in out used < <(tail -c +$((offset + 1)) /dev/fd/3 | head -c "$chunk" | awk -v size="$chunk" -v name="$name" '
		BEGIN { writer = " " name "(/[^ ]*)?/(cleanup|qmgr|postsuper)[[][0-9]+[]]: " }

		function count(line,    id, process, what) {
			if (!match(line, writer)) return
			process = substr(line, RSTART, RLENGTH)
			id = what = substr(line, RSTART + RLENGTH)
			sub(/: .*/, "", id)
			sub(/^[^:]*: /, "", what)
			if (what ~ /^message-id=/) { # twice where the message has two such headers
				if (!state[id]) { state[id] = "entered"; entered++ }
			} else if (what ~ /^(milter-)?(reject|discard|hold): /) { # by cleanup; may come before the message-id, and again
				if (state[id] == "entered") left++
				state[id] = "left"
			} else if (what == "removed" && process ~ /qmgr/) left++
			else if (id == "Released from hold") entered += what # postsuper, which names each message only where it was given its id
			else if (id == "Deleted" || id == "Requeued" || id == "Placed on hold") left += what
		}

		{ bytes += length($0) + 1 }
		NR > 1 { count(previous) }
		{ previous = $0 }
		END {
			if (bytes <= size) count(previous)
			else size -= length(previous)
			print entered + 0, left + 0, size + 0
		}')
	inflow=$((inflow + in)) outflow=$((outflow + out)) offset=$((offset + used))
}

inflow=0 outflow=0
exec 3<"$log"
offset=$(stat -Lc %s /dev/fd/3)
echo time,backlog,inflow_total,outflow_total
while :; do
	now=$EPOCHREALTIME
	backlog=$(waiting)
	count # at once: what enters or leaves between the two is all that they can differ by
	if [ -s "$log" ] && ! [ "$log" -ef /dev/fd/3 ]; then # rotated, and the new log is in use: the old one has been read to its end
		count
		exec 3<"$log" && offset=0
		count
	fi
	printf '%s,%s,%s,%s\n' "$now" "$backlog" "$inflow" "$outflow"
	sleep "$interval"
done
