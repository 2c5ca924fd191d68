"""The report on one or more runs: answers, figures, and an HTML page that contains them."""

from synaptic_sampling.reporting.answers import Answer, answers
from synaptic_sampling.reporting.writing import report

__all__ = ["Answer", "answers", "report"]
