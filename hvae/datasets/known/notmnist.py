"""notMNIST: letters A to J from many fonts (Bulatov, 2011), as one fixed sample of 10,000 images.

The sample, 1,000 images of each letter of notMNIST_small in the format of MNIST, was published by David Flanagan with
the permission of notMNIST's author, at github.com/davidflanagan/notMNIST-to-MNIST.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from hvae.datasets.base import DataSetInfo, ImageSet
from hvae.datasets.fetching.published_files import PublishedFile
from hvae.datasets.known.mnist import MnistFormat
from hvae.errors import DataError

SHA256 = {
    "t10k-images-idx3-ubyte": "8e7f38ae95cc8f48e0986175ffc9137e5007ebcf3d8fdf6656c904eb9dab198b",
    "t10k-labels-idx1-ubyte": "5f8e6012f2ce730700d8d05fca098bc47f71d25b890e4bec7ac5ebfd614a4001",
}

_ADDRESS = "https://github.com/davidflanagan/notMNIST-to-MNIST/raw/master"
# The sizes are those of our own gzip of the files, for the progress of a download alone.
ARCHIVES = {
    name: PublishedFile(f"{name}.gz", (f"{_ADDRESS}/{name}.gz",), md5, size)
    for name, md5, size in (
        ("t10k-images-idx3-ubyte", "2c87c839a4ef9b238846600eec8c35b7", 3_233_035),
        ("t10k-labels-idx1-ubyte", "7ea9118cbafd0f6e3ee2ad771d782a01", 5_118),
    )
}
"""The archive of each idx file, by the file's name."""


@dataclass(frozen=True)
class NotMnist(MnistFormat):
    """The sample is recognised by its checksums: scores of another sample would pass for this one's."""

    def load(self, split: str, root: Path) -> ImageSet:
        """Images ``(10000, 1, 28, 28)`` of the one split, ``test``; `DataError` if they are another sample."""
        images = super().load(split, root)
        for path in self.files(split, root):
            _check(path)
        return images

    def published(self) -> dict[str, PublishedFile]:
        """The archive of each idx file, by the file's name."""
        return ARCHIVES

    def checksum(self, name: str) -> str:
        """SHA-256 of an unpacked idx file."""
        return SHA256[name]

    def intact(self, path: Path) -> bool:
        """Whether an idx file is there and whole; `DataError` if of another sample, which no download replaces."""
        whole = super().intact(path)
        if whole:
            _check(path)
        return whole


def _check(path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256[path.name]:
        raise DataError(
            f"{path} is not the 10,000-letter sample (SHA-256 {found[:12]}..., expected {SHA256[path.name][:12]}...): "
            "move it away and run `hvae data fetch notmnist`, or score another notMNIST variant through npz:PATH"
        )


DATA_SET = NotMnist(
    DataSetInfo(
        name="notmnist",
        title="notMNIST",
        images="28x28 grey images of the letters A to J in many fonts, 10,000 test, 10 classes",
        licence="MIT (the sample), none stated for the fonts",
        citation="Bulatov (2011), notMNIST dataset",
        splits=("test",),
    ),
    folder="notMNIST",
)
