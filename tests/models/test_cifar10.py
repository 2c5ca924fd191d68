"""CIFAR-10 is read identically in all forms, and errors are reported."""

from __future__ import annotations

import hashlib
import lzma
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models import cifar10, cifar_cnn
from models.data import DataError, content_of, data_folder
from synaptic_sampling.rate import CrossEntropy

BATCH = 20


@pytest.fixture
def batches(rng, monkeypatch):
    """Six small batches in place of the large ones: smooth images, random ones, and labels."""
    monkeypatch.setattr(cifar10, "BATCH", BATCH)
    images = rng.integers(0, 256, (6, BATCH, 3, 32, 32)).astype(np.uint8)
    images[:, ::2] = np.cumsum(images[:, ::2] % 5, axis=-1)
    return images, rng.integers(0, 10, (6, BATCH)).astype(np.uint8)


def as_pickles(folder, batches, monkeypatch):
    folder.mkdir(parents=True)
    sums = {}
    for name, images, labels in zip(cifar10.BATCH_MD5, *batches, strict=True):
        content = pickle.dumps({b"data": images.reshape(BATCH, -1), b"labels": labels.tolist()})
        (folder / name).write_bytes(content)
        sums[name] = hashlib.md5(content).hexdigest()
    monkeypatch.setattr(cifar10, "BATCH_MD5", sums)


def as_npz(folder, batches, monkeypatch):
    folder.mkdir(parents=True)
    images, labels = batches
    arrays = {
        "train_images": images[:5].reshape(-1, 3, 32, 32),
        "train_labels": labels[:5].ravel(),
        "test_images": images[5],
        "test_labels": labels[5],
    }
    np.savez(folder / "cifar10.npz", **arrays)
    for name, values in arrays.items():
        monkeypatch.setitem(cifar10.ARRAY_SHA256, name, hashlib.sha256(values.tobytes()).hexdigest())
    return arrays


def as_residuals(folder, batches, monkeypatch):
    """The errors of the predictor of LOCO-I, one number at a time."""
    folder.mkdir(parents=True)
    batches[1].tofile(folder / "labels.u8")
    for name, images in zip(cifar10.BATCH_MD5, batches[0], strict=True):
        error = np.zeros_like(images)
        for n, colour, i, j in np.ndindex(images.shape):
            plane = images[n, colour].astype(int)
            a, b = plane[i, j - 1] if j else 0, plane[i - 1, j] if i else 0
            guess = a + b
            if i and j:
                c = plane[i - 1, j - 1]
                guess = min(a, b) if c >= max(a, b) else max(a, b) if c <= min(a, b) else a + b - c
            error[n, colour, i, j] = (plane[i, j] - guess) % 256
        red, green, blue = error.transpose(1, 0, 2, 3)
        (folder / f"{name}.res.xz").write_bytes(lzma.compress(np.stack([green, red - green, blue - green]).tobytes()))
    for name in cifar10.FILE_SHA256:
        monkeypatch.setitem(cifar10.FILE_SHA256, name, hashlib.sha256((folder / name).read_bytes()).hexdigest())


def check(data_dir, batches):
    images, labels = (part.reshape(6 * BATCH, *part.shape[2:]) for part in batches)
    first = images[: 5 * BATCH].astype(float)
    mean, deviation = (f(first, axis=(0, 2, 3), keepdims=True) for f in (np.mean, np.std))
    (x, y), (x_test, y_test) = cifar10.load_cifar10(data_dir)
    assert x.dtype == np.float32
    assert_allclose(x, ((first - mean) / deviation).reshape(5 * BATCH, -1), atol=1e-5)
    assert_allclose(x_test, ((images[5 * BATCH :] - mean) / deviation).reshape(BATCH, -1), atol=1e-5)
    assert_array_equal(np.concatenate([y, y_test]), labels)
    assert y.dtype == np.int64


def test_published_pickles(tmp_path, batches, monkeypatch):
    as_pickles(tmp_path / "cifar10" / "cifar-10-batches-py", batches, monkeypatch)
    check(tmp_path, batches)
    (tmp_path / "cifar10" / "cifar-10-batches-py").rename(tmp_path / "cifar-10-batches-py")
    monkeypatch.setenv("SYNAPTIC_SAMPLING_DATA", str(tmp_path))
    check(None, batches)


