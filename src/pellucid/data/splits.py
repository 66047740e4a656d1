"""Which files make up a set or its split, where nothing in the set itself tells: facts of `assets/splits.json`.

Of each set there are lines of a group, such as a scene, and of numbers in it, in the order of the list that `source`
names; `first:last` stands for these and all between.
"""

import json
from functools import cache
from importlib.resources import files


@cache
def listed(name: str) -> tuple[tuple[str, int], ...]:
    """Group and number of each file of a set or split, in the order of its list."""
    lines = json.loads(files("pellucid").joinpath("assets/splits.json").read_text(encoding="utf-8"))[name]["files"]
    return tuple((group, n) for group, *runs in map(str.split, lines) for run in runs for n in _numbers(run))


def grouped(name: str) -> dict[str, list[int]]:
    """The same, with all the numbers of a group together."""
    groups: dict[str, list[int]] = {}
    for group, number in listed(name):
        groups.setdefault(group, []).append(number)
    return groups


def _numbers(run: str) -> range:
    first, _, last = run.partition(":")
    return range(int(first), int(last or first) + 1)
