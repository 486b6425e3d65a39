"""Usage is exact: what `muster usage` says is what `muster history` shows, whatever happened to the node.

    usage_test.py [ROUNDS]     6 rounds unless said

Each round loads a node and kills it. Then usage by the hour is compared with the events of the history, type by type, and
`muster usage --recount` with the log, on a node that runs, on one that stopped, and after a rebuild.
"""

import collections
import json
import os
import random
import shutil
import sys
import time

import load
from load import connections_of, end_load, start_load
from node import Node, Service


def counted_from_history(node):
    """(hour, type) -> [events, operations], and all events."""
    counted = collections.defaultdict(lambda: [0, 0])
    events = [json.loads(line) for line in node.cli("history", "demo", "--json").stdout.splitlines()]
    for event in events:
        of_type = counted[event["time"][:13], event["type"]]
        of_type[0] += 1
        of_type[1] += event["operation"]
    return dict(counted), events


def counted_by(node, *arguments):
    report = node.json("usage", "demo", *arguments)
    counted = {}
    for period in report["periods"]:
        assert period["from"] < period["to"] and period["operations"] == sum(each["operations"] for each in period["types"]), period
        assert "end" in period or period["open"], period
        for each in period["types"]:
            counted[period["from"][:13], each["type"]] = [each["events"], each["operations"]]
    return counted, report


def check(node):
    expected, events = counted_from_history(node)
    by_hour, report = counted_by(node, "--by", "hour")
    assert by_hour == expected, (by_hour, expected)
    assert report["operations"] == sum(event["operation"] for event in events) == sum(report["byType"].values())
    assert report["events"] == len(events)
    assert report["periods"][0]["first"] == events[0]["id"] and report["periods"][-1]["last"] == events[-1]["id"]
    for by in ("day", "month"):
        _, summed = counted_by(node, "--by", by)
        assert summed["operations"] == report["operations"] and summed["byType"] == report["byType"], (by, summed)
    recount(node, report)


def recount(node, report):
    again = node.json("usage", "demo", "--recount")
    assert again["ok"] and not again["differences"], again
    assert (again["operations"], again["events"], again["hours"]) == (report["operations"], report["events"], len(report["periods"])), (again, report)


def questions(node, service):
    """Ranges, rights, and what is said to wrong questions."""
    client = node.connect()
    status, _, whole = service.call(client, "GET", "/usage")
    assert status == 200 and whole["operations"] == node.json("usage", "demo")["operations"], whole
    status, _, none = service.call(client, "GET", "/usage?to=2020-01")
    assert status == 200 and none["operations"] == 0 and none["periods"] == [], none
    status, _, wrong = service.call(client, "GET", "/usage?from=2026-13")
    assert status == 400 and "a month (2026-11), a day" in wrong["message"], wrong
    client.close()
    this_month = whole["periods"][-1]["from"][:7]
    assert node.json("usage", "demo", "--from", this_month, "--by", "month")["periods"][-1]["from"].startswith(this_month)
    table = node.cli("usage", "demo", "--by", "hour").stdout.splitlines()
    assert table[0] == f"operations  {whole['operations']}" and table[2].split() == ["PERIOD", "TYPE", "EVENTS", "OPERATIONS", "STATE"], table
    for arguments, message in ((["--from", "yesterday"], "from: expected a month"), (["--by", "year"], "by: expected hour, day or month"),
                               (["--from", "2026-02", "--to", "2026-01"], "--to: expected a time behind --from")):
        refused = node.cli("usage", "demo", *arguments, check=False)
        assert refused.returncode == 2 and message in refused.stderr, refused
    refused = node.cli("usage", "nobody", "--recount", check=False)
    assert refused.returncode == 1 and "nobody" in refused.stderr, refused


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 6
    dice = random.Random(rounds)
    with Node("journal.shards=2") as node:
        service = Service(node)
        connections = connections_of(node, service)
        for number in range(1, rounds + 1):
            loads = start_load(node, service, connections, number)
            time.sleep(dice.uniform(0.05, 0.5))  # how long the node lives is what is being varied
            node.kill()
            end_load(loads)
            if number % 2 == 0:
                node.cli("usage", "demo", "--recount")  # of the files that the killed node left
            node.start()
            load.check(node, connections)
            check(node)
        questions(node, service)
        node.cli("rebuild")
        check(node)
        report = node.json("usage", "demo", "--by", "hour")
        assert node.stop() == 0
        recount(node, report)
        refused = node.cli("usage", "nobody", "--recount", check=False)
        assert refused.returncode == 1 and "there is no service 'nobody'" in refused.stderr, refused
        projections = os.path.join(node.data, "projections")
        shutil.rmtree(projections)
        refused = node.cli("usage", "demo", "--recount", check=False)
        assert refused.returncode == 1 and "run 'muster rebuild'" in refused.stderr, refused
        assert not os.path.exists(projections), "looking has made projections"
        print(f"{rounds} kills, {report['operations']} operations in {len(report['periods'])} hours: counters, history and log agree")


if __name__ == "__main__":
    main()
