"""``folder:PATH`` and ``npz:PATH``, one's own images, as entries of the registry."""

from dataclasses import dataclass
from pathlib import Path

from hvae.datasets.base import DataSetInfo, ImageSet, Progress
from hvae.datasets.own.folder import load_folder
from hvae.datasets.own.npz import load_npz
from hvae.errors import DataError

KINDS = ("folder", "npz")


@dataclass(frozen=True)
class OwnImages:
    """One's own images, a folder or file as the user wrote it: one split under two names, ``test`` and ``all``.

    Every image is brought to the ``image_shape``, ``(channels, height, width)``.
    """

    kind: str
    path: str
    image_shape: tuple[int, int, int]

    @property
    def info(self) -> DataSetInfo:
        """The facts about it."""
        images = "the array `images` of the file, labels from `labels`, names of the images from `names`"
        preprocessing = "floats rescaled to 0..255; other sizes padded and resized; the model's channels"
        if self.kind == "folder":
            images = "every PNG, JPEG, WebP, BMP, TIFF and PPM file below the folder"
            preprocessing = "padded with black to the model's aspect, resized (area when shrinking, bicubic when "
            preprocessing += "enlarging), converted to the model's channels"
        return DataSetInfo(
            name=f"{self.kind}:{self.path}",
            title=f"Images in {Path(self.path).name or self.path}",
            images=images,
            licence="the user's own",
            citation="",
            preprocessing=preprocessing,
            splits=("test", "all"),
            downloadable=False,
            shape=self.image_shape,
        )

    def available(self, root: Path) -> bool:
        """Whether the folder or file exists."""
        path = Path(self.path).expanduser()
        return path.is_dir() if self.kind == "folder" else path.is_file()

    def load(self, split: str, root: Path) -> ImageSet:
        """All images."""
        load = load_folder if self.kind == "folder" else load_npz
        return load(Path(self.path).expanduser(), self.image_shape, self.info.name, split)

    def fetch(self, root: Path, progress: Progress | None = None) -> None:
        """Refuse: there is nothing to download."""
        what = "folder" if self.kind == "folder" else "file"
        raise DataError(f"{self.info.name} is a {what} of your own: there is nothing to download")
