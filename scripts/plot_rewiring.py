"""Draw what logs of formations and eliminations show, and write a report: a single, self-contained HTML file.

    python -m scripts.plot_rewiring run.rewiring --out DIR
    python -m scripts.plot_rewiring rate=a.rewiring spiking=b.rewiring --out DIR
    python -m scripts.plot_rewiring run.rewiring --observations spines.csv --by cell --out DIR

Several logs, of spiking and rate-based networks alike, are drawn on the same axes. Writes report.html and each figure
as PNG. A log whose run is still in progress is read as far as it has been written. With --observations, the runs are
shown as an imaging study would have seen them, beside the one in this table: one row per synapse, with a column
dendrite (or group, cell, animal) and one column for each session (session0, session1, ...), where 0 is absent, above 0
present, and an empty cell not imaged; or one row per synapse and session, with the columns synapse, time, present.
Without a clone of the repository, the command ``synaptic-sampling report`` does the same.
"""

from __future__ import annotations

import argparse
import glob
import sys
from collections.abc import Iterable, Mapping, Sequence

from scripts.common import Parser, count, file_to_read
from scripts.interruption import interruptible
from scripts.results import results
from synaptic_sampling import LogError, Observations
from synaptic_sampling.reporting import command, report
from synaptic_sampling.reporting.writing import PAGE

__all__ = ["main"]


@interruptible()
def main(argv: Sequence[str] | None = None) -> int:
    """Read logs, write the report.

    Parameters
    ----------
    argv : sequence of str, optional
        Used instead of the command line.

    Returns
    -------
    int
        0; errors end the script.
    """
    parser = Parser("Draw what logs of formations and eliminations show.")
    parser.add_argument("logs", nargs="+", metavar="[NAME=]LOG", help="files that end in .rewiring")
    parser.add_argument("--observations", type=file_to_read, metavar="FILE", help="CSV table of an imaging study")
    parser.add_argument("--by", metavar="COLUMN", help="column of this table that divides it into several studies")
    parser.add_argument("--weights", action="store_true", help="the values of this table are weights, not presence")
    parser.add_argument("--film", type=count(2), metavar="N", help="also films of N frames of the matrices, as GIF")
    parser.add_out("results/rewiring")
    given = parser.parse_args(argv)
    try:
        logs = command.read_logs(given.logs)
    except (LogError, OSError, ValueError) as error:
        parser.refuse("LOG", str(error))
    studies = read_studies(parser, given)
    # A folder of its own: the folder of an unfinished run may contain the log itself.
    own = "unfinished-report"
    with results(parser, given.out, files(logs), overwrite=given.overwrite, unfinished=own) as folder:
        try:
            report(logs, folder, observations=studies, film=given.film or 0, progress=True)
        except LogError as error:
            parser.refuse("LOG", str(error))
    print(f"Wrote {given.out / PAGE} and its figures.")
    return 0


def files(names: Iterable[str]) -> list[str]:
    """Return the names of all files that a report on logs of these names may write, as patterns for ``glob``."""
    return [glob.escape(name) for name in command.files(names)]


def read_studies(parser: Parser, given: argparse.Namespace) -> Mapping[str, Observations]:
    """Return the imaging studies in the given table, or refuse it."""
    try:
        return command.read_studies(given.observations, given.by, weights=given.weights)
    except (OSError, ValueError) as error:
        if str(error).startswith("argument --"):
            parser.error(str(error))
        parser.refuse("--observations", str(error))


if __name__ == "__main__":
    sys.exit(main())
