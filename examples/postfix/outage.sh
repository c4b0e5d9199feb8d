#!/usr/bin/env bash
# An outage of a real Postfix and its drain, with eta's predictions on the way, in about five minutes and at most eight:
#
#   outage.sh [-o OUTPUT_DIR] [-t TARGET] [-d OUTAGE_SECONDS] [-s SEED] [-e ETA]
#
# Starts a Postfix of its own in a temporary directory, feeds it by smtp-source at a rate that wanders, and takes its next hop, an smtp-sink, away for a
# while. sample.sh samples it into eta -follow. Ends when the backlog is at the target again, prints what was predicted and what happened, and stops all
# that it started. Everything is on 127.0.0.1; the Postfix of the machine, if there is one, is left alone.
#
# -o  where samples.csv, predictions.txt and predictions.csv go; unless given, a new directory under /tmp
# -t  the backlog that counts as cleared (20)
# -d  how long the next hop is down, in seconds, at most 180 (120)
# -s  the seed of the rate of incoming mail (1); what Postfix makes of it differs from run to run
# -e  an eta to use instead of building ../eta
#
# Needs root, Debian's package postfix (which has smtp-source and smtp-sink) and, without -e, Go. Exit status: 0 cleared, 1 failed, 2 wrong usage,
# 3 skipped because something is missing, 4 not cleared in time.
set -u
export LC_ALL=C
PATH=$PATH:/usr/sbin
here=$(cd "$(dirname "$0")" && pwd)

warm_up=30 outage=120 longest_drain=240 target=20 seed=1 output='' eta=''
usage() {
	echo "usage: outage.sh [-o OUTPUT_DIR] [-t TARGET] [-d OUTAGE_SECONDS] [-s SEED] [-e ETA]" >&2
	exit 2
}
while getopts o:t:d:s:e: option; do
	case $option in
	o) output=$OPTARG ;;
	t) target=$OPTARG ;;
	d) outage=$OPTARG ;;
	s) seed=$OPTARG ;;
	e) eta=$OPTARG ;;
	*) usage ;;
	esac
