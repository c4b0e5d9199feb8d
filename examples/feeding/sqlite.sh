#!/usr/bin/env bash
# A queue in an SQLite table whose rows are deleted when they are done, through a stop of its consumer, sampled as the page says; about a minute.
#
#   sqlite.sh [-o OUTPUT_DIR] [-e ETA]
#
# -o  where samples and predictions go; unless given, a new directory under /tmp
# -e  an eta to use instead of building ../eta
#
# Exit status: 0 cleared, and the flows agree with the backlog; 1 failed; 2 wrong usage; 3 skipped because something is missing.
. "$(dirname "$0")/common.sh"

recipes=(sqlite) off=(0) rest=(0)

requirements() { need sqlite3 sqlite3; }

version() { echo "SQLite $(sqlite3 -version | cut -d' ' -f1)"; }

sql() { sqlite3 -cmd '.timeout 5000' queue.db "$@"; }

start() {
	sql >/dev/null <<'SQL' || fail "no database"
PRAGMA journal_mode = WAL;
CREATE TABLE jobs (id INTEGER PRIMARY KEY, work TEXT);
SQL
	commands sqlite-once | bash || fail "no triggers"
}

# Ten times a second some jobs: one statement for all, as triggers count rows and not statements.
produce() {
	RANDOM=1
	while :; do
		sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $((2 + RANDOM % 5))) INSERT INTO jobs (work) SELECT 'work' FROM n"
		sleep 0.1
	done
}

consume() {
	RANDOM=2
	while :; do
		sql "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs ORDER BY id LIMIT $((6 + RANDOM % 7)))"
		sleep 0.1
	done
}

course "$@"
