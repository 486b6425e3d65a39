"""What followers of the events cost the node: a stream, a webhook, a topic on Kafka (bench/run --only followers)."""

import http.server
import itertools
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import node as nodes

EVENTS_PER_DEVICE = 2  # a new device registers, and its hub device is made
WAIT_S = 120


def cpu_seconds(pid):
    """CPU time of a process, all its threads, to the nanosecond (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


class Counter:
    """Counts events as they come, and keeps the bytes of the first `kept_max` of whatever they came in."""

    def __init__(self, kept_max):
        self.events, self.kept, self.kept_max, self.changed = 0, [], kept_max, threading.Condition()

    def add(self, events, carrier):
        with self.changed:
            self.events += events
            if len(self.kept) < self.kept_max:
                self.kept.append(carrier)
            self.changed.notify()

    def wait_for(self, events):
        with self.changed:
            if not self.changed.wait_for(lambda: self.events >= events, WAIT_S):
                sys.exit(f"{self.events} of {events} events came")


class Stream(Counter):
    """Server-sent events, from `after` on."""

    def __init__(self, node, service, after, kept_max):
        super().__init__(kept_max)
        self.socket = node.tls.wrap_socket(socket.create_connection(("127.0.0.1", node.port)), server_hostname="localhost")
        token = service.authorization()["Authorization"]
        self.socket.sendall((f"GET /events?after={after} HTTP/1.1\r\nHost: localhost\r\n"
                             f"Accept: text/event-stream\r\nAuthorization: {token}\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        status = self.file.readline()
        if b" 200 " not in status:
            sys.exit(f"no stream: {status}")
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            for line in self.file:
                if line.startswith(b"data: "):
                    self.add(1, line)
        except OSError:
            pass  # it was closed

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


class Endpoint(Counter):
    """Where a webhook leads: it takes everything while it is open."""

    def __init__(self, kept_max):
        super().__init__(kept_max)
        self.is_open = True
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(204 if endpoint.is_open else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()
                if endpoint.is_open:
                    endpoint.add(body.count(b'"specversion":"1.0"'), body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def open_to(self, is_open):
        self.is_open = is_open

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Registrations:
    """New devices of one node's service."""

    first = itertools.count()

    def __init__(self, node, load, devices, connections):
        self.node, self.load, self.devices, self.connections = node, load, devices, connections
        self.written = 0  # events, since the node began
        self.service = nodes.Service(node, "bench", "--hub", "hub1", "--hub", "hub2", "--hub", "hub3")
        client = node.connect()
        self.key = nodes.keys_of(self.service.create_group(client, "fleet"))[0]
        client.close()

    @property
    def events(self):
        return self.devices * EVENTS_PER_DEVICE

    def metric(self, name):
        client = self.node.connect()
        text = client.request("GET", "/metrics")[2]
        client.close()
        return int(float(next(line for line in text.splitlines() if line.startswith(name + " ")).split()[1]))

    def cost(self, followed):
        """Microseconds of the node's CPU for each event of one round; `followed` returns when the follower has them all."""
        pid = self.node.process.pid
        before = cpu_seconds(pid)
        first = next(Registrations.first) * self.devices
        (figures,) = self.load(self.node.port, pid, self.service.scope, self.key, self.devices, self.connections, 1, first)
        if figures["failed"]:
            sys.exit("some registrations failed")
        followed()
        self.written += self.events
        return (cpu_seconds(pid) - before) * 1e6 / self.events


