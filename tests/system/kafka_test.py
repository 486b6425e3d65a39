"""Nodes on a real Kafka broker: made once, started rightly and wrongly, and a history that moves there.

    kafka_test.py [NAME ...]     the scenarios named, or all
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from node import MUSTER, Node, Service, derive_key, keys_of, run_scenarios

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "kafka"))
from brokers import Brokers  # noqa: E402


class KafkaNode(Node):
    """A node whose journal is on these brokers."""

    def __init__(self, bootstrap, *settings):
        super().__init__("journal.kind=kafka", f"kafka.bootstrap={bootstrap}", *settings)

    def start(self):
        if not pathlib.Path(self.data, "master.key").exists():
            made = self.init()
            assert made["made"] and made["journal"], made
            again = self.init()
            assert not again["made"] and again["journal"] == made["journal"], again
        return super().start()

    def init(self, *more):
        command = [MUSTER, "cluster", "init", "--data", self.data, "--output", "json"]
        for setting in (*self.settings, *more):
            command += ["--set", setting]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def cli_stopped(self, *arguments):
        """A command that reads the files and the brokers itself."""
        command = [MUSTER, *arguments, "--data", self.data]
        for setting in self.settings:
            command += ["--set", setting]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)


def made_once_and_killed_often():
    with tempfile.TemporaryDirectory() as directory, Brokers(directory) as brokers, KafkaNode(brokers.bootstrap, "journal.shards=2") as node:
        service = Service(node)
        client = node.connect()
        group_key, _ = keys_of(service.create_group(client, "fleet"))
        hubs = {}
        for number in range(60):
            name = f"device-{number % 40}"
            status, answer = service.register(client, name, derive_key(group_key, name), {"n": number})
            assert status == 200 and answer["status"] == "assigned", answer
            hub = answer["registrationState"]["assignedHub"]
            assert hubs.setdefault(name, hub) == hub
            if number % 20 == 19:
                node.kill()
                node.start()
                client = node.connect()
        # As large as a request may be; a kill and a start behind it fold it from the topic.
        large = {"text": "x" * (96 * 1024 - 200)}
        status, answer = service.register(client, "device-large", derive_key(group_key, "device-large"), large)
        assert status == 200, answer
        node.kill()
        shutil.rmtree(os.path.join(node.data, "projections"))
        node.start()
        client = node.connect()
        for name, hub in hubs.items():
            status, _, record = service.call(client, "GET", f"/registrations/{name}")
            assert status == 200 and record["assignedHub"] == hub, record
        client.close()
        assert node.json("usage", "demo")["operations"] == 62
        events = [json.loads(line) for line in node.cli("history", "demo", "--json").stdout.splitlines()]
        told = [event for event in events if event["subject"] == "devices/device-large"]
        assert told[-1]["data"]["payload"] == large, told[-1]["data"].keys()
        assert len({event["id"] for event in events}) == len(events)
        node.cli("verify")
        assert node.stop() == 0
        verified = node.cli_stopped("verify")
        assert verified.returncode == 0, verified.stderr


def migrated_history_goes_on():
    """A user outgrows one machine: the embedded history moves, and every record and count with it."""
    with tempfile.TemporaryDirectory() as directory, Brokers(directory) as brokers:
        node = Node("journal.shards=2")
        node.start()
        service = Service(node)
        client = node.connect()
        group_key, _ = keys_of(service.create_group(client, "fleet"))
        for number in range(30):
            status, answer = service.register(client, f"old-{number}", derive_key(group_key, f"old-{number}"), {"n": number})
            assert status == 200, answer
        client.close()
        before = node.cli("history", "demo", "--json").stdout
        assert node.stop() == 0
        arguments = ["migrate", "--from", "embedded", "--to", "kafka", "--kafka", brokers.bootstrap]
        moved = node.json(*arguments)
        assert moved["events"] >= 31, moved
        assert node.json(*arguments) == moved  # once more changes nothing
        refused = subprocess.run([MUSTER, "serve", "--data", node.data, "--https", "127.0.0.1:0"], capture_output=True, text=True, timeout=60)
        assert refused.returncode == 1 and "moved to Kafka" in refused.stderr, refused
        node.settings = ("journal.kind=kafka", f"kafka.bootstrap={brokers.bootstrap}")
        node.start()
        assert node.cli("history", "demo", "--json").stdout == before
        client = node.connect()
        status, answer = service.register(client, "old-7", derive_key(group_key, "old-7"))
        assert status == 200, answer
        client.close()
        node.cli("verify")
        node.__exit__()


def wrong_starts_are_explained():
    users = {"muster": "right"}
    with tempfile.TemporaryDirectory() as directory, Brokers(directory, security="SASL_SSL", users=users) as brokers:
        node = KafkaNode(brokers.addresses("SASL_SSL"), "journal.shards=2", "kafka.security.protocol=SASL_SSL",
                         f"kafka.ssl.ca.location={brokers.ca}", "kafka.sasl.mechanism=PLAIN", "kafka.sasl.username=muster",
                         "kafka.sasl.password=right")
        for settings, part in ((("kafka.topic_prefix=other.",), "muster cluster init"),
                               (("kafka.sasl.password=wrong",), "uthentication"),
                               (("kafka.acks=1",), "cannot be set")):
            done = subprocess.run([MUSTER, "serve", "--data", node.data, "--https", "127.0.0.1:0",
                                   *(part for each in (*node.settings, *settings) for part in ("--set", each))],
                                  capture_output=True, text=True, timeout=60)
            expected = "master key" if not pathlib.Path(node.data, "master.key").exists() and "acks" not in settings[0] else part
            assert done.returncode in (1, 2) and expected in done.stderr, (settings, done)
            if not pathlib.Path(node.data, "master.key").exists():
                node.init()
        node.start()
        assert node.stop() == 0
        # A directory without the cluster's key gets none of its own, which would fit nothing.
        stranger = KafkaNode(brokers.addresses("SASL_SSL"), *node.settings)
        done = subprocess.run([MUSTER, "cluster", "init", "--data", stranger.data,
                               *(part for each in stranger.settings for part in ("--set", each))], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and "bring that key" in done.stderr, done
        assert not pathlib.Path(stranger.data, "master.key").exists()
        stranger.__exit__()
        node.__exit__()


SCENARIOS = [made_once_and_killed_often, migrated_history_goes_on, wrong_starts_are_explained]


if __name__ == "__main__":
    run_scenarios(SCENARIOS)
