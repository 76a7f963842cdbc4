"""Data sets: images by name, parts of the training set, preprocessing and evaluation noise. Imports no torch."""

from hvae.datasets.base import DataSetInfo, ImageSet
from hvae.datasets.noise import PREPROCESSINGS, content_index, evaluation_noise, evaluation_normals, preprocess
from hvae.datasets.registry import (
    PARTS,
    available,
    data_root,
    fetch,
    info,
    is_known,
    load,
    load_part,
    names,
    names_for,
    parts,
)

__all__ = [
    "PARTS",
    "PREPROCESSINGS",
    "DataSetInfo",
    "ImageSet",
    "available",
    "content_index",
    "data_root",
    "evaluation_noise",
    "evaluation_normals",
    "fetch",
    "info",
    "is_known",
    "load",
    "load_part",
    "names",
    "names_for",
    "parts",
    "preprocess",
]
