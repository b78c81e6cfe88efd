package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

type driver struct {
	h  host.Host
	to peer.ID
	o  options
}

func (d *driver) open(ctx context.Context, id string) (network.Stream, error) {
	s, err := d.h.NewStream(ctx, d.to, protocol.ID("/lp2p-interop/"+id+"/1.0.0"))
	if err == nil {
		deadline, _ := ctx.Deadline()
		s.SetDeadline(deadline)
	}
	return s, err
}

// exchange writes n random bytes, closes its half and wants exactly those bytes and an end back.
func exchange(s network.Stream, n int) error {
	want := make([]byte, n)
	rand.Read(want)
	sent := make(chan error, 1)
	go func() {
		_, err := s.Write(want)
		if err == nil {
			err = s.CloseWrite()
		}
		sent <- err
	}()
	got, err := io.ReadAll(io.LimitReader(s, int64(n)+1))
	if err := errors.Join(err, <-sent); err != nil {
		s.Reset()
		return err
	}
	if !bytes.Equal(got, want) {
		s.Reset()
		return fmt.Errorf("echo of %d bytes came back as other %d", n, len(got))
	}
	return s.Close()
}

func (d *driver) echo(ctx context.Context, n int) error {
	s, err := d.open(ctx, "echo")
	if err != nil {
		return err
	}
	return exchange(s, n)
}

func (d *driver) seq(ctx context.Context) (map[string]any, error) {
	for i := range d.o.seq {
		if err := d.echo(ctx, 64); err != nil {
			return nil, fmt.Errorf("stream %d: %w", i, err)
		}
	}
	return map[string]any{"n": d.o.seq}, nil
}

// atOnce opens all streams, and only when all are open (or refused) uses them.
func (d *driver) atOnce(ctx context.Context) []error {
	var opened, done sync.WaitGroup
	errs := make([]error, d.o.par)
	opened.Add(d.o.par)
	for i := range d.o.par {
		done.Go(func() {
			s, err := d.open(ctx, "echo")
			if err == nil {
				_, err = s.Write([]byte("first"))
			}
			if err == nil {
				_, err = io.ReadFull(s, make([]byte, 5))
			}
			opened.Done()
			opened.Wait()
			if err == nil {
				err = exchange(s, 1024)
			} else if s != nil {
				s.Reset()
			}
			errs[i] = err
		})
	}
	done.Wait()
	return errs
}

func (d *driver) parallel(ctx context.Context) (map[string]any, error) {
	return map[string]any{"n": d.o.par}, errors.Join(d.atOnce(ctx)...)
}

// limits runs against a peer with its default limits: refused in time is right, hanging is not.
func (d *driver) limits(ctx context.Context) (map[string]any, error) {
	ok, refused := 0, 0
	for _, err := range d.atOnce(ctx) {
		if err == nil {
			ok++
		} else if ctx.Err() != nil || strings.Contains(err.Error(), "deadline") {
			return nil, fmt.Errorf("a stream hung: %w", err)
		} else {
			refused++
		}
	}
	if ok == 0 {
		return nil, fmt.Errorf("all %d streams refused", refused)
	}
	return map[string]any{"n": d.o.par, "served": ok, "refused": refused}, d.echo(ctx, 1024)
}

func (d *driver) shaUp(ctx context.Context) (map[string]any, error) {
	s, err := d.open(ctx, "sink")
	if err != nil {
		return nil, err
	}
	defer s.Reset()
	sum, err := copyHashed(s, d.o.bytes)
	if err != nil {
		return nil, err
	}
	if err = s.CloseWrite(); err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(io.LimitReader(s, 64))
	if err != nil {
		return nil, err
	}
	want := sum.Sum(binary.BigEndian.AppendUint64(nil, d.o.bytes))
	if !bytes.Equal(answer, want) {
		return nil, fmt.Errorf("sink answered %x, not %x", answer, want)
	}
	return map[string]any{"bytes": d.o.bytes}, nil
}

func (d *driver) shaDown(ctx context.Context) (map[string]any, error) {
	s, err := d.open(ctx, "source")
	if err != nil {
		return nil, err
	}
	defer s.Reset()
	if err = binary.Write(s, binary.BigEndian, d.o.bytes); err != nil {
		return nil, err
	}
	if err = s.CloseWrite(); err != nil {
		return nil, err
	}
	sum := sha256.New()
	n, err := io.CopyN(sum, s, int64(d.o.bytes))
	if err != nil {
		return nil, fmt.Errorf("after %d bytes: %w", n, err)
	}
	answer, err := io.ReadAll(io.LimitReader(s, 64))
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(answer, sum.Sum(nil)) {
		return nil, fmt.Errorf("source's sum is %x, the bytes have %x", answer, sum.Sum(nil))
	}
	return map[string]any{"bytes": d.o.bytes}, nil
}

// halfClose: first we end our half and everything still comes back; then the listener ends its
// half first and ours must stay usable.
func (d *driver) halfClose(ctx context.Context) (map[string]any, error) {
	if err := d.echo(ctx, 1<<20); err != nil {
		return nil, fmt.Errorf("ours first: %w", err)
	}
	s, err := d.open(ctx, "source")
	if err != nil {
		return nil, err
	}
	defer s.Reset()
	const n = 1 << 16
	if err = binary.Write(s, binary.BigEndian, uint64(n)); err != nil {
		return nil, err
	}
	got, err := io.ReadAll(io.LimitReader(s, n+64))
	if err != nil {
		return nil, fmt.Errorf("theirs first: %w", err)
	}
	if len(got) != n+sha256.Size {
		return nil, fmt.Errorf("theirs first: %d bytes", len(got))
	}
	for range 4 {
		if _, err = s.Write(make([]byte, n)); err != nil {
			return nil, fmt.Errorf("write after their end: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err = s.CloseWrite(); err != nil {
		return nil, err
	}
	return map[string]any{}, d.echo(ctx, 64)
}

func drive(o options) error {
	h, err := newHost(o)
	if err != nil {
		return err
	}
	defer h.Close()
	info, err := peer.AddrInfoFromString(o.to)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err = h.Connect(ctx, *info); err != nil {
		return err
	}
	d := &driver{h, info.ID, o}
	all := map[string]func(context.Context) (map[string]any, error){
		"seq": d.seq, "par": d.parallel, "sha_up": d.shaUp, "sha_down": d.shaDown,
		"half_close": d.halfClose, "limits": d.limits,
	}
	var failed []string
	for name := range strings.SplitSeq(o.checks, ",") {
		check := all[name]
		if check == nil {
			return fmt.Errorf("no check %q", name)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		start := time.Now()
		res, err := check(ctx)
		cancel()
		if res == nil {
			res = map[string]any{}
		}
		res["check"], res["ok"], res["seconds"] = name, err == nil, time.Since(start).Seconds()
		if err != nil {
			res["text"] = err.Error()
			failed = append(failed, name)
		}
		say(res)
	}
	if failed != nil {
		return fmt.Errorf("failed: %s", strings.Join(failed, " "))
	}
	return nil
}
