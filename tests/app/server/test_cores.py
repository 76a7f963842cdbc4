"""How the server shares its cores among visitors."""

from __future__ import annotations

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
