"""Published numbers from in vivo imaging, each with the conditions of observation.

Apparent turnover depends on how often one images, so every row states the interval between imaging sessions; None means
that the source as read here does not give it. ``evidence`` states how well a number is known here: 'abstract' was read
in the abstract of the paper, 'table' in its results, 'recalled' is quoted from memory and was not checked.
"""

from __future__ import annotations

from math import exp
from typing import NamedTuple

from synaptic_sampling._checks import check_choice, check_number
from synaptic_sampling.statistics.sources import check_kind

__all__ = ["PUBLISHED", "Observation", "published", "stays_after"]


class Observation(NamedTuple):
    """One published number.

    Attributes
    ----------
    source : str
        Authors and year.
    preparation : str
        Animal, region, age.
    quantity : {'survival', 'turnover', 'formation', 'elimination', 'lifetime'}
        'survival': fraction still present after ``days``. 'formation' and 'elimination': fraction gained or lost within
        ``days``. 'turnover': (gained + lost)/(N1 + N2), close to the mean of these two. 'lifetime': the mean, in days.
    low, high : float
        The published range; equal if it is one number.
    days : float
        The time to which the quantity refers; for a lifetime, the middle of its range.
    interval_days : float or None
        Between two imaging sessions.
    evidence : {'abstract', 'table', 'recalled'}
        How well this number is known here.
    """

    source: str
    preparation: str
    quantity: str
    low: float
    high: float
    days: float
    interval_days: float | None
    evidence: str

    @property
    def value(self) -> float:
        """Return the middle of the range."""
        return 0.5 * (self.low + self.high)


_HOLTMAAT = "Holtmaat et al. 2005"
_ZUO = "Zuo et al. 2005"
_SHAO = "Shao et al. 2021"

#: 'Persistent' in Holtmaat et al. 2005 means present for 8 days or more.
PUBLISHED: tuple[Observation, ...] = (
    Observation("Grutzendler et al. 2002", "mouse V1, layer 5, young", "survival", 0.73, 0.73, 30, 30, "abstract"),
    Observation("Grutzendler et al. 2002", "mouse V1, layer 5, adult", "survival", 0.96, 0.96, 30, 30, "abstract"),
    Observation("Trachtenberg et al. 2002", "mouse S1, layer 5, 6-10 weeks", "survival", 0.5, 0.5, 30, 1, "recalled"),
    Observation(_HOLTMAAT, "mouse S1 and V1, days 16-25", "survival", 0.35, 0.35, 8, None, "abstract"),
    Observation(_HOLTMAAT, "mouse S1 and V1, days 35-80", "survival", 0.54, 0.54, 8, None, "abstract"),
    Observation(_HOLTMAAT, "mouse S1 and V1, days 80-120", "survival", 0.66, 0.66, 8, None, "abstract"),
    Observation(_HOLTMAAT, "mouse S1 and V1, days 175-225", "survival", 0.73, 0.73, 8, None, "abstract"),
    Observation(_ZUO, "mouse layer 5, 1 month", "elimination", 0.13, 0.20, 14, 14, "abstract"),
    Observation(_ZUO, "mouse layer 5, 1 month", "formation", 0.05, 0.08, 14, 14, "abstract"),
    Observation(_ZUO, "mouse layer 5, adult", "elimination", 0.03, 0.05, 14, 14, "abstract"),
    Observation(_ZUO, "mouse layer 5, adult", "formation", 0.03, 0.05, 14, 14, "abstract"),
    Observation(_ZUO, "mouse layer 5, adult", "elimination", 0.26, 0.26, 548, 548, "abstract"),
    Observation(_ZUO, "mouse layer 5, adult", "formation", 0.19, 0.19, 548, 548, "abstract"),
    Observation("Majewska et al. 2006", "mouse V1, A1, S1, days 40-61", "survival", 0.8, 1.0, 21, None, "abstract"),
    Observation("Attardo et al. 2015", "mouse CA1", "lifetime", 7, 14, 10.5, None, "abstract"),
    Observation("Pfeiffer et al. 2018", "mouse CA1, STED", "turnover", 0.40, 0.40, 4, 4, "abstract"),
    Observation(_SHAO, "mouse medial frontal cortex, controls", "formation", 0.070, 0.081, 2, 2, "table"),
    Observation(_SHAO, "mouse medial frontal cortex, controls", "elimination", 0.072, 0.087, 2, 2, "table"),
)


def published(quantity: str | None = None, *, evidence: str | None = None) -> list[Observation]:
    """Return the published numbers of a quantity, in ascending order of ``days``.

    Parameters
    ----------
    quantity : {'survival', 'turnover', 'formation', 'elimination', 'lifetime'}, optional
        All by default.
    evidence : {'abstract', 'table', 'recalled'}, optional
        All by default.

    Returns
    -------
    list of Observation
        Not empty.

    Raises
    ------
    ValueError
        If no row has this quantity and evidence.
    """
    for name, value in (("quantity", quantity), ("evidence", evidence)):
        if value is not None:
            check_choice(name, value, {getattr(row, name) for row in PUBLISHED})
    rows = [row for row in PUBLISHED if quantity in (None, row.quantity) and evidence in (None, row.evidence)]
    if not rows:
        known = sorted({(row.quantity, row.evidence) for row in PUBLISHED})
        raise ValueError(f"no published number has quantity {quantity!r} and evidence {evidence!r}; there are {known}.")
    return sorted(rows, key=lambda row: row.days)


def stays_after(row: Observation, days: float) -> float:
    """Return the fraction still present after some days if all had one constant hazard rate.

    Parameters
    ----------
    row : Observation
        Any quantity except formation.
    days : float
        Any time; far from ``row.days`` the result is a rough extrapolation, because brains have more than one rate.

    Returns
    -------
    float
        f**(days/row.days), where f is survival, 1 - elimination, 1 - turnover, or 1/e for a mean lifetime.

    Raises
    ------
    TypeError, ValueError
        If the quantity is formation, or ``days`` is negative.
    """
    check_kind("row", row, Observation)
    fractions = {
        "survival": row.value,
        "elimination": 1.0 - row.value,
        "turnover": 1.0 - row.value,
        "lifetime": exp(-1.0),
    }
    if row.quantity not in fractions:
        raise ValueError(
            f"row must have a quantity from which survival follows, {sorted(fractions)}; got {row.quantity!r}."
        )
    return float(fractions[row.quantity] ** (check_number("days", days, minimum=0.0) / row.days))
