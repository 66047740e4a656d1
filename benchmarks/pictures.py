"""A sheet of pictures: the middle frame of each input and what each model says of it, one row each.

`python benchmarks/pictures.py examples/sample.mp4 --out docs/images/first_light.png` made the picture in the README.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from pellucid import GeometryPipeline
from pellucid.video import open_source, stream
from pellucid.visualize import colorize_disparity, colorize_normals

CLIP = 13  # frames around the middle one


def row(path: Path, models: list[GeometryPipeline], height: int) -> np.ndarray:
    """Source, then what each model says, side by side."""
    source = open_source(path)
    middle = source.num_frames // 2
    start = max(0, min(middle - CLIP // 2, source.num_frames - CLIP))
    rgb = np.concatenate(list(stream(source, start=start, stop=min(start + CLIP, source.num_frames))))
    at = middle - start
    pictures = [rgb[at]]
    for model in models:
        out = model(rgb)
        if out.normals is not None:
            pictures.append(colorize_normals(out.normals)[at])
        else:
            low, high = (float(v) for v in np.quantile(out.disparity, [0.01, 0.99]))
            pictures.append(colorize_disparity(out.disparity, low, high)[at])
    width = round(height * rgb.shape[2] / rgb.shape[1])
    return np.concatenate([cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA) for p in pictures], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--models", nargs="+", default=["nano"])
    parser.add_argument("--height", type=int, default=240)
    options = parser.parse_args()

    models = [GeometryPipeline.from_pretrained(name) for name in options.models]
    rows = [row(path, models, options.height) for path in options.inputs]
    width = max(r.shape[1] for r in rows)
    sheet = np.concatenate([np.pad(r, ((0, 0), (0, width - r.shape[1]), (0, 0))) for r in rows])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(options.out), sheet[..., ::-1])


if __name__ == "__main__":
    main()