def floor_of_stream(lines, directory):
    """The same bytes sent over TLS by `openssl s_server`."""
    certificate = pathlib.Path(directory, "certificate.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                    "-keyout", certificate, "-out", pathlib.Path(directory, "only.pem")], check=True, stderr=subprocess.DEVNULL)
    certificate.write_bytes(certificate.read_bytes() + pathlib.Path(directory, "only.pem").read_bytes())
    pathlib.Path(directory, "stream").write_bytes(b"".join(lines))
    server = subprocess.Popen(["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-WWW"], cwd=directory,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = next(int(line.rsplit(":", 1)[1]) for line in server.stdout if line.startswith("ACCEPT"))
        before = cpu_seconds(server.pid)
        client = subprocess.run(["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{port}"], input=b"GET /stream HTTP/1.0\r\n\r\n",
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        if len(client.stdout) < sum(map(len, lines)):
            sys.exit("openssl did not send everything")
        return (cpu_seconds(server.pid) - before) * 1e6 / len(lines)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def cpu_of(command):
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed")
    return usage.ru_utime + usage.ru_stime


def floor_of_webhook(bodies, endpoint, directory):
    """The same bodies posted by curl, over one connection; what curl takes to start is taken off."""
    for i, body in enumerate(bodies):
        pathlib.Path(directory, f"body-{i}").write_bytes(body)

    def post(count):
        parts = [f'url = "{endpoint.url}"\ndata-binary = "@{directory}/body-{i}"\nheader = "Content-Type: application/json"\n' for i in range(count)]
        script = pathlib.Path(directory, "posts")
        script.write_text("next\n".join(parts))
        return cpu_of(["curl", "-s", "-K", script])
    first = bodies[0].count(b'"specversion":"1.0"')
    events = sum(body.count(b'"specversion":"1.0"') for body in bodies)
    return (post(len(bodies)) - post(1)) * 1e6 / max(1, events - first)


def floor_of_topic(lines, bootstrap, directory):
    """Records of the same size produced by kcat (librdkafka); what it takes to start is taken off."""
    headers = ["-H", "ce_specversion=1.0", "-H", "ce_id=12-345678", "-H", "ce_type=muster.device_registered.v1", "-H", "ce_source=/services/0ne00000001",
               "-H", "ce_subject=devices/device-123456", "-H", "ce_time=2026-11-21T06:00:00.000000Z", "-H", "content-type=application/json",
               "-H", "ce_dataschema=urn:muster:schema:muster.device_registered.v1", "-H", "ce_sequence=345678", "-H", "ce_streamversion=1",
               "-H", "ce_by=device", "-H", "ce_correlationid=9f1c2a74-5d4f-4d3c-9f52-1f6f0a6f7b11", "-H", "ce_operation=true"]
    script = pathlib.Path(directory, "records")

    def produce(count):
        script.write_bytes(b"".join(lines[:count]))
        return cpu_of(["kcat", "-P", "-b", bootstrap, "-t", "floor", "-p", "0", "-k", "0ne00000001", "-X", "enable.idempotence=true", *headers, "-l", script])
    produce(1)  # makes the topic
    return (produce(len(lines)) - produce(1)) * 1e6 / (len(lines) - 1)


def stream_behind(node, fleet):
    """The node's CPU for each event that a stream reads from the log while nobody registers."""
    before = cpu_seconds(node.process.pid)
    reader = Stream(node, fleet.service, "0-0", kept_max=0)
    reader.wait_for(fleet.written)
    cost = (cpu_seconds(node.process.pid) - before) * 1e6 / reader.events
    reader.close()
    return cost


def webhook_behind(node, fleet, endpoint):
    """The same of a webhook whose endpoint was away while devices registered."""
    endpoint.open_to(False)
    node.cli("webhook", "set", "bench", endpoint.url, "--no-validation")
    fleet.cost(lambda: None)
    there = endpoint.events
    before = cpu_seconds(node.process.pid)
    endpoint.open_to(True)
    endpoint.wait_for(there + fleet.events)
    cost = (cpu_seconds(node.process.pid) - before) * 1e6 / (endpoint.events - there)
    node.cli("webhook", "remove", "bench")
    return cost


def topic_behind(node, fleet, bootstrap):
    """The same of a topic that begins with the log's first event; what a start takes is taken off."""
    node.stop()
    node.start()
    start = cpu_seconds(node.process.pid)
    node.stop()
    node.settings += (f"feed.kafka.bootstrap={bootstrap}",)
    node.start()
    wait_until_published(fleet, fleet.written)
    return (cpu_seconds(node.process.pid) - start) * 1e6 / fleet.metric("muster_feed_events_published_total")


def wait_until_published(fleet, events):
    until = time.monotonic() + WAIT_S
    while fleet.metric("muster_feed_events_published_total") < events:
        if time.monotonic() > until:
            sys.exit("not every event was published")
        time.sleep(0.05)


def run(load, settings, devices, connections, rounds):
    """Rounds of registrations without followers and with each kind, in turns."""
    sys.path.insert(0, str(nodes.ROOT / "tests" / "kafka"))
    import brokers  # pylint: disable=import-outside-toplevel; only here are brokers wanted
    settings = (*settings, "webhook.retry_first_ms=50", "webhook.retry_longest_s=1")
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as directory, \
            brokers.Brokers(pathlib.Path(directory, "kafka"), 1, {"auto.create.topics.enable": "true"}) as kafka, \
            nodes.Node(*settings) as node, nodes.Node(*settings, f"feed.kafka.bootstrap={kafka.bootstrap}") as publisher:
        fleet = Registrations(node, load, devices, connections)
        published = Registrations(publisher, load, devices, connections)
        endpoint = Endpoint(kept_max=1_000)
        streamed = []

        def nobody():
            return fleet.cost(lambda: None)

        def stream():
            follower = Stream(node, fleet.service, "latest", kept_max=fleet.events)
            cost = fleet.cost(lambda: follower.wait_for(fleet.events))
            follower.close()
            streamed[:] = follower.kept
            return cost

        def webhook():
            node.cli("webhook", "set", "bench", endpoint.url, "--no-validation")
            there = endpoint.events
            cost = fleet.cost(lambda: endpoint.wait_for(there + fleet.events))
            node.cli("webhook", "remove", "bench")
            return cost

        def topic():
            there = published.metric("muster_feed_events_published_total")
            return published.cost(lambda: wait_until_published(published, there + published.events))

        kinds = {"nobody follows": nobody, "a stream": stream, "a webhook": webhook, "a topic on Kafka": topic}
        costs = {what: [] for what in kinds}
        for warming_up in [True] + [False] * rounds:
            for what, measure in kinds.items():
                cost = measure()
                if not warming_up:
                    costs[what].append(cost)
        floors = {"a stream": floor_of_stream(streamed, directory), "a webhook": floor_of_webhook(endpoint.kept, endpoint, directory),
                  "a topic on Kafka": floor_of_topic(streamed, kafka.bootstrap, directory)}
        behind = {"a stream": stream_behind(node, fleet), "a webhook": webhook_behind(node, fleet, endpoint),
                  "a topic on Kafka": topic_behind(node, fleet, kafka.bootstrap)}
        endpoint.close()
    alone = costs.pop("nobody follows")
    print(f"  {'nobody follows':<18} {statistics.median(alone):6.1f} us CPU/event ({min(alone):.1f} to {max(alone):.1f})")
    for what, each in costs.items():
        more = [with_follower - without for with_follower, without in zip(each, alone)]
        print(f"  {what:<18} {statistics.median(each):6.1f} us CPU/event ({min(each):.1f} to {max(each):.1f}), {statistics.median(more):+6.1f} in the median; "
              f"behind, nobody registering {behind[what]:5.1f}; floor {floors[what]:5.2f}", flush=True)
