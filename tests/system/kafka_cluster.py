"""Nodes on real Kafka brokers, load from real HTTPS clients that goes on while brokers fail, and the check of what it left."""

import collections
import http.client
import json
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from node import API, MUSTER, ROOT, Node, Service, derive_key, keys_of, sas_token

sys.path.insert(0, str(ROOT / "tests" / "kafka"))
from brokers import Brokers

SHARDS = 4
RESUMED_WITHIN_S = 5
DISK_BYTES = 256 << 20


class Cluster:
    """Brokers, the topics that `muster cluster init` made on them, and nodes, which reach the brokers through their proxies."""

    def __init__(self, count, disk_bytes=None):
        self.directory = tempfile.mkdtemp(prefix="muster-kafka-")
        self.brokers = Brokers(self.directory, count, disk_bytes=disk_bytes, proxied=True)
        self.nodes = []

    def __enter__(self):
        self.brokers.start()
        return self

    def __exit__(self, *_):
        for node in self.nodes:
            node.kill()
            shutil.rmtree(node.data, ignore_errors=True)
        self.brokers.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    def node(self, *settings):
        """One more node, not started yet. The first makes the cluster; the others get a copy of its keys, CA and tokens."""
        node = Node("journal.kind=kafka", f"kafka.bootstrap={self.brokers.addresses('PROXIED')}", *settings)
        if not self.nodes:
            made = subprocess.run([MUSTER, "cluster", "init", "--data", node.data, "--kafka", self.brokers.bootstrap, "--set", f"journal.shards={SHARDS}"],
                                  capture_output=True, text=True, timeout=120)
            assert made.returncode == 0, made
            self.prepared = pathlib.Path(self.directory, "prepared")
            shutil.copytree(node.data, self.prepared)
        else:
            shutil.copytree(self.prepared, node.data, dirs_exist_ok=True)
        self.nodes.append(node)
        return node

    def verify_stopped(self, node):
        """`muster verify` of a node that does not run: its rows against what the brokers hold."""
        settings = [part for each in node.settings for part in ("--set", each)]
        node.cli("verify", *settings)

    def leader(self, service):
        return self.brokers.leader("muster.journal", service.info["shard"])

    def wait_until_led(self, within_s=60):
        """Until every partition of the journal has a leader again. Gives when it had."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            known = self.brokers.metadata()
            topics = [each for each in known["topics"] if each["topic"] == "muster.journal"] if known else []
            running = {each.number for each in self.brokers.brokers if each.process.poll() is None}
            if topics and all(part["leader"] in running for part in topics[0]["partitions"]):
                return time.monotonic()
        raise AssertionError(f"the brokers elected no leader within {within_s} s")

    def wait_until_replicated(self, within_s=60):
        """Until every replica of the journal is in sync."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            known = self.brokers.metadata()
            parts = [part for each in (known["topics"] if known else []) if each["topic"] == "muster.journal" for part in each["partitions"]]
            if parts and all(len(part["isrs"]) == len(part["replicas"]) for part in parts):
                return
        raise AssertionError(f"not all replicas were in sync within {within_s} s")


class Fleet:
    """What is known of one service's devices: what was answered, and what may have happened besides."""

    def __init__(self, node, name):
        self.service = Service(node, name)
        client = node.connect()
        body = {"enrollmentGroupId": "fleet", "attestation": {"type": "symmetricKey"}}
        status, _, answer = self.service.call(client, "PUT", f"/enrollmentGroups/fleet?service={name}", body)
        assert status == 200, answer
        self.group_key, _ = keys_of(answer)
        client.close()
        self.lock = threading.Lock()
        self.devices = {}                         # name -> (hub, device id) as answered
        self.answered = collections.Counter()     # registrations answered, by name
        self.unknown = collections.Counter()      # registrations that were refused or lost on the way, by name
        self.base = operations_of(node, name)


