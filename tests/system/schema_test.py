"""What really comes out of every way is what the documents say: channel, message, headers, payload and the data of its type."""

import http.client
import json
import pathlib
import subprocess

import jsonschema

from node import ROOT, Node, Service, derive_key, keys_of
from webhook_test import Endpoint

SCHEMAS = pathlib.Path(ROOT) / "events" / "schemas"
SDK = pathlib.Path(ROOT) / "tests" / "sdk"


class Schemas:
    """The documents that consumers get, as validators. What comes is looked up as a consumer would: from the channel."""

    def __init__(self):
        self.data = json.loads((SCHEMAS / "events.json").read_text())
        self.asyncapi = json.loads((SCHEMAS / "asyncapi.json").read_text())

    def find(self, reference):
        name, pointer = reference.split("#")
        assert name in ("", "events.json"), reference
        found = self.data if name else self.asyncapi
        for part in pointer.strip("/").split("/"):
            found = found[part]
        return found

    def resolved(self, value):
        """`value` with what each $ref leads to in its place."""
        if isinstance(value, list):
            return [self.resolved(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return self.resolved(self.find(value["$ref"]))
        return {name: self.resolved(each) for name, each in value.items()}

    def messages(self, channel):
        return self.asyncapi["channels"][channel]["messages"]

    def message(self, channel, name):
        assert name in self.messages(channel), f"{name} is not on the channel {channel}"
        return self.resolved(self.messages(channel)[name])

    @staticmethod
    def names_in(schema):
        names = set(schema.get("properties", {}))
        for part in schema.get("allOf", []):
            names |= Schemas.names_in(part)
        return names

    def check(self, schema, value):
        """`value` is as `schema` says, and has no member that it does not name."""
        jsonschema.Draft202012Validator(schema).validate(value)
        unknown = set(value) - self.names_in(schema)
        assert not unknown, f"there are members that the schema does not name: {unknown}"

    def check_data(self, event_type, data):
        self.check(self.find(f"events.json#/$defs/{event_type}"), data)

    def check_event(self, channel, event):
        """A structured event, as a line or in a stream."""
        message = self.message(channel, event["type"])
        assert message["contentType"] == "application/cloudevents+json", message["contentType"]
        self.check(message["payload"], event)
        self.check_data(event["type"], event["data"])

    def check_streamed(self, fields):
        """A server-sent event, by its fields."""
        event = json.loads(fields.pop("data"))
        self.check_event("stream", event)
        self.check(self.message("stream", event["type"])["headers"], fields)
        assert fields["id"] == event["id"], fields

    def check_record(self, topic, headers, value):
        """A Kafka record in binary mode."""
        channel = next(name for name, each in self.asyncapi["channels"].items() if each["address"] == topic)
        message = self.message(channel, headers["ce_type"])
        self.check(message["headers"], headers)
        assert headers["content-type"] == message["contentType"], message["contentType"]
        self.check(message["payload"], value)

    def check_delivery(self, headers, body):
        """What a webhook's endpoint got."""
        message = self.message("webhook", "batch")
        headers = {name.lower(): value for name, value in headers.items()}
        ours = {name: value for name, value in headers.items() if name.startswith("webhook-") or name == "content-type"}
        self.check(message["headers"], ours)
        assert headers["content-type"] == message["contentType"], headers
        batch = json.loads(body)
        jsonschema.Draft202012Validator(message["payload"]).validate(batch)
        for event in batch:
            self.check_event("lines", event)

    def check_examples(self):
        """Every example is as its own message says."""
        count = 0
        for channel in self.asyncapi["channels"]:
            for name in self.messages(channel):
                message = self.message(channel, name)
                for example in message["examples"]:
                    jsonschema.Draft202012Validator(message["payload"]).validate(example["payload"])
                    if "headers" in message:
                        self.check(message["headers"], example["headers"])
                    count += 1
        return count


def check_the_document_itself(schemas):
    """It is AsyncAPI: as the specification's own JSON Schema says, in the version of tests/sdk/package-lock.json."""
    subprocess.run([SDK / "install"], check=True, stdout=subprocess.DEVNULL)
    version = schemas.asyncapi["asyncapi"]
    specification = json.loads((SDK / f"node_modules/@asyncapi/specs/schemas/{version}.json").read_text())
    validator = jsonschema.Draft7Validator(specification)
    validator.validate(schemas.asyncapi)
    broken = json.loads(json.dumps(schemas.asyncapi))
    broken["operations"]["sendToWebhook"]["action"] = "push"
    assert not validator.is_valid(broken), "the specification's schema accepts anything"


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


def pages(schemas, client, service, options=""):
    status, headers, body = client.request("GET", f"/events?limit=1000{options}", None, service.authorization())
    assert status == 200, body
    assert headers["Content-Type"] == schemas.asyncapi["channels"]["lines"]["x-content-type"], headers
    return [json.loads(line) for line in body.splitlines()]


def stream(schemas, node, service, count):
    """The fields of that many server-sent events, behind which the stream ends."""
    connection = http.client.HTTPSConnection("localhost", node.port, context=node.tls, timeout=30)
    connection.request("GET", f"/events?limit={count}", headers={**service.authorization(), "Accept": "text/event-stream"})
    response = connection.getresponse()
    assert response.headers["Content-Type"] == schemas.asyncapi["channels"]["stream"]["x-content-type"], response.headers
    text = response.read().decode()
    connection.close()
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append(fields)
    return found


def deliveries(node, service):
    """What an endpoint gets of a few changes."""
    endpoint = Endpoint()
    node.cli("webhook", "set", "demo", f"http://127.0.0.1:{endpoint.port}/hook")
    client = node.connect()
    key = keys_of(service.create_group(client, "late"))[0]
    service.register(client, "dev-late", derive_key(key, "dev-late"), {"of": "dev-late"})
    endpoint.wait_for(lambda: sum(len(json.loads(body)) for _, _, body in endpoint.batches) >= 3)
    endpoint.close()
    client.close()
    return endpoint.batches


def main():
    schemas = Schemas()
    check_the_document_itself(schemas)
    examples = schemas.check_examples()
    with Node("journal.shards=2") as node:
        service = Service(node)
        client = make_many_kinds_of_events(node, service)
        opened, sealed = pages(schemas, client, service), pages(schemas, client, service, "&personal=false")
        for event in opened + sealed:
            schemas.check_event("lines", event)
        streamed = stream(schemas, node, service, len(opened))
        assert [json.loads(fields["data"]) for fields in streamed] == opened
        for fields in streamed:
            schemas.check_streamed(fields)
        batches = deliveries(node, service)
        for headers, _, body in batches:
            schemas.check_delivery(headers, body)
        seen = {event["type"] for event in opened}
        missing = set(schemas.messages("lines")) - seen
        only_some = pages(schemas, client, service, "&types=device_registered,hub_linked")
        assert {e["type"] for e in only_some} == {"muster.device_registered.v1", "muster.hub_linked.v1"}
        assert [e["subject"] for e in pages(schemas, client, service, "&stream=devices/dev-2")] == ["devices/dev-2"]
        print(f"{len(opened)} events of {len(seen)} types and {len(batches)} deliveries as the documents say, and {examples} "
              f"examples; not made here: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main()
