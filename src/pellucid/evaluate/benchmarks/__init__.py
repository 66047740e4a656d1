"""Every benchmark by name: the sets of the papers' tables, our own rendered scenes, and your own frames."""

from pellucid.evaluate.benchmarks.rendered import RENDERED
from pellucid.evaluate.benchmarks.stills import STILLS
from pellucid.evaluate.benchmarks.tabletop import TABLETOP
from pellucid.evaluate.benchmarks.videos import VIDEOS

BENCHMARKS = {b.name: b for b in (*TABLETOP, *VIDEOS, *STILLS, *RENDERED)}
