"""CIFAR-10 (Krizhevsky 2009): 60 000 colour images of 32 x 32 pixels, ten classes.

The folder of data sets may contain the images in any of these forms; the first one found is read.

- ``cifar10/cifar-10-batches-py/data_batch_1`` ... ``test_batch`` (or without ``cifar10/``): as published at
  https://www.cs.toronto.edu/~kriz/cifar.html (cifar-10-python.tar.gz, unpacked). These are pickles, which can run
  arbitrary code; only the published files, identified by their MD5 sums, are opened.
- ``cifar10/cifar10.npz`` with uint8 arrays ``train_images`` (50000, 3, 32, 32), ``train_labels`` (50000,),
  ``test_images`` (10000, 3, 32, 32) and ``test_labels`` (10000,).
- ``cifar10/data_batch_1.res.xz`` ... ``test_batch.res.xz`` and ``labels.u8``: the same images, losslessly compressed to
  half the size: for each plane the errors of the LOCO-I predictor (Weinberger et al. 2000), green first, red and blue
  relative to green, compressed with xz.

All of them are verified: published and compressed files by the checksum of the file, arrays by that of their content.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import pickle
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.data import VARIABLE, DataError, Part, content_of, data_folder

__all__ = ["load_cifar10"]

Bytes = NDArray[np.uint8]

BATCH_MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
#: Checksums of the compressed images and of the labels.
FILE_SHA256 = {
    "labels.u8": "3edb456524d5918aefded81f5aef7c32efab2a788211df998a4eb0c8957baa1f",
    "data_batch_1.res.xz": "5b7d13f1962ec13e4e4c44acbec21383780de296296a22b0289c58169cbb8477",
    "data_batch_2.res.xz": "e382aeb2d3b34113566f8bb356a55522139139e06db56a6c10ff9886e72c8e7d",
    "data_batch_3.res.xz": "426ce02f047c7cb804089f5014c19d55b89fc672f1a2b37e2324062ebb7b4151",
    "data_batch_4.res.xz": "86a578cded7d6beae5e17f87f372ea7b735f5bed992ce3ca916908f84446b2e7",
    "data_batch_5.res.xz": "a383d2d59dccc467af141f4411ba0b684e28c3aafeada0ba3e2c4447cf160e43",
    "test_batch.res.xz": "b413df28b3a0e5790f4c1ae7105133b92cf12a3d3fe82f095c673af5660a1c0b",
}
#: Checksums of the arrays in an archive, as bytes.
ARRAY_SHA256 = {
    "train_images": "9d5c2eddadb0deff02c14c350c0385aab7b1d5ff1edfeb4997c8dc8644960111",
    "train_labels": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
    "test_images": "177777c33ba79825320efa646ad04a94bdc3c80e4ebe3bd21724f8cdfd4b9d56",
    "test_labels": "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
}
TRAIN, TEST = tuple(BATCH_MD5)[:5], tuple(BATCH_MD5)[5:]
BATCH, SIDE = 10000, 32


def load_cifar10(data_dir: str | os.PathLike[str] | None = None) -> tuple[Part, Part]:
    """Return the images, each colour with mean 0 and variance 1 over the training images.

    Parameters
    ----------
    data_dir : path-like, optional
        Folder of the data sets; by default the environment variable SYNAPTIC_SAMPLING_DATA, or ``data``.

    Returns
    -------
    train, test : tuple of ndarray
        50 000 and 10 000 images of shape (n, 3 * 32 * 32), float32, by colour, row, column; and labels of shape (n,).

    Raises
    ------
    DataError
        If the images are missing or differ from the published ones.
    """
    folder = data_folder(data_dir)
    train, test = _read(folder, TRAIN), _read(folder, TEST)
    mean, deviation = (f(train[0], axis=(0, 2, 3), dtype=np.float64).reshape(3, 1, 1) for f in (np.mean, np.std))

    def part(images: Bytes, labels: Bytes) -> Part:
        scaled = (images - mean.astype(np.float32)) / deviation.astype(np.float32)
        return scaled.reshape(len(images), -1), labels.astype(np.int64)

    return part(*train), part(*test)


def _read(folder: Path, names: tuple[str, ...]) -> tuple[Bytes, Bytes]:
    """Return images (n, colour, row, column) and labels of some batches, in whichever form they exist."""
    for place in (folder / "cifar10" / "cifar-10-batches-py", folder / "cifar-10-batches-py"):
        if (place / names[0]).is_file():
            return _joined([_pickled(place / name) for name in names])
    archive = folder / "cifar10" / "cifar10.npz"
    if archive.is_file():
        return _from_npz(archive, names)
    if (folder / "cifar10" / f"{names[0]}.res.xz").is_file():
        return _joined([_unpacked(folder / "cifar10", name) for name in names])
    published = folder.absolute() / "cifar10" / "cifar-10-batches-py"
    raise DataError(
        f"a data file is missing: expected {published / names[0]} with MD5 {BATCH_MD5[names[0]]}. Unpack "
        f"cifar-10-python.tar.gz from https://www.cs.toronto.edu/~kriz/cifar.html in {published.parent}, or state "
        f"the folder of the data sets by --data-dir or {VARIABLE}."
    )


def _joined(batches: list[tuple[Bytes, Bytes]]) -> tuple[Bytes, Bytes]:
    images, labels = zip(*batches, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _pickled(path: Path) -> tuple[Bytes, Bytes]:
    """Return a batch from a published file."""
    content = content_of(path, BATCH_MD5[path.name], kind="MD5")
    batch: dict[bytes, Any] = pickle.loads(content, encoding="bytes")
    return batch[b"data"].reshape(-1, 3, SIDE, SIDE), np.array(batch[b"labels"], np.uint8)


def _from_npz(path: Path, names: tuple[str, ...]) -> tuple[Bytes, Bytes]:
    """Return images and labels from an archive of arrays."""
    part = "test" if names == TEST else "train"
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
    except KeyError as error:
        raise DataError(
            f"{path.absolute()} contains no array {error}; models/cifar10.py describes the format."
        ) from error
    except (OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path.absolute()} is damaged or not an archive of arrays. Create it again.") from error
    if images.shape[1:] != (3, SIDE, SIDE) or images.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise DataError(f"{path.absolute()}: images must be uint8 [n, 3, 32, 32] with labels, got {images.shape}.")
    for name, values in ((f"{part}_images", images), (f"{part}_labels", labels)):
        found = hashlib.sha256(values.tobytes()).hexdigest()
        if found != ARRAY_SHA256[name]:
            raise DataError(
                f"{path.absolute()}: {name} is not that of CIFAR-10: expected uint8 values with SHA-256 "
                f"{ARRAY_SHA256[name]}, got {values.dtype} with {found}. Create it again."
            )
    return images, labels


def _unpacked(folder: Path, name: str) -> tuple[Bytes, Bytes]:
    """Return a batch, decoded from the prediction errors."""
    labels = np.frombuffer(_content(folder / "labels.u8"), np.uint8)
    start = BATCH * list(BATCH_MD5).index(name)
    green, red, blue = np.frombuffer(lzma.decompress(_content(folder / f"{name}.res.xz")), np.uint8).reshape(
        3, BATCH, SIDE, SIDE
    )
    error = np.ascontiguousarray(np.stack([red + green, green, blue + green]).transpose(2, 3, 0, 1))
    images = np.zeros_like(error)
    images[0, 0] = error[0, 0]
    for n in range(1, SIDE):
        images[0, n] = images[0, n - 1] + error[0, n]
        images[n, 0] = images[n - 1, 0] + error[n, 0]
    for i in range(1, SIDE):
        for j in range(1, SIDE):
            left, above, corner = images[i, j - 1], images[i - 1, j], images[i - 1, j - 1]
            low, high = np.minimum(left, above), np.maximum(left, above)
            # Without an edge, the plane through the three neighbours.
            guess = np.where(corner >= high, low, np.where(corner <= low, high, left + above - corner))
            images[i, j] = guess + error[i, j]
    return np.ascontiguousarray(images.transpose(3, 2, 0, 1)), labels[start : start + BATCH]


def _content(path: Path) -> bytes:
    return content_of(path, FILE_SHA256[path.name])
