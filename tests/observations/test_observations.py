"""Presence at a few looks: arrays, CSV files, DataFrames; missing is not absent."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from synaptic_sampling import Observations
from synaptic_sampling.observations import MISSING

NAN = np.nan
PRESENCE = [[1, 1, 0], [0, 2, NAN], [NAN, 1, 1]]
WIDE = """cell,dendrite,synapse,session0,session1,session2
pyr,a,0,1,1,0
pyr,a,1,0,2,
pv,b,0,-1,1,1
"""
LONG = """synapse,dendrite,time,present,weight
0,a,0,1,0.5
0,a,4,1,0.25
0,a,8,0,
1,a,0,0,
1,a,4,1,2
0,b,4,1,1
0,b,8,1,3
"""


def csv(tmp_path, text):
    path = tmp_path / "spines.csv"
    path.write_text(text)
    return path


def test_missing_is_not_absent():
    seen = Observations(PRESENCE, [0, 4, 8])
    assert_array_equal(seen.presence, [[1, 1, 0], [0, 1, MISSING], [MISSING, 1, 1]])
    assert_array_equal(seen.imaged, [[True, True, True], [True, True, False], [False, True, True]])
    assert seen.interval == 4
    assert len(seen.groups) == 3
    assert Observations(PRESENCE, [0, 4, 9]).interval is None
    marked = np.nan_to_num(PRESENCE, nan=-1)
    assert_array_equal(Observations(marked, [0, 4, 8], missing=-1).presence, seen.presence)


def test_wide_csv(tmp_path):
    seen = Observations.from_table(csv(tmp_path, WIDE), [0, 4, 8], missing=-1)
    assert_array_equal(seen.presence, Observations(PRESENCE, [0, 4, 8]).presence)
    assert seen.groups == ("a", "b")
    assert_array_equal(seen.group, [0, 0, 1])
    assert_array_equal(seen.times, [0, 4, 8])
    only = Observations.from_table(csv(tmp_path, WIDE), missing=-1, where={"cell": "pyr"}, group="synapse")
    assert_array_equal(only.presence, seen.presence[:2])
    assert_array_equal(only.times, [0, 1, 2])
    assert only.groups == ("0", "1")


def test_long_csv(tmp_path):
    seen = Observations.from_table(csv(tmp_path, LONG))
    assert_array_equal(seen.presence, Observations(PRESENCE, [0, 4, 8]).presence)
    assert_array_equal(seen.weights, [[0.5, 0.25, NAN], [NAN, 2, NAN], [NAN, 1, 3]])
    assert seen.groups == ("a", "b")


def test_the_long_form_equals_the_wide_form(tmp_path):
    rng = np.random.default_rng(3)
    presence = rng.integers(0, 2, (20, 5)).astype(float)
    presence[rng.random((20, 5)) < 0.2] = NAN
    rows = [
        f"{n},{look * 3},{presence[n, look]:g}"
        for n in range(20)
        for look in range(5)
        if not np.isnan(presence[n, look])
    ]
    seen = Observations.from_table(csv(tmp_path, "\n".join(["synapse,time,present", *rows])))
    there = ~np.isnan(presence).all(axis=1)
    assert_array_equal(seen.presence, Observations(presence[there], np.arange(5) * 3).presence)


def test_weights_in_the_wide_form(tmp_path):
    text = "dendrite,day0,day4\na,0.5,0\nb,,1.5\n"
    seen = Observations.from_table(csv(tmp_path, text), weights=True)
    assert_array_equal(seen.weights, [[0.5, NAN], [NAN, 1.5]])
    assert_array_equal(seen.times, [0, 4])
    assert Observations.from_table(csv(tmp_path, text)).weights is None


class Frame:
    """What is used of a DataFrame."""

    def __init__(self, columns):
        self.columns, self._of = list(columns), columns

    def __getitem__(self, name):
        return self._of[name]


COLUMNS = {"session0": [1.0, 0.0, NAN], "session1": [1, 2, 1], "session2": [0.0, NAN, 1.0]}


@pytest.mark.parametrize("kind", [dict, Frame])
def test_columns(kind):
    seen = Observations.from_table(kind(COLUMNS), [0, 4, 8])
    assert_array_equal(seen.presence, Observations(PRESENCE, [0, 4, 8]).presence)


def test_a_data_frame():
    pandas = pytest.importorskip("pandas")
    seen = Observations.from_table(pandas.DataFrame({**COLUMNS, "dendrite": ["a", "a", "b"]}))
    assert_array_equal(seen.presence, Observations(PRESENCE, [0, 1, 2]).presence)
    assert seen.groups == ("a", "b")


def test_parts():
    weights = np.arange(12.0).reshape(3, 4)
    seen = Observations(np.ones((3, 4)), [0, 1, 2, 3], weights=weights, group=["a", "b", "a"])
    part = seen.select([2, 1]).at_looks([1, 3])
    assert_array_equal(part.weights, [[9, 11], [5, 7]])
    assert part.groups == ("a", "b")
    assert_array_equal(part.times, [1, 3])
    assert [(name, len(own)) for name, own in seen.by_group()] == [("a", 2), ("b", 1)]
    assert_array_equal(seen.select(np.array([True, False, False])).weights, weights[:1])


@pytest.mark.parametrize(
    ("names", "order", "times"),
    [
        (["day-4", "day0", "day4", "day8"], [0, 1, 2, 3], [-4, 0, 4, 8]),
        (["day4", "day0", "day-2", "day-8", "day-4"], [3, 4, 2, 1, 0], [-8, -4, -2, 0, 4]),
        (["day-4", "day0", "day+4"], [0, 1, 2], [-4, 0, 4]),
        (["-4", "-1.5", "2"], [0, 1, 2], [-4, -1.5, 2]),
        (["session-1", "session-2", "session-10"], [0, 1, 2], [1, 2, 10]),
        (["session-1", "session-10", "session-2"], [0, 2, 1], [1, 2, 10]),
        (["2021-03-27", "2021-03-31"], [0, 1], [27, 31]),
        (["session10", "session9"], [1, 0], [9, 10]),
    ],
)
def test_days_before_the_first_one(names, order, times):
    presence = np.random.default_rng(1).integers(0, 2, (6, len(names)))
    seen = Observations.from_table(dict(zip(names, presence.T, strict=True)))
    assert_array_equal(seen.times, times)
    assert_array_equal(seen.presence, presence[:, order])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["day-4", "time0", "time4"], r"one prefix .*got \['day-4', 'time0', 'time4'\] with the prefixes"),
        (["volume0", "volume4", "session0", "session4"], r"the prefixes \['session', 'volume'\]"),
        (["session0", "session4", "session8", "layer2"], "Rename columns that are no looks or leave them out"),
        (["2021-03-27", "2021-03-31", "2021-04-04", "2021-04-08", "2021-04-12"], "write days instead of dates"),
        (["2021-03-31", "2021-04-04"], "write days instead of dates"),
        (["27.03.2021", "31.03.2021"], "write days instead of dates"),
        (["day-8", "day-4", "day-2"], r"got \['day-8', 'day-4', 'day-2'\]: is the hyphen a minus sign"),
    ],
)
def test_looks_are_neither_dropped_nor_reversed(names, message):
    with pytest.raises(ValueError, match=message):
        Observations.from_table({name: [1, 0] for name in names})


def test_columns_of_groups_and_rows_are_no_looks():
    names = {"Unnamed: 0": [0, 1, 2], "area1": ["V1", "V1", "M1"], "mouse2": [1, 2, 3]}
    table = {**names, "day0": [1, 1, 0], "day4": [1, 0, 1]}
    seen = Observations.from_table(table, where={"area1": "V1"}, group="mouse2")
    assert_array_equal(seen.presence, [[1, 1], [1, 0]])
    assert seen.groups == ("1", "2")


#: Two animals, whose dendrites and synapses are numbered from 1 on, as if they were the same.
NUMBERED = {"animal": ["A", "A", "B", "B"], "cell": ["c", "c", "c", "c"], "dendrite": [1, 2, 1, 2]}


def test_dendrites_of_two_animals_are_two():
    looks = {"day0": [1, 1, 1, 1], "day4": [1, 0, 0, 1]}
    assert Observations.from_table({**NUMBERED, **looks}).groups == ("A/c/1", "A/c/2", "B/c/1", "B/c/2")
    cells = {name: NUMBERED[name] for name in ("animal", "cell")}
    assert Observations.from_table({**cells, **looks}).groups == ("A/c", "B/c")
    assert Observations.from_table({**NUMBERED, **looks}, where={"animal": "B"}).groups == ("1", "2")
    assert Observations.from_table({**NUMBERED, **looks}, group="cell").groups == ("c",)
    assert Observations.from_table({**NUMBERED, **looks, "group": ["x", "x", "y", "y"]}).groups == ("x", "y")


@pytest.mark.parametrize("options", [{}, {"group": "cell"}, {"group": "dendrite"}])
def test_synapses_of_two_animals_are_two(options):
    rows = {name: np.repeat(column, 3) for name, column in NUMBERED.items()}
    looks = {"synapse": np.ones(12, int), "time": [0, 4, 8, 0, 4, 8, 1, 5, 9, 1, 5, 9], "present": [1, 0, 1] * 4}
    seen = Observations.from_table({**rows, **looks}, **options)
    assert_array_equal(seen.times, [0, 1, 4, 5, 8, 9])
    expected = np.full((4, 6), MISSING)
    expected[:2, ::2] = expected[2:, 1::2] = [1, 0, 1]
    assert_array_equal(seen.presence, expected)
    assert len(seen.groups) == {"cell": 1, "dendrite": 2}.get(options.get("group"), 4)


def test_what_returns_is_new_after_an_absence():
    rng = np.random.default_rng(5)
    presence = rng.integers(0, 2, (200, 7)).astype(float)
    presence[rng.random((200, 7)) < 0.2] = NAN
    presence[:3] = [[0] * 7, [NAN] * 7, [1, NAN, 0, NAN, 1, NAN, 1]]
    seen = Observations(presence, np.arange(7), weights=rng.random((200, 7)), group=rng.integers(0, 9, 200))
    rows = []
    for n, row in enumerate(presence):
        series, away = [], True
        for look, value in enumerate(row):
            if value == 1:
                series += [[]] if away else []
                series[-1].append(look)
            away = value == 0 or (np.isnan(value) and away)
        for k, looks in enumerate(series or [[]]):
            own = np.where(np.isnan(row), NAN, 0)
            own[looks] = 1
            rows.append((k, n, own))
    rows.sort(key=lambda row: row[:2])
    which = [n for _, n, _ in rows]
    found, expected = seen.split_at_absences(), np.array([own for *_, own in rows])
    assert len(found) > 300
    assert_array_equal(found.presence, np.where(np.isnan(expected), MISSING, expected))
    assert_array_equal(found.weights, np.where(expected == 1, seen.weights[which], NAN))
    assert found.groups == seen.groups
    assert_array_equal(found.group, seen.group[which])
    assert_array_equal(found.split_at_absences().presence, found.presence)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 0], [0]), r"presence must be a table of connections by looks"),
        (([[1], [0]], [0]), r"two looks or more, got the shape \(2, 1\)"),
        (([[1, -1]], [0, 1]), r"presence must be 0 \(absent\), above 0 \(seen\) or NaN"),
        (([["a", "b"]], [0, 1]), "presence must hold numbers"),
        (([[1, 0]], [1, 1]), "times must be 2 ascending numbers"),
        (([[1, 0]], [0, 1, 2]), "times must be 2 ascending numbers"),
    ],
)
def test_wrong_arrays_are_refused(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Observations(*arguments)


def test_wrong_columns_are_refused():
    for wrong, message in (
        ({"weights": [[NAN, 1]]}, "weights must be finite and >= 0 wherever"),
        ({"weights": [[1]]}, "weights must have the shape of presence"),
        ({"group": ["a", "b"]}, "group must hold an integer or a text for each of the 1 connections"),
        ({"group": [0.5]}, "group must hold an integer or a text"),
    ):
        with pytest.raises(ValueError, match=message):
            Observations([[1, 1]], [0, 1], **wrong)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a,b\n1,2\n", {}, "table must have one column per look"),
        ("", {}, "table must have a first line"),
        ("day0,day0\n1,2\n", {}, "a first line of different names"),
        ("day0,day1\n1\n", {}, "table has 1 cells in line 2, and 2 names"),
        ("day0,day1\n1,x\n", {}, "column 'day1' must hold numbers or empty cells"),
        ("synapse,time\n0,1\n", {}, "table must have a column 'present' or 'weight'"),
        ("synapse,time,present\n0,1,1\n0,1,0\n", {}, "two rows for the same connection at the same time"),
        ("synapse,time,present\n0,,1\n", {}, "column 'time' must hold a number in every row"),
        (WIDE, {"where": {"cell": "none"}}, "where leaves no row"),
        (WIDE, {"where": {"area": "V1"}}, "where names the column 'area'"),
        (WIDE, {"group": "animal", "missing": -1}, "group must be one of the columns"),
        (WIDE, {}, "pass missing=-1"),
    ],
)
def test_wrong_tables_are_refused(tmp_path, text, options, message):
    with pytest.raises(ValueError, match=message):
        Observations.from_table(csv(tmp_path, text), **options)
    with pytest.raises(TypeError, match="table must be the path of a CSV file"):
        Observations.from_table(3)


def test_wrong_parts_are_refused():
    seen = Observations(np.ones((2, 3)), [0, 1, 2])
    for call, message in (
        (lambda: seen.select([2]), "synapses must be between 0 and 1"),
        (lambda: seen.select([True]), "synapses must be a vector of indices or of 2 truth values"),
        (lambda: seen.at_looks([1]), "looks must be two or more indices"),
        (lambda: seen.at_looks([1, 0]), "looks must be two or more indices in ascending order"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_a_column_group_that_is_not_the_group_names_no_synapses():
    """It may say what was done before each session."""
    table = {
        "synapse": list("aabb"),
        "time": [0, 1, 0, 1],
        "group": ["before", "after"] * 2,
        "dendrite": ["1"] * 4,
        "present": [1, 0, 1, 1],
    }
    assert Observations.from_table(table, group="dendrite").presence.tolist() == [[1, 0], [1, 1]]
