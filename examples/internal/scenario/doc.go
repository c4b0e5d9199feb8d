// Package scenario runs stories about a queue as tests: what was measured goes in, what must be answered stands below it. Each story is asked twice,
// through the library and through the program eta, and both must give what is expected, and the same.
//
// A scenario is a text file of one statement a line; from # on a line is a comment. It has numbers, or samples:
//
//	numbers backlog=1.4M±50k in=700 out=1000        of backlog, net, in, out, as eta's flags
//
//	start 2026-03-28T22:00:00Z                      time of the first sample, and of asking for numbers (unless given: 2026-06-01T00:00:00Z)
//	seed 1                                          of the noise, needed where there is a ±
//	time,backlog,inflow,outflow                     the columns, as package series names them, before the first sample
//	2026-03-28T22:00:00Z,1400,,60                   a sample; an empty field is unknown
//	+60s,1390,0,10                                  the same, so long after the sample above; -60s is before it
//	30 samples every 60s: backlog -20/s ±5, inflow 0, outflow 1200
//	repeat 3                                        the samples until end, three times
//	end
//
// A run of samples goes on from the sample above it. In it a column is unknown, unless it is given as
//
//	outflow 1200            1200 in each sample
//	outflow 0 0 0 200       these in turn, over and over
//	outflow 20/s            20 a second: for a count that times the interval; a backlog, a total or a delay goes on from the sample above
//	backlog 1.4M -20/s      the same from 1.4 million on, which is the first sample's
//	backlog follows         the backlog above, and what enters and leaves; where less waits than would leave, less leaves
//
// and ±5 behind any of them adds a normal error of that standard deviation to each number: to each value where it stands behind values, to each interval's
// rate behind a rate, so that a backlog with a rate wanders. Rates are per s, min, h, d or week. Everything counted is rounded to whole items, and
// nothing is negative.
//
//	truth 2026-03-29T08:00:00Z                      when the queue is really cleared; +2h is from the sample above, or from start
//	ask                                             what is known from the samples above?
//	ask later -now +30m -target 20 -level 0.5 -deadline 2h -tz Europe/Berlin
//
// The flags are eta's; +30m is from the sample above; the zone is UTC unless given. A name makes an answer known to those below: @later is the same field of
// it. What is expected of the answer follows it; fields have the names of the JSON form, with points between:
//
//	expect state draining
//	expect net_drain_per_second 20 ± 2              also ± 10%, and ± 5s for a time
//	expect time_to_clear.upper_seconds never        unknown is the other word for null
//	expect time_to_clear.upper_time > @later        also <, <=, >=
//	expect time_to_clear.median_seconds truth ± 10%
//	expect time_to_clear covers 4667                lies within lower and upper; also: covers truth
//	expect reasons contain counter_reset            also: lack; warnings contain "part of a sentence"
//	expect counts.rejected.negative 1               0 where there is no such count
//	expect deadlines.1.probability > 0.9            the first
//	expect text contain "61 h"                      the line that answers; also: lack
//
// and of the answers given as the samples come in, one for each, since the answer of that name or from the first on (-now does not count there):
//
//	expect states unknown draining cleared          each change of the state, in turn; also: lack growing
//	expect states since later draining
//	expect coverage since later >= 0.9              the share of the bounds that cover the truth
//	expect swing since later <= 1.2                 the largest over the smallest of median / true time to clear: a saw-tooth has a large one
//
// Whatever is expected, no time and no probability of an answer may be negative, quantiles rise, bounds lie about the median, and the formats agree.
package scenario
