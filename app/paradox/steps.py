"""Six steps, one after the other: which one is open, and what the visitor guesses before the answer stands there."""

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from app.frame import components, controls
from app.paradox.rivals import Pair

NOT_YET, SHOW = "not yet", "just show me"


@dataclass(frozen=True)
class Step:
    """A question with its possible answers (no other step has the same), and what draws the truth.

    `about` gives HTML; `draw` gets the two sets and the guess, which is None where nobody guessed; what an `exhibit`
    draws can be seen before the guess.
    """

    title: str
    about: Callable[[Pair], str]
    question: str
    answers: tuple[str, ...]
    draw: Callable[[Pair, str | None], None]
    exhibit: Callable[[Pair], None] | None = None


def choose(steps: tuple[Step, ...]) -> int:
    """Number of the step that is open, from 1, bound to the address."""
    numbers = [str(number) for number in range(1, len(steps) + 1)]
    at = int(controls.choose("Step", "step", numbers))
    _turn("← Previous", at - 1, len(steps))
    _turn("Next →", at + 1, len(steps))
    return at


def show(number: int, step: Step, pair: Pair) -> None:
    """A step: the question, a guess, then the answer."""
    if step.exhibit:
        step.exhibit(pair)
    components.section(f"{number}. {step.title}", step.about(pair))
    guess = controls.choose(step.question, "guess", (NOT_YET, *step.answers, SHOW))
    if guess == NOT_YET:
        st.caption("Guess first. The answer then appears here.")
        return
    step.draw(pair, guess if guess in step.answers else None)


def told(guess: str | None, right: str, because: str) -> None:
    """Whether the guess was right, and the answer in a sentence of HTML."""
    if guess is None:
        verdict = f"<strong>The answer: {components.escape(right)}.</strong>"
    elif guess == right:
        verdict = f"{components.mark('right', 'good')} <strong>You said: {components.escape(guess)}.</strong>"
    else:
        said = f"You said: {components.escape(guess)}. It is: {components.escape(right)}."
        verdict = f"{components.mark('not so')} <strong>{said}</strong>"
    components.prose(f"{verdict} {because}")


def _turn(label: str, to: int, last: int) -> None:
    def turn() -> None:
        st.session_state["step"] = str(to)

    st.button(label, on_click=turn, disabled=not 1 <= to <= last)
