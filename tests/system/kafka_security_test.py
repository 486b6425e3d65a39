"""A node and brokers that let in only whom they know: mutual TLS, PLAIN and OAUTHBEARER over TLS, and what is said to the others.

    kafka_security_test.py [NAME ...]     the scenarios named, or all
"""

import base64
import json
import pathlib
import subprocess
import sys
import tempfile
import time

from kafka_cluster import RESUMED_WITHIN_S, Brokers, Fleet, Load, check_history
from node import MUSTER, Node

PASSWORD = "a-password-that-nobody-prints"


def set_all(settings):
    return [part for each in settings for part in ("--set", each)]


def muster(*arguments):
    return subprocess.run([MUSTER, *arguments], capture_output=True, text=True, timeout=120)


def serve_and_register(brokers, listener, settings, more=None):
    """`cluster init`, a node, and devices, all under these settings. `more(node, load)` happens under load. Gives what the node logged."""
    node = Node("journal.kind=kafka", f"kafka.bootstrap={brokers.addresses(listener)}", "journal.shards=1", *settings)
    try:
        made = muster("cluster", "init", "--data", node.data, *set_all(node.settings))
        assert made.returncode == 0, made
        node.start()
        fleet = Fleet(node, "demo")
        with Load(node, [fleet], connections=2) as load:
            load.run_for(0.5)
            if more:
                more(node, load)
        check_history(node, fleet)
        log = pathlib.Path(node.data, "node.log").read_text()
        assert node.stop() == 0
        return log + made.stdout + made.stderr
    finally:
        node.__exit__()


def refused(brokers, listener, settings, part):
    """The start ends, soon, with one line that has `part` in it."""
    with tempfile.TemporaryDirectory() as data:
        began = time.monotonic()
        done = muster("cluster", "init", "--data", data, "--kafka", brokers.addresses(listener), *set_all(settings))
        took = time.monotonic() - began
        said = [line for line in done.stderr.splitlines() if line.startswith("muster: ")]
        assert done.returncode == 1 and len(said) == 1 and part in said[0], done
        assert PASSWORD not in done.stdout + done.stderr, done
        assert took < 30, f"it took {took:.0f} s to say so"


def mutual_tls():
    with tempfile.TemporaryDirectory() as directory, Brokers(directory, security="SSL") as brokers:
        tls = ["kafka.security.protocol=SSL", f"kafka.ssl.ca.location={brokers.ca}"]
        own = [f"kafka.ssl.certificate.location={brokers.client_certificate}", f"kafka.ssl.key.location={brokers.client_key}"]
        refused(brokers, "SSL", tls, "ertificate")
        refused(brokers, "SSL", ["kafka.security.protocol=SSL", *own], "ertificate")  # who are you, broker?
        serve_and_register(brokers, "SSL", tls + own)


def plain_over_tls():
    with tempfile.TemporaryDirectory() as directory, Brokers(directory, security="SASL_SSL", users={"muster": PASSWORD}) as brokers:
        plain = ["kafka.security.protocol=SASL_SSL", f"kafka.ssl.ca.location={brokers.ca}", "kafka.sasl.mechanism=PLAIN", "kafka.sasl.username=muster"]
        refused(brokers, "SASL_SSL", plain + ["kafka.sasl.password=wrong"], "uthentication")
        right = plain + [f"kafka.sasl.password={PASSWORD}"]
        assert PASSWORD not in serve_and_register(brokers, "SASL_SSL", right)
        printed = muster("serve", "--print-config", *set_all(right))
        assert printed.returncode == 0 and PASSWORD not in printed.stdout and "sasl.password" in printed.stdout, printed


def token(lifetime_s):
    """An unsigned JWT, which a broker without a validator of its own takes."""
    def part(content):
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    now = int(time.time())
    return part({"alg": "none"}) + "." + part({"sub": "muster", "iat": now, "exp": now + lifetime_s}) + "."


def tokens_are_renewed():
    """The first token is long expired when the broker comes back: only one that was read again lets the node in."""
    with tempfile.TemporaryDirectory() as directory, Brokers(directory, security="SASL_SSL") as brokers:
        file = pathlib.Path(directory, "token")
        oauth = ["kafka.security.protocol=SASL_SSL", f"kafka.ssl.ca.location={brokers.ca}", "kafka.sasl.mechanism=OAUTHBEARER",
                 f"kafka.oauth_token_file={file}"]
        file.write_text("no token\n")
        refused(brokers, "SASL_SSL", oauth, "oauth_token_file")
        first_ends = time.monotonic() + 15
        file.write_text(token(15) + "\n")

        def outlive(_, load):
            file.write_text(token(3600) + "\n")
            load.run_for(max(0.0, first_ends + 1 - time.monotonic()))
            brokers.kill(brokers.brokers[0])
            brokers.restart(brokers.brokers[0])
            load.answered_within(RESUMED_WITHIN_S, time.monotonic())

        serve_and_register(brokers, "SASL_SSL", oauth, outlive)


SCENARIOS = (mutual_tls, plain_over_tls, tokens_are_renewed)


def main():
    for scenario in SCENARIOS:
        if sys.argv[1:] and scenario.__name__ not in sys.argv[1:]:
            continue
        began = time.monotonic()
        scenario()
        print(f"{scenario.__name__}: ok, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
