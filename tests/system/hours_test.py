"""Hours end on a node that serves: their usage is in the feed, in streams and at the webhook, without an event behind it."""

import json
import threading

from feed_test import Stream
from node import Node, Service, derive_key, keys_of
from schema_test import Schemas
from webhook_test import Endpoint


class Reader:
    """A stream of a service's usage, read by a thread."""

    def __init__(self, node, service):
        self.stream = Stream(node, "/events?types=usage", service.authorization())
        self.found, self.changed = [], threading.Condition()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while event := self.stream.event():
            with self.changed:
                self.found.append(event)
                self.changed.notify()

    def wait_for(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.found) >= count, 60), (count, self.found)
        return self.found


def main():
    schemas = Schemas()
    with Node("journal.shards=2", clock=True) as node:
        service = Service(node)
        client = node.connect()
        key = keys_of(service.create_group(client, "fleet"))[0]
        everything, usage_only = Endpoint(), Endpoint()
        node.cli("webhook", "set", "demo", f"http://127.0.0.1:{everything.port}/all")
        reader = Reader(node, service)
        service.register(client, "dev-1", derive_key(key, "dev-1"))
        operations = node.json("usage", "demo")["operations"]

        node.pass_hours(1)
        first = reader.wait_for(1)[0]
        assert first["type"] == "muster.usage.v1" and first["data"]["operations"] == operations, first
        everything.wait_for(lambda: any(event["id"] == first["id"] for event in everything.events()))
        status, _, body = client.request("GET", "/events?types=usage", None, service.authorization())
        assert status == 200 and [json.loads(line) for line in body.splitlines()] == [first], body

        # Another hour, at an endpoint that wants nothing else, across a restart; what it took does not come again.
        node.cli("webhook", "set", "demo", f"http://127.0.0.1:{usage_only.port}/usage", "--types", "usage")
        service.register(client, "dev-2", derive_key(key, "dev-2"))
        client.close()
        node.pass_hours(2)
        usage_only.wait_for(lambda: len(usage_only.events()) >= 1)
        assert node.stop() == 0
        node.start()
        client = node.connect()
        service.register(client, "dev-3", derive_key(key, "dev-3"))
        node.pass_hours(3)
        usage_only.wait_for(lambda: len(usage_only.events()) >= 2)
        told = usage_only.events()
        assert {event["type"] for event in told} == {"muster.usage.v1"}, told
        assert told[-1]["data"]["operations"] == 1 and len({event["id"] for event in told}) == len(told), told

        for endpoint in (everything, usage_only):
            for headers, _, body in endpoint.batches:
                schemas.check_delivery(headers, body)
        schemas.check_event("lines", first)
        assert node.json("usage", "demo", "--recount")["ok"]
        print(f"{1 + len(told)} hours ended, and everybody heard of it")


if __name__ == "__main__":
    main()
