"""A node as its operator meets it: starting, stopping, reloading, mistakes, damage, forgetting."""

import base64
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile

from node import API, MUSTER, ROOT, Node, Service, derive_key, keys_of, sas_token


def muster(*arguments, env=None):
    return subprocess.run([MUSTER, *arguments], capture_output=True, text=True, timeout=60, env={**os.environ, **(env or {})})


def restart_keeps_everything():
    with Node("journal.shards=2") as node:
        service = Service(node)
        client = node.connect()
        key, _ = keys_of(service.create_group(client, "fleet"))
        status, answer = service.register(client, "dev-1", derive_key(key, "dev-1"), {"n": 7.0})
        assert status == 200, answer
        before = node.cli("history", "demo", "--json").stdout
        client.close()
        assert node.stop() == 0
        node.cli("verify")
        node.start()
        assert node.cli("history", "demo", "--json").stdout == before
        assert '"payload":{"n":7.0}' in before, "a number is given back as it came"
        status, again = service.register(node.connect(), "dev-1", derive_key(key, "dev-1"))
        assert again["registrationState"]["assignedHub"] == answer["registrationState"]["assignedHub"]


def one_process_for_a_directory():
    with Node("journal.shards=1") as node:
        second = muster("serve", "--data", node.data, "--https", "127.0.0.1:0")
        assert second.returncode == 1 and "another process" in second.stderr, second
        other = base64.b64encode(b"o" * 32).decode()
        node.stop()
        wrong = muster("serve", "--data", node.data, "--https", "127.0.0.1:0", env={"MUSTER_MASTER_KEY": other})
        assert wrong.returncode == 1 and "master key" in wrong.stderr, wrong


def mistakes_are_located():
    with tempfile.TemporaryDirectory() as directory:
        file = pathlib.Path(directory, "muster.toml")
        for text, phrase in (('[https]\n\naddres = "a"\n', "muster.toml:3: https.addres: unknown option, did you mean https.address?"),
                             ("[https]\nthreads = 0\n", "muster.toml:2: https.threads: it must be 1 to 64"),
                             ('[journal]\nshards = "many"\n', "muster.toml:2: journal.shards: expected a whole number"),
                             ("[journal\n", "muster.toml:1:"), ('[log]\nlevel = "loud"\n', "muster.toml:2: log.level: it must be one of")):
            file.write_text(text)
            run = muster("serve", "--config", str(file), "--data", directory)
            assert run.returncode == 2 and phrase in run.stderr, run
        printed = muster("serve", "--print-config")
        assert printed.returncode == 0
        file.write_text(printed.stdout)
        assert muster("serve", "--config", str(file), "--print-config").stdout == printed.stdout
    for arguments in (("serve", "--set", "a.b=c"), ("serve", "--nonsense"), ("nonsense",), ("service",), ("service", "create"), ()):
        assert muster(*arguments).returncode == 2, arguments
    for arguments in (("help",), ("version",), ("serve", "--help"), ("service", "create", "--help"), ("history", "--help")):
        assert muster(*arguments).returncode == 0, arguments
    away = muster("service", "list", "--data", "/nonexistent")
    assert away.returncode == 1 and "no node serves" in away.stderr, away


