"""The loop over seeds: keeps the workers busy until so many scenes are there, whatever happens to some of them."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pellucid.clip import InputError
from pellucid.synth.cluster import Pool
from pellucid.synth.ledger import Ledger
from pellucid.synth.status import Status

FAILURES_IN_A_ROW = 5  # seeds given up one after the other, without a scene between: it is not the scenes
REJECTIONS_IN_A_ROW = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """How many scenes, and how often a scene may crash before it is given up."""

    scenes: int
    attempts: int = 3


def render_all(goal: Goal, seeds: Iterator[int], pool: Pool, ledger: Ledger, status: Status) -> None:
    """Runs tasks until `goal.scenes` are done: the first that can be, in the order of the seeds, however many workers
    there are and however often it is killed, because no more are ever under way than are still missing.

    Raises InputError when something that the user must mend stops it, such as a full disk.
    """
    again: deque[int] = deque()
    attempts: Counter[int] = Counter()
    under_way: set[int] = set()
    failures = rejections = 0
    while (done := ledger.count("done")) < goal.scenes:
        while len(under_way) < min(pool.room(), goal.scenes - done):
            seed = again.popleft() if again else next((seed for seed in seeds if seed not in ledger.outcomes), None)
            if seed is None:
                break
            attempts[seed] += 1
            under_way.add(seed)
            pool.submit(seed)
        if not under_way:
            raise InputError(f"{done} of {goal.scenes} scenes can be made: there are no more seeds to try")
        for outcome in pool.ended(1.0):
            under_way.remove(outcome.seed)
            if outcome.state == "stop":
                raise InputError(outcome.reason)
            if outcome.state == "failed" and attempts[outcome.seed] < goal.attempts:
                status.note(f"scene {outcome.seed}: {outcome.reason}; tried again")
                again.append(outcome.seed)
                continue
            if outcome.state == "failed":
                times = f"given up after {attempts[outcome.seed]} attempts"
                outcome = replace(outcome, reason=f"{outcome.reason}; {times}")
            ledger.add(outcome)
            if outcome.state != "done":
                status.note(f"scene {outcome.seed} {outcome.state}: {outcome.reason}")
            failures = failures + 1 if outcome.state == "failed" else 0 if outcome.state == "done" else failures
            rejections = rejections + 1 if outcome.state == "rejected" else 0
            if failures >= FAILURES_IN_A_ROW or rejections >= REJECTIONS_IN_A_ROW:
                count = max(failures, rejections)
                raise InputError(f"{count} scenes in a row were {outcome.state}, the last because: {outcome.reason}")
        status.show(ledger, len(under_way), pool.places())
