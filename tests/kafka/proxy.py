"""A stretch of network that a test can cut: a TCP proxy between a client and a broker."""

import contextlib
import socket
import threading

CHUNK = 65536


class Proxy:
    """Passes connections on to `target` (host, port). `cut` resets what is there and refuses what comes; `hang` loses nothing but
    lets nothing through, as a network does that drops every packet; `hang_after` does so at a certain byte; `mend` ends them."""

    def __init__(self, target=None):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.passing = threading.Event()
        self.passing.set()
        self.refusing = False
        self.passed = 0  # bytes, both ways
        self.most = None
        self.hung = threading.Event()
        self.lock = threading.Lock()
        self.connections = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.listener.getsockname()[1]

    def cut(self):
        with self.lock:
            self.refusing = True
            for each in self.connections:
                _end(each)

    def hang(self):
        self.passing.clear()

    def hang_after(self, count):
        """Lets so many bytes through from now on, both ways together, and nothing more; `hung` says that it has come to that."""
        self.hung.clear()
        self.passed, self.most = 0, count

    def mend(self):
        self.refusing = False
        self.most = None
        self.passing.set()

    def close(self):
        self.cut()
        self.mend()
        _end(self.listener)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client):
        self.passing.wait()
        with contextlib.suppress(OSError):
            if self.refusing:
                raise ConnectionRefusedError
            broker = socket.create_connection(self.target, 10)
            for each in (client, broker):  # what is small is not to wait for more
                each.settimeout(None)
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.connections |= {client, broker}
            back = threading.Thread(target=self._pump, args=(broker, client), daemon=True)
            back.start()
            self._pump(client, broker)
            back.join()
            with self.lock:
                self.connections -= {client, broker}
            broker.close()
        client.close()

    def _count(self, size):
        with self.lock:
            self.passed += size
            if self.most is not None and self.passed > self.most:
                self.passing.clear()
                self.hung.set()

    def _pump(self, source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                self._count(len(data))
                self.passing.wait()
                sink.sendall(data)
        _end(source)
        _end(sink)


def _end(connection):
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
