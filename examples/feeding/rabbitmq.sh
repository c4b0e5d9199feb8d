#!/usr/bin/env bash
# A RabbitMQ queue through a stop of its consumer, sampled as the page says; about 70 seconds.
#
#   rabbitmq.sh [-o OUTPUT_DIR] [-e ETA]
#
# Starts a RabbitMQ of its own on free ports of 127.0.0.1, with an epmd of its own, in a temporary directory.
#
# -o  where samples and predictions go; unless given, a new directory under /tmp
# -e  an eta to use instead of building ../eta
#
# Exit status: 0 cleared, and the flows agree with the backlog; 1 failed; 2 wrong usage; 3 skipped because something is missing.
. "$(dirname "$0")/common.sh"

# Some 80 messages a second, and numbers that are up to two statistics intervals apart. When the consumer's channel closes, what it did since the last sample may go uncounted.
recipes=(rabbitmq rabbitmq-node) off=(200 200) rest=(100 0)
python=/usr/bin/python3 # Debian's
server=/usr/lib/rabbitmq/bin/rabbitmq-server # not the one on PATH, which changes the user and the directory

requirements() {
	need curl curl
	[ -x $server ] || skip "$server not found: apt-get install rabbitmq-server"
	need epmd erlang-base
	$python -c 'import pika' 2>/dev/null || skip "no pika in $python: apt-get install python3-pika"
}

version() { echo "RabbitMQ $(curl -fsS "http://$RABBITMQ_METRICS/metrics" | sed -n 's/^rabbitmq_build_info{.*rabbitmq_version="\([^"]*\)".*/\1/p')"; }

start() {
	local metrics epmd distribution
	amqp=$(free_port $((25672 + RANDOM % 1000)))
	metrics=$(free_port $((amqp + 1)))
	epmd=$(free_port $((metrics + 1)))
	distribution=$(free_port $((epmd + 1)))
	cat >rabbitmq.conf <<-CONF
		listeners.tcp.default = 127.0.0.1:$amqp
		prometheus.tcp.ip = 127.0.0.1
		prometheus.tcp.port = $metrics
		collect_statistics_interval = 1000
	CONF
	echo '[rabbitmq_prometheus].' >enabled_plugins
	touch environment
	export RABBITMQ_METRICS=127.0.0.1:$metrics ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$epmd
	epmd -address 127.0.0.1 -port "$epmd" >>"$lab/log" 2>&1 &
	servers+=($!)
	until_ready listening "$epmd" || fail "epmd does not start"
	HOME=$lab RABBITMQ_NODENAME=feeding@localhost RABBITMQ_DIST_PORT=$distribution RABBITMQ_MNESIA_BASE=$lab/mnesia RABBITMQ_LOG_BASE=$lab/logs \
		RABBITMQ_CONFIG_FILE=$lab/rabbitmq.conf RABBITMQ_ADVANCED_CONFIG_FILE=$lab/advanced.config RABBITMQ_CONF_ENV_FILE=$lab/environment \
		RABBITMQ_ENABLED_PLUGINS_FILE=$lab/enabled_plugins RABBITMQ_PID_FILE=$lab/pid \
		RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}' $server >>"$lab/log" 2>&1 &
	servers+=($!)
	until_ready curl -fsS "http://$RABBITMQ_METRICS/metrics" || fail "RabbitMQ does not start"
}

produce() {
	exec $python - "$amqp" <<-'PYTHON'
		import pika, random, sys
		connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", int(sys.argv[1])))
		channel = connection.channel()
		channel.queue_declare("mail-out", durable=True)
		random.seed(1)
		while True:
		    channel.basic_publish("", "mail-out", b"work")
		    connection.sleep(random.expovariate(45))
	PYTHON
}

consume() {
	exec $python - "$amqp" <<-'PYTHON'
		import pika, random, sys, time
		channel = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", int(sys.argv[1]))).channel()
		channel.queue_declare("mail-out", durable=True)
		channel.basic_qos(prefetch_count=20)
		for method, properties, body in channel.consume("mail-out"):
		    time.sleep(random.uniform(0, 0.024))
		    channel.basic_ack(method.delivery_tag)
	PYTHON
}

course "$@"
