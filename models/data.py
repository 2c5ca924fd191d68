"""Data sets, as arrays that a network can be shown."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import datasets

from synaptic_sampling.randomness import Stream, permutation

__all__ = ["DataError", "Part", "content_of", "data_folder", "load_digits", "load_mnist"]

#: Images [n, pixels] with values 0 to 1, and their labels [n].
Part = tuple[NDArray[np.floating], NDArray[np.int64]]

#: Images for testing; the split is the same for ever, and each digit has its share in both parts.
NUM_TEST = 450
SPLIT_SEED = 1797

#: Says where data sets are, where no argument does.
VARIABLE = "SYNAPTIC_SAMPLING_DATA"

MNIST_SHA256 = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


#: Pixels and labels of the digits of scikit-learn, as bytes.
DIGITS_SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


class DataError(Exception):
    """A file of a data set is missing, or another one than was expected."""


def data_folder(data_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of all data sets.

    Parameters
    ----------
    data_dir : path-like, optional
        The folder; by default that of the environment variable SYNAPTIC_SAMPLING_DATA, or ``data``.

    Returns
    -------
    Path
        Which need not be there.
    """
    return Path(data_dir or os.environ.get(VARIABLE) or "data")


def content_of(path: Path, expected: str, *, kind: str = "SHA-256") -> bytes:
    """Return the content of a file of a data set, if it is there and is the right one.

    Parameters
    ----------
    path : Path
        The file.
    expected : str
        What the checksum of its content must be.
    kind : {'SHA-256', 'MD5'}
        Of the checksum; the latter where the data set was published with it.

    Returns
    -------
    bytes
        The content.

    Raises
    ------
    DataError
        If it is missing, cannot be read or is another file; says which is expected where.
    """
    wanted = f"expected {path.absolute()} with {kind} {expected}"
    if not path.is_file():
        raise DataError(f"a data file is missing: {wanted}. Put it there, or say by --data-dir or {VARIABLE} where.")
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"a data file cannot be read: {path.absolute()}: {error.strerror}.") from error
    found = hashlib.new(kind.replace("-", ""), content, usedforsecurity=False).hexdigest()
    if found != expected:
        raise DataError(f"a data file is not the right one: {wanted}, got {found}. Fetch it again.")
    return content


def load_mnist(data_dir: str | os.PathLike[str] | None = None) -> tuple[Part, Part]:
    """Return the handwritten digits of MNIST, 28 by 28 pixels (LeCun et al. 1998).

    Parameters
    ----------
    data_dir : path-like, optional
        As for `data_folder`; the four files stand in its folder ``mnist``.

    Returns
    -------
    train, test : tuple of ndarray
        Images, shapes (60000, 784) and (10000, 784), values 0 to 1 in float32; labels 0 to 9.

    Raises
    ------
    DataError
        If a file is missing or another one.
    """
    arrays: list[NDArray[Any]] = []
    for name, sha256 in MNIST_SHA256.items():
        content = gzip.decompress(content_of(data_folder(data_dir) / "mnist" / name, sha256))
        # A header tells type and shape: 16 bytes of images, 8 of labels.
        is_images = "images" in name
        values = np.frombuffer(content, np.uint8, offset=16 if is_images else 8)
        arrays.append(values.reshape(-1, 784) / np.float32(255) if is_images else values.astype(np.int64))
    return (arrays[0], arrays[1]), (arrays[2], arrays[3])


def load_digits() -> tuple[Part, Part]:
    """Return the handwritten digits of the UCI repository that come with scikit-learn, 8 by 8 pixels.

    Returns
    -------
    train, test : tuple of ndarray
        Images, shapes (1347, 64) and (450, 64), values 0 to 1; labels 0 to 9.

    Raises
    ------
    DataError
        If scikit-learn holds other digits.
    """
    bunch = datasets.load_digits()
    content = bunch.data.astype(np.uint8).tobytes() + bunch.target.astype(np.uint8).tobytes()
    if hashlib.sha256(content).hexdigest() != DIGITS_SHA256:
        raise DataError("the digits of scikit-learn are not the right ones; install scikit-learn again.")
    images, labels = bunch.data / 16.0, bunch.target.astype(np.int64)
    order = permutation(SPLIT_SEED, Stream.SPLIT, 0, len(labels))
    # The n-th image of a digit out of N stands at (n + 1/2)/N: an even mixture of all digits at every place.
    place = np.empty(len(labels))
    for digit in range(10):
        own = order[labels[order] == digit]
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
    mixed = np.argsort(place, kind="stable")
    test, train = np.sort(mixed[:NUM_TEST]), np.sort(mixed[NUM_TEST:])
    return (images[train], labels[train]), (images[test], labels[test])
