"""Code of a group that costs nothing while a shared variable is 0."""

from __future__ import annotations

from typing import Any

from brian2.core.names import find_name
from brian2.groups.group import CodeRunner

from synaptic_sampling.brian.internals import surgery
from synaptic_sampling.brian.standalone import program

__all__ = ["SwitchedCode", "run_while"]


class SwitchedCode(CodeRunner):
    """Code that is run in each step of a clock while a shared variable is not 0."""

    def __init__(self, group: Any, code: str, switch: Any, **options: Any) -> None:
        if program.is_standalone():
            context = {"switch": program.name_of(switch)}
            options |= {"template_kwds": context, "codeobj_class": program.RewiringCode}
        super().__init__(group, "switched" if program.is_standalone() else "stateupdate", code=code, **options)
        self._switch = switch

    def run(self) -> None:
        """Run the code if it is switched on; called by Brian2 in runtime mode."""
        if self._switch.get_value()[0]:
            super().run()


def run_while(
    group: Any, code: str, switch: str, *, dt: Any = None, clock: Any = None, when: str = "start", order: int = 0
) -> SwitchedCode:
    """Run code for all elements of a group regularly, but only while a shared variable of the group is not 0.

    While it is 0, not even a loop over the elements takes place, unlike with ``run_regularly`` and code that has no
    effect then.

    Parameters
    ----------
    group : Group
        A NeuronGroup or Synapses.
    code : str
        As for ``group.run_regularly``.
    switch : str
        Name of a shared variable of the model, such as ``needed : boolean (shared)``.
    dt, clock, when, order
        As for ``group.run_regularly``.

    Returns
    -------
    SwitchedCode
        The object that Brian2 runs; it belongs to the group.

    Raises
    ------
    TypeError, ValueError
        If the group has no shared variable of this name that can be set.
    """
    if not isinstance(switch, str):
        raise TypeError(f"switch must be the name of a shared variable, got {switch!r}.")
    variable = surgery.shared_variable(group, switch)
    if variable is None:
        raise ValueError(
            f"switch must name a shared variable of '{group.name}' that can be set, got {switch!r}; add the line "
            f"'{switch} : boolean (shared)' to its model."
        )
    if dt is None and clock is None:
        clock = group.clock
    options = {"dt": dt, "clock": clock, "when": when, "order": order}
    name = find_name(f"{group.name}_run_while*", [each.name for each in group.contained_objects])
    runner = SwitchedCode(group, code, variable, name=name, **options)
    group.contained_objects.append(runner)
    return runner
