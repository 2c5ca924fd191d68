"""An invalid command line of any script is answered by one line that names the option, before any work."""

from __future__ import annotations

import importlib
import json
import os

import pytest

from models.mlp import DIGITS
from scripts.rate_methods import METHODS
from synaptic_sampling import Connections, DeepR, RewiringLog, step

SCRIPTS = (
    "benchmark_brian",
    "benchmark_draws",
    "benchmark_log",
    "benchmark_rate",
    "benchmark_sampler",
    "benchmark_standalone",
    "benchmark_sweep",
    "benchmark_threads",
    "compare_soft",
    "compare_spiking",
    "demo",
    "linear_baselines",
    "plot_rewiring",
    "rate_memory",
    "sweep",
    "sweep_connectivity",
    "synapse_laws",
    "synapse_network",
    "train_rate",
    "train_spiking",
    "tune_spiking",
    "verify_eprop",
    "verify_resume",
    "verify_sampler",
    "verify_soft",
)
#: What each script does after its command line has been read.
WORK = {
    "benchmark_brian": ["measure"],
    "benchmark_draws": ["measure"],
    "benchmark_log": ["measure"],
    "benchmark_rate": ["measure"],
    "benchmark_sampler": ["measure"],
    "benchmark_standalone": ["measure"],
    "benchmark_sweep": ["measure"],
    "benchmark_threads": ["measure"],
    "compare_soft": ["compare"],
    "compare_spiking": ["trained"],
    "demo": ["run_both"],
    "linear_baselines": ["baselines"],
    "plot_rewiring": ["report"],
    "rate_memory": ["RateNetwork"],
    "sweep": ["sweep"],
    "sweep_connectivity": ["train"],
    "synapse_laws": ["analyse"],
    "synapse_network": ["compare"],
    "train_rate": ["train"],
    "train_spiking": ["train"],
    "tune_spiking": ["validated"],
    "verify_eprop": ["measure"],
    "verify_resume": ["verify"],
    "verify_sampler": ["turnover_curve"],
    "verify_soft": ["times_of_return"],
}
TRAINING = ("train_rate", "train_spiking")
WITH_OUT = (
    *TRAINING,
    "compare_spiking",
    "sweep_connectivity",
    "tune_spiking",
    "demo",
    "plot_rewiring",
    "synapse_laws",
    "synapse_network",
)
WITH_JSON = tuple(name for name in SCRIPTS if name.startswith(("benchmark", "compare_soft", "linear", "verify")))

NO_NUMBERS = [
    "",
    "nan",
    "NaN",
    "-nan",
    "inf",
    "-inf",
    "1e999",
    "ten",
    "0x10",
    "1,5",
    "--",
    "1 2",
    "½",
    "1e",
    "9" * 5000,
]
NO_POSITIVES = [*NO_NUMBERS, "0", "-1", "-1e-9", "-0.0"]
NO_COUNTS = [*NO_NUMBERS, "0", "-1", "1.5", "1e3", "99999999999999999999"]
NO_SEEDS = [*NO_NUMBERS, "-1", "1.5", str(2**62), "99999999999999999999"]
NO_FRACTIONS = [*NO_POSITIVES, "1.0000001", "5", "100", "0.05%"]


def hostile(files):
    """Yield a script, its arguments, and what the error must name."""
    yield from hostile_anywhere(files)
    yield from hostile_training()
    yield from hostile_rate(files)
    yield from hostile_methods()
    yield from hostile_sweeps(files)
    yield from hostile_logs(files)


def needed(name, files):
    """Return the arguments without which a script does nothing."""
    study = ["--data-dir", files["study"]]
    return {
        "plot_rewiring": [files["log"]],
        "sweep": [files["sweep"]],
        "synapse_laws": study,
        "synapse_network": study,
    }.get(name, [])


def hostile_anywhere(files):
    for name in SCRIPTS:
        logs = needed(name, files)
        for word in ("--nonsense", "--quic", "-x"):
            yield name, [*logs, word], word
        if not logs:
            yield name, ["nonsense"], "nonsense"
    for name in WITH_OUT:
        logs = needed(name, files)
        for value in files["no folders"]:
            yield name, [*logs, "--out", value], "--out"
        yield name, [*logs, "--out"], "--out"
        yield name, [*logs, "--out", files["finished"]], "--out"
        yield name, [*logs, "--overwrite=yes"], "--overwrite"
        yield name, [*logs, "--overwrit"], "--overwrit"
    for name in WITH_JSON:
        for value in files["no files"]:
            yield name, ["--json", value], "--json"


