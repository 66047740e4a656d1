"""What a user asks of `render`, checked as far as it can be without looking at a file."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from pellucid.clip import InputError
from pellucid.synth.process import Device
from pellucid.synth.sampling import TEST_SEEDS
from pellucid.synth.spec import ORBIT_FRAMES, Layout, Split

SMALLEST_SIDE = 16  # pixels


@dataclass(frozen=True, kw_only=True)
class RenderRequest:
    """Render scenes of glass, metal and plastic with true depth, normals and masks: one folder each in DIR.

    The same command again goes on where a killed one stopped; with more scenes it adds them.
    """

    out: Annotated[Path, tyro.conf.arg(metavar="DIR")]
    """Folder for the scenes, s00000 and so on by their seeds, with manifest.jsonl and status.json."""
    scenes: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Scenes to have in the end. Without it nothing is rendered, for --contact-sheet and --tars alone."""
    seed: Annotated[int | None, tyro.conf.arg(metavar="S")] = None
    """First seed to try, 0 by default; those whose scene is rejected are passed over."""
    frames: Annotated[int, tyro.conf.arg(metavar="N")] = ORBIT_FRAMES
    """Frames of each scene."""
    resolution: Annotated[str, tyro.conf.arg(metavar="HxW")] = "480x832"
    """Height and width of the frames."""
    samples: Annotated[int, tyro.conf.arg(metavar="N")] = 16
    """Light paths per pixel, before the denoiser."""
    split: Split = "train"
    """test is the held-out set: its own 28 seeds, of shapes and materials that train never has."""
    layout: Layout = "heap"
    """heap: four to twelve things let fall together in one of several surroundings; apart: three that stand or lie by
    themselves on a table top, as a robot's camera sees them; room: two to six that stand by themselves before a wall,
    as in photographs; row: clear bottles and glasses side by side before one; people, wide, street: people and robots
    near, seen whole, behind a table that the picture cuts; close, near: planes that fill the picture. All but heaps
    are of train alone."""
    workers: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Scenes at once on this machine; 1 by default."""
    ray: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """Render on a Ray cluster instead: HOST:PORT, auto, or local to start one here."""
    device: Device = "auto"
    """auto (a GPU where there is one); a named one must be there. On Ray, optix and cuda reserve a GPU per scene."""
    threads: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Processor threads of each worker; by default the machine's shared out, on Ray 2."""
    assets: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder of .glb, .obj or .blend models to use among the procedural ones."""
    hdris: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder of .exr or .hdr surroundings to use among Blender's own."""
    blender: Annotated[str | None, tyro.conf.arg(metavar="FILE")] = None
    """Blender, or a Python that has bpy; by default one that is found, or a private environment, made on first use."""
    attempts: Annotated[int, tyro.conf.arg(metavar="N")] = 3
    """How often a scene may crash before it is given up."""
    price: Annotated[float | None, tyro.conf.arg(metavar="P")] = None
    """Price of one worker for an hour, for the cost in the status."""
    contact_sheet: bool = False
    """Afterwards, put a page of the scenes (colour, depth, normals, masks) into DIR/contact_sheet.png."""
    tars: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Afterwards, export the scenes there as WebDataset tars in the layout of the released TransPhy3D."""

    def __post_init__(self) -> None:
        if self.layout != "heap" and (self.split == "test" or self.assets or self.hdris):
            raise InputError(f"--layout {self.layout}: is for --split train, without --assets and --hdris")
        if self.scenes is None and not self.contact_sheet and self.tars is None:
            raise InputError("nothing to do; give --scenes N, --contact-sheet or --tars DIR")
        if self.workers is not None and self.ray is not None:
            raise InputError("--workers and --ray both say where to render; give one")
        for name, value in vars(self).items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                least = 0 if name in ("seed", "price") else 1
                if value < least:
                    raise InputError(f"--{name} {value}: must be at least {least}")
        if self.frames > ORBIT_FRAMES:
            raise InputError(f"--frames {self.frames}: the camera's path has {ORBIT_FRAMES}")
        if min(self.size) < SMALLEST_SIDE:
            raise InputError(f"--resolution {self.resolution}: each side must be at least {SMALLEST_SIDE}")
        if self.split == "test" and self.seed is not None:
            raise InputError("--seed: the test set has its own seeds; leave it out")
        if self.split == "test" and (self.scenes or 0) > len(TEST_SEEDS):
            raise InputError(f"--scenes {self.scenes}: the test set has {len(TEST_SEEDS)}")
        if self.ray == "":
            raise InputError("--ray: give HOST:PORT, auto or local")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width). Raises InputError when it is not HxW."""
        found = re.fullmatch(r"(\d{1,5})[xX×](\d{1,5})", self.resolution.strip())
        if not found:
            raise InputError(f"--resolution {self.resolution}: must be HEIGHTxWIDTH in pixels, such as 480x832")
        return int(found[1]), int(found[2])
