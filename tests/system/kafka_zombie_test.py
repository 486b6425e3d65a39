"""Two processes on one journal: one is stopped in the middle of its work, another takes over, the first wakes up.

    kafka_zombie_test.py [ROUNDS]     3 rounds unless said

Nothing that the sleeper had in hand is accepted after its waking, and it answers nothing of it; what either answered is in the one
history that both have.
"""

import signal
import sys
import time

from kafka_cluster import Cluster, Fleet, Load, check_history, history_of, metric, operations_of


def one_sleeps(cluster, awake, sleeper, fleets, number):
    """`sleeper` is stopped under load; `awake` starts, takes over and works; then `sleeper` wakes up, and finds out."""
    loads = [Load(node, fleets, connections=3, seed=10 * number + i) for i, node in enumerate((sleeper, awake))]
    with loads[0] as first:
        first.run_for(0.5)
        sleeper.process.send_signal(signal.SIGSTOP)
        awake.start()
        taken_over_at = time.monotonic()  # what the sleeper had answered before has been read by now
        with loads[1] as second:
            second.run_for(1)
            before = {fleet: operations_of(awake, fleet.service.info["name"]) for fleet in fleets}
            sleeper.process.send_signal(signal.SIGCONT)
            woken_at = time.monotonic()
            first.run_for(0.5)
            # From here on the one that was awake is the only one: what the sleeper got for itself again must end with it.
            assert sleeper.stop() == 0
            first.stopping.set()
            second.answered_within(10, time.monotonic())
    assert not [at for _, _, at in first.answers if taken_over_at < at < woken_at], "a stopped process answers nothing"
    for fleet in fleets:
        assert check_history(awake, fleet) > before[fleet]
    void = metric(awake, 'muster_journal_frames_total{verdict="void"}')
    print(f"round {number}: {len(first.answers)} answered by the one that slept, {len(second.answers)} by the other; {void:.0f} void frames", flush=True)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with Cluster(1) as cluster:
        sleeper, awake = cluster.node(), cluster.node()
        sleeper.start()
        fleets = [Fleet(sleeper, "demo"), Fleet(sleeper, "other")]
        for number in range(1, rounds + 1):
            one_sleeps(cluster, awake, sleeper, fleets, number)
            sleeper, awake = awake, sleeper
        sleeper.cli("verify")
        one = [history_of(sleeper, fleet.service.info["name"]) for fleet in fleets]
        assert sleeper.stop() == 0
        awake.start()
        assert one == [history_of(awake, fleet.service.info["name"]) for fleet in fleets], "both have the same history"
        awake.cli("verify")
        assert awake.stop() == 0
    print(f"{rounds} sleepers: one history")


if __name__ == "__main__":
    main()
