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
        # How many there are, and which of them show a wrong key.
        for count, wrong in ((2, ()), (2, (1,)), (20, (4, 9, 14, 19))):
            for repeat in range(5):
                name = f"same-{count}-{len(wrong)}-{repeat}"
                primary, secondary = keys_of(service.enroll(admin, name))

                def register(i, barrier):
                    client = node.connect()
                    client.connection.connect()
                    bad = i in wrong
                    key = wrong_key if bad else (primary, secondary)[i % 2]
                    barrier.wait()
                    status, answer = service.register(client, name, key)
                    again = status == 429
                    while status == 429:  # more than a device may queue: the client comes again, as an SDK does
                        status, answer = service.register(client, name, key)
                    client.close()
                    return bad, status, answer, again

                results = simultaneously(count, register)
                assert all(status == (401 if bad else 200) for bad, status, _, _ in results), results
                good = [(answer, again) for bad, _, answer, again in results if not bad]
                assert len({(a["registrationState"]["assignedHub"], a["registrationState"]["deviceId"]) for a, _ in good}) == 1, good
                # Who came at once got the same answer, to the last byte; who had to come again registered anew.
                at_once = {json.dumps(answer, sort_keys=True) for answer, again in good if not again}
                assert len(at_once) == 1, at_once
                events = [e for e in map(json.loads, node.cli("history", "demo", name, "--json").stdout.splitlines())]
                firsts = [e for e in events if e["type"] == "muster.device_registered.v1" and e["data"]["substatus"] == "initialAssignment"]
                assert len(firsts) == 1, [e["type"] for e in events]
                registered = sum(e["type"] == "muster.device_registered.v1" for e in events)
                assert registered <= 1 + sum(again for _, again in good), [e["type"] for e in events]
        print("2 and 20 simultaneous registers: one assignment each, wrong keys refused")


if __name__ == "__main__":
    main()
