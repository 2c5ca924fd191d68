"""Samples are shown in the order given: the same values in all modes as from a slow and obvious reference."""

from __future__ import annotations

import gc

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, mV
from numpy.testing import assert_array_equal

from synaptic_sampling.brian import ArrayStream, stream
from tests.brian.test_standalone import standalone

TYPES = ["float64", "float32", "int32", "int64", "uint8", "bool"]
#: Shapes of values, and whether the second axis contains frames.
SHAPES = {"numbers": ((5,), False), "labels": ((5, 3), True), "pixels": ((5, 4), False), "movies": ((5, 3, 4), False)}
#: Each shape and each type.
SOME = [*zip(SHAPES, TYPES, strict=False), ("movies", "uint8"), ("labels", "bool")]
ORDER = [3, 0, 0, 4, 1, 3]


def values_of(kind, dtype="float32"):
    """Return values that are all different, or as different as the type allows."""
    rng = np.random.default_rng(3)
    return (rng.random(SHAPES[kind][0]) * (2 if dtype == "bool" else 200)).astype(dtype)


def expected(values, framed, order, frame, channel=0):
    """Return what is shown in a frame, counted from 0, by the slow way."""
    values = values[:, :, None] if framed else values[:, None] if values.ndim < 3 else values
    values = values[:, :, None] if values.ndim < 3 else values
    shown = [image for sample in order for image in values[sample]]
    image = shown[min(max(frame, 0), len(shown) - 1)]
    return float(image[channel]) if 0 <= channel < len(image) else np.nan


def watch(show):
    """Return groups that follow a stream, for channels from -1 on, with steps shorter, equal and longer than frames."""
    groups = []
    for dt in (0.1, 0.7, 1.4):
        what = "show(t, i - 1)" if show.has_channels else "show(t)"
        group = b2.NeuronGroup(6, f"x = {what} : 1", dt=dt * ms, namespace={"show": show})
        groups += [group, b2.StateMonitor(group, "x", record=True, dt=dt * ms)]
    return groups


def check(groups, values, framed, order, channels, dt=0.7):
    for monitor in groups[1::2]:
        step = {0.1: 1, 0.7: 7, 1.4: 14}[round(float(monitor.clock.dt / ms), 3)]
        per_frame = round(dt * 10)
        for k in range(monitor.x.shape[1]):
            frame = k * step // per_frame
            for i in range(6):
                assert_array_equal(
                    monitor.x[i, k], expected(values, framed, order, frame, i - 1 if channels else 0), f"{k}, {i}"
                )


def simulate(kind, dtype, build=lambda: None, order=ORDER, path=None, **options):
    values, framed = values_of(kind, dtype), SHAPES[kind][1]
    if path is not None:
        np.save(path, values)
    show = ArrayStream(values if path is None else path, dt=0.7 * ms, order=order, framed=framed, **options)
    groups = watch(show)
    b2.Network(*groups).run(16.1 * ms)
    build()
    check(groups, values, framed, range(5) if order is None else order, show.has_channels)
    return show


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("kind", SHAPES)
def test_numpy(kind, dtype):
    show = simulate(kind, dtype)
    assert show.samples.dtype == dtype
    assert show.duration / ms == pytest.approx(0.7 * 6 * (3 if kind in {"labels", "movies"} else 1))


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.parametrize("target", ["cython"], indirect=True)
@pytest.mark.parametrize(("kind", "dtype"), SOME)
def test_cython(kind, dtype, tmp_path):
    simulate(kind, dtype, name="shown")
    simulate(kind, dtype, name="shown", order=[1], path=tmp_path / "values.npy")


def test_without_an_order_each_sample_is_shown_once():
    simulate("movies", "uint8", order=None)


def test_file_is_mapped_and_not_read(tmp_path):
    path = tmp_path / "large.npy"
    # 4 GB, of which almost nothing is written.
    large = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(2**20, 2**12))
    large[1000, 7] = 5
    large.flush()
    show = ArrayStream(str(path), dt=1 * ms, order=[2, 1000, 2**20 - 1])
    assert isinstance(show.samples.base, np.memmap) or isinstance(show.samples, np.memmap)
    assert not show.samples.flags.writeable
    assert_array_equal(show(1.2 * ms, [6, 7]), [0, 5])


