"""What imports cost."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def loaded(code: str, *modules: str) -> str:
    """Which of some modules a new Python has loaded after the code."""
    code = f"import sys; {code}; print(*sorted({set(modules)!r} & set(sys.modules)))"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_importing_the_package_loads_no_torch() -> None:
    assert loaded("import hvae", "torch", "pandas", "streamlit") == ""


def test_what_reads_tables_loads_no_torch() -> None:
    """One process for all: what none of them has loaded in the end, none alone loads."""
    code = (
        "import hvae.scores, hvae.stats, hvae.runs.catalogue, hvae.runs.pixel_tables, hvae.runs.score_tables; "
        "import hvae.report, hvae.runs.correlations.tables; "
        "import hvae.verdicts.rule, hvae.verdicts.words, hvae.measuring.pixels; "
        "import hvae; run = hvae.load('mnist-lite-seed0'); run.depth, run.image_shape"
    )
    assert loaded(code, "torch", "lightning_fabric", "streamlit", "plotly") == ""
