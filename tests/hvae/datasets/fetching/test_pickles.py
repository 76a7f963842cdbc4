"""Pickles of arrays, and pickles that want more."""

import os
import pickle
import struct

import numpy as np
import pytest

from hvae.datasets.fetching.archives import read_pickle
from hvae.errors import DataError


def python_2(shape: bytes = b"K\x02K\x03\x86", pixels: bytes = b"abcdef") -> bytes:
    """A `(2, 3)` array of bytes in the opcodes of Python 2's numpy, and a list of labels."""
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    state = b"(K\x01" + shape + dtype + b"\x89U" + bytes([len(pixels)]) + pixels + b"tb"
    return b"\x80\x02}(U\x04data" + array + state + b"U\x06labels](K\x01K\x02eu."


def test_arrays_and_plain_values_come_back():
    read = read_pickle(python_2(pixels=b"ab\xffdef"))
    assert read["labels"] == [1, 2]
    np.testing.assert_array_equal(read["data"], np.frombuffer(b"ab\xffdef", np.uint8).reshape(2, 3))
    assert read["data"].dtype == np.uint8


class Caller:
    """Calls something when unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_nothing_is_executed(tmp_path, protocol):
    target = tmp_path / "executed"
    for hostile in (Caller(os.mkdir, str(target)), {"data": [1], "labels": Caller(os.mkdir, str(target))}):
        data = pickle.dumps(hostile, protocol=protocol)
        with pytest.raises(DataError, match=r"mkdir, which is never called"):
            read_pickle(data)
        assert not target.exists()
        # The same file does harm where it is unpickled without the lock.
        pickle.loads(data)
        target.rmdir()


@pytest.mark.parametrize(
    "hostile",
    [
        # An allocation of 10^18 bytes asked of numpy itself, and attributes reached through allowed names.
        b"\x80\x02cnumpy\nndarray\n\x8a\x08" + struct.pack("<q", 10**18) + b"\x85R.",
        b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.dump\x93.",
        b"\x80\x02cnumpy\nload\nU\x01x\x85R.",
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
        b"\x80\x02c__builtin__\neval\nU\x011\x85R.",
        b"\x80\x02(U\x011i__builtin__\neval\n.",
        b"\x80\x02P1\n.",
        b"\x80\x02K\x01K\x02R.",
    ],
    ids=["allocation", "attribute", "numpy.load", "builtins", "python 2", "inst", "persistent", "int"],
)
def test_other_programs_are_refused(hostile):
    with pytest.raises(DataError):
        read_pickle(hostile)


def test_every_cut_is_refused():
    data = python_2()
    for length in range(len(data)):
        with pytest.raises(DataError, match="damaged pickle"):
            read_pickle(data[:length])


@pytest.mark.parametrize(
    "program",
    [
        b"",
        b".",
        b"\x80\x02.",
        b"\x80\x02h\x05.",
        b"\x80\x02t.",
        b"\x80\x02K\x01a.",
        b"<html>",
        python_2(b"K\x02K\x04\x86"),
    ],
)
def test_damaged_programs_are_refused(program):
    with pytest.raises(DataError, match="damaged pickle"):
        read_pickle(program)