def damage_is_found():
    with Node("journal.shards=1") as node:
        service = Service(node)
        client = node.connect()
        for i in range(20):
            service.enroll(client, f"dev-{i}")
        client.close()
        node.stop()
        # The newest frames are in RocksDB's log: a byte in the middle of the largest one.
        logs = sorted(pathlib.Path(node.data, "journal").glob("*.log"), key=lambda path: path.stat().st_size)
        damaged = bytearray(logs[-1].read_bytes())
        damaged[len(damaged) // 2] ^= 0xFF
        logs[-1].write_bytes(damaged)
        run = muster("verify", "--data", node.data)
        assert run.returncode == 1 and ("corrupt" in run.stderr.lower() or "damage" in run.stderr.lower()), run


def rebuild_and_verify():
    with Node("journal.shards=2") as node:
        service = Service(node)
        client = node.connect()
        key, _ = keys_of(service.create_group(client, "fleet"))
        for i in range(30):
            assert service.register(client, f"dev-{i}", derive_key(key, f"dev-{i}"))[0] == 200
        listed = node.cli("registration", "list", "demo", "--output", "json").stdout
        assert json.loads(node.cli("rebuild", "--output", "json").stdout)["events"] > 60
        assert node.cli("registration", "list", "demo", "--output", "json").stdout == listed
        assert json.loads(node.cli("verify", "--output", "json").stdout)["ok"] is True
        client.close()
        node.stop()
        assert json.loads(node.cli("verify", "--output", "json").stdout)["ok"] is True
        assert json.loads(node.cli("rebuild", "--output", "json").stdout)["events"] > 60
        shutil.rmtree(os.path.join(node.data, "projections"))
        node.start()  # read models are folded anew from the journal
        assert node.cli("registration", "list", "demo", "--output", "json").stdout == listed


def certificates_are_reloaded():
    with tempfile.TemporaryDirectory() as directory:
        certificate, key = os.path.join(directory, "server.pem"), os.path.join(directory, "server.key")

        def make(name):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate], check=True, capture_output=True)

        def served(node):
            context = ssl._create_unverified_context()
            with socket.create_connection(("127.0.0.1", node.port)) as plain, context.wrap_socket(plain) as tls:
                return tls.getpeercert(binary_form=True)

        make("first")
        with Node(f"https.certificate_file={certificate}", f"https.key_file={key}", "journal.shards=1") as node:
            first = served(node)
            make("second")
            os.kill(node.process.pid, 1)
            expected = ssl.PEM_cert_to_DER_cert(open(certificate).read())
            for _ in range(2000):
                if served(node) == expected:
                    break
            assert served(node) == expected != first


def monitoring():
    with Node("journal.shards=1") as node:
        client = node.connect()
        assert client.request("GET", "/healthz")[0] == 200
        assert client.request("GET", "/readyz")[0] == 200
        status, headers, text = client.request("GET", "/metrics")
        assert status == 200 and "muster_" in text
        readme = (ROOT / "README.md").read_text()
        unnamed = [name for name in re.findall(r"^# TYPE (\S+)", text, re.M) if f"`{name}`" not in readme and f"`{name}{{" not in readme]
        assert not unnamed, f"README.md does not name {unnamed}"
        if shutil.which("promtool"):
            checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
            assert checked.returncode == 0 and not checked.stderr, checked


def slow_clients_are_cut_off():
    with Node("https.header_timeout_s=1", "journal.shards=1") as node:
        with socket.create_connection(("127.0.0.1", node.port), 20) as plain, node.tls.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
            answer = b""
            while chunk := tls.recv(4096):
                answer += chunk
            assert answer == b"" or answer.startswith(b"HTTP/1.1 408 "), answer


def answers_can_be_repeated():
    with Node("journal.shards=1") as node:
        service = Service(node)
        client = node.connect()
        body = {"registrationId": "dev", "attestation": {"type": "symmetricKey"}}
        first = service.call(client, "PUT", "/enrollments/dev", body, {"Idempotency-Key": "k-1"})
        events = node.cli("history", "demo", "--json").stdout
        again = service.call(client, "PUT", "/enrollments/dev", body, {"Idempotency-Key": "k-1"})
        assert first[0] == again[0] == 200 and first[2] == again[2], (first, again)
        assert node.cli("history", "demo", "--json").stdout == events
        assert service.call(client, "PUT", "/enrollments/dev", {**body, "deviceId": "x"}, {"Idempotency-Key": "k-1"})[0] == 422


