"""Capture in a namespace and read the capture back: IPv4 over Ethernet, no losses to mend."""

import dataclasses
import struct
import subprocess


class Dump:
    def __init__(self, ns, device, file, what):
        self.child = subprocess.Popen(
            ["ip", "netns", "exec", ns, "tcpdump", "-Z", "root", "-U", "--immediate-mode", "-s0",
             "-ni", device, "-w", str(file), what],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        # It says so once the filter is in place.
        line = self.child.stderr.readline()
        if "listening on" not in line:
            raise RuntimeError(f"tcpdump: {line.strip()}")

    def stop(self):
        self.child.terminate()
        self.child.communicate(timeout=10)


def timed_packets(file):
    """Yield (wall clock in ms, IP protocol, source, destination, payload of IP)."""
    data = file.read_bytes()
    if data[:4] != b"\xd4\xc3\xb2\xa1":
        raise ValueError("not a little-endian capture")
    at = 24
    while at + 16 <= len(data):
        sec, usec, size = struct.unpack("<III", data[at:at + 12])
        frame = data[at + 16:at + 16 + size]
        at += 16 + size
        if frame[12:14] != b"\x08\x00":
            continue
        head = (frame[14] & 15) * 4
        total = struct.unpack(">H", frame[16:18])[0]
        text = [".".join(str(b) for b in frame[i:i + 4]) for i in (26, 30)]
        yield sec * 1e3 + usec / 1e3, frame[23], text[0], text[1], frame[14 + head:14 + total]


def packets(file):
    """Yield (IP protocol, source, destination, payload of IP)."""
    for packet in timed_packets(file):
        yield packet[1:]


@dataclasses.dataclass
class Segment:
    """A segment of TCP; `dialler`: sent by who sent the first SYN. Numbers count from the SYN's."""
    t_ms: float
    dialler: bool
    seq: int
    ack: int
    syn: bool
    fin: bool
    data: bytes

    @property
    def end(self):
        return self.seq + self.syn + len(self.data) + self.fin


def segments(file):
    """The segments of the first connection in the capture that carry something, in order."""
    dialler, start = None, {}
    for t_ms, protocol, source, target, tcp in timed_packets(file):
        if protocol != 6:
            continue
        sport, dport, seq, ack = struct.unpack(">HHII", tcp[:12])
        ends = (source, sport), (target, dport)
        flags, data = tcp[13], tcp[(tcp[12] >> 4) * 4:]
        if dialler is None and flags & 0x12 == 2:
            dialler = ends[0]
        if dialler not in ends:
            continue
        if flags & 2:
            start[ends[0]] = seq
        seg = Segment(t_ms, ends[0] == dialler, (seq - start.get(ends[0], seq)) % 2**32,
                      (ack - start.get(ends[1], ack)) % 2**32, bool(flags & 2), bool(flags & 1),
                      data)
        if seg.end > seg.seq:
            yield seg


def udp_payloads(file):
    for protocol, source, _, data in packets(file):
        if protocol == 17:
            yield source, data[8:]


def join(pieces):
    """Put one direction's segments (sequence number, bytes) together."""
    if not pieces:
        return b""
    start = min(seq for seq, _ in pieces)
    out = bytearray()
    for seq, data in sorted(pieces):
        at = seq - start
        if at > len(out):
            raise ValueError("a segment is missing")
        out[at:at + len(data)] = data
    return bytes(out)


def tcp_streams(file):
    """The one connection in the capture: ((dialer's first flight, dialer's bytes), listener's)."""
    dialer, first, heard = None, b"", False
    pieces = ([], [])
    for protocol, source, _, data in packets(file):
        if protocol != 6:
            continue
        port, _, seq = struct.unpack(">HHI", data[:8])
        if data[13] & 2 and not data[13] & 16:
            dialer = (source, port)
        payload = data[(data[12] >> 4) * 4:]
        if not payload or dialer is None:
            continue
        mine = (source, port) == dialer
        heard = heard or not mine
        if mine and not heard:
            first += payload
        pieces[0 if mine else 1].append((seq, payload))
    return (first, join(pieces[0])), join(pieces[1])