def test_archive_of_arrays(tmp_path, batches, monkeypatch):
    arrays = as_npz(tmp_path / "cifar10", batches, monkeypatch)
    check(tmp_path, batches)
    path = tmp_path / "cifar10" / "cifar10.npz"
    for name in arrays:
        other = {**arrays, name: arrays[name].copy()}
        other[name].flat[5] ^= 1
        np.savez(path, **other)
        with pytest.raises(DataError, match=rf"{name} is not that of CIFAR-10: expected uint8 values with SHA-256"):
            cifar10.load_cifar10(tmp_path)
    content = path.read_bytes()
    for damaged in (b"", b"PK", content[:-100], content[: len(content) // 2] + b"!" * 9 + content[len(content) // 2 :]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"cifar10\.npz"):
            cifar10.load_cifar10(tmp_path)


def test_residuals(tmp_path, batches, monkeypatch):
    small, folder = (batches[0][:, :3], batches[1][:, :3]), tmp_path / "cifar10"
    monkeypatch.setattr(cifar10, "BATCH", 3)
    as_residuals(folder, small, monkeypatch)
    images, labels = cifar10._read(tmp_path, cifar10.TRAIN)
    assert_array_equal(images, small[0][:5].reshape(-1, 3, 32, 32))
    assert_array_equal(labels, small[1][:5].ravel())
    for name in ("labels.u8", "data_batch_3.res.xz", "test_batch.res.xz"):
        content = (folder / name).read_bytes()
        for damaged in (content[:-1], content[:-1] + bytes([content[-1] ^ 4])):
            (folder / name).write_bytes(damaged)
            with pytest.raises(DataError, match=rf"not the right one: expected .*{name} with SHA-256"):
                cifar10.load_cifar10(tmp_path)
        (folder / name).unlink()
        missing = "test_batch with MD5" if name.startswith("test") else f"{name} with SHA-256"  # In any layout.
        with pytest.raises(DataError, match=rf"missing: expected .*{missing}"):
            cifar10.load_cifar10(tmp_path)
        (folder / name).write_bytes(content)


def test_what_is_missing_or_wrong_is_told(tmp_path, batches, monkeypatch):
    with pytest.raises(DataError, match=r"data_batch_1 with MD5 c99cafc\w+\. Unpack cifar-10-python\.tar\.gz"):
        cifar10.load_cifar10(tmp_path)
    folder = tmp_path / "cifar-10-batches-py"
    as_pickles(folder, batches, monkeypatch)
    (folder / "test_batch").write_bytes(b"something else")
    with pytest.raises(DataError, match=r"not the right one: expected .*test_batch with MD5"):
        cifar10.load_cifar10(tmp_path)
    (folder / "test_batch").unlink()
    with pytest.raises(DataError, match=r"missing: expected .*test_batch with MD5"):
        cifar10.load_cifar10(tmp_path)
    other = tmp_path / "other" / "cifar10"
    other.mkdir(parents=True)
    np.savez(other / "cifar10.npz", train_images=np.zeros((4, 3, 8, 8), np.uint8), train_labels=np.zeros(4))
    with pytest.raises(DataError, match=r"must be uint8 \[n, 3, 32, 32\] with labels, got \(4, 3, 8, 8\)"):
        cifar10.load_cifar10(other.parent)
    np.savez(other / "cifar10.npz", images=np.zeros(3))
    with pytest.raises(DataError, match="contains no array"):
        cifar10.load_cifar10(other.parent)


@pytest.mark.skipif(not (data_folder() / "cifar10").is_dir(), reason="CIFAR-10 is not here")
def test_labels_are_the_published_ones():
    """The checksums of compressed labels and of arrays are of the same labels."""
    labels = content_of(data_folder() / "cifar10" / "labels.u8", cifar10.FILE_SHA256["labels.u8"])
    for name, part in (("train_labels", labels[:50000]), ("test_labels", labels[50000:])):
        assert hashlib.sha256(part).hexdigest() == cifar10.ARRAY_SHA256[name]


@pytest.mark.parametrize("dense", [False, True])
def test_a_step_of_the_network(rng, dense):
    task = cifar_cnn.CIFAR10
    net = task.make(task.rules["deepr"], None if dense else task.counts(task.connectivity), seed=2)
    x, y = rng.standard_normal((16, 3072)).astype(np.float32), rng.integers(0, 10, 16)
    before = net.gradients(x, y, CrossEntropy())
    for _ in range(5):
        net.step()
        after = net.gradients(x, y, CrossEntropy())
    assert after < before
    sizes = [len(c) for c in net.connections]
    assert sizes == ([] if dense else [1440, 5120, 78643, 1152])
    assert net.num_sites == (0 if dense else sum(task.sites))


def test_crops_and_flips_shift_all_channels_together_and_mirror_half_of_the_images():
    rng = np.random.default_rng(1)
    images = np.zeros((400, 3, 32, 32), np.float32)
    images[:, 0, 10, 5], images[:, 1, 10, 5] = 1, 2
    found = cifar_cnn.crops_and_flips(images.reshape(400, -1), rng).reshape(images.shape)
    at = np.argwhere(found[:, 0] == 1)
    assert (at == np.argwhere(found[:, 1] == 2)).all()
    assert not found[:, 2].any()
    assert sorted({*at[:, 1].tolist()}) == list(range(6, 15))
    mirrored = at[:, 2] > 16
    assert sorted({*at[~mirrored, 2].tolist()}) == list(range(1, 10))
    assert sorted({*(31 - at[mirrored, 2]).tolist()}) == list(range(1, 10))
    assert 150 < np.count_nonzero(mirrored) < 250
    assert images[0, 0, 10, 5] == 1, "the images themselves stay"
