"""What a log of births and deaths tells: turnover, survival, weights, topology; and what chance alone would give."""
