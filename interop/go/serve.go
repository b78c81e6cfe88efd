package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
)

const (
	echoID   = "/lp2p-interop/echo/1.0.0"
	sourceID = "/lp2p-interop/source/1.0.0"
	sinkID   = "/lp2p-interop/sink/1.0.0"
)

// pattern gives the bytes of source and sink: a fixed block, over and over.
type pattern struct {
	left  uint64
	block []byte
}

func newPattern(n uint64) *pattern {
	b := make([]byte, 1<<16)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return &pattern{n, b}
}

func (p *pattern) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(uint64(len(b)), p.left)], p.block)
	p.left -= uint64(n)
	return n, nil
}

// copyHashed copies the pattern's n bytes in large writes and returns their sum.
func copyHashed(w io.Writer, n uint64) (hash.Hash, error) {
	sum := sha256.New()
	_, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(sum, w)},
		struct{ io.Reader }{newPattern(n)}, make([]byte, 1<<16))
	return sum, err
}

func serveEcho(s network.Stream) error {
	_, err := io.Copy(s, s)
	return err
}

func serveSource(s network.Stream) error {
	var n uint64
	if err := binary.Read(s, binary.BigEndian, &n); err != nil {
		return err
	}
	sum, err := copyHashed(s, n)
	if err != nil {
		return err
	}
	if _, err = s.Write(sum.Sum(nil)); err != nil {
		return err
	}
	if err = s.CloseWrite(); err != nil {
		return err
	}
	// Our half is closed first; the other's goes on until it closes.
	_, err = io.Copy(io.Discard, s)
	return err
}

func serveSink(s network.Stream) error {
	sum := sha256.New()
	n, err := io.CopyBuffer(struct{ io.Writer }{sum}, s, make([]byte, 1<<16))
	if err != nil {
		return err
	}
	var answer bytes.Buffer
	binary.Write(&answer, binary.BigEndian, uint64(n))
	answer.Write(sum.Sum(nil))
	_, err = s.Write(answer.Bytes())
	return err
}

func serve(h host.Host) {
	handle := func(f func(network.Stream) error) network.StreamHandler {
		return func(s network.Stream) {
			if f(s) != nil {
				s.Reset()
				return
			}
			s.Close()
		}
	}
	h.SetStreamHandler(echoID, handle(serveEcho))
	h.SetStreamHandler(sourceID, handle(serveSource))
	h.SetStreamHandler(sinkID, handle(serveSink))
	h.SetStreamHandler(perfID, handle(servePerf))
}
