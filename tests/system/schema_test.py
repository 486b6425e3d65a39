"""What really comes out over HTTP is what the schemas say: the CloudEvent, and the data of its type."""

import json
import pathlib

import jsonschema

from node import ROOT, Node, Service, derive_key, keys_of

SCHEMAS = pathlib.Path(ROOT) / "events" / "schemas"


class Schemas:
    """The documents that consumers get, as validators."""

    def __init__(self):
        self.data = json.loads((SCHEMAS / "events.json").read_text())
        self.asyncapi = json.loads((SCHEMAS / "asyncapi.json").read_text())
        self.components = self.asyncapi["components"]["schemas"]

    def check_data(self, event_type, data):
        """`data` fits the payload that the AsyncAPI document names for the type."""
        reference = self.asyncapi["components"]["messages"][event_type]["payload"]["$ref"]
        assert reference == f"events.json#/$defs/{event_type}", reference
        schema = self.data["$defs"][event_type]
        jsonschema.Draft202012Validator(schema).validate(data)
        unknown = set(data) - set(schema["properties"])
        assert not unknown, f"{event_type} has members that its schema does not name: {unknown}"

    def check_event(self, event):
        jsonschema.Draft202012Validator(self.components["cloudEvent"]).validate(event)
        self.check_data(event["type"], event["data"])

    def check_headers(self, headers):
        jsonschema.Draft202012Validator(self.components["kafkaHeaders"]).validate(headers)
        unknown = set(headers) - set(self.components["kafkaHeaders"]["properties"])
        assert not unknown, unknown


def make_many_kinds_of_events(node, service):
    """Most types that there are, through the public interfaces."""
    client = node.connect()
    group_key = keys_of(service.create_group(client, "fleet"))[0]
    individual = service.enroll(client, "single", initialTwin={"tags": {"site": "Köln"}, "properties": {"desired": {"a": 7.0}}})
    service.register(client, "single", keys_of(individual)[0], {"serial": "x"})
    for name in ("dev-1", "dev-2"):
        service.register(client, name, derive_key(group_key, name), {"of": name})
    service.register(client, "single", derive_key(group_key, "single"))
    service.register(client, "stranger", group_key)
    node.cli("hub", "link", "demo", "hub2", "--weight", "3")
    node.cli("service", "set", "demo", "assigningFirst=false", "symmetricKeyGroupsMax=50")
    node.cli("webhook", "set", "demo", "https://localhost:1/hook?code=secret", "--types", "hub_linked")
    node.cli("webhook", "resume", "demo")
    node.cli("webhook", "remove", "demo")
    status, _, _ = service.call(client, "DELETE", "/registrations/dev-1")
    assert status == 204, status
    status, _, _ = service.call(client, "DELETE", "/enrollments/single")
    assert status == 204, status
    node.cli("hub", "unlink", "demo", "hub2")
    status, _, _ = service.call(client, "DELETE", "/enrollmentGroups/fleet")
    assert status == 204, status
    return client


def pages(client, service, options=""):
    status, _, body = client.request("GET", f"/events?limit=1000{options}", None, service.authorization())
    assert status == 200, body
    return [json.loads(line) for line in body.splitlines()]


def main():
    schemas = Schemas()
    with Node("journal.shards=2") as node:
        service = Service(node)
        client = make_many_kinds_of_events(node, service)
        opened, sealed = pages(client, service), pages(client, service, "&personal=false")
        for event in opened + sealed:
            schemas.check_event(event)
        seen = {event["type"] for event in opened}
        missing = set(schemas.data["$defs"]) - seen
        only_some = pages(client, service, "&types=device_registered,hub_linked")
        assert {e["type"] for e in only_some} == {"muster.device_registered.v1", "muster.hub_linked.v1"}
        assert [e["subject"] for e in pages(client, service, "&stream=devices/dev-2")] == ["devices/dev-2"]
        print(f"{len(opened)} events of {len(seen)} types as their schemas say; not made here: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main()