class Load:
    """Connections that register new and known devices of all fleets, over and over, whatever answers they get."""

    def __init__(self, node, fleets, connections=4, seed=1):
        self.node, self.fleets = node, fleets
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.answers = []   # (fleet, sent at, answered at)
        self.refused = []   # (fleet, status or None, answered at)
        self.wrong = None
        self.threads = [threading.Thread(target=self._run, args=(number, random.Random(seed * 7919 + number)), daemon=True) for number in range(connections)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self.answered_within(RESUMED_WITHIN_S * 2, time.monotonic())
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(120)
            assert not thread.is_alive(), "a request is never answered"
        if self.wrong:
            raise self.wrong

    def answered_within(self, seconds, since):
        """Waits until each fleet has had an answer after `since` (time.monotonic()); gives how long that took."""
        waiting = set(self.fleets)
        while waiting:
            assert not self.wrong, self.wrong
            with self.lock:
                waiting -= {fleet for fleet, _, at in self.answers if at > since}
            took = time.monotonic() - since
            assert not waiting or took < seconds, f"no answer for {[each.service.info['name'] for each in waiting]} within {took:.1f} s\n{self.node.log_text()}"
            self.stopping.wait(0.01)  # a look every while
        return took

    def refused_within(self, seconds, fleet):
        """Waits until a request for `fleet` is refused from now on."""
        since = time.monotonic()
        while True:
            with self.lock:
                if any(each is fleet and at > since for each, _, at in self.refused):
                    return
            assert time.monotonic() - since < seconds, f"nothing was refused within {seconds} s"
            self.stopping.wait(0.01)

    def run_for(self, seconds):
        """Lets the load go on for a while. Gives how long each registration took in it that was answered."""
        since = time.monotonic()
        self.stopping.wait(seconds)
        with self.lock:
            return [at - sent for _, sent, at in self.answers if sent > since]

    def _run(self, number, dice):
        client = None
        try:
            for count in range(1 << 30):
                if self.stopping.is_set():
                    return
                fleet = self.fleets[count % len(self.fleets)]
                try:
                    client = client or self.node.connect()
                    calm = self._register(client, fleet, number, count, dice)
                except (OSError, http.client.HTTPException):
                    client, calm = None, False
                self.stopping.wait(0.005 if calm else 0.1)  # devices wait longer; here the end of an outage is looked for
        except AssertionError as wrong:
            self.wrong = wrong

    def _register(self, client, fleet, number, count, dice):
        known = fleet.devices and dice.random() < 0.3
        with fleet.lock:
            name = dice.choice(list(fleet.devices)) if known else f"device-{id(self) % 9973}-{number}-{count}"
            fleet.unknown[name] += 1
        sent = time.monotonic()
        status = None
        try:
            token = sas_token(f"{fleet.service.scope}/registrations/{name}", derive_key(fleet.group_key, name), "registration")
            status, headers, answer = client.request("PUT", f"/{fleet.service.scope}/registrations/{name}/register?{API}",
                                                     {"registrationId": name, "payload": {"n": count}}, {"Authorization": token})
        finally:
            at = time.monotonic()
            if status != 200:
                with self.lock:
                    self.refused.append((fleet, status, at))
        if status != 200:
            assert status in (429, 503), (status, answer)
            assert int(headers["Retry-After"]) > 0, (status, answer)
            return False
        record = answer["registrationState"]
        where = record["assignedHub"], record["deviceId"]
        with fleet.lock:
            assert fleet.devices.setdefault(name, where) == where, (name, fleet.devices[name], record)
            fleet.unknown[name] -= 1
            fleet.answered[name] += 1
        with self.lock:
            self.answers.append((fleet, sent, at))
        return True


def operations_of(node, service):
    return node.json("usage", service)["operations"]


def history_of(node, service):
    return [json.loads(line) for line in node.cli("history", service, "--json").stdout.splitlines()]


def check_history(node, fleet):
    """Every answered registration is in the history as it was answered, none more often than it was sent, and the counts are
    exact. Gives the number of operations."""
    name = fleet.service.info["name"]
    events = history_of(node, name)
    numbers = [int(event["id"].split("-")[1]) for event in events]
    assert numbers == sorted(set(numbers)), "events are in order, and none is there twice"
    seen = collections.Counter()
    joined = collections.Counter()  # answered with the one they joined; no operation of their own
    for event in events:
        if event["type"] == "muster.registration_joined.v1":
            joined[event["data"]["attempt"]["registrationId"]] += 1
        if event["type"] != "muster.device_registered.v1":
            continue
        device = event["data"]["attempt"]["registrationId"]
        seen[device] += 1
        where = event["data"]["assignedHub"], event["data"]["deviceId"]
        assert fleet.devices.get(device, where) == where, (device, fleet.devices[device], event)
    for device in set(fleet.answered) | set(seen):
        least, most = fleet.answered[device], fleet.answered[device] + fleet.unknown[device]
        assert least <= seen[device] + joined[device] <= most, f"{device}: {seen[device]} registrations in the history, {least} answered, {most} sent"
    operations = operations_of(node, name)
    assert operations == sum(event["operation"] for event in events) == fleet.base + sum(seen.values()), (operations, fleet.base, sum(seen.values()))
    return operations


def metric(node, name):
    """A metric's value; `name` with its labels."""
    client = node.connect()
    _, _, text = client.request("GET", "/metrics")
    client.close()
    for line in text.splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise KeyError(name)


def median_ms(durations):
    return statistics.median(durations) * 1000
