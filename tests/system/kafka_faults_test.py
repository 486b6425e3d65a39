"""Brokers fail under load; nothing that was answered is missing, nothing counts twice, and service comes back by itself.

    kafka_faults_test.py [BROKERS [ROUNDS [FAULT ...]]]     one broker, every fault once, unless said

Each round meets every fault (or those named) in an order of its own. After each, every answered registration must be in the history as it
was answered, and the counts must equal the events; at the end the chain and the projections are verified.
"""

import random
import sys
import time

from kafka_cluster import DISK_BYTES, RESUMED_WITHIN_S, Cluster, Fleet, Load, check_history, median_ms

REFUSED_WITHIN_S = 40  # a request waits for a broker as long as its own deadline lets it
GIVEN_UP_WITHIN_S = 6  # what was sent to a broker that is frozen, before it is sent to another
ELECTED_WITHIN_S = 30  # the brokers give a leader 9 s to answer before they elect another


def resumed(cluster, load):
    """Service is back within 5 s of the brokers being back."""
    since = cluster.wait_until_led()
    took = load.answered_within(RESUMED_WITHIN_S, since)
    read_exactly_within(cluster, load, RESUMED_WITHIN_S, since)
    return took


def read(cluster, fleet, kind=None):
    """One read of the service API. Gives its status and the header that says how old what it read is, if there is one."""
    client = cluster.nodes[0].connect()
    path = f"/enrollmentGroups/fleet?service={fleet.service.info['name']}"
    status, headers, answer = fleet.service.call(client, "GET", path, headers={"x-muster-read": kind} if kind else None)
    client.close()
    assert status != 200 or answer["enrollmentGroupId"] == "fleet", answer
    assert status == 200 or int(headers["Retry-After"] or 0) > 0, (status, dict(headers), answer)
    return status, headers.get("x-muster-read-age")


def refused_but_readable(cluster, load):
    """Waits until writes are refused. Reads are answered all the same, and say how old they are; but for those that must be exact."""
    load.refused_within(REFUSED_WITHIN_S, load.fleets[0])
    for fleet in load.fleets:
        status, age = read(cluster, fleet)
        assert status == 200 and age is not None and int(age) > 0, (status, age)
    status, age = read(cluster, load.fleets[0], "exact")
    assert status == 503 and age is None, (status, age)


def read_exactly_within(cluster, load, seconds, since):
    """Waits until reads are as new as they must be."""
    for fleet in load.fleets:
        while (answer := read(cluster, fleet, "exact")) != (200, None):
            assert time.monotonic() < since + seconds, answer


def broker_killed(cluster, load):
    broker = cluster.leader(load.fleets[0].service)
    cluster.brokers.kill(broker)
    refused_but_readable(cluster, load)
    cluster.brokers.restart(broker)
    return resumed(cluster, load)


def broker_frozen(cluster, load):
    broker = cluster.leader(load.fleets[0].service)
    cluster.brokers.freeze(broker)
    load.run_for(4)
    cluster.brokers.thaw(broker)
    return load.answered_within(RESUMED_WITHIN_S, time.monotonic())


def leader_killed(cluster, load):
    broker = cluster.leader(load.fleets[0].service)
    cluster.brokers.kill(broker)
    took = resumed(cluster, load)
    cluster.brokers.restart(broker)
    cluster.wait_until_replicated()
    load.answered_within(RESUMED_WITHIN_S, time.monotonic())
    return took


def leader_frozen(cluster, load):
    """Another leads; when the old one is back, it must not slow the node down for ever."""
    usual = median_ms(load.run_for(2))
    broker = cluster.leader(load.fleets[0].service)
    cluster.brokers.freeze(broker)
    until = time.monotonic() + ELECTED_WITHIN_S
    others = [each for each in cluster.brokers.brokers if each is not broker]
    while leader_seen_by(cluster, others[0], load.fleets[0].service) == broker.number:
        assert time.monotonic() < until, "no other broker was elected"
    took = load.answered_within(RESUMED_WITHIN_S + GIVEN_UP_WITHIN_S, time.monotonic())
    cluster.brokers.thaw(broker)
    cluster.wait_until_replicated()
    load.run_for(3)  # a client looks at the brokers' roles every 2 s
    durations = load.run_for(5)
    assert durations and median_ms(durations) < max(250, 3 * usual), f"{median_ms(durations):.0f} ms a registration after the thaw, {usual:.0f} ms before"
    return took


