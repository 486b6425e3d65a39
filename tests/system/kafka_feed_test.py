"""Every event reaches the Kafka topic, in order, at least once: read by kcat, an independent client."""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

from node import ROOT, Node, Service, derive_key, keys_of
from schema_test import Schemas

sys.path.insert(0, str(pathlib.Path(ROOT) / "tests" / "kafka"))
from brokers import Brokers  # noqa: E402

TOPIC = "muster.events"
USAGE = "muster.usage"


def records(kafka, topic=TOPIC):
    """Everything that the topic holds: key, headers, value and partition of each record, in the order of each partition."""
    command = ["kcat", "-C", "-q", "-b", kafka.bootstrap, "-t", topic, "-o", "beginning", "-e", "-J"]
    read = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
    found = []
    for line in read.splitlines():
        record = json.loads(line)
        pairs = record["headers"]
        record["headers"] = dict(zip(pairs[::2], pairs[1::2]))
        found.append(record)
    return found


def wait_for(kafka, newest):
    """The records, once the one with this id is there."""
    deadline = time.monotonic() + 60
    while True:
        found = records(kafka)
        if any(record["headers"]["ce_id"] == newest for record in found):
            return found
        assert time.monotonic() < deadline, (newest, len(found), found[-1:])


def history(node):
    return [json.loads(line) for line in node.cli("history", "demo", "--json").stdout.splitlines()]


def register(service, group_key, names):
    service.register_all(group_key, names, lambda name: {"of": name})


def first_occurrences(found, key):
    """The ids of a scope's records, repeats left out; what is new is always newer."""
    seen = []
    for record in found:
        if record["key"] != key or record["headers"]["ce_id"] in seen:
            continue
        seen.append(record["headers"]["ce_id"])
    assert seen == sorted(seen, key=lambda each: int(each.split("-")[1])), seen
    return seen


def records_are_cloud_events(found, told, schemas, scope):
    by_id = {event["id"]: event for event in told}
    for record in found:
        headers = record["headers"]
        data = json.loads(record["payload"])
        schemas.check_record(TOPIC, headers, data)
        assert record["key"] == scope and headers["ce_source"] == f"/services/{scope}", record
        event = by_id[headers["ce_id"]]
        for name in ("type", "source", "subject", "time", "sequence", "by", "correlationid"):
            assert headers["ce_" + name] == event[name], (name, headers, event)
        if headers["ce_type"] == "muster.device_registered.v1":
            assert isinstance(data["payload"], str) and event["data"]["payload"] == {"of": headers["ce_subject"].removeprefix("devices/")}
    assert len({record["partition"] for record in found if record["key"] == scope}) == 1


def ready_within(node, seconds, wanted):
    """Asks until the node's answer to whether it is ready, which must be yes, has these words, or is plain if there are none."""
    client = node.connect()
    deadline = time.monotonic() + seconds
    while True:
        status, _, text = client.request("GET", "/readyz")
        assert status == 200, text
        if (wanted in text) if wanted else text == "ready\n":
            return client.close()
        assert time.monotonic() < deadline, text


def a_topic_that_takes_nothing(kafka, node, service, group_key):
    """The node serves on, says so, and goes on by itself once the topic is mended; it does not start with such a topic."""
    kafka.change_topic(TOPIC, "max.message.bytes=300")
    register(service, group_key, ["dev-stuck"])
    ready_within(node, 60, "no events are published on Kafka")
    assert "--add-config max.message.bytes=1048576" in node.log_text()
    kafka.change_topic(TOPIC, "max.message.bytes=1048576")
    ready_within(node, 60, "")
    wait_for(kafka, history(node)[-1]["id"])

    assert node.stop() == 0
    kafka.change_topic(TOPIC, "cleanup.policy=compact")
    try:
        node.start()
        raise SystemExit("it serves with a compacted topic")
    except AssertionError as refused:
        assert "cleanup.policy=delete" in str(refused), refused
    node.kill()
    kafka.change_topic(TOPIC, "cleanup.policy=delete")
    node.start()


