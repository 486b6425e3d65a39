"""A migration that is killed at any moment: nobody serves its target until it was run again to its end, and then nothing is
missing, nothing is there twice, and no key is gone.

    migration_test.py [POINTS]     at so many moments; 5 unless given
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from node import MUSTER, Node, Service, derive_key, keys_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "kafka"))
from brokers import Brokers  # noqa: E402

DEVICES = 150
SHARDS = 3
UNFINISHED = "is the unfinished target of a migration from journal"


def muster(*arguments, timeout=120):
    return subprocess.run([MUSTER, *arguments], capture_output=True, text=True, timeout=timeout)


class History:
    """A stopped node on the embedded journal, with all that can be said of what happened there."""

    def __init__(self):
        self.node = Node(f"journal.shards={SHARDS}")
        self.node.start()
        service = Service(self.node)
        self.scope = service.scope
        client = self.node.connect()
        self.group_key, _ = keys_of(service.create_group(client, "fleet"))
        for number in range(DEVICES):
            name = f"device-{number}"
            status, answer = service.register(client, name, derive_key(self.group_key, name), {"n": number})
            assert status == 200, answer
        client.close()
        self.node.cli("registration", "delete", "demo", "device-3")
        self.node.stop()  # its key is erased by then
        self.node.start()
        self.events = self.node.cli("history", "demo", "--json").stdout
        assert '"payload":{"n":3}' not in self.events and '"payload":{"n":4}' in self.events
        self.usage = self.node.json("usage", "demo", "--by", "hour")
        assert self.node.stop() == 0

    def migrate_arguments(self, bootstrap, prefix):
        return ["migrate", "--from", "embedded", "--to", "kafka", "--data", self.node.data, "--kafka", bootstrap,
                "--set", f"kafka.topic_prefix={prefix}", "--output", "json"]

    def forget_target(self):
        """As if it had not been moved: for the next target."""
        data = pathlib.Path(self.node.data)
        for file in ("journal.moved", "journal.id"):
            (data / file).unlink(missing_ok=True)
        shutil.rmtree(data / "keyring-copy", ignore_errors=True)


def topics(brokers, prefix):
    return [each["topic"] for each in brokers.metadata()["topics"] if each["topic"].startswith(prefix)]


def frames(brokers, prefix):
    """Records in the target's journal, behind the header of each partition."""
    if f"{prefix}journal" not in topics(brokers, prefix):
        return 0
    asked = subprocess.run(["kcat", "-b", brokers.bootstrap, "-Q", *(part for shard in range(SHARDS) for part in ("-t", f"{prefix}journal:{shard}:-1"))],
                           capture_output=True, text=True, timeout=60, check=True)
    return sum(max(0, int(line.split("offset ")[1]) - 1) for line in asked.stdout.splitlines())


def another_machine(history):
    """A data directory with no more than the cluster's master key."""
    node = Node()
    shutil.copy2(pathlib.Path(history.node.data, "master.key"), node.data)
    return node


def refusals(history, brokers, prefix):
    """Nobody opens the target, here or elsewhere. Gives what was said."""
    on_kafka = ["--journal", "kafka", "--kafka", brokers.bootstrap, "--set", f"kafka.topic_prefix={prefix}"]
    elsewhere = another_machine(history)
    said = []
    serve = ["serve", "--https", "127.0.0.1:0"]
    for data, *commands in ((elsewhere.data, serve), (history.node.data, serve, ["verify"], ["rebuild"], ["usage", "demo", "--recount"])):
        for command in commands:
            done = muster(*command, "--data", data, *on_kafka, timeout=60)
            assert done.returncode == 1 and not done.stdout, (command, done)
            said.append(done.stderr)
    done = muster("cluster", "init", "--data", elsewhere.data, *on_kafka)
    said.append(done.stderr if done.returncode else "made")
    elsewhere.__exit__()
    return said


def check_whole(history, brokers, prefix):
    """Serves the target from another machine: everything is there."""
    node = another_machine(history)
    node.settings = ("journal.kind=kafka", f"kafka.bootstrap={brokers.bootstrap}", f"kafka.topic_prefix={prefix}")
    node.start()
    events = node.cli("history", "demo", "--json").stdout
    assert events == history.events, [(a, b) for a, b in zip(events.splitlines(), history.events.splitlines()) if a != b]
    assert node.json("usage", "demo", "--by", "hour") == history.usage
    node.cli("usage", "demo", "--recount")
    node.cli("verify")
    client = node.connect()
    served = Service.__new__(Service)
    served.node, served.scope = node, history.scope
    status, answer = served.register(client, "device-7", derive_key(history.group_key, "device-7"))
    assert status == 200 and answer["registrationState"]["registrationId"] == "device-7", answer
    client.close()
    assert node.stop() == 0
    node.__exit__()


def killed(history, brokers, prefix, count):
    """Lets the migration send and get so many bytes, and kills it there. False if it had come to its end."""
    proxy = brokers.brokers[0].proxy
    proxy.hang_after(count)
    migrating = subprocess.Popen([MUSTER, *history.migrate_arguments(brokers.addresses("PROXIED"), prefix)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not proxy.hung.wait(0.05) and migrating.poll() is None:
        pass
    ended = migrating.poll() is not None
    migrating.kill()
    _, said = migrating.communicate()
    proxy.cut()
    proxy.mend()
    assert not ended or migrating.returncode == 0, said
    return not ended


def interrupted_at(history, brokers, prefix, count):
    assert killed(history, brokers, prefix, count), count
    there = frames(brokers, prefix)
    names = topics(brokers, prefix)
    said = refusals(history, brokers, prefix)
    if f"{prefix}journal" in names:
        assert all(UNFINISHED in each for each in said), said
    elif there == 0:
        assert all(UNFINISHED in each or "muster cluster init" in each for each in said[:-1]), said
    again = muster(*history.migrate_arguments(brokers.bootstrap, prefix))
    if said[-1] == "made":  # before the mark was there, somebody made a cluster of these topics: it is theirs
        assert again.returncode == 1 and "choose another kafka.topic_prefix" in again.stderr, again
        return there, None
    assert again.returncode == 0, again
    return there, json.loads(again.stdout)


def main():
    points = int(sys.argv[1]) if sys.argv[1:] else 5
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory, Brokers(directory, proxied=True) as brokers:
        history = History()
        proxy = brokers.brokers[0].proxy
        proxy.passed = 0
        arguments = history.migrate_arguments(brokers.addresses("PROXIED"), "whole.")
        moved = muster(*arguments)
        assert moved.returncode == 0, moved
        report, length = json.loads(moved.stdout), proxy.passed
        repeated = muster(*arguments)
        assert repeated.returncode == 0 and json.loads(repeated.stdout) == report, repeated
        check_whole(history, brokers, "whole.")
        # Once it is served there it is another's, whatever the old journal's directory says.
        late = muster(*arguments)
        assert late.returncode == 1 and "goes on behind its end" in late.stderr, late
        seen = []
        for point in range(points):
            history.forget_target()
            prefix = f"target{point}."
            there, again = interrupted_at(history, brokers, prefix, length * (point + 1) // (points + 1))
            seen.append(there)
            if again is None:
                continue
            assert again == report, (again, report)
            if 0 < there < report["frames"] and not any(0 < each < report["frames"] for each in seen[:-1]):
                check_whole(history, brokers, prefix)
        assert any(0 < each < report["frames"] for each in seen), seen
        history.node.__exit__()
        print(f"migration: ok, killed with {seen} of {report['frames']} frames there, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
