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
                    while status == 429:  # more than a device may queue: the client comes again, as an SDK does
                        status, answer = service.register(client, name, key)
                    client.close()
                    return bad, status, answer

                results = simultaneously(count, register)
                assert all(status == (401 if bad else 200) for bad, status, _ in results), results
                # Who came while the first was decided shares its operation, and its answer to the last byte. On a busy machine some
                # come later: they register anew, and nothing of the assignment changes.
                good = [answer for bad, _, answer in results if not bad]
                operations = {}
                for answer in good:
                    operations.setdefault(answer["operationId"], set()).add(json.dumps(answer, sort_keys=True))
                assert all(len(answers) == 1 for answers in operations.values()), operations
                fixed = ("registrationId", "status", "substatus", "assignedHub", "deviceId", "createdDateTimeUtc")
                assert len({tuple(answer["registrationState"][name] for name in fixed) for answer in good}) == 1, good
                events = [e for e in map(json.loads, node.cli("history", "demo", name, "--json").stdout.splitlines())]
                firsts = [e for e in events if e["type"] == "muster.device_registered.v1" and e["data"]["substatus"] == "initialAssignment"]
                assert len(firsts) == 1, [e["type"] for e in events]
                registered = [e["data"]["operationId"] for e in events if e["type"] == "muster.device_registered.v1"]
                assert sorted(registered) == sorted(operations), (registered, sorted(operations))
        print("2 and 20 simultaneous registers: one assignment each, wrong keys refused")


if __name__ == "__main__":
    main()
