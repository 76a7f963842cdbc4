"""How the server shares its cores among visitors."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from app.server import cores


@pytest.fixture
def pythons_own_turns() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.005)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("pythons_own_turns")
def test_a_page_computes_for_long_turns(visit: Callable[..., AppTest]) -> None:
    visit("overview")
    assert sys.getswitchinterval() == pytest.approx(cores.TURN_SECONDS)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="heaps are glibc's")
@pytest.mark.parametrize("shared", [True, False])
def test_threads_take_memory_from_one_heap(shared: bool) -> None:
    code = f"""
import ctypes, threading
from app.server import cores
if {shared}:
    cores.share_one_heap()
held, together = [], threading.Barrier(9)
def take():
    held.append([bytes(1000) for _ in range(100)])
    together.wait()
for _ in range(8):
    threading.Thread(target=take).start()
together.wait()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w")))
libc.fflush(None)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.count("<heap nr=") == 1) == shared, done.stdout