def test_array_is_not_copied():
    values = values_of("movies")
    assert ArrayStream(values, dt=1 * ms).samples.ctypes.data == values.ctypes.data
    order = np.array([1, 0])
    show = ArrayStream(values, dt=1 * ms, order=order)
    order[:] = 2
    assert_array_equal(show.order, [1, 0])


def test_called_outside_of_a_simulation_with_units():
    show = ArrayStream([[1.0, 2.0], [3.0, 4.0]] * mV, dt=1 * ms, order=[1, 0, 1])
    assert b2.have_same_dimensions(show(0 * ms, 0), mV)
    assert_array_equal(show([0, 1, 7] * ms, 1) / mV, np.array([0.004, 0.002, 0.004]) / float(mV))
    assert show(-5 * ms, 0) == 3 * mV
    assert np.isnan(show(1 * ms, 2))
    with pytest.raises(b2.DimensionMismatchError):
        b2.NeuronGroup(2, "x : 1").x = "show(t, i)"
    assert b2.NeuronGroup(2, "x = show(t, i) : volt").x[1] == 4 * mV


def test_equations_are_solved_exactly_where_frames_are_whole_steps():
    show = ArrayStream(values_of("pixels"), dt=1 * ms)
    group = b2.NeuronGroup(4, "dv/dt = (show(t, i) - v)/(5*ms) : 1", method="exact", dt=0.5 * ms)
    b2.Network(group).run(1 * ms)
    np.testing.assert_allclose(group.v, values_of("pixels")[0] * (1 - np.exp(-0.2)))
    assert show.is_locally_constant(1e-3)
    assert not show.is_locally_constant(0.3e-3)
    assert not show.is_locally_constant(2e-3)


