"""kill -9 under load: nothing that was answered is missing, and nothing counts twice.

    kill_test.py [--rounds N]     30 rounds unless said

Each round: several connections create, update and delete enrollments and groups, register new and known devices, delete records and
change settings as fast as they can (load.py); the node is killed at a random moment. Then its chain must verify and its projections
must equal a rebuild; and when it runs again, every entry must be as it was last answered, to its ETag and time, and the counts of events
and operations must be exact.
"""

import argparse
import random
import time

from load import check, connections_of, end_load, start_load
from node import Node, Service


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=30)
    rounds = arguments.parse_args().rounds
    dice = random.Random(rounds)
    with Node("journal.shards=2") as node:
        service = Service(node)
        connections = connections_of(node, service)
        unanswered = 0
        for number in range(1, rounds + 1):
            loads = start_load(node, service, connections, number)
            time.sleep(dice.uniform(0.05, 0.5))  # how long the node lives is what is being varied
            node.kill()
            end_load(loads)
            unanswered += sum(each.in_flight is not None for each in connections)
            node.cli("verify")  # a stopped node's files, whole: chain, checksums, every row
            node.start()
            operations = check(node, connections)
        assert node.stop() == 0
        node.cli("verify")
        print(f"{rounds} kills, {operations} operations, {unanswered} changes cut off: nothing is missing, nothing counts twice")


if __name__ == "__main__":
    main()
