package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// contract is what differs between the two official transport suites.
type contract struct {
	dialer                     bool
	transport, security, muxer string
	ip, redis, key             string
	timeout                    time.Duration
	report                     string
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func seconds(name string) time.Duration {
	n, err := strconv.Atoi(env(name, "180"))
	if err != nil || n <= 0 {
		n = 180
	}
	return time.Duration(n) * time.Second
}

func readContract() (contract, error) {
	c := contract{}
	if v, ok := os.LookupEnv("IS_DIALER"); ok {
		c = contract{
			dialer: v == "true", transport: os.Getenv("TRANSPORT"),
			security: os.Getenv("SECURE_CHANNEL"), muxer: os.Getenv("MUXER"),
			ip: env("LISTENER_IP", "0.0.0.0"), redis: env("REDIS_ADDR", "transport-redis:6379"),
			key:     os.Getenv("TEST_KEY") + "_listener_multiaddr",
			timeout: seconds("TEST_TIMEOUT_SECS"),
			report:  "latency:\n  handshake_plus_one_rtt: %.3f\n  ping_rtt: %.3f\n  unit: ms\n",
		}
		if os.Getenv("TEST_KEY") == "" {
			return c, fmt.Errorf("TEST_KEY is not set")
		}
	} else if v, ok := os.LookupEnv("is_dialer"); ok {
		c = contract{
			dialer: v == "true", transport: os.Getenv("transport"),
			security: os.Getenv("security"), muxer: os.Getenv("muxer"),
			ip: env("ip", "0.0.0.0"), redis: env("redis_addr", "redis:6379"),
			key: "listenerAddr", timeout: seconds("test_timeout_seconds"),
			report: "{\"handshakePlusOneRTTMillis\": %.3f, \"pingRTTMilllis\": %.3f}\n",
		}
	} else {
		return c, fmt.Errorf("neither IS_DIALER nor is_dialer is set")
	}
	if c.transport != "tcp" || c.security != "noise" || c.muxer != "yamux" {
		return c, fmt.Errorf("no %q/%q/%q here, only tcp/noise/yamux", c.transport, c.security, c.muxer)
	}
	return c, nil
}

// redisCall sends one command and returns the bulk strings of its answer.
func redisCall(addr string, timeout time.Duration, args ...string) ([]string, error) {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(timeout))
	fmt.Fprintf(conn, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(conn, "$%d\r\n%s\r\n", len(a), a)
	}
	return redisReply(bufio.NewReader(conn))
}

func redisReply(r *bufio.Reader) ([]string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
	switch line[0] {
	case '*':
		var all []string
		for range n {
			one, err := redisReply(r)
			if err != nil {
				return nil, err
			}
			all = append(all, one...)
		}
		return all, nil
	case '$':
		if n < 0 {
			return nil, nil
		}
		b := make([]byte, n+2)
		_, err := io.ReadFull(r, b)
		return []string{string(b[:n])}, err
	case ':':
		return nil, nil
	}
	return nil, fmt.Errorf("redis: %s", strings.TrimSpace(line))
}

func publicAddr(h host.Host) (string, error) {
	for _, a := range h.Addrs() {
		if !manet.IsIPLoopback(a) {
			return fmt.Sprintf("%s/p2p/%s", a, h.ID()), nil
		}
	}
	return "", fmt.Errorf("no address but loopback")
}

func pingOnce(ctx context.Context, h host.Host, p peer.ID) (time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	select {
	case r := <-ping.Ping(ctx, h, p):
		return r.RTT, r.Error
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func officialDialer(c contract, h host.Host) error {
	got, err := redisCall(c.redis, c.timeout, "BLPOP", c.key, strconv.Itoa(int(c.timeout.Seconds())))
	if err != nil {
		return err
	}
	if len(got) != 2 {
		return fmt.Errorf("no listener address in %s", c.timeout)
	}
	addr, err := ma.NewMultiaddr(got[1])
	if err != nil {
		return err
	}
	info, err := peer.AddrInfoFromP2pAddr(addr)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), c.timeout)
	defer cancel()
	start := time.Now()
	if err = h.Connect(ctx, *info); err != nil {
		return err
	}
	rtt, err := pingOnce(ctx, h, info.ID)
	if err != nil {
		return err
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	fmt.Printf(c.report, ms(time.Since(start)), ms(rtt))
	return nil
}

func official(o options) error {
	c, err := readContract()
	if err != nil {
		return err
	}
	o.listen = "/ip4/" + c.ip + "/tcp/0"
	h, err := newHost(o)
	if err != nil {
		return err
	}
	defer h.Close()
	if c.dialer {
		return officialDialer(c, h)
	}
	addr, err := publicAddr(h)
	if err != nil {
		return err
	}
	if _, err = redisCall(c.redis, c.timeout, "RPUSH", c.key, addr); err != nil {
		return err
	}
	time.Sleep(c.timeout)
	return fmt.Errorf("not killed within %s", c.timeout)
}
