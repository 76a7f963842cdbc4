"""Pickles of arrays, and pickles that want more."""

import io
import os
import pickle
import struct

import numpy as np
import pytest

from hvae.datasets import pickles
from hvae.datasets.pickles import as_array, read_pickle
from hvae.errors import DataError

ROWS = np.random.default_rng(0).integers(0, 256, (3, 7), dtype=np.uint8)


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize(
    "array",
    [ROWS, np.asfortranarray(ROWS), np.arange(4, dtype=">i4"), np.array([0.5, -1e9])],
    ids=["bytes", "fortran", "big-endian", "floats"],
)
def test_arrays_come_back(array, protocol):
    read = as_array(read_pickle(pickle.dumps(array, protocol=protocol)))
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values_come_back(protocol):
    value = {"labels": [0, 300, 70_000, -1], "batch_label": "batch 1 of 5", "pair": (1, (2,), ()), "none": [None, True]}
    assert read_pickle(pickle.dumps(value, protocol=protocol)) == value


class Caller:
    """Calls something when unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [2, 4])
def test_nothing_is_executed(tmp_path, protocol):
    target = tmp_path / "executed"
    for hostile in (Caller(os.mkdir, str(target)), {"data": ROWS, "labels": Caller(os.mkdir, str(target))}):
        data = pickle.dumps(hostile, protocol=protocol)
        with pytest.raises(DataError, match=r"mkdir, which is never called"):
            read_pickle(data)
        assert not target.exists()
        # The same file does harm where it is unpickled.
        pickle.load(io.BytesIO(data))
        target.rmdir()


@pytest.mark.parametrize(
    "hostile",
    [
        # An allocation of 10^18 bytes asked of numpy itself, an array of objects, and names built from allowed ones.
        b"\x80\x02cnumpy\nndarray\n\x8a\x08" + struct.pack("<q", 10**18) + b"\x85R.",
        pickle.dumps(np.array([[], {}], dtype=object), protocol=4),
        b"\x80\x02cnumpy\nload\nU\x01x\x85R.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
        b"\x80\x02c__builtin__\neval\nU\x011\x85R.",
        b"\x80\x02(U\x011i__builtin__\neval\n.",
        b"\x80\x02cnumpy\ndtype\n)\x81.",
        b"\x80\x02]}b.",
        b"\x80\x02P1\n.",
        b"\x80\x02K\x01K\x02R.",
    ],
    ids=["allocation", "objects", "numpy.load", "builtins", "python 2", "inst", "newobj", "build", "persistent", "int"],
)
def test_other_programs_are_refused(hostile):
    with pytest.raises(DataError):
        as_array(read_pickle(hostile))


def test_every_cut_is_refused():
    data = pickle.dumps({"data": ROWS, "labels": [1, 2, 3]}, protocol=2)
    for length in range(len(data)):
        with pytest.raises(DataError):
            read_pickle(data[:length])


@pytest.mark.parametrize(
    "program",
    [b"", b".", b"\x80\x02.", b"\x80\x02h\x05.", b"\x80\x02t.", b"\x80\x02K\x01a.", b"\x80\x02}]K\x01s.", b"<html>"],
)
def test_damaged_programs_are_refused(program):
    with pytest.raises(DataError):
        read_pickle(program)


def test_deep_nesting_is_no_key():
    nested = b"\x80\x02})" + b"\x85" * 100_000 + b"K\x01s."
    with pytest.raises(DataError, match="dictionary of names"):
        read_pickle(nested)


def test_length_limit(monkeypatch):
    monkeypatch.setattr(pickles, "MAX_OPERATIONS", 20)
    with pytest.raises(DataError, match="more than 20 operations"):
        read_pickle(pickle.dumps(list(range(100))))


def test_shape_and_numbers_must_agree():
    data = pickle.dumps(ROWS, protocol=4)
    wrong = data.replace(b"K\x03K\x07\x86", b"K\x04K\x07\x86")
    assert wrong != data
    with pytest.raises(DataError, match=r"shape \(4, 7\) with 21 numbers"):
        as_array(read_pickle(wrong))
    with pytest.raises(DataError, match="something else"):
        as_array([1, 2])
