"""A real node for the system tests: build/muster as its user runs it, and clients that speak the wire protocol.

Everything here is Python's standard library. Ports are chosen by the node (port 0), directories are temporary.
"""

import base64
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
MUSTER = os.environ.get("MUSTER_BINARY", str(ROOT / "build" / "muster"))
CLOCK_AHEAD = os.environ.get("MUSTER_CLOCK_AHEAD", str(ROOT / "build" / "tests" / "system" / "libmuster_clock_ahead.so"))
API = "api-version=2019-03-31"
SERVICE_API = "api-version=2021-10-01"


class Node:
    """A node on a data directory; `start` may be called again after `stop` or `kill`."""

    def __init__(self, *settings, clock=False):
        self.data = tempfile.mkdtemp(prefix="muster-test-")
        self.clock = os.path.join(self.data, "clock") if clock else None
        if clock:
            self.pass_hours(0)
        self.settings = settings
        self.process = None
        self.port = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    def start(self):
        command = [MUSTER, "serve", "--data", self.data, "--https", "127.0.0.1:0"]
        for setting in self.settings:
            command += ["--set", setting]
        self.log = open(os.path.join(self.data, "node.log"), "ab")
        environment = dict(os.environ)
        if self.clock:
            environment |= {"LD_PRELOAD": CLOCK_AHEAD, "MUSTER_TEST_CLOCK": self.clock}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment)
        line = self.process.stdout.readline()
        if not line.startswith("ready "):
            raise AssertionError(f"the node did not get ready: {line!r}\n{self.log_text()}")
        fields = dict(part.split("=", 1) for part in line.split()[1:])
        self.port = int(fields["https"].rsplit(":", 1)[1])
        self.ca = fields["ca"]
        self.tls = ssl.create_default_context(cafile=self.ca)
        return self

    def pass_hours(self, hours):
        """The node's time of day is so many hours ahead from now on; it must have been made with `clock`."""
        with open(self.clock, "r+b" if os.path.exists(self.clock) else "wb") as ahead:
            ahead.write((hours * 3600).to_bytes(8, "little"))

    def log_text(self):
        with open(os.path.join(self.data, "node.log")) as log:
            return "".join(log.readlines()[-30:])

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process:
            self.process.stdout.close()
            self.log.close()
            self.process = None

    def stop(self):
        """A stop as an operator does it; gives the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        self.log.close()
        self.process = None
        return code

    def cli(self, *arguments, check=True):
        """Runs the command line against this node. Gives its exit code, stdout and stderr."""
        done = subprocess.run([MUSTER, *arguments, "--data", self.data], capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"muster {' '.join(arguments)} gave {done.returncode}: {done.stdout}{done.stderr}\n{self.log_text()}")
        return done

    def json(self, *arguments):
        return json.loads(self.cli(*arguments, "--output", "json").stdout)

    def connect(self):
        return Client(self)

    def operator(self):
        """The headers of a request to the control plane."""
        with open(os.path.join(self.data, "operator.token")) as token:
            return {"Authorization": f"Bearer {token.read().strip()}"}


class Client:
    """One keep-alive connection."""

    def __init__(self, node):
        self.node = node
        self.connection = http.client.HTTPSConnection("localhost", node.port, context=node.tls, timeout=30)

    def request(self, method, path, body=None, headers=None):
        """Gives status, headers and the body (JSON if it is one)."""
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json; charset=utf-8")
        self.connection.request(method, path, body=body, headers=headers)
        response = self.connection.getresponse()
        raw = response.read()
        kind = response.headers.get("Content-Type", "")
        return response.status, response.headers, json.loads(raw) if "application/json" in kind and raw else raw.decode()

    def close(self):
        self.connection.close()


def sas_token(resource, key, policy=None, lifetime=86400):
    """A shared access signature over `resource` with a base64 key."""
    encoded = urllib.parse.quote(resource, safe="")
    expiry = str(int(time.time()) + lifetime)
    digest = hmac.new(base64.b64decode(key), f"{encoded}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = urllib.parse.quote(base64.b64encode(digest), safe="")
    name = f"&skn={policy}" if policy else ""
    return f"SharedAccessSignature sr={encoded}&sig={signature}&se={expiry}{name}"


def derive_key(group_key, registration_id):
    return base64.b64encode(hmac.new(base64.b64decode(group_key), registration_id.encode(), hashlib.sha256).digest()).decode()


class Service:
    """A service of a node, and what its back end and its devices do."""

    def __init__(self, node, name="demo", *options):
        self.node = node
        self.info = node.json("service", "create", name, *options)
        self.scope = self.info["idScope"]
        parts = dict(part.split("=", 1) for part in self.info["connectionString"].split(";"))
        self.policy, self.key, self.host = parts["SharedAccessKeyName"], parts["SharedAccessKey"], parts["HostName"]

    def authorization(self):
        return {"Authorization": sas_token(self.host, self.key, self.policy)}

    def call(self, client, method, path, body=None, headers=None):
        separator = "&" if "?" in path else "?"
        return client.request(method, f"{path}{separator}{SERVICE_API}", body, {**self.authorization(), **(headers or {})})

    def create_group(self, client, group, **members):
        body = {"enrollmentGroupId": group, "attestation": {"type": "symmetricKey"}, **members}
        status, _, answer = self.call(client, "PUT", f"/enrollmentGroups/{group}", body)
        assert status == 200, (status, answer)
        return answer

    def enroll(self, client, registration_id, **members):
        body = {"registrationId": registration_id, "attestation": {"type": "symmetricKey"}, **members}
        status, _, answer = self.call(client, "PUT", f"/enrollments/{registration_id}", body)
        assert status == 200, (status, answer)
        return answer

    def register(self, client, registration_id, device_key, payload=None):
        """One PUT register with a device's own key. Gives status and answer."""
        body = {"registrationId": registration_id}
        if payload is not None:
            body["payload"] = payload
        token = sas_token(f"{self.scope}/registrations/{registration_id}", device_key, "registration")
        status, _, answer = client.request("PUT", f"/{self.scope}/registrations/{registration_id}/register?{API}", body,
                                           {"Authorization": token})
        return status, answer

    def register_all(self, group_key, registration_ids, payload_of=lambda registration_id: None):
        """Devices of a group, one after the other; each must be let in."""
        client = self.node.connect()
        for each in registration_ids:
            status, answer = self.register(client, each, derive_key(group_key, each), payload_of(each))
            assert status == 200, (status, answer)
        client.close()


def keys_of(enrollment):
    keys = enrollment["attestation"]["symmetricKey"]
    return keys["primaryKey"], keys["secondaryKey"]


def run_scenarios(scenarios):
    """The `main` of a test of several scenarios: all of them, or those that the command line names."""
    for scenario in scenarios:
        if sys.argv[1:] and scenario.__name__ not in sys.argv[1:]:
            continue
        began = time.monotonic()
        scenario()
        print(f"{scenario.__name__}: ok, {time.monotonic() - began:.0f} s", flush=True)
