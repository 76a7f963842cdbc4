"""Small idx files and a mirror on the loopback interface."""

import gzip
import hashlib
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def write_idx() -> Callable[[Path, np.ndarray], Path]:
    def write(path: Path, array: np.ndarray) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(idx_bytes(array))
        return path

    return write


@pytest.fixture
def idx_arrays() -> dict[str, np.ndarray]:
    """The four files of a tiny data set in the layout of MNIST."""
    generator = np.random.default_rng(0)
    return {
        "train-images-idx3-ubyte": generator.integers(0, 256, (30, 28, 28), dtype=np.uint8),
        "train-labels-idx1-ubyte": generator.integers(0, 10, 30, dtype=np.uint8),
        "t10k-images-idx3-ubyte": generator.integers(0, 256, (12, 28, 28), dtype=np.uint8),
        "t10k-labels-idx1-ubyte": generator.integers(0, 10, 12, dtype=np.uint8),
    }


class Mirror:
    """An HTTP server for a few files; ``truncate`` names one that breaks off half-way."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.truncate = ""
        self.requests: list[str] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rsplit("/", 1)[-1]
                mirror.requests.append(name)
                if name not in mirror.files:
                    self.send_error(404, "Not Found")
                    return
                body = mirror.files[name]
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if name == mirror.truncate else body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def mirror(idx_arrays: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """A mirror that FashionMNIST is downloaded from, with the tiny data set."""
    from torchvision.datasets import FashionMNIST

    archives = {f"{name}.gz": gzip.compress(idx_bytes(array), mtime=0) for name, array in idx_arrays.items()}
    checksums = [(name, hashlib.md5(data).hexdigest()) for name, data in archives.items()]
    server = Mirror(archives)
    monkeypatch.setattr(FashionMNIST, "mirrors", [server.url])
    monkeypatch.setattr(FashionMNIST, "resources", checksums)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield server
    server.close()


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[dict[str, bytes]], Mirror]]:
    """Servers of some files, closed with the test."""
    servers = []
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def start(files: dict[str, bytes]) -> Mirror:
        servers.append(Mirror(files))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
