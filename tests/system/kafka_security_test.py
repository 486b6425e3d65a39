"""A node and brokers that let in only whom they know: mutual TLS, PLAIN, SCRAM and OAUTHBEARER over TLS, for the journal and for the
feed, and what is said to the others.

    kafka_security_test.py [NAME ...]     the scenarios named, or all
"""

import base64
import ctypes
import json
import pathlib
import subprocess
import tempfile
import time

from kafka_cluster import RESUMED_WITHIN_S, Brokers, Fleet, Load, check_history
from kafka_feed_test import first_occurrences, history, wait_for
from node import MUSTER, Node, Service, derive_key, keys_of, run_scenarios

PASSWORD = "a-password-that-nobody-prints"
KAFKA_3 = "3.9.1"
TOKEN_S = 15  # how long a short token is valid


def set_all(settings):
    return [part for each in settings for part in ("--set", each)]


def muster(*arguments):
    return subprocess.run([MUSTER, *arguments], capture_output=True, text=True, timeout=120)


def serve_and_register(brokers, listener, settings, more=None, wrong=None):
    """`cluster init`, a node, and devices, all under these settings. `more(node, load)` happens under load. With the settings
    `wrong[0]` instead it does not start, and says `wrong[1]`. Gives what the node logged."""
    where = ("journal.kind=kafka", f"kafka.bootstrap={brokers.addresses(listener)}", "journal.shards=1")
    node = Node(*where, *settings)
    try:
        made = muster("cluster", "init", "--data", node.data, *set_all(node.settings))
        assert made.returncode == 0, made
        if wrong:
            refused("serve", node.data, [*where, *wrong[0]], wrong[1])
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


def refused(command, data, settings, part):
    """The command ends, soon, with one line that has `part` in it."""
    began = time.monotonic()
    done = muster(*command.split(), "--data", str(data), *set_all(settings))
    took = time.monotonic() - began
    said = [line for line in done.stderr.splitlines() if line.startswith("muster: ")]
    assert done.returncode == 1 and len(said) == 1 and part in said[0], (part, done)
    assert PASSWORD not in done.stdout + done.stderr, done
    assert took < 30, f"it took {took:.0f} s to say so"


def init_refused(brokers, listener, settings, part):
    with tempfile.TemporaryDirectory() as data:
        refused("cluster init", data, [f"kafka.bootstrap={brokers.addresses(listener)}", *settings], part)


def sasl(brokers, mechanism, section="kafka", **settings):
    """The settings for a mechanism over TLS."""
    all_of_them = {"security.protocol": "SASL_SSL", "ssl.ca.location": brokers.ca, "sasl.mechanism": mechanism, **settings}
    return [f"{section}.{name.replace('__', '.')}={value}" for name, value in all_of_them.items()]


def as_user(brokers, mechanism, password, section="kafka"):
    return sasl(brokers, mechanism, section, sasl__username="muster", sasl__password=password)


def mutual_tls():
    with tempfile.TemporaryDirectory() as directory, Brokers(directory, security="SSL") as brokers:
        tls = ["kafka.security.protocol=SSL", f"kafka.ssl.ca.location={brokers.ca}"]
        own = [f"kafka.ssl.certificate.location={brokers.client_certificate}", f"kafka.ssl.key.location={brokers.client_key}"]
        init_refused(brokers, "SSL", tls, "ertificate")
        init_refused(brokers, "SSL", ["kafka.security.protocol=SSL", *own], "ertificate")  # who are you, broker?
        serve_and_register(brokers, "SSL", tls + own, wrong=(tls, "ertificate"))


def plain_over_tls():
    with tempfile.TemporaryDirectory() as directory, Brokers(directory, security="SASL_SSL", users={"muster": PASSWORD}) as brokers:
        right, wrong = as_user(brokers, "PLAIN", PASSWORD), as_user(brokers, "PLAIN", "wrong")
        init_refused(brokers, "SASL_SSL", wrong, "see to the credentials in kafka.*")
        assert PASSWORD not in serve_and_register(brokers, "SASL_SSL", right, wrong=(wrong, "see to the credentials in kafka.*"))
        printed = muster("serve", "--print-config", *set_all(right))
        assert printed.returncode == 0 and PASSWORD not in printed.stdout and "sasl.password" in printed.stdout, printed


def scram_is_limited():
    """Before 2.6.1 librdkafka's SCRAM is refused by brokers from 4.0 on."""
    return ctypes.CDLL("librdkafka.so.1").rd_kafka_version() < 0x020601FF


