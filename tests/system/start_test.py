"""A node that cannot start as it should: a shard that stops alone, a full disk, a signal while it waits."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

from node import MUSTER, Node, Service, derive_key, keys_of


def until(done):
    """A stop shows a moment after what caused it was answered."""
    deadline = time.monotonic() + 20
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def services_on_every_shard(node, shards):
    """One service on each shard, by shard."""
    found = {}
    for i in range(64):
        service = Service(node, f"demo{i}")
        found.setdefault(service.info["shard"], service)
        if len(found) == shards:
            return found
    raise AssertionError(found)


def group_of(service):
    return f"/enrollmentGroups/fleet?service={service.scope}"


def create_group(service, client):
    status, _, answer = service.call(client, "PUT", group_of(service), {"enrollmentGroupId": "fleet", "attestation": {"type": "symmetricKey"}})
    assert status == 200, answer
    return answer


def a_stopped_shard_stops_alone():
    with Node("journal.shards=2") as node:
        services = services_on_every_shard(node, 2)
        client = node.connect()
        keys = {shard: keys_of(create_group(service, client))[0] for shard, service in services.items()}
        client.close()
        node.stop()
        pathlib.Path(node.data, "projections", "shard-001", "CURRENT").write_text("damaged")
        node.start()
        client = node.connect()
        assert client.request("GET", "/healthz")[0] == 200
        status, _, text = client.request("GET", "/readyz")
        assert (status, text) == (503, "shard 1 stopped; see the log\n"), (status, text)
        token = pathlib.Path(node.data, "operator.token").read_text().strip()
        assert "CURRENT does not name" in client.request("GET", "/readyz", headers={"Authorization": f"Bearer {token}"})[2]
        assert "muster_shards_stopped 1" in client.request("GET", "/metrics")[2]
        assert "CURRENT does not name a generation" in node.log_text()
        status, answer = services[0].register(client, "dev-1", derive_key(keys[0], "dev-1"))
        assert status == 200, answer
        body = {"registrationId": "dev-1"}
        status, headers, answer = client.request("PUT", f"/{services[1].scope}/registrations/dev-1/register?api-version=2019-03-31", body,
                                                 {"Authorization": "SharedAccessSignature sr=x&sig=eA==&se=9999999999"})
        assert status == 503 and int(headers["Retry-After"]) > 0, (status, headers, answer)
        status, headers, answer = services[1].call(client, "GET", group_of(services[1]))
        assert status == 503 and int(headers["Retry-After"]) > 0, (status, answer)
        assert services[0].call(client, "GET", group_of(services[0]))[0] == 200
        checked = node.cli("verify", check=False)
        assert checked.returncode == 1 and "shard 1" in checked.stderr and "CURRENT" in checked.stderr, checked
        assert json.loads(node.cli("rebuild", "--output", "json").stdout)["stopped"] == [], "a rebuild mends it on the running node"
        deadline = time.monotonic() + 30
        while client.request("GET", "/readyz")[0] != 200:
            assert time.monotonic() < deadline, node.log_text()
        assert services[1].call(client, "GET", group_of(services[1]))[0] == 200
        client.close()
        assert node.stop() == 0
        shutil.rmtree(os.path.join(node.data, "projections", "shard-001"))
        node.start()
        assert services[1].call(node.connect(), "GET", group_of(services[1]))[0] == 200


def the_directory_may_be_what_stops():
    with Node("journal.shards=2") as node:
        node.stop()
        for shard in ("shard-000", "shard-001"):
            pathlib.Path(node.data, "projections", shard, "CURRENT").write_text("damaged")
        node.start()
        client = node.connect()
        assert client.request("GET", "/healthz")[0] == 200
        assert client.request("GET", "/readyz")[2] == "shards 0, 1 stopped; see the log\n"
        assert client.request("GET", "/metrics")[0] == 200
        listed = node.cli("service", "list", "--output", "json", check=False)
        assert listed.returncode == 1 and "Services may be missing" in listed.stderr, listed
        assert json.loads(listed.stdout)["items"] == [], listed
        made = node.cli("service", "create", "demo", check=False)
        assert made.returncode == 1 and "not open" in made.stderr, made
        assert node.stop() == 0


def a_signal_ends_a_node_that_waits():
    with Node("journal.shards=2") as node:
        node.stop()
        # No disk has that much room: every claim is refused, and the shards stay closed.
        command = [MUSTER, "serve", "--data", node.data, "--https", "127.0.0.1:0", "--set", "journal.shards=2", "--set", f"journal.free_bytes_min={1 << 62}"]
        waiting = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        watchdog = threading.Timer(60, waiting.kill)
        watchdog.start()
        lines = []
        while not any("no space left" in line for line in lines):
            line = waiting.stderr.readline()
            assert line, lines
            lines.append(line)
        waiting.send_signal(signal.SIGTERM)
        out, err = waiting.communicate(timeout=60)
        watchdog.cancel()
        assert waiting.returncode == 0 and "ready" not in out, (waiting.returncode, out, err)
        assert '"stopped"' in err, err
        refused = [line for line in lines + err.splitlines() if "a frame could not be written" in line]
        assert 1 <= len(refused) <= 4, refused
        node.start()


def damage_is_found_without_projections():
    with Node("journal.shards=1") as node:
        service = Service(node)
        client = node.connect()
        for i in range(300):
            service.enroll(client, f"dev-{i}")
        client.close()
        node.stop()
        projections = os.path.join(node.data, "projections")
        node.cli("verify")
        assert sorted(os.listdir(os.path.join(projections, "shard-000"))) == ["CURRENT", "gen-000001"], "a check leaves nothing behind"
        shutil.rmtree(projections)
        behind = node.cli("verify")
        assert "have not folded" in behind.stderr, behind
        assert not os.path.exists(projections), "a check makes no projections"
        node.start()  # the frames move from RocksDB's log into a table
        node.stop()
        shutil.rmtree(projections)
        tables = sorted(pathlib.Path(node.data, "journal").glob("*.sst"), key=lambda path: path.stat().st_size)
        damaged = bytearray(tables[-1].read_bytes())
        damaged[len(damaged) // 3] ^= 0xFF
        tables[-1].write_bytes(damaged)
        found = node.cli("verify", check=False)
        assert found.returncode == 1 and "shard 0" in found.stderr, found
        assert not os.path.exists(projections)


def damage_in_a_table_stops_its_shard_alone():
    with Node("journal.shards=2") as node:
        services = services_on_every_shard(node, 2)

        def enrollment(service, client, device, method="GET", body=None):
            return service.call(client, method, f"/enrollments/{device}?service={service.scope}", body)[0]

        def enroll(service, client, device):
            body = {"registrationId": device, "attestation": {"type": "symmetricKey"}}
            assert enrollment(service, client, device, "PUT", body) == 200

        client = node.connect()
        for i in range(300):
            for service in services.values():
                enroll(service, client, f"dev-{i}")
        client.close()
        node.stop()
        node.start()  # the frames move from RocksDB's log into a table
        node.stop()
        table = max(pathlib.Path(node.data, "journal").glob("*.sst"), key=lambda path: path.stat().st_size)
        frames = bytearray(table.read_bytes())
        frames[len(frames) * 3 // 4] ^= 1  # the table has the frames of shard 0 first
        table.write_bytes(frames)
        for start in range(6):  # each leaves a table more, until RocksDB merges them
            node.start()
            client = node.connect()
            enroll(services[0], client, f"later-{start}")
            found = node.cli("history", services[1].info["name"], check=False)
            assert found.returncode == 1 and "shard 1" in found.stderr, found
            until(lambda: client.request("GET", "/readyz")[2] == "shard 1 stopped; see the log\n")
            assert "muster_shards_stopped 1\n" in client.request("GET", "/metrics")[2]
            assert enrollment(services[1], client, "dev-1") == 503
            assert enrollment(services[0], client, "dev-1") == 200
            client.close()
            assert node.stop() == 0
        log = pathlib.Path(node.data, "node.log").read_text()
        assert log.count('"shard stopped"') == 6 and "checksum" in log, log[-2000:]
        checked = node.cli("verify", check=False)
        assert checked.returncode == 1 and "shard 1, offset " in checked.stderr, checked


def no_drain_is_a_drain_time():
    with Node("journal.shards=1", "node.drain_s=0") as node:
        assert node.stop() == 0


def main():
    checks = (a_stopped_shard_stops_alone, the_directory_may_be_what_stops, a_signal_ends_a_node_that_waits, damage_is_found_without_projections,
              damage_in_a_table_stops_its_shard_alone, no_drain_is_a_drain_time)
    failed = []
    for check in checks:
        try:
            check()
        except Exception as error:  # the others are still worth knowing
            failed.append(f"{check.__name__}: {error!r}")
    assert not failed, "\n".join(failed)
    print(f"{len(checks)} checks of a node that starts")


if __name__ == "__main__":
    main()
