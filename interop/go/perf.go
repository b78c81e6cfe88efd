package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	"github.com/multiformats/go-multiaddr"
)

const perfID = "/perf/1.0.0"

// The identity of seed 0, which servers have.
const perfServer = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"

var zeros = make([]byte, 1<<16)

func sendZeros(s network.Stream, n uint64) error {
	for n > 0 {
		k, err := s.Write(zeros[:min(n, uint64(len(zeros)))])
		if err != nil {
			return err
		}
		n -= uint64(k)
	}
	return s.CloseWrite()
}

func drain(s network.Stream) (uint64, error) {
	buf := make([]byte, 1<<16)
	var total uint64
	for {
		n, err := s.Read(buf)
		total += uint64(n)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

func servePerf(s network.Stream) error {
	var want uint64
	if err := binary.Read(s, binary.BigEndian, &want); err != nil {
		return err
	}
	if _, err := drain(s); err != nil {
		return err
	}
	return sendZeros(s, want)
}

func runPerf(ctx context.Context, h host.Host, to peer.ID, up, down uint64) error {
	s, err := h.NewStream(ctx, to, perfID)
	if err != nil {
		return err
	}
	defer s.Close()
	if err = binary.Write(s, binary.BigEndian, down); err != nil {
		return err
	}
	if err = sendZeros(s, up); err != nil {
		return err
	}
	got, err := drain(s)
	if err == nil && got != down {
		err = fmt.Errorf("%d bytes came, not %d", got, down)
	}
	return err
}

// pingMedian pings one after another on one stream and gives the median in microseconds.
func pingMedian(ctx context.Context, h host.Host, to peer.ID, n int) (float64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var all []time.Duration
	for r := range ping.Ping(ctx, h, to) {
		if r.Error != nil {
			return 0, r.Error
		}
		if all = append(all, r.RTT); len(all) == n {
			slices.Sort(all)
			return float64(all[n/2].Nanoseconds()) / 1000, nil
		}
	}
	return 0, errors.New("pings ended early")
}

// useMany uses n streams for a byte each way, 32 at a time.
func useMany(ctx context.Context, h host.Host, to peer.ID, n int) error {
	work := make(chan struct{}, n)
	for range n {
		work <- struct{}{}
	}
	close(work)
	var group sync.WaitGroup
	errs := make(chan error, 32)
	for range 32 {
		group.Add(1)
		go func() {
			defer group.Done()
			for range work {
				if err := runPerf(ctx, h, to, 1, 1); err != nil {
					errs <- err
					return
				}
			}
		}()
	}
	group.Wait()
	close(errs)
	return <-errs
}

type perfOptions struct {
	server  bool
	address string
	up      uint64
	down    uint64
	pings   int
	opens   int
}

func perfOptionsOf(args []string) (o perfOptions, err error) {
	fs := flag.NewFlagSet("perf", flag.ExitOnError)
	fs.BoolVar(&o.server, "run-server", false, "serve")
	fs.StringVar(&o.address, "server-address", "", "host:port")
	transport := fs.String("transport", "tcp", "tcp")
	fs.Uint64Var(&o.up, "upload-bytes", 0, "bytes to send")
	fs.Uint64Var(&o.down, "download-bytes", 0, "bytes to ask for")
	fs.IntVar(&o.pings, "pings", 0, "instead: pings, their median")
	fs.IntVar(&o.opens, "opens", 0, "instead: streams for a byte each way")
	fs.Parse(args)
	if *transport != "tcp" {
		err = fmt.Errorf("no transport %q", *transport)
	}
	return o, err
}

func perf(args []string) error {
	o, err := perfOptionsOf(args)
	if err != nil {
		return err
	}
	ip, port, err := net.SplitHostPort(o.address)
	if err != nil {
		return err
	}
	addr := fmt.Sprintf("/ip4/%s/tcp/%s", ip, port)
	if o.server {
		h, err := newHost(options{seed: 0, listen: addr})
		if err != nil {
			return err
		}
		say(map[string]any{"event": "listening", "addrs": h.Addrs()})
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
		<-stop
		return h.Close()
	}
	h, err := newHost(options{seed: -1, listen: "/ip4/127.0.0.1/tcp/0"})
	if err != nil {
		return err
	}
	defer h.Close()
	return perfClient(h, addr, o)
}

func perfClient(h host.Host, addr string, o perfOptions) error {
	to, err := peer.Decode(perfServer)
	if err != nil {
		return err
	}
	ma, err := multiaddr.NewMultiaddr(addr)
	if err != nil {
		return err
	}
	ctx := context.Background()
	began := time.Now()
	if err = h.Connect(ctx, peer.AddrInfo{ID: to, Addrs: []multiaddr.Multiaddr{ma}}); err != nil {
		return err
	}
	line := map[string]any{"type": "final"}
	switch {
	case o.pings > 0:
		line["pingMedianMicros"], err = pingMedian(ctx, h, to, o.pings)
	case o.opens > 0:
		began = time.Now()
		err = useMany(ctx, h, to, o.opens)
		line["streams"] = o.opens
	default:
		err = runPerf(ctx, h, to, o.up, o.down)
		line["uploadBytes"], line["downloadBytes"] = o.up, o.down
	}
	if err != nil {
		return err
	}
	line["timeSeconds"] = time.Since(began).Seconds()
	return json.NewEncoder(os.Stdout).Encode(line)
}
