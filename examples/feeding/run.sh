#!/usr/bin/env bash
# Runs the labs of this directory one after the other, some eight minutes in all, and prints a table. (A real Postfix: ../postfix/outage.sh.)
#
#   run.sh [-o OUTPUT_DIR] [-e ETA]
#
# -o  where logs, samples and predictions go; unless given, a new directory under /tmp
# -e  an eta to use instead of building ../eta
#
# Exit status: 0 if none failed, skipped or not; 1 if one did; 2 wrong usage.
set -u
here=$(cd "$(dirname "$0")" && pwd)
output='' eta='' lab=''

usage() {
	echo "usage: run.sh [-o OUTPUT_DIR] [-e ETA]" >&2
	exit 2
}
while getopts o:e: option; do
	case $option in
	o) output=$OPTARG ;;
	e) eta=$OPTARG ;;
	*) usage ;;
	esac
done
[ $((OPTIND - 1)) -eq $# ] || usage

output=${output:-$(mktemp -d /tmp/feeding.XXXXXX)}
mkdir -p "$output" && output=$(cd "$output" && pwd) || exit 1
# shellcheck disable=SC2317 # called by the trap
clean_up() {
	trap '' INT TERM
	[ -z "$lab" ] || { kill "$lab" 2>/dev/null && wait "$lab"; }
	[ "$eta" != "$output/eta" ] || rm -f "$eta"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

[[ -z $eta || $eta = /* ]] || eta=$PWD/$eta
if [ -z "$eta" ]; then
	command -v go >/dev/null || { echo "skipped: go not found; name an eta with -e"; exit 0; }
	eta=$output/eta
	(cd "$here/../.." && go build -o "$eta" ./examples/eta) || exit 1
fi

failed=0 rows=()
for name in sqlite postgres rabbitmq celery sidekiq; do
	case $name in
	celery | sidekiq) command=("$here/redis.sh" -o "$output/$name" -e "$eta" "$name") ;;
	*) command=("$here/$name.sh" -o "$output/$name" -e "$eta") ;;
	esac
	echo "$name: $output/$name.log"
	"${command[@]}" >"$output/$name.log" 2>&1 &
	lab=$!
	wait "$lab"
	status=$?
	lab=''
	row="$name||||||"
	[ ! -s "$output/$name/$name.result" ] || row=$(cat "$output/$name/$name.result")
	case $status in
	0) rows+=("$row|ok") ;;
	3) rows+=("$name|||||||$(grep -m 1 '^skipped: ' "$output/$name.log")") ;;
	*)
		rows+=("$row|FAILED")
		failed=1
		tail -n 5 "$output/$name.log" >&2
		;;
	esac
done

# Half-way between the consumer's return and the end of the backlog, eta said: cleared at the earliest, in the median and at the latest (90 %).
line() { printf '%-30s  %-8s  %-8s  %-8s  %-8s  %-8s  %-7s  %s\n' "$@"; }
echo
line system back cleared earliest median latest '' 'flows and backlog'
for row in "${rows[@]}"; do
	IFS='|' read -r system back cleared lower median upper inside result <<<"$row"
	line "$system" "$back" "$cleared" "$lower" "$median" "$upper" "$inside" "$result"
done
exit $failed