def leader_seen_by(cluster, broker, service):
    for topic in (cluster.brokers.metadata(broker) or {"topics": []})["topics"]:
        for part in topic["partitions"]:
            if topic["topic"] == "muster.journal" and part["partition"] == service.info["shard"]:
                return part["leader"]
    return None


def all_killed(cluster, load):
    for broker in cluster.brokers.brokers:
        cluster.brokers.kill(broker)
    refused_but_readable(cluster, load)
    cluster.brokers.restart(*cluster.brokers.brokers)
    return resumed(cluster, load)


def network_cut(cluster, load):
    for broker in cluster.brokers.brokers:
        broker.proxy.cut()
    refused_but_readable(cluster, load)
    for broker in cluster.brokers.brokers:
        broker.proxy.mend()
    return load.answered_within(RESUMED_WITHIN_S, time.monotonic())


def network_hangs(cluster, load):
    """No connection ends, nothing arrives; then what was under way arrives late."""
    for broker in cluster.brokers.brokers:
        broker.proxy.hang()
    refused_but_readable(cluster, load)
    for broker in cluster.brokers.brokers:
        broker.proxy.mend()
    return load.answered_within(RESUMED_WITHIN_S, time.monotonic())


def cut_off_from_the_leader(cluster, load):
    """The brokers see no fault, so there is no new leader."""
    broker = cluster.leader(load.fleets[0].service)
    broker.proxy.hang()
    load.refused_within(REFUSED_WITHIN_S, load.fleets[0])
    broker.proxy.mend()
    return load.answered_within(RESUMED_WITHIN_S, time.monotonic())


def disk_full(cluster, load):
    """A broker that cannot write ends itself. With others it is replaced by them, while its disk is still full."""
    broker = cluster.leader(load.fleets[0].service)
    ballast = broker.files / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        block = bytes(1 << 20)
        try:
            while file.write(block) == len(block):
                pass
            while file.write(block[:4096]):
                pass
        except OSError:
            pass
    broker.process.wait(60)
    took = None
    if len(cluster.brokers.brokers) > 1:
        took = resumed(cluster, load)
    else:
        load.refused_within(REFUSED_WITHIN_S, load.fleets[0])
    ballast.unlink()
    cluster.brokers.restart(broker)
    if took is None:
        took = resumed(cluster, load)
    else:
        cluster.wait_until_replicated()
    return took


ONE_BROKER = (broker_killed, broker_frozen, network_cut, network_hangs, disk_full)
THREE_BROKERS = (leader_killed, leader_frozen, all_killed, cut_off_from_the_leader, network_cut, disk_full)


def main():
    brokers = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    faults = [fault for fault in (ONE_BROKER if brokers == 1 else THREE_BROKERS) if not sys.argv[3:] or fault.__name__ in sys.argv[3:]]
    dice = random.Random(rounds)
    with Cluster(brokers, DISK_BYTES) as cluster:
        node = cluster.node()
        node.start()
        fleets = [Fleet(node, "demo"), Fleet(node, "other")]
        for number in range(rounds):
            for fault in faults if rounds == 1 else dice.sample(faults, len(faults)):
                with Load(node, fleets, seed=number + 1) as load:
                    load.run_for(1)
                    took = fault(cluster, load)
                    load.run_for(1)
                operations = [check_history(node, fleet) for fleet in fleets]
                print(f"{fault.__name__}: served again after {took:.1f} s; {sum(operations)} operations, "
                      f"{len(load.answers)} answered and {len(load.refused)} refused in this load", flush=True)
        node.cli("verify")
        assert node.stop() == 0
        cluster.verify_stopped(node)
        node.start()
        for fleet in fleets:
            check_history(node, fleet)
        assert node.stop() == 0
    print(f"{rounds} rounds of {len(faults)} faults on {brokers} brokers: nothing is missing")


if __name__ == "__main__":
    main()
