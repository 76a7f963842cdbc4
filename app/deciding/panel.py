"""The threshold with its consequences, on any page that has a rule: costs, alarms a day, and the rule as a file."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from app.deciding import consequences
from app.deciding.consequences import Costs
from app.frame import components, controls
from hvae.datasets.own.preparing import Treatment
from hvae.verdicts.chosen import chosen
from hvae.verdicts.power import Measured
from hvae.verdicts.rule import Rule

TITLE = "What a threshold costs"


def costs() -> Costs:
    """Draw what a person knows of a day."""
    with controls.bar("costs-bar"):
        volume = controls.number("Images a day", "volume", 1, 10**9, 1000, width=150)
        unusual = controls.decimal(
            "Unusual images (%)",
            "unusual",
            0.0,
            100.0,
            1.0,
            step=0.5,
            help="The share of a day's images that are of another kind than the model knows.",
        )
        miss = controls.decimal(
            "Cost of a miss",
            "miss",
            0.0,
            1e12,
            100.0,
            step=10.0,
            help="What it costs to let an unusual image pass, in any unit.",
        )
        wrong = controls.decimal(
            "Cost of a false alarm",
            "wrong",
            0.0,
            1e12,
            1.0,
            step=1.0,
            help="What it costs to look at an ordinary image, in the same unit.",
        )
    return Costs(volume, unusual / 100, miss, wrong)


def written(rule: Rule, budget: float, how: Treatment) -> str:
    """The rule as the file that `hvae score --rule` takes."""
    return chosen(rule, budget, how).model_dump_json(indent=2)


def show(rule: Rule, sets: Sequence[Measured], how: Treatment, alpha: float) -> None:
    """Draw the section for a rule, what it was measured to catch, and images prepared like this."""
    components.section(
        TITLE,
        "A budget is the share of ordinary images that may raise a false alarm. Say what a "
        "day looks like, and see what each budget would lead to and which one costs least.",
    )
    known = costs()
    found = consequences.table(sets, len(rule.calibration), known)
    if found.empty:
        st.info("This run has too few calibration images for any of the usual budgets.")
        return
    best = consequences.cheapest(found)
    told = consequences.in_words(found, known), consequences.reckoned(sets, len(rule.calibration), alpha)
    components.prose(*map(components.escape, told))
    marked = f" {components.mark('costs least', 'good')}"
    columns = {
        "budget": lambda row: f"{100 * row.budget:g} %{marked if best is not None and row.Index == best else ''}",
        "false alarms a day": lambda row: f"{row.false_alarms:,.1f}",
    }
    if "cost" in found:
        columns |= {
            "caught a day": lambda row: f"{row.caught:,.1f}",
            "missed a day": lambda row: f"{row.missed:,.1f}",
            "alarms a day": lambda row: f"{row.alarms:,.1f}",
            "cost a day": lambda row: f"{row.cost:,.0f}",
        }
    shown = [[cell(row) for cell in columns.values()] for row in found.itertuples()]
    components.table(
        list(columns), shown, "What to expect of a day at each budget", numbers=found, name="threshold-costs"
    )
    budgets = dict.fromkeys([alpha] if best is None else [float(found["budget"].iloc[best]), alpha])
    with st.container(horizontal=True):
        for budget in budgets:
            st.download_button(
                f"Save the rule at {100 * budget:g} %",
                partial(written, rule, budget, how),
                f"{rule.run}.rule.json",
                "application/json",
                key=f"rule-{budget:g}",
                on_click="ignore",
            )
    components.code(f"hvae score {rule.run} --images PATH --rule {rule.run}.rule.json")
