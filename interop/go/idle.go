package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	"github.com/libp2p/go-libp2p/core/record"
	"github.com/libp2p/go-libp2p/p2p/discovery/mdns"
	ma "github.com/multiformats/go-multiaddr"
)

type found struct{}

func texts(addrs []ma.Multiaddr) []string {
	s := []string{}
	for _, a := range addrs {
		s = append(s, a.String())
	}
	return s
}

func (found) HandlePeerFound(i peer.AddrInfo) {
	say(map[string]any{"event": "discovered", "peer": i.ID, "addrs": texts(i.Addrs)})
}

func direction(c network.Conn) string {
	if c.Stat().Direction == network.DirInbound {
		return "in"
	}
	return "out"
}

// certified are the addresses of a record that the library found good, null without one.
func certified(e *record.Envelope) any {
	if e == nil {
		return nil
	}
	r, err := e.Record()
	if p, ok := r.(*peer.PeerRecord); err == nil && ok {
		return texts(p.Addrs)
	}
	return nil
}

func watch(h host.Host) error {
	h.Network().Notify(&network.NotifyBundle{
		ConnectedF: func(_ network.Network, c network.Conn) {
			say(map[string]any{"event": "connected", "peer": c.RemotePeer(),
				"addr": c.RemoteMultiaddr().String(), "direction": direction(c)})
		},
		DisconnectedF: func(_ network.Network, c network.Conn) {
			say(map[string]any{"event": "disconnected", "peer": c.RemotePeer(),
				"addr": c.RemoteMultiaddr().String(), "direction": direction(c)})
		},
	})
	sub, err := h.EventBus().Subscribe(new(event.EvtPeerIdentificationCompleted))
	if err != nil {
		return err
	}
	go func() {
		for e := range sub.Out() {
			i := e.(event.EvtPeerIdentificationCompleted)
			say(map[string]any{"event": "identified", "peer": i.Peer, "agent": i.AgentVersion,
				"protocols": i.Protocols, "addrs": texts(i.ListenAddrs),
				"certified": certified(i.SignedPeerRecord)})
		}
	}()
	return nil
}

// target takes an address with /p2p or, for a peer that is known already, its id alone.
func target(text string) (*peer.AddrInfo, error) {
	if strings.HasPrefix(text, "/") {
		return peer.AddrInfoFromString(text)
	}
	id, err := peer.Decode(text)
	return &peer.AddrInfo{ID: id}, err
}

// openMany opens n streams at once and tells how each ended.
func openMany(ctx context.Context, h host.Host, p peer.ID, id string, n int) map[string]any {
	var wg sync.WaitGroup
	var lock sync.Mutex
	opened, refused, failed := 0, 0, 0
	for range n {
		wg.Go(func() {
			s, err := h.NewStream(ctx, p, protocol.ID(id))
			lock.Lock()
			defer lock.Unlock()
			switch {
			case err == nil:
				opened++
				s.Reset()
			case strings.Contains(err.Error(), "protocols not supported"):
				refused++
			default:
				failed++
			}
		})
	}
	wg.Wait()
	return map[string]any{"event": "streams", "peer": p, "opened": opened, "refused": refused,
		"failed": failed}
}

func command(h host.Host, words []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if words[0] == "peers" {
		all := []map[string]any{}
		for _, c := range h.Network().Conns() {
			all = append(all, map[string]any{"peer": c.RemotePeer(), "direction": direction(c),
				"addr": c.RemoteMultiaddr().String(), "streams": c.Stat().NumStreams})
		}
		say(map[string]any{"event": "peers", "peers": all})
		return nil
	}
	if len(words) < 2 {
		return fmt.Errorf("%q needs a peer or an address", words[0])
	}
	if words[0] == "listen" {
		addr, err := ma.NewMultiaddr(words[1])
		if err != nil {
			return err
		}
		return h.Network().Listen(addr)
	}
	to, err := target(words[1])
	if err != nil {
		return err
	}
	switch words[0] {
	case "dial":
		return h.Connect(ctx, *to)
	case "close":
		return h.Network().ClosePeer(to.ID)
	case "ping":
		rtt, err := pingOnce(ctx, h, to.ID)
		if err == nil {
			say(map[string]any{"event": "ping", "peer": to.ID,
				"rtt_ms": float64(rtt.Microseconds()) / 1000})
		}
		return err
	case "streams":
		if len(words) < 4 {
			return fmt.Errorf("streams PEER PROTOCOL N")
		}
		n, err := strconv.Atoi(words[3])
		if err == nil {
			say(openMany(ctx, h, to.ID, words[2], n))
		}
		return err
	}
	return fmt.Errorf("no command %q", words[0])
}

func commands(h host.Host, quit chan<- struct{}) {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		words := strings.Fields(in.Text())
		if len(words) == 0 {
			continue
		}
		if words[0] == "quit" {
			break
		}
		go func() {
			if err := command(h, words); err != nil {
				say(map[string]any{"event": "error", "command": in.Text(), "text": err.Error()})
			}
		}()
	}
	close(quit)
}

func idle(o options) error {
	h, err := newHost(o)
	if err != nil {
		return err
	}
	defer h.Close()
	if err = watch(h); err != nil {
		return err
	}
	addrs := []string{}
	for _, a := range h.Addrs() {
		addrs = append(addrs, fmt.Sprintf("%s/p2p/%s", a, h.ID()))
	}
	say(map[string]any{"event": "listening", "peer": h.ID(), "addrs": addrs})
	if o.mdns {
		m := mdns.NewMdnsService(h, "", found{})
		if err = m.Start(); err != nil {
			return err
		}
		defer m.Close()
	}
	quit := make(chan struct{})
	go commands(h, quit)
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGINT, syscall.SIGTERM)
	select {
	case <-quit:
	case <-sig:
	}
	return nil
}
