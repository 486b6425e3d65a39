"""A webhook's endpoint gets every event of its service, in order, whatever happens to it or to the node."""

import base64
import hashlib
import hmac
import http.server
import json
import socket
import threading
import time

from node import Node, Service, keys_of


class Endpoint:
    """An HTTP server that takes batches, as its `mood` says: ok, error, slow, gone; `closed` when it does not listen."""

    def __init__(self):
        self.batches, self.asked, self.refused, self.mood, self.changed = [], [], 0, "ok", threading.Condition()
        self.allowed, self.server, self.connections = "*", None, []
        self.port = 0
        self.open()

    def open(self):
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                endpoint.connections.append(self.connection)

            def do_OPTIONS(self):
                with endpoint.changed:
                    endpoint.asked.append((self.path, self.headers["WebHook-Request-Origin"]))
                self.send_response(200)
                if endpoint.allowed:
                    self.send_header("WebHook-Allowed-Origin", endpoint.allowed)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                mood = endpoint.mood
                if mood == "slow":
                    time.sleep(2.5)
                status = {"ok": 204, "slow": 204, "error": 500, "gone": 410}[mood]
                with endpoint.changed:
                    if status == 204:
                        endpoint.batches.append((dict(self.headers), self.path, body))
                    else:
                        endpoint.refused += 1
                    endpoint.changed.notify()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    pass  # the other side did not wait for a slow answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        for each in self.connections:  # those that are kept alive
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # gone already

    def events(self):
        with self.changed:
            return [event for _, _, body in self.batches for event in json.loads(body)]

    def wait_for(self, what):
        deadline = time.monotonic() + 60
        with self.changed:
            while not what():
                assert self.changed.wait(max(0, deadline - time.monotonic())), (len(self.batches), self.refused)


def history(node, types=None):
    events = [json.loads(line) for line in node.cli("history", "demo", "--json").stdout.splitlines()]
    return [event["id"] for event in events if not types or event["type"] in types]


def without_repeats(ids):
    """In order; an event may come again only together with those behind it."""
    seen = []
    for each in ids:
        if each in seen:
            continue
        assert not seen or int(each.split("-")[1]) > int(seen[-1].split("-")[1]), (seen[-1], each)
        seen.append(each)
    return seen


def last_is(endpoint, node):
    newest = history(node)[-1]
    endpoint.wait_for(lambda: endpoint.batches and json.loads(endpoint.batches[-1][2])[-1]["id"] == newest)


def state(node):
    return node.json("webhook", "show", "demo")["delivery"]


def wait_for_state(node, wanted):
    deadline = time.monotonic() + 60
    while (now := state(node))["state"] != wanted:
        assert time.monotonic() < deadline, now
    return now


def batches_are_signed_cloud_events(node, endpoint, secret):
    headers, path, body = endpoint.batches[0]
    assert headers["Content-Type"] == "application/cloudevents-batch+json; charset=utf-8"
    assert path == "/hook?code=s3cret"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert hmac.compare_digest(expected, headers["webhook-signature"])
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    for event in json.loads(body):
        assert event["specversion"] == "1.0" and event["type"].startswith("muster."), event
        assert event["source"].startswith("/services/0ne")


def secrets_are_nowhere_in_the_clear(node, secret):
    shown = node.cli("webhook", "show", "demo", "--output", "json").stdout
    assert "s3cret" not in shown and secret not in shown
    assert "s3cret" in node.cli("webhook", "show", "demo", "--keys", "--output", "json").stdout
    for text in (node.cli("history", "demo", "--json").stdout, node.log_text()):
        assert "s3cret" not in text and secret not in text
    assert node.json("service", "show", "demo")["webhook"]["url"].endswith("/hook?...")


