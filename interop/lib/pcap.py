"""Capture in a namespace and read the capture back: IPv4 over Ethernet, no losses to mend."""

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


def packets(file):
    """Yield (IP protocol, source, destination, payload of IP)."""
    data = file.read_bytes()
    if data[:4] != b"\xd4\xc3\xb2\xa1":
        raise ValueError("not a little-endian capture")
    at = 24
    while at + 16 <= len(data):
        size = struct.unpack("<I", data[at + 8:at + 12])[0]
        frame = data[at + 16:at + 16 + size]
        at += 16 + size
        if frame[12:14] != b"\x08\x00":
            continue
        head = (frame[14] & 15) * 4
        total = struct.unpack(">H", frame[16:18])[0]
        text = [".".join(str(b) for b in frame[i:i + 4]) for i in (26, 30)]
        yield frame[23], text[0], text[1], frame[14 + head:14 + total]


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