def devices_may_poll():
    with Node("journal.shards=1") as node:
        service = Service(node, "demo", "--assigning-first")
        client = node.connect()
        key, _ = keys_of(service.enroll(client, "dev"))
        token = {"Authorization": sas_token(f"{service.scope}/registrations/dev", key, "registration")}
        operations = []
        for _ in range(3):
            status, headers, answer = client.request("PUT", f"/{service.scope}/registrations/dev/register?{API}", {"registrationId": "dev"}, token)
            assert status == 202 and answer["status"] == "assigning" and int(headers["Retry-After"]) > 0 and "Location" in headers, answer
            operations.append(answer["operationId"])
        poll = lambda operation: client.request("GET", f"/{service.scope}/registrations/dev/operations/{operation}?{API}", None, token)
        status, _, answer = poll(operations[-1])
        assert status == 200 and answer["status"] == "assigned" and answer["registrationState"]["assignedHub"] == "hub1", answer
        assert poll(operations[1])[0] == 200
        assert poll(operations[0])[0] == 404 and poll(operations[0])[2]["errorCode"] == 404203
        assert poll(operations[2])[0] == 200
        assert poll(operations[2])[0] == 429, "five polls in ten seconds are enough"


def bytes_below(directory):
    for path in pathlib.Path(directory).rglob("*"):
        if path.is_file() and path.name != "operator.token":
            yield path, path.read_bytes()


def deleted_keys_are_gone():
    with Node("journal.shards=1", "keyring.erasure_interval_s=0") as node:
        service = Service(node)
        client = node.connect()
        primary, secondary = keys_of(service.enroll(client, "secret-device"))
        assert service.register(client, "secret-device", primary, {"personal": "payload"})[0] == 200
        secrets = [text.encode() for text in (primary, secondary)] + [base64.b64decode(text) for text in (primary, secondary)]
        for path, content in bytes_below(node.data):
            assert not any(secret in content for secret in secrets), f"a key stands in the clear in {path}"
            assert b"personal" not in content, f"a payload stands in the clear in {path}"
        assert '"personal":"payload"' in node.cli("history", "demo", "secret-device", "--json").stdout
        assert service.call(client, "DELETE", "/enrollments/secret-device")[0] == 204
        assert service.call(client, "DELETE", "/registrations/secret-device")[0] == 204
        node.cli("hub", "delete-device", "demo", "hub1", "secret-device")
        client.close()
        node.stop()
        node.start()
        for _ in range(200):  # erasure follows the deletion; every look takes a while
            history = node.cli("history", "demo", "secret-device", "--json").stdout
            if '"payload":null' in history and '"sourceAddress":null' in history:
                break
        else:
            raise AssertionError(history)
        node.cli("verify")


def every_command_prints_one_document():
    with Node("journal.shards=1") as node:
        service = Service(node)
        client = node.connect()
        key, _ = keys_of(service.enroll(client, "dev"))
        service.create_group(client, "fleet")
        service.register(client, "dev", key)
        for command in ("service show demo", "service list", "service set demo assigningFirst=false", "hub list demo", "hub link demo hub2 --weight 3",
                        "hub devices demo hub1", "hub devices demo hub1 dev --keys", "enrollment show demo dev", "enrollment list demo",
                        "enrollment update demo dev --tags {}", "enrollment create demo two", "group show demo fleet", "group list demo", "group create demo g2",
                        f"group derive-key dev --key {key}", "registration show demo dev", "registration list demo", "registration list demo --count",
                        f"device register --id dev --id-scope {service.scope} --key {key}", "usage demo", "verify", "rebuild"):
            json.loads(node.cli(*command.split(), "--output", "json").stdout)
        assert len(node.cli("history", "demo").stdout.splitlines()) > 3
        for command in ("hub unlink demo hub2", "enrollment delete demo two", "group delete demo g2", "registration delete demo dev"):
            assert node.cli(*command.split()).stdout == ""
        refused = node.cli("enrollment", "show", "demo", "two", check=False)
        assert refused.returncode == 1 and "not found" in refused.stderr and refused.stdout == "", refused


def main():
    checks = (restart_keeps_everything, one_process_for_a_directory, mistakes_are_located, damage_is_found, rebuild_and_verify, certificates_are_reloaded,
              monitoring, slow_clients_are_cut_off, answers_can_be_repeated, devices_may_poll, deleted_keys_are_gone, every_command_prints_one_document)
    failed = []
    for check in checks:
        try:
            check()
        except Exception as error:  # the others are still worth knowing
            failed.append(f"{check.__name__}: {error!r}")
    assert not failed, "\n".join(failed)
    print(f"{len(checks)} checks of a node in operation")


if __name__ == "__main__":
    main()
