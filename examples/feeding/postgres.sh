#!/usr/bin/env bash
# A queue in PostgreSQL tables, through a stop of its workers, sampled as the page says; about a minute. The same jobs are in two tables: one whose
# rows stay when they are done, and one whose rows are deleted.
#
#   postgres.sh [-o OUTPUT_DIR] [-e ETA]
#
# Starts a PostgreSQL of its own in a temporary directory, which listens on a Unix socket there and nowhere else. One job in ten fails and is tried again.
#
# -o  where samples and predictions go; unless given, a new directory under /tmp
# -e  an eta to use instead of building ../eta
#
# Exit status: 0 cleared, and the flows agree with the backlog; 1 failed; 2 wrong usage; 3 skipped because something is missing.
. "$(dirname "$0")/common.sh"

# Rows that stay are counted in one statement. What the statistics count comes up to two seconds late.
recipes=(postgres postgres-deleted) off=(0 300) rest=(0 0) settle=13
bin=$(dirname "$(readlink -f "$(command -v initdb || find /usr/lib/postgresql -name initdb 2>/dev/null | sort -V | tail -n 1)")")

requirements() {
	need psql postgresql-client
	PATH=$PATH:$bin
	need postgres postgresql
	need pgbench postgresql
	as=()
	if [ "$(id -u)" -eq 0 ]; then # which PostgreSQL refuses
		need setpriv util-linux
		id postgres >/dev/null 2>&1 || skip "no user postgres: apt-get install postgresql"
		as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
	fi
}

version() { psql -XAtc 'SHOW server_version' | sed 's/^/PostgreSQL /; s/ (.*//'; }

start() {
	mkdir "$lab/server"
	[ ${#as[@]} -eq 0 ] || chown postgres "$lab/server"
	"${as[@]}" initdb -D "$lab/server/data" -U postgres -A trust -E UTF8 --locale=C -N >"$lab/log" 2>&1 || fail "initdb"
	"${as[@]}" postgres -D "$lab/server/data" -k "$lab/server" -c listen_addresses= -c fsync=off >>"$lab/log" 2>&1 &
	servers+=($!)
	export PGHOST=$lab/server PGUSER=postgres PGDATABASE=postgres
	until_ready psql -Xqc 'SELECT 1' || fail "PostgreSQL does not start"
	psql -Xq <<'SQL' || fail "no tables"
CREATE TABLE jobs (id bigserial PRIMARY KEY, created_at timestamptz NOT NULL DEFAULT now(), locked_at timestamptz, finished_at timestamptz, attempts int NOT NULL DEFAULT 0);
CREATE INDEX ON jobs (id) WHERE finished_at IS NULL;
CREATE TABLE mails (id bigint PRIMARY KEY);
SQL
	cat >produce.sql <<'SQL'
WITH job AS (INSERT INTO jobs DEFAULT VALUES RETURNING id) INSERT INTO mails SELECT id FROM job;
SQL
	# A worker takes the oldest job that no one has, or has had for 5 s: that of a worker which died.
	cat >consume.sql <<'SQL'
WITH job AS (UPDATE jobs SET locked_at = clock_timestamp(), attempts = attempts + 1 WHERE id = (
	SELECT id FROM jobs WHERE finished_at IS NULL AND (locked_at IS NULL OR locked_at < clock_timestamp() - interval '5 s')
	ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING id)
SELECT coalesce((SELECT id FROM job), 0) AS job \gset
\set ms random(20, 70)
\sleep :ms ms
\set fails random(1, 10)
\if :fails = 1
UPDATE jobs SET locked_at = NULL WHERE id = :job;
\else
WITH job AS (UPDATE jobs SET finished_at = clock_timestamp() WHERE id = :job RETURNING id) DELETE FROM mails USING job WHERE mails.id = job.id;
\endif
SQL
}

produce() { exec pgbench -n -f produce.sql -c 1 -R 40 -T 600 --random-seed=1; }

consume() { exec pgbench -n -f consume.sql -c 4 -T 600 --random-seed=2; }

course "$@"
