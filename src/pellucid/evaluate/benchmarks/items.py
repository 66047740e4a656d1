"""A benchmark from a reader: its clips by name, or what is missing of the set."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from pellucid.clip import Clip, InputError
from pellucid.data.frames import MissingFiles
from pellucid.data.sequences import Sequence
from pellucid.evaluate.cut import frames_of, read_cut
from pellucid.evaluate.protocol import Benchmark, Item, Protocol
from pellucid.store import atomic

SHOWN = 3  # of the files that are missing
MISSING = "missing.txt"  # all of them

# Of the folder and the split only the first so many sequences, which alone must be whole.
Find = Callable[[Path, str | None, int | None], list[Sequence]]
Read = Callable[[Sequence, int, int], Clip]


class IncompleteSet(InputError):
    """A set lacks files. The line names the first of them and where to get the set, `files` has them all."""

    def __init__(self, what: str, files: list[str], source: str, listed: str = "") -> None:
        self._what, self.files, self._source = what, files, source
        rest = f" and {len(files) - SHOWN} more{listed}" if len(files) > SHOWN else ""
        super().__init__(f"{what} lacks {', '.join(files[:SHOWN])}{rest}; {source}")

    def listed(self, out: Path) -> "IncompleteSet":
        """The same error after writing all the files to missing.txt in that folder, if the line has no room for them.

        Raises InputError when that cannot be written.
        """
        if len(self.files) <= SHOWN:
            return self
        path = out / MISSING
        with atomic(path) as temporary:
            temporary.write_text("\n".join(self.files) + "\n", encoding="utf-8")
        return IncompleteSet(self._what, self.files, self._source, f", listed in {path}")


def benchmark(
    name: str,
    title: str,
    reader: tuple[Find, Read],
    protocols: dict[str, Protocol],
    *,
    url: str,
    licence: str,
    masks: str = "none",
) -> Benchmark:
    """The benchmark whose clips a reader finds and reads.

    Its `find` raises IncompleteSet that names what is missing of the clips asked for, where to get the set and under
    which licence, or InputError that says that fewer clips are there than the protocol asks for.
    """
    find, read = reader

    def items(root: Path, protocol: Protocol) -> list[Item]:
        source = f"where to get it: {url}; licence: {licence}"
        if not root.is_dir():
            raise InputError(f"{root}: no such folder; --data takes the folder of {name}; {source}")
        try:
            # Which clips are long enough is known only when all have been looked at.
            sequences = find(root, protocol.split, protocol.clips if protocol.min_frames == 1 else None)
        except MissingFiles as error:
            raise IncompleteSet(f"{root}: {name}", [str(p.relative_to(root)) for p in error.paths], source) from error
        except InputError as error:
            raise InputError(f"{error}; {source}") from error
        long = [s for s in sequences if len(frames_of(protocol, s.num_frames)) >= protocol.min_frames]
        wanted = 1 if protocol.clips is None else protocol.clips
        if len(long) < wanted:
            raise InputError(
                f"{root}: holds {len(long)} clips of {name} with at least {protocol.min_frames} frames; the protocol "
                f"asks for {wanted}; score fewer with --clips or complete the set; {source}"
            )
        return [
            Item(name=s.name, read=partial(read_cut, read, s, protocol), left_out=s.left_out)
            for s in long[: protocol.clips]
        ]

    return Benchmark(name=name, title=title, protocols=protocols, find=items, masks=masks, url=url, licence=licence)
