"""The table "Any order" of docs/ipc.md as rules: each answer of a main is held against the truth.

A rule says something only when the truth did not change around the answer, and gives as much more
time as this machine lost meanwhile, so that a loaded machine is no violation.
"""

import time

import truth

# Main asks every half second and takes a second of silence for an answer (docs/ipc.md), then six.
UNRESPONSIVE = 0.5 + 1.0
ENDED = 0.5 + 6.0 + 0.5
# Between a deadline and the answer that shows it, on a machine that has other things to do.
MARGIN = 0.5
# A renderer waits so long for an answer.
PATIENCE = 1.0
# Main calls itself watched when polls come at least so often.
WATCHED = 3.0

MEMBERS = {"nodeStarted", "peerId", "multiaddrs", "discoveredPeers", "moreDiscovered",
           "connectedPeers", "boot", "seq", "ageMs", "node", "link", "connections", "attempts",
           "links", "peers", "reachability", "limits", "logLast"}
STATES = {"starting", "running", "unresponsive", "restarting", "unstable", "stopped"}


class Poll:
    """One question to main: when, to whom, what its children were before and after, the answer."""

    def __init__(self, main, t0, before):
        self.main, self.t0, self.before = main, t0, before
        self.after, self.t1, self.answer = {}, None, None


class Oracle:
    """The rules for one machine; `report(rule, text)` takes what broke one."""

    def __init__(self, lives, pulse, own_id, other_id, report):
        self.lives, self.pulse, self.report = lives, pulse, report
        self.own_id, self.other_id = own_id, other_id
        self.boots = {}          # boot: (main's Life, last seq)
        self.watched = None      # since when polls of one main are answered without a pause
        self.last_answer = (None, 0.0)
        self.nodes = {}          # children of the main of the last poll
        self.other = None        # the other machine, for what ended there
        self.dead_since = None   # nothing of this machine runs since then
        self.polls = 0

    # ---- one answer by itself ----

    def picture(self, s):
        """What no picture may show, whenever it is taken."""
        def want(ok, rule, text):
            if not ok:
                self.report(rule, text)
        if set(s) != MEMBERS:
            self.report("shape", f"members {sorted(set(s) ^ MEMBERS)}")
            return
        node, conns = s["node"], s["connections"]
        running = node["state"] == "running"
        want(node["state"] in STATES, "shape", f"node.state {node['state']}")
        want(s["nodeStarted"] == running, "nodeStarted", f"{s['nodeStarted']} in {node['state']}")
        want(s["peerId"] == self.own_id, "peerId", f"{s['peerId']}")
        want(s["link"] and s["link"]["url"].endswith(self.own_id), "link", f"{s['link']}")
        want(not running or node["pid"], "pid", "a node runs without a pid")
        want(running or not (conns or s["connectedPeers"] or s["multiaddrs"]), "connected",
             f"{len(conns)} connections and {s['multiaddrs']} of a node that is {node['state']}")
        want(sorted(s["connectedPeers"]) == sorted({c["peerId"] for c in conns}), "connected",
             f"connectedPeers {s['connectedPeers']}, connections {[c['peerId'] for c in conns]}")
        want(set(s["connectedPeers"]) <= {self.other_id}, "connected", f"{s['connectedPeers']}")
        for a in s["attempts"]:
            gone = a["stage"] in ("queued", "waiting")
            want(not (gone and a["peerId"] in s["connectedPeers"]), "both",
                 f"connected, and an attempt is {a['stage']}")

    # ---- one answer and the truth ----

    def judge(self, poll):
        """An answer came."""
        s, main = poll.answer, self.lives.of(poll.main)
        self.polls += 1
        self.picture(s)
        if main is None or "node" not in s:
            return
        self.main_may_answer(main, poll)
        self.follow(main, poll)
        self.numbers(main, s)
        self.shown_pid(poll)
        shown = self.lives.of(s["node"]["pid"]) if s["node"]["pid"] else None
        if shown is not None:
            self.stopped_node(main, shown, poll)
            self.blamed_node(main, shown, poll)
        self.ended_nodes(main, poll)
        self.dead_other(main, shown, poll)

    def main_may_answer(self, main, poll):
        if main.stopped is not None and main.stopped < poll.t0:
            self.report("main", f"main {main.pid} answers and is stopped")
        if main.gone is not None and main.gone < poll.t0:
            self.report("main", f"main {main.pid} answers and is dead")

    def follow(self, main, poll):
        """Since when somebody looks: main asks its node more often then."""
        before, at = self.last_answer
        if before is not main or poll.t1 - at > WATCHED - MARGIN:
            self.watched = poll.t1
        self.last_answer = (main, poll.t1)

    def numbers(self, main, s):
        """boot changes exactly when main does; seq only rises within one."""
        owner, last = self.boots.get(s["boot"], (main, 0))
        if owner is not main:
            self.report("boot", f"two mains, {owner.pid} and {main.pid}, with one boot")
        if any(life is main and boot != s["boot"] for boot, (life, _) in self.boots.items()):
            self.report("boot", f"another boot of main {main.pid}")
        if s["seq"] <= last:
            self.report("seq", f"{s['seq']} after {last}")
        self.boots[s["boot"]] = (main, s["seq"])

    def shown_pid(self, poll):
        """The pid is that of the live child."""
        pid, live = poll.answer["node"]["pid"], {p for p, st in poll.before.items() if st != "Z"}
        dead = set(poll.before) - live
        if pid in dead:
            self.report("dead", f"node {pid}, shown as {poll.answer['node']['state']}, was dead "
                                f"when the question was sent")
        elif poll.before == poll.after and pid not in poll.before and (pid or live):
            self.report("pid", f"shows node {pid}, the children are {poll.before}")
        elif pid is not None and pid not in set(poll.before) | set(poll.after) and \
                not self.just_born(pid, poll):
            self.report("pid", f"shows node {pid}, the children were {poll.before}, "
                               f"are {poll.after}")

    def just_born(self, pid, poll):
        life = self.lives.last.get(pid)
        return life is None or life.born >= poll.t0 - MARGIN

    def calm(self, *lives):
        """Since when all of these ran without a break, or None."""
        since = [life.calm_since() for life in lives]
        return None if None in since else max(since)

    def stopped_node(self, main, node, poll):
        """A stopped node is unresponsive after a second, and ended after six."""
        stopped, calm = node.stopped, self.calm(main)
        if stopped is None or calm is None or self.watched is None or stopped > poll.t0:
            return
        waited = poll.t0 - max(stopped, calm, self.watched) - MARGIN - self.pulse.slack(stopped)
        state = poll.answer["node"]["state"]
        if waited > UNRESPONSIVE and state == "running":
            self.report("stopped", f"node {node.pid} is stopped for {poll.t0 - stopped:.2f} s, "
                                   f"shown as running")
        if waited > ENDED and node.pid in poll.after:
            self.report("stopped", f"node {node.pid} is stopped for {poll.t0 - stopped:.2f} s and "
                                   f"was not ended")

    def blamed_node(self, main, node, poll):
        """Only a node that was stopped is unresponsive, and not for long after it goes on."""
        if poll.answer["node"]["state"] != "unresponsive":
            return
        calm, since = self.calm(main, node), poll.t0 - MARGIN - self.pulse.slack(poll.t0 - 3)
        if calm is not None and calm < since and not node.was_stopped_after(since):
            self.report("blamed", f"node {node.pid} runs since {poll.t0 - node.resumed:.2f} s, main "
                                  f"since {poll.t0 - main.resumed:.2f} s: shown as unresponsive")

    def ended_nodes(self, main, poll):
        """A node ends by our hand, with its main, or after six seconds of silence."""
        now = poll.t1
        for pid, life in list(self.nodes.items()):
            if pid in poll.after and poll.after[pid] != "Z":
                continue
            del self.nodes[pid]
            if life.killed is None and main.killed is None and main.gone is None and \
                    self.last_parent is main and life.longest_stop(now) < 6.0 - MARGIN:
                self.report("ended", f"node {pid} ended, stopped for "
                                     f"{life.longest_stop(now):.2f} s at most")
        self.last_parent = main
        for pid in poll.after:
            life = self.lives.of(pid)
            if life is not None and poll.after[pid] != "Z":
                self.nodes[pid] = life

    last_parent = None

    def dead_other(self, main, node, poll):
        """Peers of a machine on which nothing runs are not connected."""
        gone, calm = self.other.dead_since, None if node is None else self.calm(main, node)
        if gone is None or calm is None or not poll.answer["connectedPeers"]:
            return
        waited = poll.t0 - max(gone, calm) - MARGIN - self.pulse.slack(gone)
        if waited > UNRESPONSIVE and self.other.dead_since == gone:
            self.report("other", f"the other machine is dead for {poll.t0 - gone:.2f} s, and shown "
                                 f"as connected")

    # ---- no answer ----

    def silent(self, poll):
        """Main was asked and did not answer in time."""
        main = self.lives.of(poll.main)
        calm = None if main is None else self.calm(main)
        now = time.monotonic()
        if calm is not None and truth.is_alive(poll.main) and \
                now - max(calm, poll.t0) > PATIENCE + self.pulse.slack(poll.t0):
            self.report("main", f"main {poll.main} runs since {now - calm:.2f} s and does not answer")
