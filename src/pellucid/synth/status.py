"""How far a job is: a bar for who watches, `status.json` for who looks in later."""

import sys
import time
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from pellucid.store import write_json
from pellucid.synth.ledger import STATUS, Ledger

EVERY = 5.0  # seconds between two writings of the file
QUICK, QUIET = 1.0, 60.0  # seconds between two bars, where somebody watches and where not


class Status:
    """Shows and writes how a job goes. `price` is of one worker for an hour, in any currency; None leaves cost out."""

    def __init__(self, out: Path, scenes: int, price: float | None) -> None:
        self._path, self._scenes, self._price = out / STATUS, scenes, price
        self._written, self._shown = 0.0, time.monotonic()
        self._bar = tqdm(
            total=scenes, desc="rendering", file=sys.stderr, delay=1e9, leave=False, dynamic_ncols=True,
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {n}/{total} scenes [{elapsed}{postfix}]",
        )  # fmt: skip

    def note(self, sentence: str) -> None:
        """One line above the bar."""
        tqdm.write(f"  {sentence}", file=sys.stderr)

    def show(self, ledger: Ledger, running: int, workers: int, *, last: bool = False) -> None:
        """Brings the bar, and every five seconds (and the `last` time) the file, up to date."""
        now = self.facts(ledger, running, workers)
        clock = time.monotonic()
        if last or clock - self._written > EVERY:
            self._written = clock
            write_json(self._path, now)
        if not last and clock - self._shown > (QUICK if sys.stderr.isatty() else QUIET):
            self._shown = clock
            self._bar.n = now["done"]
            self._bar.set_postfix_str(sentence(now))
        if last:
            self._bar.close()

    def facts(self, ledger: Ledger, running: int, workers: int) -> dict:
        """What is known: seconds of work per scene include those of rejected and failed ones; null where unknown."""
        done, seconds = ledger.count("done"), ledger.seconds
        each = seconds / done if done and seconds else None
        missing = max(0, self._scenes - done)
        price = None if self._price is None else self._price / 3600
        return {
            "scenes": self._scenes,
            "done": done,
            "rejected": ledger.count("rejected"),
            "failed": ledger.count("failed"),
            "running": running,
            "workers": workers,
            "devices": Counter(outcome.device for outcome in ledger.outcomes.values() if outcome.device),
            "bytes": sum(outcome.bytes for outcome in ledger.outcomes.values()),
            "worker_seconds": round(seconds, 1),
            "worker_seconds_per_scene": each and round(each, 1),
            "scenes_per_hour": each and round(3600 * workers / each, 2),
            "seconds_left": each and round(missing * each / workers),
            "cost": price and round(seconds * price, 4),
            "cost_left": price and each and round(missing * each * price, 4),
            "updated": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }


def sentence(now: dict) -> str:
    """The facts as a bar says them."""
    parts = []
    if now["seconds_left"] is not None:
        parts.append(f"{tqdm.format_interval(now['seconds_left'])} left")
        parts.append(f"{now['scenes_per_hour']:g} scenes/h on {now['workers']} workers")
    parts += [f"{now[state]} {state}" for state in ("rejected", "failed") if now[state]]
    if now["cost"] is not None:
        parts.append(f"cost {now['cost']:.2f}")
    return ", ".join(parts)
