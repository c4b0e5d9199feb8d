# shellcheck shell=bash
# What the labs of this directory share; sourced by them, not run. A lab defines
#
#   requirements  skips the lab where something is missing
#   version       prints the name of the system and its version
#   start         starts the server, or makes the database, in $lab; pids of servers go to servers
#   produce       feeds the queue until it is killed
#   consume       works it off until it is killed
#   recipes       names of the commands of README.md that sample the queue; eta predicts from the first
#   off, rest     for each recipe, by how much backlog and flows may disagree at any time, and at rest
#
# and then calls course "$@". The commands are taken from README.md, so that they are those of the page.
set -u
export LC_ALL=C TZ=UTC # of the clock times here; eta is told by -tz
PATH=$PATH:/usr/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
script=$(basename "$0")

recipes=() off=() rest=()
steady=15 stopped=20 longest_drain=60 target=20 settle=4 output='' eta='' lab='' name=${script%.sh}
servers=() producer='' consumer='' samplers=() reader=''

usage() {
	echo "usage: $script [-o OUTPUT_DIR] [-e ETA]${arguments:-}" >&2
	exit 2
}

fail() {
	echo "$script: $*" >&2
	[ -s "$lab/log" ] && tail -n 5 "$lab/log" >&2
	exit 1
}

skip() {
	echo "skipped: $*"
	exit 3
}

say() { printf '%(%H:%M:%S)T  %s\n' -1 "$*"; }

# need PROGRAM PACKAGE
need() {
	command -v "$1" >/dev/null || skip "$1 not found: apt-get install $2"
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
	local port=$1
	while listening "$port"; do port=$((port + 1)); done
	echo "$port"
}

