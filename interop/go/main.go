// Peer is the go-libp2p side of the interop runs; interop/README.md is its contract.
package main

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/muxer/yamux"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
)

type options struct {
	seed          int64
	listen        string
	mdns          bool
	defaultLimits bool
	to            string
	checks        string
	seq           int
	par           int
	bytes         uint64
}

var outLock sync.Mutex

// say writes one JSON line; each has the wall clock in ms, so that the runner can order peers.
func say(m map[string]any) {
	m["t_ms"] = float64(time.Now().UnixMicro()) / 1000
	b, _ := json.Marshal(m)
	outLock.Lock()
	defer outLock.Unlock()
	os.Stdout.Write(append(b, '\n'))
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "peer:", err)
	os.Exit(1)
}

// version is that of the library linked in, so that no text can lag behind go.mod.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/libp2p/go-libp2p" {
				return strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return "unknown"
}

func newHost(o options) (host.Host, error) {
	opts := []libp2p.Option{
		libp2p.ListenAddrStrings(o.listen),
		libp2p.Transport(tcp.NewTCPTransport),
		libp2p.Security(noise.ID, noise.New),
		libp2p.Muxer(yamux.ID, yamux.DefaultTransport),
		libp2p.DisableRelay(),
		libp2p.UserAgent("go-libp2p/" + version()),
	}
	if o.seed >= 0 {
		var seed [ed25519.SeedSize]byte
		binary.BigEndian.PutUint32(seed[28:], uint32(o.seed))
		priv, err := crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(seed[:]))
		if err != nil {
			return nil, err
		}
		opts = append(opts, libp2p.Identity(priv))
	}
	if !o.defaultLimits {
		rm, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(rcmgr.InfiniteLimits))
		if err != nil {
			return nil, err
		}
		opts = append(opts, libp2p.ResourceManager(rm))
	}
	h, err := libp2p.New(opts...)
	if err == nil {
		serve(h)
	}
	return h, err
}

func main() {
	var o options
	mode := "transport"
	args := os.Args[1:]
	if len(args) > 0 {
		mode, args = args[0], args[1:]
	}
	if mode == "perf" {
		if err := perf(args); err != nil {
			fail(err)
		}
		return
	}
	fs := flag.NewFlagSet(mode, flag.ExitOnError)
	fs.Int64Var(&o.seed, "seed", -1, "key from this number")
	fs.StringVar(&o.listen, "listen", "/ip4/0.0.0.0/tcp/0", "listen address")
	fs.BoolVar(&o.mdns, "mdns", false, "discover by mDNS")
	fs.BoolVar(&o.defaultLimits, "default-limits", false, "keep the library's stream limits")
	fs.StringVar(&o.to, "to", "", "drive: address of the other peer")
	fs.StringVar(&o.checks, "checks", "seq,par,sha_up,sha_down,half_close", "drive: what to run")
	fs.IntVar(&o.seq, "seq", 1000, "drive: streams one after another")
	fs.IntVar(&o.par, "par", 200, "drive: streams at once")
	fs.Uint64Var(&o.bytes, "bytes", 100<<20, "drive: bytes each way")
	fs.Parse(args)

	var err error
	switch mode {
	case "transport":
		err = official(o)
	case "idle":
		err = idle(o)
	case "drive":
		err = drive(o)
	default:
		err = fmt.Errorf("no mode %q: transport, idle, drive or perf", mode)
	}
	if err != nil {
		fail(err)
	}
}
