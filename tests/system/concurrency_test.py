"""Two and twenty simultaneous registers of one ID, from separate connections: one assignment, equal answers, wrong keys refused."""

import base64
import json
import threading

from node import Node, Service, keys_of


def simultaneously(count, work):
    """Runs `work(i)` on `count` threads that begin together; gives the results in order."""
    barrier = threading.Barrier(count)
    results = [None] * count

    def run(i):
        results[i] = work(i, barrier)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def main():
    wrong_key = base64.b64encode(b"x" * 64).decode()
    with Node("journal.shards=2") as node:
        service = Service(node, "demo", "--hub", "hub1", "--hub", "hub2", "--hub", "hub3")
        admin = node.connect()
        for count in (2, 20):
            for repeat in range(5):
                name = f"same-{count}-{repeat}"
                primary, secondary = keys_of(service.enroll(admin, name))

                def register(i, barrier):
                    client = node.connect()
                    client.connection.connect()
                    bad = count == 20 and i % 5 == 4
                    key = wrong_key if bad else (primary, secondary)[i % 2]
                    barrier.wait()
                    status, answer = service.register(client, name, key)
                    while status == 429:  # more than a device may queue: the client comes again, as an SDK does
                        status, answer = service.register(client, name, key)
                    client.close()
                    return bad, status, answer

                results = simultaneously(count, register)
                good = [answer for bad, status, answer in results if not bad]
                assert all(status == 200 for bad, status, _ in results if not bad), results
                assert all(status == 401 for bad, status, _ in results if bad), results
                places = {(a["registrationState"]["assignedHub"], a["registrationState"]["deviceId"]) for a in good}
                assert len(places) == 1, places
                hub, device = places.pop()
                events = [e for e in map(json.loads, node.cli("history", "demo", name, "--json").stdout.splitlines())]
                firsts = [e for e in events if e["type"] == "muster.device_registered.v1" and e["data"]["substatus"] == "initialAssignment"]
                assert len(firsts) == 1, [e["type"] for e in events]
        print("2 and 20 simultaneous registers: one assignment each, wrong keys refused")


if __name__ == "__main__":
    main()
