"""What is told to the user: sentences and bars on the error stream, so that standard output stays for results."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

Item = TypeVar("Item")

BAR_DELAY = 2.0  # seconds of work before a bar shows


def say(sentence: object) -> None:
    """One line on the error stream, above any bar."""
    tqdm.write(str(sentence), file=sys.stderr)


def complain(error: Exception) -> None:
    """An error as one line."""
    say(f"pellucid: error: {' '.join(str(error).split())}")


def bar(total: int, what: str, unit: str, done: int = 0) -> tqdm:
    """A progress bar with the time left, for work of more than two seconds; quieter where nobody watches."""
    return tqdm(
        total=total, initial=done, desc=what, unit=unit, unit_scale=unit == "B", delay=BAR_DELAY, leave=False,
        mininterval=0.2 if sys.stderr.isatty() else 10.0, file=sys.stderr, dynamic_ncols=True,
    )  # fmt: skip


def watched(items: Iterable[Item], total: int, what: str, unit: str) -> Iterator[Item]:
    """The items, under a bar."""
    with bar(total, what, unit) as progress:
        for item in items:
            yield item
            progress.update()
