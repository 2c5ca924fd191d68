"""The answers of a report, under the name that earlier scripts import."""

from synaptic_sampling.reporting import Answer, answers

__all__ = ["Answer", "answers"]
