"""Pickled arrays from outside, read by a machine that can call nothing.

Unpickling runs whatever the file names. CIFAR and downsampled ImageNet are published as pickles all the same, so their
opcodes (Python's `pickletools` documents each) are followed here on plain values: numbers, strings, lists, tuples and
dictionaries. A call stays the name and the arguments that the file asks for; only what numpy writes for an array of
numbers is then understood, and anything else is refused.
"""

import math
import pickletools
from dataclasses import dataclass
from typing import Any

import numpy as np

from hvae.errors import DataError

MAX_OPERATIONS = 4_000_000
"""Longest program followed: a batch of ImageNet has 130,000 labels, about one operation each."""

_ARRAY = {("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct")}
_DTYPE, _NDARRAY, _ENCODE = ("numpy", "dtype"), ("numpy", "ndarray"), ("_codecs", "encode")
_NAMES = {*_ARRAY, _DTYPE, _NDARRAY, _ENCODE}
_NUMBERS = {"u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINSTRING", "SHORT_BINSTRING"),
    *("BINBYTES", "BINBYTES8", "SHORT_BINBYTES", "BINUNICODE", "SHORT_BINUNICODE"),
}
_EMPTY = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_TUPLE": tuple}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass(eq=False)
class _Call:
    """A call that the file asks for and that is not made."""

    name: tuple[str, str]
    arguments: tuple
    state: Any = None


def read_pickle(data: bytes) -> Any:
    """Follow a pickle of protocol 2 to 5 without running anything.

    Args:
        data: The file; its size is the caller's to bound, and bounds the memory this takes.

    Returns:
        Numbers, strings (those of Python 2 decoded as latin-1), bytes, lists, tuples, dictionaries; arrays in a form
        that `as_array` takes.

    Raises:
        DataError: If the file is damaged, too long a program, or names anything but arrays of numbers.
    """
    machine = _Machine()
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
            if count >= MAX_OPERATIONS:
                raise DataError(f"a pickle of more than {MAX_OPERATIONS:,} operations is not read")
            machine.step(opcode.name, argument)
        return machine.result()
    except DataError:
        raise
    # What a damaged program does to the stack: pops too much, names no memo, adds to a number, nests too deep.
    except (ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError, MemoryError) as error:
        raise DataError(f"a damaged pickle ({type(error).__name__}: {error})") from error


def as_array(value: Any) -> np.ndarray:
    """The array of numbers that a value of `read_pickle` stands for, read-only.

    Raises:
        DataError: If it stands for none, for another type than whole or floating-point numbers, or is cut short.
    """
    if not isinstance(value, _Call) or value.name not in _ARRAY or not isinstance(value.state, tuple):
        raise DataError("the pickle holds something else where an array of numbers should be")
    try:
        _, shape, dtype, fortran, content = value.state
        kind = dtype.arguments[0]
        order = dtype.state[1]
        if dtype.name != _DTYPE or kind not in _NUMBERS or order not in ("<", ">", "|", "="):
            raise DataError(f"the pickle holds an array of {kind!r}, not of numbers")
        content = content.encode("latin-1") if isinstance(content, str) else content
        numbers = np.frombuffer(content, np.dtype(f"{order}{kind}"))
        if not all(isinstance(side, int) and side >= 0 for side in shape) or math.prod(shape) != numbers.size:
            raise DataError(f"the pickle holds an array of shape {shape} with {numbers.size:,} numbers")
        return numbers.reshape(shape, order="F" if fortran else "C")
    except DataError:
        raise
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise DataError(f"the pickle holds a damaged array ({error})") from error


class _Machine:
    """The stack, marks and memo of a pickle."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def result(self) -> Any:
        (value,) = self._stack
        return value

    def step(self, name: str, argument: Any) -> None:
        """Follow one opcode."""
        if name in _VALUES:
            self._stack.append(argument)
        elif name in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = self._stack[-1]
        elif name == "MEMOIZE":
            self._memo[len(self._memo)] = self._stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            self._stack.append(self._memo[argument])
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        elif name in _EMPTY:
            self._stack.append(_EMPTY[name]())
        elif name == "MARK":
            self._marked.append(self._stack)
            self._stack = []
        elif name in ("TUPLE", "APPENDS", "SETITEMS"):
            self._gather(name)
        elif name in _TUPLES:
            self._push_tuple(_TUPLES[name])
        elif name == "APPEND":
            _extend(self._stack[-2], [self._stack.pop()])
        elif name == "SETITEM":
            value, key = self._stack.pop(), self._stack.pop()
            _update(self._stack[-1], [key, value])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            self._push_name(argument)
        elif name == "REDUCE":
            arguments, called = self._stack.pop(), self._stack.pop()
            self._stack.append(_call(called, arguments))
        elif name == "BUILD":
            state = self._stack.pop()
            if not isinstance(self._stack[-1], _Call):
                raise DataError("the pickle sets the state of something that is no array")
            self._stack[-1].state = state
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise DataError(f"the pickle asks for {name}, which no array of numbers needs")

    def _gather(self, name: str) -> None:
        items, self._stack = self._stack, self._marked.pop()
        if name == "TUPLE":
            self._stack.append(tuple(items))
        elif name == "APPENDS":
            _extend(self._stack[-1], items)
        else:
            _update(self._stack[-1], items)

    def _push_tuple(self, length: int) -> None:
        items = tuple(self._stack[-length:])
        if len(items) < length:
            raise DataError("a damaged pickle (its stack is empty)")
        self._stack[-length:] = [items]

    def _push_name(self, argument: str | None) -> None:
        if argument is None:
            name, module = self._stack.pop(), self._stack.pop()
        else:
            module, name = argument.split(" ", 1)
        if not (isinstance(module, str) and isinstance(name, str)) or (module, name) not in _NAMES:
            raise DataError(
                f"the pickle names {module!s:.60}.{name!s:.60}, which is never called: only arrays are read"
            )
        self._stack.append((module, name))


def _call(called: Any, arguments: Any) -> Any:
    if called not in _NAMES or called == _NDARRAY or not isinstance(arguments, tuple):
        raise DataError("the pickle calls something that is no array")
    if called == _ENCODE:
        # How Python 3 writes bytes in a protocol that knows none.
        text, encoding = arguments
        if encoding != "latin1":
            raise DataError("the pickle encodes text in another way than latin-1")
        return text.encode("latin-1")
    return _Call(called, arguments)


def _extend(target: Any, items: list[Any]) -> None:
    if not isinstance(target, list):
        raise DataError("a damaged pickle (it appends to something that is no list)")
    target.extend(items)


def _update(target: Any, items: list[Any]) -> None:
    # Only names are keys here: hashing a tuple nested a million deep would end the process.
    if not isinstance(target, dict) or not all(isinstance(key, (str, bytes, int)) for key in items[::2]):
        raise DataError("a damaged pickle (it fills something that is no dictionary of names)")
    target.update(zip(items[::2], items[1::2], strict=True))