# until_ready COMMAND…: waits for it to succeed, 30 seconds at most.
until_ready() {
	local tries
	for ((tries = 0; tries < 150; tries++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.2
	done
	return 1
}

# commands NAME prints the commands that README.md gives under that name.
commands() {
	awk -v mark="<!-- $1 -->" '
		$0 == mark { found = 1 }
		found && /^```$/ { exit }
		inside { print }
		found && /^```sh$/ { inside = 1 }' "$here/README.md"
}

# stop PID…: ends them, by force where eight seconds are not enough.
stop() {
	local pid tries
	for pid; do
		kill "$pid" 2>/dev/null || continue
		for ((tries = 0; tries < 80; tries++)); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "$pid" 2>/dev/null
	done
	wait "$@" 2>/dev/null
}

# shellcheck disable=SC2317 # called by the trap
clean_up() {
	trap '' INT TERM
	local i pids=("${samplers[@]+"${samplers[@]}"}")
	[ -z "$producer" ] || pids+=("$producer")
	[ -z "$consumer" ] || pids+=("$consumer")
	[ -z "$reader" ] || pids+=("$reader")
	for ((i = ${#servers[@]} - 1; i >= 0; i--)); do pids+=("${servers[i]}"); done # those that others need last
	[ ${#pids[@]} -eq 0 ] || stop "${pids[@]}"
	[ -z "$lab" ] || rm -rf "$lab"
}

# sample NAME FILE writes a line a second, as the page's commands print them.
sample() {
	local text begin spent
	text=$(commands "$1")
	[ -n "$text" ] || fail "README.md has no commands for $1"
	trap 'exit 0' TERM
	while :; do
		begin=${EPOCHREALTIME/./}
		bash -c "$text" || echo "$script: a sample failed" >>"$lab/log"
		spent=$((${EPOCHREALTIME/./} - begin))
		[ $spent -ge 1000000 ] || sleep "0.$(printf %06d $((1000000 - spent)))"
	done >>"$2"
}

# pass SECONDS: lets time pass, as long as everything runs.
pass() {
	local pid end=$((SECONDS + $1))
	while [ $SECONDS -lt $end ]; do
		for pid in "${servers[@]+"${servers[@]}"}" "${samplers[@]}" "$reader" $producer $consumer; do
			kill -0 "$pid" 2>/dev/null || fail "the server, the producer, the consumer or a sampler has stopped"
		done
		sleep 1
	done
}

backlog() { tail -n 1 "$output/$name.csv" | cut -d, -f2; }

# balance FILE OFF REST: does the change of the backlog equal inflow less outflow? A counter that shows less than before began anew. At rest is the last sample,
# and so was the first one. A queue through which next to nothing went shows nothing, and fails.
balance() {
	awk -F, -v off="$2" -v rest="$3" -v file="$(basename "$1" .csv)" '
		function grown(now, before) { return now < before ? now : now - before }
		function size(x) { return x < 0 ? -x : x }
		NR == 2 { first = $2; entered = left = worst = 0 }
		NR > 2 {
			resets += ($3 < in_total) + ($4 < out_total)
			entered += grown($3, in_total); left += grown($4, out_total)
			if ($2 > peak) peak = $2
			last = $2 - first - entered + left
			if (size(last) > size(worst)) worst = last
		}
		NR > 1 { backlog = $2; in_total = $3; out_total = $4 }
		END {
			bad = NR < 30 || entered < 500 || peak < 300 || size(worst) > off || size(last) > rest
			printf "balance of %s: backlog %+d, inflow %d, outflow %d, resets %d: off by %d at rest (at most %d), by %d on the way (at most %d)%s\n", \
				file, backlog - first, entered, left, resets, size(last), rest, size(worst), off, bad ? ": DOES NOT ADD UP" : ""
			exit bad
		}' "$1"
}

# column FILE NAME prints that column of eta's last prediction.
column() {
	awk -F, -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i } END { print $c }' "$1"
}

clock() { # of RFC 3339
	[ -z "$1" ] && echo never || echo "${1:11:8}"
}

course() {
	local option
	while getopts o:e: option; do
		case $option in
		o) output=$OPTARG ;;
		e) eta=$OPTARG ;;
		*) usage ;;
		esac
	done
	[ $((OPTIND - 1)) -eq $# ] || usage
	requirements
	[ -n "$eta" ] || need go golang
	[[ -z $eta || $eta = /* ]] || eta=$PWD/$eta
	lab=$(mktemp -d "/tmp/feeding_$name.XXXXXX") || exit 1
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	output=${output:-$(mktemp -d "/tmp/feeding.XXXXXX")}
	mkdir -p "$output" && output=$(cd "$output" && pwd) || exit 1
	if [ -z "$eta" ]; then
		eta=$lab/eta
		(cd "$here/../.." && go build -o "$eta" ./examples/eta) || fail "eta does not build"
	fi
	chmod 755 "$lab"
	cd "$lab" || exit 1

	start
	say "$(version): samples and predictions go to $output"
	local i
	for i in "${!recipes[@]}"; do
		echo time,backlog,inflow_total,outflow_total >"$output/${recipes[i]}.csv"
	done
	name=${recipes[0]}
	for i in "${!recipes[@]}"; do
		sample "${recipes[i]}" "$output/${recipes[i]}.csv" 2>>"$lab/log" &
		samplers+=($!)
	done
	tail -n +1 -f -s 0.2 --pid=$$ "$output/$name.csv" 2>/dev/null | "$eta" -follow -target $target -tz UTC >"$output/$name.txt" 2>&1 &
	reader=$!
	sleep 2 # so that the first sample is one at rest
	consume >>"$lab/log" 2>&1 &
	consumer=$!
	produce >>"$lab/log" 2>&1 &
	producer=$!
	pass $steady
	say "$(backlog) waiting; the consumer stops for $stopped s"
	stop "$consumer"
	consumer=''
	pass $stopped
	say "$(backlog) waiting; the consumer is back"
	local back=$EPOCHREALTIME give_up=$((SECONDS + longest_drain))
	consume >>"$lab/log" 2>&1 &
	consumer=$!
	pass 2
	until [ "$(backlog)" -le $target ] || [ $SECONDS -ge $give_up ]; do pass 1; done
	[ "$(backlog)" -le $target ] || fail "$(backlog) waiting after $longest_drain s: not cleared"
	local cleared
	cleared=$(tail -n 1 "$output/$name.csv" | cut -d, -f1)
	say "$(backlog) waiting: cleared"
	stop "$producer"
	producer=''
	pass "$settle"
	stop "${samplers[@]}"
	samplers=()

	# What did eta say half-way?
	local half line lower median upper inside=outside
	half=$(awk -v a="$back" -v b="$cleared" 'BEGIN { printf "%.3f", (a + b) / 2 }')
	line=$("$eta" -now "$half" -target $target -tz UTC "$output/$name.csv") || fail "eta cannot read $output/$name.csv"
	"$eta" -now "$half" -target $target -format csv "$output/$name.csv" >"$lab/half.csv"
	lower=$(column "$lab/half.csv" lower_time) median=$(column "$lab/half.csv" median_time) upper=$(column "$lab/half.csv" upper_time)
	cleared=$(date -u -d "@$cleared" +%Y-%m-%dT%H:%M:%S)
	if [[ -n $lower && ! ${lower:0:19} > $cleared ]] && [[ -z $upper || ! $cleared > $upper ]]; then inside=inside; fi
	printf '\nhalf-way, at %s, eta said\n%s\nreally cleared at %s, after %.0f s: %s the 90 %% bounds\n' \
		"$(date -u -d "@$half" +%H:%M:%S)" "$line" "$(clock "$cleared")" "$(awk -v a="$back" -v b="$(date -u -d "$cleared" +%s)" 'BEGIN { print b - a }')" $inside
	printf '%s|%s|%s|%s|%s|%s|%s\n' "$(version)" "$(date -u -d "@$back" +%H:%M:%S)" "$(clock "$cleared")" "$(clock "$lower")" "$(clock "$median")" "$(clock "$upper")" $inside >"$output/$name.result"

	local status=0
	for i in "${!recipes[@]}"; do
		balance "$output/${recipes[i]}.csv" "${off[i]}" "${rest[i]}" || status=1
	done
	exit $status
}
