#!/usr/bin/env bash
# A job queue in Redis, Celery's or Sidekiq's own, through a stop of its worker, sampled as the page says; about a minute.
#
#   redis.sh [-o OUTPUT_DIR] [-e ETA] celery|sidekiq
#
# Starts a Redis of its own on a free port of 127.0.0.1, in a temporary directory.
#
# -o  where samples and predictions go; unless given, a new directory under /tmp
# -e  an eta to use instead of building ../eta
#
# Exit status: 0 cleared, and the flows agree with the backlog; 1 failed; 2 wrong usage; 3 skipped because something is missing.
. "$(dirname "$0")/common.sh"

python=/usr/bin/python3 # Debian's
arguments=' celery|sidekiq' system=${*: -1}
[ $# -eq 0 ] || set -- "${@:1:$#-1}"
case $system in
celery)
	# A worker that is stopped may lose the message that it has just taken.
	recipes=(celery) off=(8) rest=(1) settle=8
	requirements() {
		need redis-server redis-server
		$python -c 'import celery, redis' 2>/dev/null || skip "no celery and redis in $python: apt-get install python3-celery python3-redis"
	}
	version() { echo "Celery $($python -c 'import celery; print(celery.__version__)') on $(redis)"; }
	produce() { exec $python produce.py; }
	consume() { exec $python -m celery -A tasks worker -c 4 -l warning; }
	;;
sidekiq)
	# A worker tells every 5 s what it did, and looks as often for jobs to be tried again.
	recipes=(sidekiq) off=(700) rest=(0) settle=16
	requirements() {
		need redis-server redis-server
		need sidekiq ruby-sidekiq
	}
	version() { echo "$(sidekiq --version) on $(redis)"; }
	produce() { exec ruby produce.rb; }
	consume() { exec sidekiq -c 4 -r ./job.rb; }
	;;
*) usage ;;
esac

redis() { redis-server --version | sed 's/.* v=\([^ ]*\).*/Redis \1/'; }

start() {
	REDIS_PORT=$(free_port $((26379 + RANDOM % 1000)))
	export REDIS_PORT REDIS_URL=redis://127.0.0.1:$REDIS_PORT/0
	redis-server --bind 127.0.0.1 --port "$REDIS_PORT" --dir "$lab" --save '' --daemonize no >>"$lab/log" 2>&1 &
	servers+=($!)
	until_ready redis-cli -p "$REDIS_PORT" ping || fail "Redis does not start"
	# One job in ten fails and is tried again a second later.
	cat >tasks.py <<-'PYTHON'
		import os, random, time, celery
		app = celery.Celery("tasks", broker=os.environ["REDIS_URL"])
		@app.task(bind=True, default_retry_delay=1, max_retries=5)
		def work(self):
		    time.sleep(random.uniform(0, 0.1))
		    if random.random() < 0.1:
		        raise self.retry()
	PYTHON
	cat >produce.py <<-'PYTHON'
		import random, time, tasks
		random.seed(1)
		while True:
		    tasks.work.delay()
		    time.sleep(random.expovariate(40))
	PYTHON
	cat >job.rb <<-'RUBY'
		require "sidekiq"
		class Job
		  include Sidekiq::Worker
		  sidekiq_options retry: 5, backtrace: false
		  sidekiq_retry_in { 1 }
		  def perform(fails)
		    sleep rand * 0.1
		    return if !fails || File.exist?("tried-#{jid}")
		    File.write("tried-#{jid}", "")
		    raise "failed"
		  end
		end
	RUBY
	cat >produce.rb <<-'RUBY'
		require "./job"
		srand 1
		loop do
		  Job.perform_async(rand < 0.1)
		  sleep(-Math.log(1 - rand) / 40)
		end
	RUBY
}

course "$@"
