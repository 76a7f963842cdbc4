"""notMNIST: letters A to J from many fonts (Bulatov, 2011), as one fixed sample of 10,000 images."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from hvae.datasets.base import DataSetInfo, ImageSet, Progress
from hvae.datasets.mnist_format import MnistFormat
from hvae.errors import DataError

SHA256 = {
    "t10k-images-idx3-ubyte": "8e7f38ae95cc8f48e0986175ffc9137e5007ebcf3d8fdf6656c904eb9dab198b",
    "t10k-labels-idx1-ubyte": "5f8e6012f2ce730700d8d05fca098bc47f71d25b890e4bec7ac5ebfd614a4001",
}


@dataclass(frozen=True)
class NotMnist(MnistFormat):
    """The sample is recognised by its checksums: scores of another sample would pass for this one's."""

    def load(self, split: str, root: Path) -> ImageSet:
        """Images ``(10000, 1, 28, 28)`` of the one split, ``test``.

        Raises:
            DataError: If the files are missing or are another sample.
        """
        if not self.available(root):
            raise DataError(f"notMNIST is not in {self.raw(root)}: {self._placing(root)}")
        for path in self.files(split, root):
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != SHA256[path.name]:
                raise DataError(
                    f"{path} is not the 10,000-letter sample (SHA-256 {found[:12]}..., expected "
                    f"{SHA256[path.name][:12]}...); score another notMNIST variant through npz:PATH"
                )
        return super().load(split, root)

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Say how to place the files, unless they are there: no public address offers exactly this sample."""
        if not self.available(root):
            raise DataError(f"notMNIST cannot be downloaded: {self._placing(root)}")

    def _placing(self, root: Path) -> str:
        return (
            f"no public address of this 10,000-letter sample is known; put {' and '.join(SHA256)} into "
            f"{self.raw(root)}, set HVAE_DATA to the folder that has them, or score another variant through npz:PATH"
        )


DATA_SET = NotMnist(
    info=DataSetInfo(
        name="notmnist",
        title="notMNIST",
        images="28x28 grey images of the letters A to J in many fonts, 10,000 test, 10 classes",
        licence="none stated",
        citation="Bulatov (2011), notMNIST dataset",
        preprocessing="none",
        splits=("test",),
        downloadable=False,
    ),
    folder="notMNIST",
)