def scram_over_tls():
    for version in (KAFKA_3, None):
        with tempfile.TemporaryDirectory() as directory, \
                Brokers(directory, security="SASL_SSL", users={"muster": PASSWORD}, version=version) as brokers:
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
                right, wrong = as_user(brokers, mechanism, PASSWORD), as_user(brokers, mechanism, "wrong")
                if version is None and scram_is_limited():
                    init_refused(brokers, "SASL_SSL", right, "brokers from Kafka 4.0 on refuse")
                    continue
                own = [f"kafka.topic_prefix={mechanism}."]
                init_refused(brokers, "SASL_SSL", wrong, "see to the credentials in kafka.*")
                log = serve_and_register(brokers, "SASL_SSL", right + own, wrong=(wrong + own, "see to the credentials in kafka.*"))
                assert PASSWORD not in log
                assert ("brokers from Kafka 4.0 on refuse" in log) == scram_is_limited(), log[:2000]


def token(lifetime_s, **claims):
    """An unsigned JWT, which a broker without a validator of its own takes."""
    def part(content):
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
    now = int(time.time())
    return part({"alg": "none"}) + "." + part({"sub": "muster", "iat": now, "exp": now + lifetime_s, **claims}) + "."


def tokens_are_renewed():
    """Sessions end with their tokens, and then the broker hangs up: only a token that was read again in time lets the node go on, and
    nothing is refused meanwhile. So it is when the broker was away, too."""
    with tempfile.TemporaryDirectory() as directory, \
            Brokers(directory, properties={"connections.max.reauth.ms": "3600000"}, security="SASL_SSL") as brokers:
        file = pathlib.Path(directory, "token")
        oauth = sasl(brokers, "OAUTHBEARER", oauth_token_file=file)
        for content in ("no token", token(-10)):
            file.write_text(content + "\n")
            init_refused(brokers, "SASL_SSL", oauth, "oauth_token_file")
        file.write_text(token(3600, sub=["nobody"]) + "\n")
        init_refused(brokers, "SASL_SSL", oauth, "see to the credentials in kafka.*")
        init_refused(brokers, "SASL_SSL", sasl(brokers, "OAUTHBEARER"), "kafka.oauth_token_file is missing")
        first_ends = time.monotonic() + TOKEN_S
        file.write_text(token(TOKEN_S) + "\n")

        def outlive(_, load):
            file.write_text(token(3600) + "\n")
            load.run_for(max(0.0, first_ends + 2 - time.monotonic()))
            load.answered_within(RESUMED_WITHIN_S, time.monotonic())
            assert not load.refused, load.refused
            brokers.kill(brokers.brokers[0])
            brokers.restart(brokers.brokers[0])
            load.answered_within(RESUMED_WITHIN_S, time.monotonic())

        serve_and_register(brokers, "SASL_SSL", oauth, outlive)


def the_feed_has_credentials_of_its_own():
    """The journal is embedded, the feed's brokers are secured. Wrong credentials are told, and the node serves on."""
    with tempfile.TemporaryDirectory() as directory, \
            Brokers(directory, properties={"auto.create.topics.enable": "true"}, security="SASL_SSL", users={"muster": PASSWORD}) as brokers:
        file = pathlib.Path(directory, "token")
        file.write_text(token(3600))
        where = ["journal.shards=1", f"feed.kafka.bootstrap={brokers.addresses('SASL_SSL')}"]
        node = Node(*where, *as_user(brokers, "PLAIN", "wrong", "feed.kafka"))
        try:
            node.start()
            service = Service(node)
            client = node.connect()
            key = keys_of(service.create_group(client, "fleet"))[0]
            client.close()
            for name, settings in (("dev-1", None), ("dev-2", as_user(brokers, "PLAIN", PASSWORD, "feed.kafka")),
                                   ("dev-3", sasl(brokers, "OAUTHBEARER", "feed.kafka", oauth_token_file=file))):
                if settings:
                    assert node.stop() == 0
                    log = pathlib.Path(node.data, "node.log").read_text()
                    assert "see to the credentials in feed.kafka.*" in log and PASSWORD not in log, log
                    node.settings = [*where, *settings]
                    node.start()
                client = node.connect()
                status, answer = service.register(client, name, derive_key(key, name))
                assert status == 200, answer
                client.close()
                if settings:
                    told = [event["id"] for event in history(node)]
                    assert first_occurrences(wait_for(brokers, told[-1]), service.scope) == told
            assert node.stop() == 0
        finally:
            node.__exit__()


SCENARIOS = (mutual_tls, plain_over_tls, scram_over_tls, tokens_are_renewed, the_feed_has_credentials_of_its_own)


if __name__ == "__main__":
    run_scenarios(SCENARIOS)
