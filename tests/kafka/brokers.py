"""Real Apache Kafka brokers for tests: one or three, on free ports of the loopback, in a directory of their own.

    with Brokers(directory, count=3) as kafka:
        run(["muster", "serve", "--journal", "kafka", "--kafka", kafka.bootstrap])
        kafka.kill(kafka.leader("muster.journal", 0))

Each broker is a controller too (KRaft). They end with the process that started them, whatever becomes of it.
"""

import ctypes
import json
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from proxy import Proxy

HERE = pathlib.Path(__file__).resolve().parent
STARTED_WITHIN_S = 90
STOPPED_WITHIN_S = 30

# What keeps brokers small and quick for tests. Offsets and transactions are as many times replicated as there are brokers.
PROPERTIES = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "auto.create.topics.enable": "false",
}
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-512")
JAVA = ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile={HERE}/log4j2.yaml"]


def libraries(version=None):
    """The directory with Kafka's jars, fetched where they are missing."""
    return subprocess.run([HERE / "fetch", *([version] if version else [])], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def free_ports(count):
    """So many ports that nobody has at the moment. Somebody may take one meanwhile: then the broker that wanted it ends, and
    `Brokers` begins again with others."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _end_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Broker:
    """One broker: its number (from 1 on), its files, its process."""

    def __init__(self, number, directory, ports):
        self.number = number
        self.directory = directory
        self.ports = ports  # by listener
        self.process = None
        self.proxy = None  # what clients of the listener PROXIED go through

    @property
    def files(self):
        """Where it keeps its topics: a folder `TOPIC-PARTITION` each."""
        return self.directory / "data"

    @property
    def log(self):
        return self.directory / "broker.log"

    def address(self, listener="PLAINTEXT"):
        """Where it listens."""
        return f"127.0.0.1:{self.ports[listener]}"

    def reached_at(self, listener="PLAINTEXT"):
        """Where clients find it."""
        return self.proxy.address if listener == "PROXIED" else self.address(listener)


class Brokers:
    """`properties` are added to every broker's. `security`: also listens for "SSL" or "SASL_SSL", with certificates of an own CA
    (`ca`, and for clients `client_certificate` and `client_key`), and PLAIN and SCRAM users (`users`: name to password), and unsigned OAUTHBEARER tokens.
    `version`: of Kafka, another than the one that tests usually have.
    `disk_bytes`: each broker's files lie on a file system of that size (needs root). `proxied`: they also listen behind a proxy each
    (`Broker.proxy`), at `addresses("PROXIED")`, for tests that cut the network between them and their clients."""

    def __init__(self, directory, count=1, properties=None, security=None, users=None, disk_bytes=None, proxied=False, version=None):
        self.directory = pathlib.Path(directory).resolve()
        self.count = count
        self.properties = dict(properties or {})
        self.security = security
        self.users = dict(users or {})
        self.disk_bytes = disk_bytes
        self.proxied = proxied
        self.libraries = libraries(version)
        self.brokers = []
        self.mounted = []

    # ---- from start to end

    def start(self):
        for last_try in (False, False, True):
            self._make()
            for broker in self.brokers:
                self._launch(broker)
            try:
                self.wait_until_up()
                return self
            except RuntimeError:
                self.close()
                if last_try:
                    raise
        return self

    def close(self):
        for broker in self.brokers:
            self._end(broker, signal.SIGKILL)
            if broker.proxy:
                broker.proxy.close()
        for each in self.mounted:
            subprocess.run(["umount", each], check=False)
        self.mounted = []
        self.brokers = []

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    # ---- what clients need

    @property
    def bootstrap(self):
        return self.addresses("PLAINTEXT")

    def addresses(self, listener):
        return ",".join(broker.reached_at(listener) for broker in self.brokers)

    def metadata(self, broker=None):
        """What the brokers say of themselves and their topics (kcat -L -J); None if there is no answer."""
        asked = subprocess.run(
            ["kcat", "-b", (broker.address() if broker else self.bootstrap), "-L", "-J", "-m", "5"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        return json.loads(asked.stdout) if asked.returncode == 0 and asked.stdout.strip() else None

    def leader(self, topic, partition):
        """The broker that leads a partition."""
        for each in self.metadata()["topics"]:
            if each["topic"] != topic:
                continue
            for part in each["partitions"]:
                if part["partition"] == partition:
                    return self.brokers[part["leader"] - 1]
        raise KeyError(f"{topic}-{partition}")

    def wait_until_up(self, brokers=None):
        """Until each of `brokers` (all of them unless given) answers and knows all the others that should run. A port that is
        open says nothing yet."""
        running = [each for each in self.brokers if each.process and each.process.poll() is None]
        until = time.monotonic() + STARTED_WITHIN_S
        for broker in brokers or self.brokers:
            while True:
                if broker.process.poll() is not None:
                    raise RuntimeError(f"broker {broker.number} ended with {broker.process.returncode}:\n{broker.log.read_text()[-2000:]}")
                known = self.metadata(broker)
                if known and len(known["brokers"]) >= len(running) and known.get("controllerid", 0) != -1:
                    break
                if time.monotonic() > until:
                    raise RuntimeError(f"broker {broker.number} is not up after {STARTED_WITHIN_S} s:\n{broker.log.read_text()[-2000:]}")

    # ---- faults

    def kill(self, broker):
        self._end(broker, signal.SIGKILL)

    def stop(self, broker):
        self._end(broker, signal.SIGTERM)

    def freeze(self, broker):
        broker.process.send_signal(signal.SIGSTOP)

    def thaw(self, broker):
        broker.process.send_signal(signal.SIGCONT)

    def restart(self, *brokers, wait=True):
        """Starts brokers again that were killed or stopped, with what they have on disk."""
        for broker in brokers:
            self._launch(broker)
        if wait:
            self.wait_until_up(brokers)

    def change_topic(self, topic, setting):
        """Sets `name=value` on a topic."""
        self._java("kafka.admin.ConfigCommand", "--bootstrap-server", self.bootstrap, "--alter", "--entity-type", "topics",
                   "--entity-name", topic, "--add-config", setting)

    # ---- parts

    def _make(self):
        listeners = ["PLAINTEXT", "CONTROLLER"] + ([self.security] if self.security else []) + (["PROXIED"] if self.proxied else [])
        ports = free_ports(self.count * len(listeners))
        self.brokers = []
        for number in range(1, self.count + 1):
            directory = self.directory / str(number)
            shutil.rmtree(directory, ignore_errors=True)
            (directory / "data").mkdir(parents=True)
            mine = dict(zip(listeners, ports[(number - 1) * len(listeners):]))
            self.brokers.append(Broker(number, directory, mine))
            if self.proxied:
                self.brokers[-1].proxy = Proxy(("127.0.0.1", mine["PROXIED"]))
            if self.disk_bytes:
                subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.disk_bytes}", "tmpfs", directory / "data"], check=True)
                self.mounted.append(directory / "data")
        if self.security:
            self._make_certificates()
        cluster = self._java("kafka.tools.StorageTool", "random-uuid").strip().splitlines()[-1]
        scram = [f"{each}=[name={name},password={password}]" for each in SCRAM for name, password in self.users.items()]
        for broker in self.brokers:
            file = broker.directory / "server.properties"
            file.write_text("".join(f"{name}={value}\n" for name, value in self._properties_of(broker).items()))
            users = [argument for each in scram for argument in ("--add-scram", each)]
            self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(file), *users)

    def _properties_of(self, broker):
        clients = [name for name in broker.ports if name != "CONTROLLER"]
        redundancy = {
            "offsets.topic.replication.factor": str(self.count),
            "transaction.state.log.replication.factor": str(self.count),
            "transaction.state.log.min.isr": str(min(2, self.count)),
        }
        own = {
            "node.id": str(broker.number),
            "controller.quorum.voters": ",".join(f"{each.number}@{each.address('CONTROLLER')}" for each in self.brokers),
            "listeners": ",".join(f"{name}://{broker.address(name)}" for name in broker.ports),
            "advertised.listeners": ",".join(f"{name}://{broker.reached_at(name)}" for name in clients),
            "log.dirs": str(broker.files),
        }
        return {**PROPERTIES, **redundancy, **own, **self._security_properties(broker), **self.properties}

    def _security_properties(self, broker):
        if not self.security:
            return {}
        key_store = {
            "ssl.keystore.type": "PEM", "ssl.keystore.location": str(broker.directory / "broker.pem"),
            "ssl.truststore.type": "PEM", "ssl.truststore.location": str(self.ca),
        }
        if self.security == "SSL":
            return {**key_store, "ssl.client.auth": "required"}
        listener = "listener.name.sasl_ssl."
        plain = " ".join(f'user_{name}="{password}"' for name, password in self.users.items())
        module = "org.apache.kafka.common.security"
        return {
            **key_store,
            "sasl.enabled.mechanisms": ",".join(["PLAIN", "OAUTHBEARER", *SCRAM]),
            listener + "plain.sasl.jaas.config": f"{module}.plain.PlainLoginModule required {plain};",
            **{listener + f"{each.lower()}.sasl.jaas.config": f"{module}.scram.ScramLoginModule required;" for each in SCRAM},
            listener + "oauthbearer.sasl.jaas.config":
                f'{module}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
        }

    def _make_certificates(self):
        self.ca = self.directory / "ca.pem"
        self.client_certificate = self.directory / "client.pem"
        self.client_key = self.directory / "client.key"
        ca_key = self.directory / "ca.key"
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=muster tests",
                      "-keyout", ca_key, "-out", self.ca)
        for broker in self.brokers:
            self._sign("broker", ca_key, broker.directory / "key.pem", broker.directory / "certificate.pem")
            parts = [broker.directory / "key.pem", broker.directory / "certificate.pem", self.ca]
            (broker.directory / "broker.pem").write_text("".join(each.read_text() for each in parts))
        self._sign("client", ca_key, self.client_key, self.client_certificate)

    def _sign(self, name, ca_key, key, certificate):
        extensions = self.directory / "extensions"
        extensions.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        request = self.directory / "request.pem"
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2",
                      "-extfile", extensions, "-out", certificate)

    @staticmethod
    def _openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _java(self, main, *arguments):
        ran = subprocess.run([*JAVA, "-cp", f"{self.libraries}/*", main, *arguments], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, check=False)
        if ran.returncode != 0:
            raise RuntimeError(f"{main} {' '.join(arguments)}:\n{ran.stdout}")
        return ran.stdout

    def _launch(self, broker):
        with open(broker.log, "ab") as log:
            broker.process = subprocess.Popen(
                [*JAVA, "-cp", f"{self.libraries}/*", "kafka.Kafka", str(broker.directory / "server.properties")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_end_with_parent)

    @staticmethod
    def _end(broker, how):
        if broker.process is None or broker.process.poll() is not None:
            return
        broker.process.send_signal(signal.SIGCONT)
        broker.process.send_signal(how)
        try:
            broker.process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            broker.process.kill()
            broker.process.wait()
