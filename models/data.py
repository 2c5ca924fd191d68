"""Data sets as arrays of samples and labels."""

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

#: Samples of shape (n, features), and labels of shape (n,).
Part = tuple[NDArray[np.floating], NDArray[np.int64]]

#: Number of test images; the split is fixed, and each digit has the same fraction in both parts.
NUM_TEST = 450
SPLIT_SEED = 1797

#: Environment variable with the default folder of data sets.
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
    """A file of a data set is missing or differs from the expected one."""


def data_folder(data_dir: str | os.PathLike[str] | None = None) -> Path:
    """Return the folder of all data sets.

    Parameters
    ----------
    data_dir : path-like, optional
        By default the environment variable SYNAPTIC_SAMPLING_DATA, or ``data``.

    Returns
    -------
    Path
        The folder, which need not exist.
    """
    return Path(data_dir or os.environ.get(VARIABLE) or "data")


def content_of(path: Path, expected: str, *, kind: str = "SHA-256") -> bytes:
    """Return the content of a file after verifying its checksum.

    Parameters
    ----------
    path : Path
        The file.
    expected : str
        The checksum.
    kind : {'SHA-256', 'MD5'}
        Type of the checksum.

    Returns
    -------
    bytes
        The content.

    Raises
    ------
    DataError
        If the file is missing, cannot be read, or has another checksum.
    """
    description = f"expected {path.absolute()} with {kind} {expected}"
    if not path.is_file():
        raise DataError(
            f"a data file is missing: {description}. Put it there, or state the folder of the data sets by "
            f"--data-dir or {VARIABLE}."
        )
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"a data file cannot be read: {path.absolute()}: {error.strerror}.") from error
    found = hashlib.new(kind.replace("-", ""), content, usedforsecurity=False).hexdigest()
    if found != expected:
        raise DataError(f"a data file is not the right one: {description}, got {found}. Download it again.")
    return content


def load_mnist(data_dir: str | os.PathLike[str] | None = None) -> tuple[Part, Part]:
    """Return the handwritten digits of MNIST, 28 by 28 pixels (LeCun et al. 1998).

    Parameters
    ----------
    data_dir : path-like, optional
        As for `data_folder`; the four files are in its subfolder ``mnist``.

    Returns
    -------
    train, test : tuple of ndarray
        Images, shapes (60000, 784) and (10000, 784), values 0 to 1 in float32; labels 0 to 9.

    Raises
    ------
    DataError
        If a file is missing or differs from the published one.
    """
    arrays: list[NDArray[Any]] = []
    for name, sha256 in MNIST_SHA256.items():
        content = gzip.decompress(content_of(data_folder(data_dir) / "mnist" / name, sha256))
        # The header takes 16 bytes in images and 8 in labels.
        is_images = "images" in name
        values = np.frombuffer(content, np.uint8, offset=16 if is_images else 8)
        arrays.append(values.reshape(-1, 784) / np.float32(255) if is_images else values.astype(np.int64))
    return (arrays[0], arrays[1]), (arrays[2], arrays[3])


def load_digits() -> tuple[Part, Part]:
    """Return the handwritten digits of the UCI repository, 8 by 8 pixels, from scikit-learn.

    Returns
    -------
    train, test : tuple of ndarray
        Images, shapes (1347, 64) and (450, 64), values 0 to 1; labels 0 to 9.

    Raises
    ------
    DataError
        If scikit-learn contains different images.
    """
    bunch = datasets.load_digits()
    content = bunch.data.astype(np.uint8).tobytes() + bunch.target.astype(np.uint8).tobytes()
    if hashlib.sha256(content).hexdigest() != DIGITS_SHA256:
        raise DataError("the digits of scikit-learn are not the right ones; reinstall scikit-learn.")
    images, labels = bunch.data / 16.0, bunch.target.astype(np.int64)
    order = permutation(SPLIT_SEED, Stream.SPLIT, 0, len(labels))
    # The n-th of N images of a digit is at (n + 1/2)/N, so that all digits are evenly mixed.
    place = np.empty(len(labels))
    for digit in range(10):
        own = order[labels[order] == digit]
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
    mixed = np.argsort(place, kind="stable")
    test, train = np.sort(mixed[:NUM_TEST]), np.sort(mixed[NUM_TEST:])
    return (images[train], labels[train]), (images[test], labels[test])