done
[ $((OPTIND - 1)) -eq $# ] || usage
for number in "$target" "$outage" "$seed"; do
	[[ $number =~ ^[0-9]{1,6}$ ]] || usage
done
[ "$outage" -le 180 ] || usage

for program in postfix postconf smtp-source smtp-sink; do
	command -v $program >/dev/null || { echo "skipped: $program not found: apt-get install postfix" >&2; exit 3; }
done
[ -n "$eta" ] || command -v go >/dev/null || { echo "skipped: go not found; name an eta with -e" >&2; exit 3; }
[ "$(id -u)" -eq 0 ] || { echo "skipped: Postfix starts as root only" >&2; exit 3; }

lab=$(mktemp -d /tmp/postfix_lab.XXXXXX) || exit 1
source='' sink='' sampler='' reader=''
# shellcheck disable=SC2317 # called by the trap
clean_up() {
	trap '' INT TERM
	for pid in $source $sampler $sink; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	[ -e "$lab/started" ] && postfix -c "$lab/config" stop >/dev/null 2>&1
	[ -n "$reader" ] && wait "$reader" 2>/dev/null
	rm -rf "$lab"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() {
	echo "outage.sh: $*" >&2
	[ -s "$lab/log" ] && grep -E 'warning|error|fatal|panic' "$lab/log" | tail -n 5 >&2
	exit 1
}

say() { printf '%(%H:%M:%S)T  %s\n' -1 "$*"; }
export TZ=UTC # of the clock times here; eta is told by -tz

output=${output:-$(mktemp -d /tmp/postfix_outage.XXXXXX)}
mkdir -p "$output" || exit 1
if [ -z "$eta" ]; then
	eta=$lab/eta
	(cd "$here/../.." && go build -o "$eta" ./examples/eta) || fail "eta does not build"
fi

# listening PORT: does anything answer there?
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# until_ready COMMAND…: waits for it to succeed, ten seconds at most.
until_ready() {
	local tries
	for ((tries = 0; tries < 100; tries++)); do
		"$@" && return
		sleep 0.1
	done
	return 1
}

free_port() {
	local port=$1
	while listening "$port"; do port=$((port + 1)); done
	echo "$port"
}
entry=$(free_port 10025)
next_hop=$(free_port $((entry + 1)))

# Postfix's own users go through the directory. Backoff times are a tenth of the usual ones, for an outage of minutes rather than hours. in_flow_delay
# would slow down the few connections of smtp-source while nothing leaves. The limit on concurrency makes the capacity, see sink_up.
chmod 755 "$lab"
mkdir "$lab/config" "$lab/queue" "$lab/data"
chown postfix "$lab/data"
cat >"$lab/config/main.cf" <<END
compatibility_level = 3.6
queue_directory = $lab/queue
data_directory = $lab/data
maillog_file = $lab/log
maillog_file_prefixes = $lab
myhostname = lab.example.com
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
relayhost = [127.0.0.1]:$next_hop
smtpd_relay_restrictions = permit_mynetworks, reject
disable_dns_lookups = yes
smtpd_peername_lookup = no
local_recipient_maps =
alias_maps =
alias_database =
notify_classes =
minimal_backoff_time = 30s
maximal_backoff_time = 60s
queue_run_delay = 15s
in_flow_delay = 0
smtp_destination_concurrency_limit = 14
END
cat >"$lab/config/master.cf" <<END
127.0.0.1:$entry inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
END
touch "$lab/started"
postfix -c "$lab/config" start >"$lab/start" 2>&1 || { cat "$lab/start" >&2; fail "Postfix does not start"; }
until_ready listening "$entry" || fail "Postfix does not listen"

# The next hop takes most mails at once and lets every fifth wait for a second or more (smtp-sink knows whole seconds only): with 14 connections
# some 50 mails a second, and few mails in flight when there is no backlog. The delay is before DATA's reply, where the client has nothing in the pipe:
# smtp-sink 3.7 crashes on a QUIT that comes during one.
sink_up() {
	smtp-sink -u postfix -W DATA:1:20 "127.0.0.1:$next_hop" 100 &
	sink=$!
	until_ready listening "$next_hop" || fail "smtp-sink does not listen"
}
sink_down() {
	kill "$sink"
	wait "$sink" 2>/dev/null
	sink=''
}

# send feeds mail for so many seconds: each second a number that wanders between 18 and 38.
send() {
	local rate=28 end=$((SECONDS + $1)) begin spent
	RANDOM=$seed
	while [ $SECONDS -lt $end ]; do
		begin=${EPOCHREALTIME/./}
		rate=$((rate + RANDOM % 7 - 3))
		rate=$((rate < 18 ? 18 : rate > 38 ? 38 : rate))
		smtp-source -s 2 -d -m $rate -l 2000 -M lab.example.com -f from@example.com -t to@example.net "127.0.0.1:$entry" 2>/dev/null
		spent=$((${EPOCHREALTIME/./} - begin))
		[ $spent -ge 1000000 ] || sleep "0.$(printf %06d $((1000000 - spent)))"
	done
}

mkfifo "$lab/samples"
"$here/sample.sh" -i 2 -c "$lab/config" >"$lab/samples" &
sampler=$!
tee "$output/samples.csv" <"$lab/samples" | "$eta" -follow -target "$target" -tz UTC >"$output/predictions.txt" &
reader=$!
sink_up
send $((warm_up + outage + longest_drain)) &
source=$!

# pass SECONDS: lets time pass, as long as everything runs.
pass() {
	local end=$((SECONDS + $1))
	while [ $SECONDS -lt $end ]; do
		for pid in $source $sampler $reader $sink; do
			kill -0 "$pid" 2>/dev/null || fail "the source, the sampler, eta or the next hop has stopped"
		done
		sleep 1
	done
}
backlog() { tail -n 1 "$output/samples.csv" | cut -d, -f2; }

say "samples and predictions go to $output; predictions as they come: tail -f $output/predictions.txt"
pass $warm_up
say "$(backlog) mails are waiting; the next hop goes down for $outage s"
sink_down
down=$EPOCHREALTIME
pass "$outage"
sink_up
up=$EPOCHREALTIME
say "$(backlog) mails are waiting; the next hop is back"
give_up=$((SECONDS + longest_drain))
pass 4 # the last sample is one with the next hop up
until [ "$(backlog)" -le "$target" ] || [ $SECONDS -ge $give_up ]; do pass 1; done
status=0
if [ "$(backlog)" -le "$target" ]; then say "$(backlog) mails are waiting: cleared"; else
	say "$(backlog) mails are waiting after $longest_drain s: not cleared"
	status=4
fi
kill "$sampler"
wait "$sampler" "$reader" 2>/dev/null
sampler='' reader=''

# The table: every 20 s from the outage on, from the same predictions in CSV. Times are UTC in RFC 3339, so their text has their order.
"$eta" -follow -target "$target" -format csv "$output/samples.csv" >"$output/predictions.csv" || fail "eta cannot read $output/samples.csv"
instant() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%S; }
awk -F, -v down="$(instant "$down")" -v up="$(instant "$up")" -v target="$target" '
	function clock(time) { return time == "" ? "never" : substr(time, 12, 8) }
	function seconds(time,    part) { split(clock(time), part, ":"); return part[1] * 3600 + part[2] * 60 + part[3] }
	function field(name) { return $column[name] }

	NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
	{ at = substr(field("as_of"), 1, 19) }
	at < down || cleared != "" { next }
	at >= up && field("backlog") <= target { cleared = at; next }
	(seconds(at) - seconds(down) + 86400) % 86400 >= 20 * (n + 1) {
		n++
		time[n] = at; backlog[n] = field("backlog"); state[n] = field("state")
		lower[n] = field("lower_time"); median[n] = field("median_time"); upper[n] = field("upper_time")
	}
	END {
		passed = (seconds(cleared) - seconds(up) + 86400) % 86400
		if (cleared != "") print "\nreally cleared at " clock(cleared) ", " passed " s after the next hop was back; predicted:"
		row = "%-8s  %-8s  %7s  %-9s  %-8s  %-8s  %-8s  %s\n"
		printf row, "at", "next hop", "waiting", "state", "earliest", "median", "latest", "really cleared"
		for (i = 1; i <= n; i++) {
			verdict = "outside"
			if (cleared == "") verdict = ""
			else if (lower[i] != "" && substr(lower[i], 1, 19) <= cleared && (upper[i] == "" || cleared <= upper[i])) verdict = "inside"
			printf row, clock(time[i]), time[i] < up ? "down" : "up", backlog[i], state[i], clock(lower[i]), clock(median[i]), clock(upper[i]),
				(cleared == "" ? "not yet" : clock(cleared)) "  " verdict
		}
	}
' "$output/predictions.csv"
exit $status
