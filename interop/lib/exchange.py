"""What a captured connection shows of its round trips: TCP, multistream-select, Noise, records.

Two counts. By the clock: time since the SYN over the link's round trip. By dependence: a segment
acknowledges what its sender's kernel had seen, so its round is that of the newest byte it
acknowledges, one more when it is the dialler's. A slow program moves the first count and not the
second; the second may be too high, because a program need not have waited for what its kernel had.
"""

import dataclasses

# Round trip in which each step is over when nobody waits.
IDEAL = {"connect": 1, "agree": 2, "secure": 2, "pong": 3}
# What is said of a step that is late: when the dialler asked late, and when it did not.
LATE = {
    "connect": ("", "the SYN is answered late"),
    "agree": ("the dialler proposes /noise late", "the listener answers /noise late"),
    "secure": ("the dialler's first Noise message waits for the answer to /noise",
               "the listener's Noise message does not come with its answer to /noise"),
    "pong": ("", "the muxer, the stream's protocol or identify is waited for inside the channel"),
}
ASKS = {"agree": "/noise", "secure": "noise 1"}
# A flight is over when its sender is silent for so much of a round trip.
GAP = 0.5


@dataclasses.dataclass
class Sent:
    """One segment, and what it completes."""
    dialler: bool
    rtts: float
    round: int
    size: int
    names: list


class Reader:
    """One direction's bytes, in order: lines of multistream-select up to /noise, then messages."""

    def __init__(self, dialler):
        self.handshake = ["noise 1", "noise 3"] if dialler else ["noise 2"]
        self.lines = True
        self.rest = b""

    def take(self, data):
        self.rest += data
        names = []
        while (name := self.line() if self.lines else self.message()) is not None:
            names.append(name)
        return names

    def line(self):
        if not self.rest or len(self.rest) <= self.rest[0]:
            return None
        text = self.rest[1:1 + self.rest[0]].decode(errors="replace").strip()
        self.rest = self.rest[1 + self.rest[0]:]
        self.lines = text != "/noise"
        return text

    def message(self):
        size = int.from_bytes(self.rest[:2], "big")
        if len(self.rest) < 2 or len(self.rest) < 2 + size:
            return None
        self.rest = self.rest[2 + size:]
        return self.handshake.pop(0) if self.handshake else "record"


class Rounds:
    """One direction: which byte was sent in which round."""

    def __init__(self):
        self.sent = []  # (first byte, round), both growing
        self.end = 0

    def add(self, seg, number):
        self.sent.append((seg.seq, number))
        self.end = seg.end

    def seen(self, ack):
        """The round of the newest byte before `ack`; 0: none."""
        return max((number for start, number in self.sent if start < ack), default=0)


def read(segments, rtt_ms, until_ms):
    """The segments (pcap.segments) captured at the dialler up to the pong, as Sent."""
    out, start = [], None
    side = {True: Rounds(), False: Rounds()}
    reader = {True: Reader(True), False: Reader(False)}
    for seg in segments:
        if seg.t_ms > until_ms:
            break
        start = seg.t_ms if start is None else start
        mine, other = side[seg.dialler], side[not seg.dialler]
        if seg.end <= mine.end:
            continue  # sent again
        if seg.seq != mine.end:
            raise ValueError("a segment is missing")
        number = other.seen(seg.ack) + seg.dialler
        mine.add(seg, number)
        out.append(Sent(seg.dialler, (seg.t_ms - start) / rtt_ms, number, len(seg.data),
                        reader[seg.dialler].take(seg.data)))
    return out


def steps(sent):
    """{step: (rtts, round)}; raises ValueError when one is not there."""
    theirs = [s for s in sent if not s.dialler]
    found = {"connect": theirs[:1], "agree": [s for s in theirs if "/noise" in s.names],
             "secure": [s for s in theirs if "noise 2" in s.names],
             "pong": [s for s in theirs if "record" in s.names][-1:]}
    for name, where in found.items():
        if not where:
            raise ValueError(f"no {name} in the capture")
    return {name: (where[0].rtts, where[0].round) for name, where in found.items()}


def flights(sent):
    """The segments of each side joined as they went out together."""
    out = []
    for s in sent:
        last = next((f for f in reversed(out) if f["dialler"] == s.dialler), None)
        if last is None or s.rtts - last["until"] > GAP:
            last = {"dialler": s.dialler, "rtts": s.rtts, "round": s.round, "segments": 0,
                    "halves": 0, "names": []}
            out.append(last)
        last["until"] = s.rtts
        last["segments"] += 1
        last["halves"] += s.size == 2 and not s.names
        last["names"] += s.names
    return out


def tell(names):
    """Names with neighbours that are equal counted: "noise 3, record x 2"."""
    out = []
    for name in names:
        if out and out[-1][0] == name:
            out[-1][1] += 1
        else:
            out.append([name, 1])
    return ", ".join(n if k == 1 else f"{n} x {k}" for n, k in out)


def rows(sent):
    """The exchange as it goes into a result file, a flight a row."""
    return [{"from": "dialler" if f["dialler"] else "listener", "rtts": round(f["rtts"], 2),
             "round": f["round"], "segments": f["segments"],
             "what": tell(f["names"]) or ("SYN" if f["rtts"] < GAP else "SYN+ACK")}
            for f in flights(sent)]


def window(sent):
    """Why the pong waits where the listener's kernel held it back."""
    theirs = [f for f in flights(sent) if not f["dialler"]]
    before = theirs[-2] if len(theirs) > 1 else theirs[-1]
    return {"step": "pong", "kind": "window",
            "why": f"the listener's congestion window is full: {before['segments']} segments are on"
                   f" their way, {before['halves']} of them the length of a Noise message sent"
                   " alone; the rest, with the pong, waits for our acknowledgement"}


def asked_late(sent, step):
    first = next((s for s in sent if s.dialler and ASKS.get(step) in s.names), None)
    return first is not None and first.round > IDEAL[step]


def protocol(sent):
    """Which steps wait, by dependence; each is charged with what it adds."""
    at, late, why = steps(sent), 0, []
    for name, (_, number) in at.items():
        more = number - IDEAL[name] - late
        if more > 0:
            late += more
            why.append((name, more, LATE[name][0 if asked_late(sent, name) else 1]))
    if not why:
        return {"step": "pong", "kind": "slow", "why": "no step waits, the programs are slow"}
    return {"step": ", ".join(name for name, _, _ in why), "kind": "protocol",
            "why": "; ".join(f"+{more} {text}" for _, more, text in why)}