def hostile_training():
    for name in TRAINING:
        for option, values in (
            ("--connectivity", NO_FRACTIONS),
            ("--seed", NO_SEEDS),
            ("--seeds", NO_COUNTS),
            ("--epochs", NO_COUNTS),
            ("--task", ["", "mnits", "DIGITS"]),
            ("--method", ["", "deep", "DEEPR", "softer", "deepr,fixed"]),
        ):
            for value in values:
                yield name, [option, value], option
        yield name, ["--method", "dense", "--connectivity", "0.1"], "--connectivity"
        yield name, ["--seed", str(2**62 - 1), "--seeds", "2"], "--seeds"
    yield "train_spiking", ["--connectivity", "1e-5"], "--connectivity"
    yield "train_spiking", ["--resume", "--overwrite"], "--resume"
    for value in NO_COUNTS:
        yield "train_spiking", ["--checkpoint-every", value], "--checkpoint-every"


def hostile_logs(files):
    for value in [*NO_COUNTS, "1"]:
        yield "plot_rewiring", [files["log"], "--film", value], "--film"
    yield "plot_rewiring", [], "LOG"
    for value in [*files["no files"][:-1], files["text"], files["folder"]]:
        yield "plot_rewiring", [files["log"], "--observations", value], "--observations"
    yield "plot_rewiring", [files["log"], "--by", "cell"], "--by"
    yield "plot_rewiring", [files["log"], "--weights"], "--weights"
    yield "plot_rewiring", [files["log"], "--observations", files["spines"], "--by", "animal"], "--by"
    yield "plot_rewiring", [files["log"], "--observations", files["spines"], "--by", "day0"], "--observations"
    for value in (*files["no logs"], f"a={files['log']}x", f"a/b={files['log']}", f"comparison={files['log']}"):
        yield "plot_rewiring", [value], "LOG"
    yield "plot_rewiring", [files["log"], files["log"]], "LOG"
    for value in [*NO_COUNTS, "1", "99999", "1000000001"]:
        yield "benchmark_log", ["--events", value], "--events"
    for words in (["nonsense", "x"], ["open"], ["open", "/nonexistent"], ["open", files["text"]]):
        yield "benchmark_log", ["--part", *words], "--part"
    yield "benchmark_rate", ["--only", "no such work"], "--only"
    for value in ("", "ecgs", "ecg,", "ecg,ecg"):
        yield "linear_baselines", ["--tasks", value], "--tasks"
    for value in files["no folders"]:
        yield "linear_baselines", ["--data-dir", value], "--data-dir"
        yield "synapse_laws", ["--data-dir", value], "--data-dir"
        yield "synapse_network", ["--data-dir", value], "--data-dir"
    yield "synapse_laws", ["--data-dir", files["empty"]], "--data-dir"
    yield "benchmark_rate", ["--list", "--json", files["new"]], "--json"


def hostile_rate(files):
    for option in ("--learning-rate", "--l1"):
        for value in [v for v in NO_POSITIVES if option != "--l1" or v not in ("0", "-0.0")]:
            yield "train_rate", [option, value], option
    yield "train_rate", ["--learning-rate", "1e308"], "--learning-rate"
    yield "train_rate", ["--connectivity", "0.1,0.2"], "--connectivity"
    yield "train_rate", ["--connectivity", "0.1,0.2,0.3,0.4"], "--connectivity"
    yield "train_rate", ["--connectivity", "0.1,,0.3"], "--connectivity"
    for value in ("", "layers", "1"):
        yield "train_rate", ["--budget", value], "--budget"
    for value in files["no summaries"]:
        yield "train_rate", ["--connections-from", value], "--connections-from"
    for more in (["--connectivity", "0.1"], ["--method", "dense"]):
        yield "train_rate", ["--connections-from", files["summary"], *more], "--connections-from"
    yield "train_rate", ["--task", "speech", "--connections-from", files["summary"]], "--connections-from"
    for name in ("train_rate", "sweep_connectivity"):
        for task in ("mnist", "cifar10", "speech"):
            for value in files["no data"]:
                yield name, ["--task", task, "--data-dir", value], "--data-dir"
        yield name, ["--data-dir", files["folder"]], "--data-dir"


def hostile_methods():
    for method in METHODS[1:]:
        yield "train_rate", ["--method", method, "--budget", "network"], "--budget"
        if method != "soft":
            yield "train_rate", ["--method", method, "--l1", "0.1"], "--l1"
    for method in ("soft", "sampling"):
        yield "train_rate", ["--method", method, "--task", "speech"], "--method"


