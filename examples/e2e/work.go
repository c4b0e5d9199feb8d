package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// mailOut is the queue.
const mailOut = "mail-out"

// work is what puts items into the queue and takes them out.
type work struct {
	connections     []*amqp.Connection
	published, done atomic.Int64
	down            atomic.Bool // nothing is taken out
	cancel          context.CancelFunc
	failed          chan error
}

// newWork connects to the broker and begins: in items/s enter, a rate that wanders, and out at most are taken.
func newWork(ctx context.Context, url string, in, out float64) (*work, error) {
	w := &work{failed: make(chan error, 2)}
	ctx, w.cancel = context.WithCancel(ctx)
	open := func() (*amqp.Channel, error) {
		c, err := amqp.Dial(url)
		if err != nil {
			return nil, err
		}
		w.connections = append(w.connections, c)
		return c.Channel()
	}
	to, err := open()
	if err != nil {
		return w, err
	}
	if _, err := to.QueueDeclare(mailOut, true, false, false, false, nil); err != nil {
		return w, err
	}
	from, err := open()
	if err != nil {
		return w, err
	}
	if err := from.Qos(50, 0, false); err != nil {
		return w, err
	}
	items, err := from.Consume(mailOut, "worker", false, false, false, false, nil)
	if err != nil {
		return w, err
	}
	go func() {
		r := rand.New(rand.NewPCG(1, 6))
		wander := 0.0
		paced(ctx, func() float64 {
			wander = 0.98*wander + 0.2*0.15*r.NormFloat64()
			return in * math.Exp(wander)
		}, func() bool {
			if err := to.PublishWithContext(ctx, "", mailOut, false, false, amqp.Publishing{Body: []byte("mail")}); err != nil {
				w.fail(ctx, err)
				return false
			}
			w.published.Add(1)
			return true
		})
	}()
	go paced(ctx, func() float64 { return out }, func() bool {
		if w.down.Load() {
			return true // the worker holds what it has
		}
		select {
		case item, ok := <-items:
			if !ok {
				w.fail(ctx, fmt.Errorf("the broker ended the worker"))
				return false
			}
			if err := item.Ack(false); err != nil {
				w.fail(ctx, err)
				return false
			}
			w.done.Add(1)
		default:
		}
		return true
	})
	return w, nil
}

func (w *work) fail(ctx context.Context, err error) {
	if ctx.Err() == nil {
		w.failed <- err
	}
}

// paced calls do at a rate a second, until the context ends or do says so.
func paced(ctx context.Context, rate func() float64, do func() bool) {
	const tick = 20 * time.Millisecond
	t := time.NewTicker(tick)
	defer t.Stop()
	last, due := time.Now(), 0.0
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-t.C:
			due += rate() * now.Sub(last).Seconds()
			last = now
		}
		for ; due >= 1; due-- {
			if !do() {
				return
			}
		}
	}
}

// backlog is how many wait, as those know who put them in and take them out.
func (w *work) backlog() int { return int(w.published.Load() - w.done.Load()) }

func (w *work) stop() {
	w.cancel()
	for _, c := range w.connections {
		c.Close()
	}
}
