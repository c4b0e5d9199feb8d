#!/usr/bin/env bash
# Executes backlog.ipynb afresh, and fails where a cell of it fails:
#
#   run.sh [-o OUTPUT.ipynb] [FILE.csv]
#   run.sh -u
#
# FILE.csv is the reader's choice, with columns time and backlog; unless given, the recording. Its target and zone are taken from BACKLOG_TARGET and
# BACKLOG_TZ, the programs from ETA and BACKTEST, as the notebook tells.
#
# -o  where the executed notebook goes; unless given, to a new file under /tmp
# -u  updates backlog.ipynb and fan.png in place, from the recording
#
# Needs a Python with pandas, matplotlib, ipykernel, nbclient and nbformat (Debian: python3-pandas python3-matplotlib python3-ipykernel jupyter-nbconvert) and, without ETA
# and BACKTEST, Go. Exit status: 0 executed, 1 failed, 2 wrong usage, 3 skipped because something is missing.
set -u
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd)

longest_cell=300 longest=900 # seconds
output='' update=''
usage() {
	echo "usage: run.sh [-o OUTPUT.ipynb] [FILE.csv] | run.sh -u" >&2
	exit 2
}
while getopts o:u option; do
	case $option in
	o) output=$OPTARG ;;
	u) update=yes ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -le 1 ] || usage
[ -z "$update" ] || [ -z "$output$*" ] || usage
if [ $# -eq 1 ]; then
	[ -n "$1" ] || usage
	if ! [ -f "$1" ] || ! [ -r "$1" ]; then
		echo "run.sh: cannot read $1" >&2
		exit 1
	fi
	BACKLOG_CSV=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
	export BACKLOG_CSV
elif [ -n "$update" ]; then
	unset BACKLOG_CSV BACKLOG_TARGET BACKLOG_TZ
fi

# The first Python that has all of it; "python3" may be one of a version manager, without Debian's packages.
python=''
for candidate in "${PYTHON:-}" python3 /usr/bin/python3; do
	if [ -n "$candidate" ] && "$candidate" -c 'import pandas, matplotlib, ipykernel, nbclient, nbformat' >/dev/null 2>&1; then
		python=$("$candidate" -c 'import sys; print(sys.executable)')
		break
	fi
done
[ -n "$python" ] || {
	echo "skipped: no python3 with pandas, matplotlib, ipykernel, nbclient and nbformat: apt-get install python3-pandas python3-matplotlib python3-ipykernel jupyter-nbconvert" >&2
	exit 3
}
[ -n "${ETA:-}" ] && [ -n "${BACKTEST:-}" ] || command -v go >/dev/null || { echo "skipped: go not found; name the programs with ETA and BACKTEST" >&2; exit 3; }

lab=$(mktemp -d /tmp/notebook.XXXXXX) || exit 1
worker=''
# shellcheck disable=SC2317 # called by the trap
clean_up() {
	trap '' INT TERM
	[ -n "$worker" ] && kill "$worker" 2>/dev/null && wait "$worker" 2>/dev/null
	rm -rf "$lab"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A kernel that is this very Python, and nothing of the user's own settings.
mkdir -p "$lab/jupyter/kernels/backlog" "$lab/tmp" "$lab/config"
"$python" - "$lab/jupyter/kernels/backlog/kernel.json" <<'END' || exit 1
import json, sys
argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
json.dump({"argv": argv, "display_name": "Python 3", "language": "python"}, open(sys.argv[1], "w"))
END
export JUPYTER_PATH=$lab/jupyter JUPYTER_DATA_DIR=$lab/jupyter JUPYTER_RUNTIME_DIR=$lab/runtime JUPYTER_CONFIG_DIR=$lab/config
export IPYTHONDIR=$lab/ipython TMPDIR=$lab/tmp
export PYDEVD_DISABLE_FILE_VALIDATION=1 # no warning about a debugger
unset MPLBACKEND MATPLOTLIBRC PYTHONSTARTUP

timeout -k 10 $longest "$python" - "$here/backlog.ipynb" "$lab/executed.ipynb" "$lab/fan.png" "$longest_cell" "$(cd "$here/../.." && pwd)" "$update" <<'END' &
import base64, os, re, sys
import nbformat
from nbclient import NotebookClient

source, target, picture, limit, root, update = sys.argv[1:]
notebook = nbformat.read(source, as_version=4)
for cell in notebook.cells:
    if cell.cell_type == "code":
        cell.outputs, cell.execution_count = [], None
client = NotebookClient(notebook, timeout=int(limit), kernel_name="backlog", resources={"metadata": {"path": os.path.dirname(source)}}, record_timing=False)
status = 0
try:
    client.execute()
except Exception as e:  # a cell fails or takes too long, the kernel dies or is stopped
    status = 1
    failed = next((c.id for c in notebook.cells if c.cell_type == "code" and any(o.output_type == "error" for o in c.outputs)), None)
    print(f"run.sh: cell {failed!r} fails" if failed else "run.sh: the notebook fails", file=sys.stderr)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", str(e)).strip().splitlines()
    print(*lines[-20:], sep="\n", file=sys.stderr)

# What does not depend on the machine and the moment.
notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}
for cell in notebook.cells:
    cell.metadata = {}
    whole = []
    for output in cell.get("outputs", []):  # what is printed comes in pieces that depend on the moment
        if whole and output.output_type == whole[-1].output_type == "stream" and output.name == whole[-1].name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    if cell.cell_type == "code":
        cell.outputs = whole
    for output in cell.get("outputs", []):
        if "metadata" in output:
            output.metadata = {}
        for data in [output.get("data", {})]:
            if cell.id == "fan" and "image/png" in data:
                open(picture, "wb").write(base64.b64decode(data["image/png"]))
        if status or not update:
            continue
        for text in [output.get("text", "")] + [v for k, v in output.get("data", {}).items() if k.startswith("text/")]:
            for place in (root, os.environ["TMPDIR"], os.path.expanduser("~") + "/"):
                if len(place) > 2 and place in text:
                    print(f"run.sh: cell {cell.id!r} prints {place}, a path of this machine", file=sys.stderr)
                    status = 1
        if output.output_type == "stream" and output.name == "stderr":
            print(f"run.sh: cell {cell.id!r} warns: {output.text.strip()}", file=sys.stderr)
            status = 1
nbformat.validate(notebook)
nbformat.write(notebook, target)
sys.exit(status)
END
worker=$!
wait $worker
status=$? worker=''
[ $status -ne 124 ] && [ $status -ne 137 ] || echo "run.sh: not done after $longest s" >&2
if [ -n "$update" ]; then
	[ $status -eq 0 ] || exit 1
	[ -s "$lab/fan.png" ] || { echo "run.sh: no picture of the fan" >&2; exit 1; }
	cat "$lab/executed.ipynb" >"$here/backlog.ipynb" && cat "$lab/fan.png" >"$here/fan.png" || exit 1
	echo "$here/backlog.ipynb and fan.png are updated"
	exit 0
fi
if [ -s "$lab/executed.ipynb" ]; then
	[ -n "$output" ] || output=$(TMPDIR=/tmp mktemp /tmp/backlog.XXXXXX.ipynb) || exit 1
	cat "$lab/executed.ipynb" >"$output" || exit 1
	echo "$output"
fi
[ $status -eq 0 ] || exit 1
