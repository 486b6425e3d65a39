"""Followers of the events: streams and `muster tail` lose nothing, whatever happens to the node or to themselves."""

import json
import socket
import subprocess
import threading
import time

from node import MUSTER, Node, Service, derive_key, keys_of


class Tail:
    """`muster tail` of a service, its lines read by a thread."""

    def __init__(self, node, *options):
        self.process = subprocess.Popen([MUSTER, "tail", "demo", "--json", "--data", node.data, *options], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.events, self.changed = [], threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify()

    def wait_for(self, what, count):
        """Waits until so many events fulfil `what`."""
        with self.changed:
            good = self.changed.wait_for(lambda: sum(map(what, self.events)) >= count, 60)
            assert good, (count, len(self.events), self.events[-1:], self.process.poll())

    def end(self):
        self.process.kill()
        self.process.wait()


class Stream:
    """A stream of events over a connection of its own, read by hand."""

    def __init__(self, node, path, headers, receive_bytes=None):
        self.plain = socket.socket()
        if receive_bytes:
            self.plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.plain.settimeout(30)
        self.plain.connect(("127.0.0.1", node.port))
        self.tls = node.tls.wrap_socket(self.plain, server_hostname="localhost")
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", "Accept: text/event-stream"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.tls.sendall("\r\n".join(lines + ["", ""]).encode())
        self.file = self.tls.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (line := self.file.readline().decode().strip()):
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
        self.last_id = None

    def event(self):
        """The next event, or None at the end; comments are passed over."""
        data, at = None, None
        while (line := self.file.readline().decode()):
            line = line.rstrip("\n")
            if line.startswith("id: "):
                at = line[4:]
            elif line.startswith("data: "):
                data = json.loads(line[6:])
            elif not line:
                self.last_id = at or self.last_id
                if data:
                    return data
        return None

    def comment(self):
        while (line := self.file.readline().decode()):
            if line.startswith(":"):
                return line
        return None

    def close(self):
        self.file.close()  # it keeps the socket open
        self.tls.close()


def is_registration(event):
    return event["type"] == "muster.device_registered.v1"


def sequences(events):
    return [int(event["id"].split("-")[1]) for event in events]


def tail_goes_on_across_restarts(node, service, group_key):
    everything = Tail(node, "--from-start")
    one = Tail(node, "--from-start", "--registration", "dev-7", "--types", "device_registered")
    service.register_all(group_key, [f"dev-{i}" for i in range(10)])
    everything.wait_for(is_registration, 10)
    assert node.stop() == 0
    node.start()
    service.register_all(group_key, [f"dev-{i}" for i in range(10, 20)])
    everything.wait_for(is_registration, 20)
    for i in range(3):
        node.kill()
        node.start()
        service.register_all(group_key, [f"dev-{20 + i}", "dev-7"])
    everything.wait_for(is_registration, 26)
    one.wait_for(is_registration, 4)
    told = [json.loads(line) for line in node.cli("history", "demo", "--json").stdout.splitlines()]
    assert everything.events == told, (len(everything.events), len(told))
    assert [e["subject"] for e in one.events] == ["devices/dev-7"] * 4
    everything.end()
    one.end()


def tail_waits_for_a_node_that_is_not_there_yet(node, service, group_key):
    assert node.stop() == 0
    early = Tail(node, "--from-start", "--limit", "3")
    said = early.process.stderr.readline()
    assert "no node serves the data directory" in said and "tail goes on when the node serves" in said, said
    node.start()
    early.wait_for(lambda _: True, 3)
    assert early.process.wait(timeout=60) == 0
    assert sequences(early.events) == sorted(sequences(early.events)) and len(early.events) == 3, early.events
    assert early.process.stderr.read() == "", "it says once that there is no node"
    wrong = node.cli("tail", "demo", "--url", "ftp://localhost:1", "--token", "t", check=False)
    assert wrong.returncode == 2 and "ftp" in wrong.stderr, wrong


def streams_begin_where_asked_and_say_so(node, service):
    stream = Stream(node, "/events", {**service.authorization(), "Last-Event-ID": ""})
    assert stream.status == 200 and stream.headers["content-type"].startswith("text/event-stream"), stream.headers
    first, second = stream.event(), stream.event()
    at = stream.last_id
    assert at == second["id"]
    stream.close()
    stream = Stream(node, "/events?after=0-0", {**service.authorization(), "Last-Event-ID": at})
    assert sequences([stream.event()])[0] > sequences([second])[0] > sequences([first])[0]
    stream.close()
    refused = Stream(node, "/events?types=nothing_of_this", service.authorization())
    assert refused.status == 400
    refused.close()
    stranger = Stream(node, "/events", {})
    assert stranger.status == 401
    stranger.close()


def quiet_streams_have_heartbeats_and_end_with_the_node(node, service):
    stream = Stream(node, "/events?after=latest", service.authorization())
    assert stream.comment().startswith(":")
    began = time.monotonic()
    assert node.stop() == 0
    assert time.monotonic() - began < 8, "streams do not keep a node from stopping"
    assert stream.event() is None
    stream.close()
    node.start()


def only_so_many_streams(node, service):
    streams = [Stream(node, "/events", service.authorization()) for _ in range(4)]
    assert [s.status for s in streams] == [200, 200, 200, 429], [s.status for s in streams]
    assert int(streams[3].headers["retry-after"]) > 0
    for stream in streams:
        stream.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:  # those whose reader went make room at once
        again = Stream(node, "/events", service.authorization())
        again.close()
        if again.status == 200:
            return
    raise AssertionError("closed streams are still counted")


def slow_readers_are_cut_off(node, service, group_key):
    """One reader takes nothing: it goes, and another loses nothing meanwhile."""
    good = Stream(node, "/events?after=latest", service.authorization())
    slow = Stream(node, "/events?after=latest", service.authorization(), 4096)
    client = node.connect()
    payload = {"text": "x" * 60_000}
    cut, i = 0, 0
    deadline = time.monotonic() + 60
    while not cut and time.monotonic() < deadline:
        i += 1
        status, answer = service.register(client, f"talker-{i}", derive_key(group_key, f"talker-{i}"), payload)
        assert status in (200, 429), (status, answer)
        if status == 200:
            while not is_registration(event := good.event()):
                pass
            assert event["subject"] == f"devices/talker-{i}" and event["data"]["payload"] == payload, event["data"].keys()
        _, _, metrics = client.request("GET", "/metrics")
        cut = int(float(next(line.split()[1] for line in metrics.splitlines() if line.startswith("muster_connections_cut_total"))))
    assert cut == 1, "the slow reader was not cut off"
    slow.close()
    good.close()


def main():
    with Node("journal.shards=2", "feed.streams_per_service_max=3", "feed.heartbeat_s=1", "https.write_timeout_s=2", "refusals.per_minute_address=1000") as node:
        service = Service(node)
        client = node.connect()
        group_key = keys_of(service.create_group(client, "fleet"))[0]
        tail_goes_on_across_restarts(node, service, group_key)
        tail_waits_for_a_node_that_is_not_there_yet(node, service, group_key)
        streams_begin_where_asked_and_say_so(node, service)
        quiet_streams_have_heartbeats_and_end_with_the_node(node, service)
        only_so_many_streams(node, service)
        slow_readers_are_cut_off(node, service, group_key)
        node.cli("verify")
        print("streams and tail: nothing lost, nothing twice")


if __name__ == "__main__":
    main()
