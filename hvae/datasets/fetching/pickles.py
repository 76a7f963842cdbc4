"""Published pickles of arrays.

CIFAR is published as pickles alone, and unpickling runs whatever a file names. Two locks hold: a file is compared with
its published checksum before it comes here, so that no other content is ever unpickled; and the unpickler may name
nothing but what Python 2 wrote for an array of numpy's. The second lock is no sandbox (numpy's own code still builds
the arrays): a file without a published checksum must not come here.
"""

import io
import pickle
from typing import Any

from hvae.errors import DataError

_NAMES = {("numpy.core.multiarray", "_reconstruct"), ("numpy", "ndarray"), ("numpy", "dtype")}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise DataError(f"the pickle names {module:.60}.{name:.60}, which is never called: only arrays are read")
        return super().find_class(module, name)


def read_pickle(content: bytes) -> Any:
    """Unpickle plain values and arrays that Python 2 wrote, of a file already compared with its published checksum.

    Its strings are decoded as latin-1. `DataError` if it is damaged or names anything but an array.
    """
    try:
        return _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
    except DataError:
        raise
    # A damaged program surfaces as almost any exception of what it asks for.
    except Exception as error:
        raise DataError(f"a damaged pickle ({type(error).__name__}: {error})") from error