def hostile_sweeps(files):
    name = "sweep_connectivity"
    for option, values in (
        ("--connectivity", [*NO_FRACTIONS, "0.1,0.1", "0.1,", "0.1,nan"]),
        ("--seeds", NO_COUNTS),
        ("--epochs", NO_COUNTS),
        ("--methods", ["", "deep", "deepr,", "deepr,deepr", "deepr;fixed", "all"]),
        ("--task", ["", "mnits"]),
    ):
        for value in values:
            yield name, [option, value], option
    yield name, ["--methods", "dense", "--connectivity", "0.1"], "--connectivity"
    yield name, ["--resume", "--overwrite"], "--resume"
    for value in (*NO_NUMBERS, "0/2", "3/2", "1/0", "/2", "1/", "1/2/3"):
        yield "sweep", [files["sweep"], "--part", value], "--part"
    for value in NO_COUNTS:
        yield "sweep", [files["sweep"], "--n-jobs", value], "--n-jobs"
    yield "sweep", [files["sweep"], "--n-jobs", "2", "--scheduler", "127.0.0.1:1"], "--n-jobs"
    for value in [*files["no files"][:-1], files["log"], files["folder"]]:
        yield "sweep", [value], "FILE"
    for folder in files["damaged sweeps"]:
        yield name, ["--resume", "--out", folder], "--resume"
        yield name, ["--out", folder], "--out"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files and folders that are obstacles, missing, damaged, or of another kind."""
    folder = tmp_path_factory.mktemp("files")

    def write(name, content):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    text = write("text", "no results")
    for name in (
        "summary.json",
        "sweep.json",
        "tuning.json",
        "compare.json",
        "report.html",
        "laws.json",
        "network.json",
    ):
        write(f"finished/{name}", '{"rows": []}')
    os.symlink(folder / "loop", folder / "loop")
    no_paths = ["", f"{text}/below", "a\0b", "a\nb", "x" * 300, "\udcff", str(folder / "loop")]
    c, rule = Connections.random(20, 20, 40, seed=1), DeepR(learning_rate=0.1, l1=0.2, temperature=0.2)
    with RewiringLog(folder / "a.rewiring") as log:
        log.describe(0, num_pre=20, num_post=20, num_sites=400)
        log.snapshot(0, 0, c.pre, c.post, c.theta, c.polarity)
        for _ in range(9):
            log.record(step(c, c.theta * 0, rule))
    whole = (folder / "a.rewiring").read_bytes()
    counts = [DIGITS.counts(DIGITS.connectivity), [1, 2], [0, 1, 1], [1, 1, -1], [1, 1, 1001], [1.5, 1, 1], [True] * 3]
    counts += [None, "abc", {}, [[1], 1, 1], ["1", "1", "1"], [1, 1, 1, 1], [10**30, 1, 1]]
    summaries = [write(f"summary-{n}.json", json.dumps({"connections_per_layer": x})) for n, x in enumerate(counts)]
    row = {"accuracy": 0.5, "method": "deepr", "connectivity": [0.1]}
    wrong = [
        {"accuracy": float("nan")},
        {"accuracy": 2},
        {"accuracy": "x"},
        {"method": "deeper"},
        {"connectivity": 0.1},
    ]
    sweeps = ["", "{", "[]", "null", '{"rows": 1}', '{"rows": [1]}', '{"rows": [{}]}', b"\xff\xfe", "[" * 100000]
    sweeps += [json.dumps({"rows": [row, row | other]}) for other in wrong]
    table = "cell,dendrite,synapse,{}\n".format(",".join(f"session{n}" for n in range(8)))
    table += "pyr,a,0,1,1,1,0,0,0,0,0\npv,b,0,1,1,1,1,1,1,1,1\n"
    tables = [write(f"study/melander2021_{name}.csv", table) for name in ("presence", "synapses")]
    junk = [write(f"junk/{n}", x) for n, x in enumerate([b"", b"junk", whole[:20], b"PK\3\4" + whole, os.urandom(999)])]
    for name in ("mnist/train-images-idx3-ubyte.gz", "fsdd/fsdd_recordings.tar.xz", "cifar10/cifar10.npz"):
        write(f"data/{name}", b"junk")
    for name in ("labels.u8", *(f"data_batch_{n}.res.xz" for n in range(1, 6)), "test_batch.res.xz"):
        write(f"residuals/cifar10/{name}", b"junk")
    write("pickles/cifar-10-batches-py/data_batch_1", b"cos\nsystem\n(S'false'\ntR.")
    (folder / "empty").mkdir()
    return {
        "text": text,
        "log": str(folder / "a.rewiring"),
        "study": os.path.dirname(tables[0]),
        "spines": write("spines.csv", "cell,day0,day4,day8\na,1,1,0\na,0,1,1\nb,1,0,0\n"),
        "folder": str(folder),
        "empty": str(folder / "empty"),
        "finished": str(folder / "finished"),
        "new": str(folder / "new.json"),
        "no folders": [*no_paths, text],
        "no files": [*no_paths, str(folder), f"{folder}/", str(folder / "x.png")],
        "no logs": [*junk, *no_paths[1:2], str(folder), str(folder / "missing"), "", "a="],
        "no data": [*no_paths, text, *(str(folder / name) for name in ("empty", "data", "residuals", "pickles"))],
        "no summaries": [*summaries[1:], *junk, *no_paths, str(folder), str(folder / "missing")],
        "summary": summaries[0],
        "replaced": os.path.dirname(write("replaced/sweep.json", '{"rows": []}')),
        "sweep": write("sweep.toml", 'function = "tests.sweeps.work:again"\nout = "o"\nseeds = 2\n[grid]\nx = [1]\n'),
        "damaged sweeps": [os.path.dirname(write(f"sweep-{n}/sweep.json", x)) for n, x in enumerate(sweeps)],
    }


@pytest.fixture
def no_work(monkeypatch):
    """Make every script fail once its work starts."""

    def work(*_, **__):
        raise AssertionError("the work has started")

    for name, functions in WORK.items():
        for function in functions:
            monkeypatch.setattr(importlib.import_module(f"scripts.{name}"), function, work)
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(variable, "1")


def test_every_nonsense_is_one_line_that_names_it(files, no_work, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # A task whose data are at fault finds that out when it reads them.
    reading = importlib.import_module("scripts.rate_methods").TASKS
    for name in ("train_rate", "sweep_connectivity"):
        monkeypatch.setattr(
            importlib.import_module(f"scripts.{name}"),
            "train",
            lambda task, data_dir, **_: reading[task].load(data_dir),
        )
    wrong, number = [], 0
    for name, arguments, named in hostile(files):
        number += 1
        try:
            importlib.import_module(f"scripts.{name}").main(arguments)
            status = "none"
        except SystemExit as error:
            status = error.code
        except BaseException as error:
            status = repr(error)
        lines = capsys.readouterr().err.replace("\r", "\n").splitlines()
        said = [line for line in lines if ": error: " in line]
        if status != 2 or len(said) != 1 or named not in said[0]:
            wrong.append((name, [word[:60] for word in arguments], status, lines[-1:]))
    assert not wrong, f"{len(wrong)} of {number}:\n" + "\n".join(map(str, wrong))
    assert number >= 400
    assert not list(tmp_path.rglob("*")), "a refused command line leaves nothing behind"


def test_what_is_right_is_let_through(files, no_work, tmp_path, tmp_path_factory):
    out = ["--out", "OUT"]
    for name, arguments in [
        ("train_rate", ["--l1", "0", "--learning-rate", "1e-3", "--connectivity", "0.1,0.2,0.3", *out]),
        ("train_rate", ["--connections-from", files["summary"], "--method", "fixed", *out]),
        ("train_rate", ["--seed", "0", "--seeds", "10000", "--budget", "network", *out]),
        ("train_rate", ["--task", "mnist", "--data-dir", files["folder"], "--overwrite", *out]),
        ("train_spiking", ["--connectivity", "1", "--seed", str(2**62 - 1), *out]),
        ("sweep_connectivity", ["--methods", "dense,l1", "--connectivity", "1", "--resume", *out]),
        ("sweep_connectivity", ["--overwrite", "--out", files["replaced"]]),
        ("sweep", [files["sweep"], "--n-jobs", "2", "--part", "2/3"]),
        ("tune_spiking", ["--methods", "deepr,fixed", "--connectivity", "0.01,1", "--settings", "3", *out]),
        ("compare_spiking", ["--methods", "dense", "--seeds", "2", "--resume", *out]),
        ("plot_rewiring", [files["log"], "--film", "2", *out]),
        ("plot_rewiring", [files["log"], "--observations", files["spines"], "--by", "cell", *out]),
        ("demo", ["--quick", *out]),
        ("benchmark_log", ["--events", "100000", "--json", str(tmp_path / "new" / "log.json")]),
        ("linear_baselines", ["--tasks", "ecg,rows", "--data-dir", files["folder"]]),
        ("synapse_laws", ["--full", "--data-dir", files["folder"], "--json", files["new"], *out]),
        ("verify_soft", ["--json", files["text"]]),
    ]:
        own = [word.replace("OUT", str(tmp_path_factory.mktemp("out"))) for word in arguments]
        with pytest.raises(AssertionError, match="the work has started"):
            importlib.import_module(f"scripts.{name}").main(own)


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_tells_every_option_and_default(name, capsys):
    with pytest.raises(SystemExit, match="0"):
        importlib.import_module(f"scripts.{name}").main(["--help"])
    said = capsys.readouterr().out
    assert "usage:" in said
    assert "None" not in said
    assert "False" not in said
