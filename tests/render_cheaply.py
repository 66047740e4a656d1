"""A driver to kill: python render_cheaply.py OUT SCENES WORKERS|ADDRESS FUNCTION; 0 workers is this process itself."""

import functools
import itertools
import sys
from pathlib import Path

import cheap_scenes
from pellucid.synth.cluster import LocalPool, RayPool
from pellucid.synth.job import Goal, render_all
from pellucid.synth.ledger import Ledger
from pellucid.synth.status import Status
from pellucid.synth.tasks import run_task


class Here:
    """A pool without workers: tasks run when their outcomes are asked for."""

    def __init__(self, run) -> None:
        self._run, self._waiting = run, []

    def places(self) -> int:
        return 1

    def room(self) -> int:
        return 2

    def submit(self, seed: int) -> None:
        self._waiting.append(seed)

    def ended(self, seconds: float):
        assert seconds > 0
        return [self._run(self._waiting.pop())]  # the later first

    def close(self) -> None:
        self._waiting.clear()


def make_pool(run, where: int | str):
    if isinstance(where, str):
        return RayPool(run, where, cpus=1)
    return LocalPool(run, where) if where else Here(run)


def render(out: Path, scenes: int, where: int | str, fill, first: int = 0) -> Ledger:
    """Renders cheap scenes from seed `first` on; the ledger, closed."""
    ledger = Ledger(out, {"seed": first, "frames": 1})
    try:
        run = functools.partial(run_task, fill, out)
        pool = make_pool(run, where)
        status = Status(out, scenes, price=3.6)
        try:
            ledger.adopt(range(first, first + 200))
            render_all(Goal(scenes=scenes, attempts=2), itertools.count(first), pool, ledger, status)
        finally:
            pool.close()
            status.show(ledger, 0, 1, last=True)
    finally:
        ledger.close()
    return ledger


if __name__ == "__main__":
    where = int(sys.argv[3]) if sys.argv[3].isdecimal() else sys.argv[3]
    render(Path(sys.argv[1]), int(sys.argv[2]), where, getattr(cheap_scenes, sys.argv[4]))
