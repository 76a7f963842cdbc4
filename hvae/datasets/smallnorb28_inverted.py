"""SmallNORB at 28x28, values inverted: light toys on a dark ground."""

from hvae.datasets.norb import SmallNorb

DATA_SET = SmallNorb("smallnorb28_inverted", title="SmallNORB, inverted", invert=True)
