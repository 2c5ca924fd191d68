"""What a log of births and deaths tells: turnover, survival, weights, topology; and what chance alone would give.

From a log, in memory or on disk, or from an object that has one:

- ``turnover``: rewired per step, second and sample; turnover ratio; those that have survived some time; visited sites.
- ``changes``: what differs between looks at the wiring: gained, lost, kept, overlap, Jaccard index.
- ``survival``: how long newborn, old and all connections live, with censoring and truncation; hazards.
- ``lifetimes``: heavy tails, compared by likelihood.
- ``sizes``: sizes at two times, what their change depends on, and whether large connections live longer.
- ``drift``: distances and correlations of the weights between times, and their main directions.
- ``topology``: degrees, motifs, clustering, eigenvalues.
- ``weights``, ``weight_laws``: how strong connections are, and which law that follows.
- ``comparison``: several runs on one scale.

From arrays: ``lifetables``, ``weight_laws``, ``changes.compare_wirings``, ``sizes.change_components``, ``topology``.

What chance alone gives: ``exact`` (DEEP R), ``soft`` (soft DEEP R), ``diffusion`` (synaptic sampling), ``posterior``
(with energies), ``wiring_laws`` (any of them). What brains do: ``biology``.
"""