def the_largest_payload_comes_through(kafka, node, service, group_key, schemas):
    """As large as a request may be: its event is in the journal, in the history and on the topic."""
    payload = {"text": "x" * (96 * 1024 - 200)}
    client = node.connect()
    status, answer = service.register(client, "dev-large", derive_key(group_key, "dev-large"), payload)
    assert status == 200, (status, answer)
    client.close()
    newest = history(node)[-1]["id"]
    found = [record for record in wait_for(kafka, newest) if record["headers"]["ce_subject"] == "devices/dev-large"]
    largest = max(found, key=lambda record: len(record["payload"]))
    assert len(largest["payload"]) > 128 * 1024, len(largest["payload"])
    schemas.check_record(TOPIC, largest["headers"], json.loads(largest["payload"]))
    told = [event for event in history(node) if event["id"] == largest["headers"]["ce_id"]]
    assert told[0]["data"]["payload"] == payload, told[0]["data"].keys()


def usage_comes_hour_by_hour(kafka, node, service, group_key, schemas):
    """Also over a topic that takes nothing for a while: the node says so, and goes on by itself."""
    def hours(count):
        deadline = time.monotonic() + 60
        while len(found := {record["headers"]["ce_id"]: record for record in records(kafka, USAGE)}) < count:
            assert time.monotonic() < deadline, found
        for record in found.values():
            schemas.check_record(USAGE, record["headers"], json.loads(record["payload"]))
            assert record["key"] == service.scope, record
        return found

    node.pass_hours(1)
    hours(1)
    kafka.change_topic(USAGE, "max.message.bytes=100")
    register(service, group_key, ["dev-second-hour"])
    node.pass_hours(2)
    ready_within(node, 60, "usage is not published on Kafka")
    kafka.change_topic(USAGE, "max.message.bytes=1048576")
    ready_within(node, 60, "")
    hours(2)


def main():
    with tempfile.TemporaryDirectory(prefix="muster-kafka-") as directory, \
            Brokers(directory, 1, {"auto.create.topics.enable": "true", "num.partitions": "3"}) as kafka, \
            Node("journal.shards=2", f"feed.kafka.bootstrap={kafka.bootstrap}", clock=True) as node:
        service = Service(node)
        client = node.connect()
        group_key = keys_of(service.create_group(client, "fleet"))[0]
        register(service, group_key, [f"dev-{i}" for i in range(10)])
        told = history(node)
        found = wait_for(kafka, told[-1]["id"])
        schemas = Schemas()
        records_are_cloud_events(found, told, schemas, service.scope)
        assert first_occurrences(found, service.scope) == [event["id"] for event in told]

        # kill -9 in the midst of it: some come twice, none is missing.
        for i in range(3):
            register(service, group_key, [f"dev-killed-{i}-{j}" for j in range(10)])
            node.kill()
            node.start()
        told = history(node)
        found = wait_for(kafka, told[-1]["id"])
        assert first_occurrences(found, service.scope) == [event["id"] for event in told]

        # The broker is away: the node serves on, and the topic catches up.
        kafka.stop(kafka.brokers[0])
        register(service, group_key, [f"dev-away-{i}" for i in range(10)])
        kafka.restart(kafka.brokers[0])
        told = history(node)
        found = wait_for(kafka, told[-1]["id"])
        assert first_occurrences(found, service.scope) == [event["id"] for event in told]

        # After a clean restart nothing is sent again.
        assert node.stop() == 0
        node.start()
        register(service, group_key, ["dev-last"])
        newest = history(node)[-1]["id"]
        assert len(wait_for(kafka, newest)) == len(found) + sum(int(event["id"].split("-")[1]) > int(told[-1]["id"].split("-")[1]) for event in history(node))
        a_topic_that_takes_nothing(kafka, node, service, group_key)
        the_largest_payload_comes_through(kafka, node, service, group_key, schemas)
        usage_comes_hour_by_hour(kafka, node, service, group_key, schemas)
        print(f"{len(found)} records for {len(told)} events of the service: in order, none missing")


if __name__ == "__main__":
    main()