def main():
    settings = ("journal.shards=2", "webhook.retry_first_ms=50", "webhook.retry_longest_s=1", "webhook.timeout_s=2",
                "webhook.park_after_failures=12", "webhook.park_after_s=3", "webhook.origin=muster.example")
    with Node(*settings) as node:
        endpoint = Endpoint()
        service = Service(node)
        client = node.connect()
        group_key = keys_of(service.create_group(client, "fleet"))[0]
        url = f"http://127.0.0.1:{endpoint.port}/hook?code=s3cret"
        refused = node.cli("webhook", "set", "demo", "http://example.com/", check=False)
        assert refused.returncode == 1 and "https://" in refused.stderr, refused
        set_up = node.json("webhook", "set", "demo", url)
        began = len(history(node))
        service.register_all(group_key, [f"dev-{i}" for i in range(5)])
        last_is(endpoint, node)
        assert endpoint.asked == [("/hook?code=s3cret", "muster.example")], endpoint.asked
        batches_are_signed_cloud_events(node, endpoint, set_up["secret"])
        secrets_are_nowhere_in_the_clear(node, set_up["secret"])

        # An endpoint that fails, is slow, is away and comes back misses nothing.
        for mood in ("error", "slow"):
            refused_before = endpoint.refused
            endpoint.mood = mood
            service.register_all(group_key, [f"dev-{mood}-{i}" for i in range(5)])
            if mood == "error":
                endpoint.wait_for(lambda: endpoint.refused >= refused_before + 3)
                assert "500" in wait_for_state(node, "failing")["failure"]
            else:
                wait_for_state(node, "failing")
            endpoint.mood = "ok"
            last_is(endpoint, node)
            assert wait_for_state(node, "delivering")
        endpoint.close()
        service.register_all(group_key, [f"dev-away-{i}" for i in range(5)])
        wait_for_state(node, "failing")
        node.kill()
        node.start()
        service.register_all(group_key, [f"dev-killed-{i}" for i in range(5)])
        endpoint.open()
        last_is(endpoint, node)
        assert without_repeats([e["id"] for e in endpoint.events()]) == history(node)[began:]

        # After a clean restart nothing is sent again.
        before = [e["id"] for e in endpoint.events()]
        assert node.stop() == 0
        node.start()
        service.register_all(group_key, ["dev-after"])
        last_is(endpoint, node)
        assert not set(before) & {e["id"] for e in endpoint.events()[len(before):]}

        # One that says that it wants no more is parked until it is resumed; so is one that fails for long.
        for mood in ("gone", "error"):
            endpoint.mood = mood
            service.register_all(group_key, [f"dev-parked-{mood}"])
            assert wait_for_state(node, "parked")["failure"]
            assert node.json("service", "show", "demo")["webhook"]["delivery"]["state"] == "parked"
            endpoint.mood = "ok"
            node.cli("webhook", "resume", "demo")
            last_is(endpoint, node)
        # One that was resumed has its whole time again, whatever happens to the node.
        endpoint.mood = "error"
        service.register_all(group_key, ["dev-parked-again"])
        wait_for_state(node, "parked")
        node.cli("webhook", "resume", "demo")
        node.kill()
        refused_before = endpoint.refused
        node.start()
        wait_for_state(node, "parked")
        assert endpoint.refused - refused_before > 1, endpoint.refused - refused_before
        endpoint.mood = "ok"
        node.cli("webhook", "resume", "demo")
        last_is(endpoint, node)
        assert without_repeats([e["id"] for e in endpoint.events()]) == history(node)[began:]

        # Another endpoint goes on where the first one stood, with the types it wants.
        node.cli("webhook", "set", "demo", url + "2", "--types", "device_registered")
        service.register_all(group_key, ["dev-typed"])
        endpoint.wait_for(lambda: json.loads(endpoint.batches[-1][2])[-1]["subject"] == "devices/dev-typed")
        assert endpoint.batches[-1][1].endswith("s3cret2")
        assert {e["type"] for e in json.loads(endpoint.batches[-1][2])} == {"muster.device_registered.v1"}

        # What it does not want is passed over at once, however much that is.
        node.cli("webhook", "set", "demo", url + "2", "--types", "enrollment_group_created")
        client = node.connect()
        refused_before, endpoint.mood = endpoint.refused, "error"
        service.create_group(client, "before")
        endpoint.wait_for(lambda: endpoint.refused > refused_before)
        service.register_all(group_key, [f"dev-unwanted-{i}" for i in range(300)])
        service.create_group(client, "behind")
        client.close()
        endpoint.mood = "ok"
        endpoint.wait_for(lambda: any(e["subject"] == "groups/before" for e in endpoint.events()))
        since = time.monotonic()
        endpoint.wait_for(lambda: any(e["subject"] == "groups/behind" for e in endpoint.events()))
        assert time.monotonic() - since < 3, time.monotonic() - since

        # One that does not allow events gets none.
        endpoint.allowed = None
        node.cli("webhook", "set", "demo", url)
        assert "WebHook-Allowed-Origin" in wait_for_state(node, "failing")["failure"]
        node.cli("webhook", "remove", "demo")
        assert node.cli("webhook", "show", "demo", check=False).returncode == 1
        node.cli("verify")
        print(f"webhook: {len(set(e['id'] for e in endpoint.events()))} events, in order, none missing")


if __name__ == "__main__":
    main()
