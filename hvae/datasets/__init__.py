"""Data sets: images by name, parts of the training set, preprocessing and evaluation noise. Imports no torch."""

from hvae.datasets.base import DataSetInfo as DataSetInfo
from hvae.datasets.base import ImageSet as ImageSet
from hvae.datasets.layouts import layout as layout
from hvae.datasets.noise import LOOSE as LOOSE
from hvae.datasets.noise import content_index as content_index
from hvae.datasets.noise import evaluation_noise as evaluation_noise
from hvae.datasets.noise import evaluation_normals as evaluation_normals
from hvae.datasets.noise import preprocess as preprocess
from hvae.datasets.registry import PARTS as PARTS
from hvae.datasets.registry import available as available
from hvae.datasets.registry import data_root as data_root
from hvae.datasets.registry import fetch as fetch
from hvae.datasets.registry import info as info
from hvae.datasets.registry import is_known as is_known
from hvae.datasets.registry import load as load
from hvae.datasets.registry import load_part as load_part
from hvae.datasets.registry import names as names
from hvae.datasets.registry import names_for as names_for
from hvae.datasets.registry import parts as parts
