"""SmallNORB at 28x28, dark toys on a light ground, as published."""

from hvae.datasets.norb import SmallNorb

DATA_SET = SmallNorb("smallnorb28", title="SmallNORB", invert=False)