def test_frames_do_not_hang_on_rounding():
    """At 0.1 ms, t is not a whole number of milliseconds: 3 of 10 times t/dt lies below the integer."""
    show = ArrayStream(np.arange(200_000), dt=0.3 * ms)
    assert_array_equal(show._look_up(stream._grace(0.3e-3, 1e-4), np.arange(600_000) * 1e-4), np.arange(600_000) // 3)


@pytest.mark.parametrize(
    ("values", "options", "error", "message"),
    [
        ([1.0], {"dt": 3}, b2.DimensionMismatchError, "dt must be a time"),
        ([1.0], {"dt": "fast"}, TypeError, "dt must be a time such as 100.ms, got 'fast'"),
        ([1.0], {"dt": 0 * ms}, ValueError, "dt must be above 0"),
        ([1.0j], {}, TypeError, "values must be of float64, .*, bool, got complex128; convert them by astype"),
        (np.zeros(3, ">f8"), {}, TypeError, "got >f8"),
        (["a"], {}, TypeError, "got <U1"),
        (np.zeros((2, 2, 2, 2)), {}, ValueError, r"1 to 3 axes, none of them empty, got shape \(2, 2, 2, 2\)"),
        (np.zeros((2, 0)), {}, ValueError, r"got shape \(2, 0\)"),
        (1.0, {}, ValueError, r"got shape \(\)"),
        (np.zeros(3), {"framed": True}, ValueError, r"needs values of shape \(samples, frames\), got shape \(3,\)"),
        (np.zeros(3), {"framed": 1}, TypeError, "framed must be True or False"),
        (np.zeros(3), {"order": [0, 3]}, ValueError, "order must be between 0 and 2, the last of the samples, got 3"),
        (np.zeros(3), {"order": [-1]}, ValueError, "got -1"),
        (np.zeros(3), {"order": [0.5]}, TypeError, "order must hold integers, got float64"),
        (np.zeros(3), {"order": []}, ValueError, "order must be a list of samples, not empty"),
        (np.zeros(3), {"order": [[0]]}, ValueError, r"got shape \(1, 1\)"),
    ],
)
def test_wrong_arguments(values, options, error, message):
    with pytest.raises(error, match=message):
        ArrayStream(values, **{"dt": 1 * ms, **options})


def test_wrong_files(tmp_path):
    with pytest.raises(FileNotFoundError):
        ArrayStream(tmp_path / "none.npy", dt=1 * ms)
    (tmp_path / "text.npy").write_text("no array")
    np.savez(tmp_path / "several.npz", np.zeros(3))
    np.save(tmp_path / "fortran.npy", np.asfortranarray(np.zeros((3, 4))))
    np.save(tmp_path / "empty.npy", np.zeros((0, 4)))
    for name, message in (
        ("text.npy", "values must be an array or a .npy file, got '.*text.npy'"),
        ("several.npz", "must be a .npy file in C order"),
        ("fortran.npy", "must be a .npy file in C order"),
        ("empty.npy", "values must be an array or a .npy file|none of them empty"),
    ):
        with pytest.raises(ValueError, match=message):
            ArrayStream(tmp_path / name, dt=1 * ms)


def shown(path=None, dtype="uint8", order=ORDER, seed=3):
    """Return a group that follows two streams, one of them in a file, and its monitor."""
    movies, labels = values_of("movies", dtype), np.arange(15).reshape(5, 3) - seed
    if path is not None:
        np.save(path, movies)
    images = ArrayStream(movies if path is None else path, dt=0.7 * ms, order=order, name="images")
    label = ArrayStream(labels, dt=0.7 * ms, order=order, framed=True, name="label")
    names = {"images": images, "label": label}
    group = b2.NeuronGroup(4, "x = images(t, i)*10 + label(t) : 1", namespace=names, name="pixels")
    return [group, b2.StateMonitor(group, "x", record=True, name="watch")]


def sources(folder):
    """Return the text of all files that are compiled."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.suffix in {".h", ".cpp"} or path.name == "makefile"
    }


def generate(folder, **options):
    """Write a project with two streams; return its sources."""
    gc.collect()  # Names of objects that are gone are free.
    with standalone(folder):
        b2.Network(*shown(**options), name="net").run(3 * ms)
        b2.device.build(directory=str(folder), compile=False, run=False)
    return sources(folder)


def test_code_does_not_hang_on_the_data(tmp_path):
    first = generate(tmp_path / "first")
    assert first == generate(tmp_path / "second", path=tmp_path / "images.npy", order=[2], seed=4)
    assert first != generate(tmp_path / "third", dtype="float32")
    assert "".join(first.values()).count('stream("images"') == 1
    arrays = tmp_path / "second" / "static_arrays"
    assert (arrays / "images.stream").read_text() == f"{(tmp_path / 'images.npy').resolve()}\n128 5 3 4 1\n"
    assert not (arrays / "images.values").exists()
    assert_array_equal(np.fromfile(arrays / "images.order", np.int64), [2])
    assert (tmp_path / "first" / "static_arrays" / "images.values").stat().st_size == values_of("movies").size


def test_names_in_a_program_differ(tmp_path):
    one, other = (ArrayStream([1.0, k], dt=1 * ms, name="same") for k in range(2))
    with standalone(tmp_path):
        groups = [b2.NeuronGroup(1, "x = show(t) : 1", namespace={"show": show}) for show in (one, other)]
        net = b2.Network(groups, [b2.StateMonitor(group, "x", record=True) for group in groups])
        net.run(1 * ms)
        with pytest.raises(ValueError, match="two ArrayStreams of the program have the name 'same'; give each"):
            b2.device.build(directory=str(tmp_path), compile=False, run=False)


@pytest.mark.slow
@pytest.mark.cython
@pytest.mark.usefixtures("exact_flags")
def test_program_equals_the_reference(tmp_path):
    with standalone(tmp_path / "project") as build:
        streams, groups = [], []
        for number, (kind, dtype) in enumerate(SOME):
            values, framed = values_of(kind, dtype), SHAPES[kind][1]
            path = tmp_path / f"{number}.npy"
            np.save(path, values)
            show = ArrayStream(path if number % 2 else values, dt=0.7 * ms, order=ORDER, framed=framed)
            streams.append((values, framed, show.has_channels))
            groups.append(watch(show))
        two = shown(tmp_path / "images.npy")
        b2.Network(groups, two).run(16.1 * ms)
        build()
        for (values, framed, channels), watched in zip(streams, groups, strict=True):
            check(watched, values, framed, ORDER, channels)
        images, labels = values_of("movies", "uint8"), np.arange(15).reshape(5, 3) - 3
        for k, i in np.ndindex(161, 4):
            right = expected(images, False, ORDER, k // 7, i) * 10 + expected(labels, True, ORDER, k // 7)
            assert two[1].x[i, k] == right
