"""`pellucid render` as a user has it: refusals in one line, and a real scene from a seed to the training set."""

import json
import shutil
from collections import namedtuple
from pathlib import Path

import cv2
import numpy as np
import pytest

from pellucid import cli
from pellucid.data.behind import read_behind
from pellucid.data.sequences import find_sequences, read_sequence
from pellucid.data.sets import find_data, read_clip
from pellucid.store import damaged_files
from pellucid.synth import SceneSpec
from pellucid.synth.contact_sheet import ACROSS, GAP, WIDTH, save_contact_sheet
from pellucid.synth.ledger import MANIFEST
from pellucid.synth.request import RenderRequest
from pellucid.synth.run import seeds_of
from pellucid.synth.sampling import TEST_SEEDS
from test_rendered_scenes import save_scene

SMALL = ["--frames", "2", "--resolution", "48x80", "--samples", "1", "--threads", "1", "--device", "cpu"]


def refused(capsys, *arguments: str) -> str:
    assert cli.main(["render", *arguments]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("pellucid: error: ")
    return line


def test_the_seeds_of_the_test_set_are_for_it_alone(tmp_path):
    of_test = RenderRequest(out=tmp_path, scenes=28, split="test")
    assert list(seeds_of(of_test)) == list(TEST_SEEDS)
    seeds = seeds_of(RenderRequest(out=tmp_path, scenes=3, seed=TEST_SEEDS[0] - 1))
    assert [next(seeds) for _ in range(3)] == [TEST_SEEDS[0] - 1, TEST_SEEDS[0] + 1, TEST_SEEDS[0] + 2]


def test_a_disk_without_room_is_refused_before_anything_is_made(tmp_path, monkeypatch, capsys):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9 - 10**6, 10**6))
    assert "1 MB are free, the scenes under way need up to 240 MB" in refused(
        capsys, "--out", str(tmp_path / "a"), "--scenes", "2", "--workers", "2"
    )
    assert list(tmp_path.iterdir()) == []


def test_an_asset_that_cannot_be_read_is_named_and_nothing_is_made(tmp_path, blender, capsys):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/broken.glb").write_bytes(b"glTF and then nothing")
    arguments = ["--out", str(tmp_path / "a"), "--scenes", "1", "--assets", str(tmp_path / "assets")]
    assert "broken.glb" in refused(capsys, *arguments, "--blender", blender[-1])
    assert not (tmp_path / "a").exists()


def test_hdris_are_a_folder_that_holds_some(tmp_path, capsys):
    assert "holds no .exr or .hdr file" in refused(
        capsys, "--out", str(tmp_path / "a"), "--scenes", "1", "--hdris", str(tmp_path)
    )


@pytest.mark.parametrize("count", [1, 3])
def test_a_contact_sheet_shows_every_scene(tmp_path, count):
    for seed in range(count):
        save_scene(tmp_path, seed, frames=3)
    page = cv2.imread(str(save_contact_sheet(tmp_path)))
    one_wide, one_high = 4 * (WIDTH + GAP // 2), 180
    across, down = min(count, ACROSS), -(-count // ACROSS)
    assert page.shape[:2] == (down * (one_high + GAP) - GAP, across * (one_wide + GAP) - GAP)
    row = page[:one_high, : one_wide - GAP]
    pictures = [row[:, i * (WIDTH + GAP // 2) :][:, :WIDTH] for i in range(4)]
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert all(picture.std() > 10 for picture in pictures)


CRASHING = """#!/bin/sh
# Dies at the first scene, as Blender does now and then.
case "$*" in *"blender_render.py /"*)
    if [ ! -e "{mark}" ]; then touch "{mark}"; kill -SEGV $$; fi;;
esac
exec "{python}" "$@"
"""


@pytest.fixture(autouse=True)
def _blender_is_chosen_by_option(monkeypatch):
    monkeypatch.delenv("PELLUCID_BLENDER", raising=False)


@pytest.mark.slow
def test_a_scene_from_a_seed_to_the_training_set_though_blender_crashes_once(tmp_path, blender, capsys):
    program = tmp_path / "python"
    program.write_text(CRASHING.format(mark=tmp_path / "mark", python=blender[-1]))
    program.chmod(0o755)
    out, tars = tmp_path / "scenes", tmp_path / "tars"
    arguments = ["render", "--out", str(out), "--scenes", "1", "--seed", "2", *SMALL, "--blender", str(program)]
    assert cli.main([*arguments, "--contact-sheet", "--tars", str(tars)]) == 0
    told = capsys.readouterr()
    assert "Blender ended with status -11" in told.err
    assert "tried again" in told.err
    made = [Path(line) for line in told.out.splitlines()]
    assert made[:2] == [out, out / "contact_sheet.png"]
    (sequence,) = find_sequences([out])
    assert damaged_files(sequence.path) == []
    spec = SceneSpec.from_json((sequence.path / "spec.json").read_text())
    assert (spec.seed, spec.frames, spec.resolution, spec.settled) == (sequence.seed, 2, (48, 80), True)
    clip = read_sequence(sequence)
    assert clip.rgb.shape == (2, 48, 80, 3)
    assert np.isfinite(clip.depth).mean() > 0.5
    behind, _ = read_behind(sequence)
    opaque = ~clip.transparent
    np.testing.assert_array_equal(behind[opaque], clip.depth[opaque])
    both = np.isfinite(behind) & np.isfinite(clip.depth)
    assert (behind[both] >= clip.depth[both] - 2e-4).all()  # nothing behind is nearer
    (tarred,) = find_data([tars], "all")
    np.testing.assert_array_equal(read_clip(tarred, 0, 2).rgb, clip.rgb)
    # Given again, nothing is done again.
    before = {path: path.stat().st_mtime_ns for path in sequence.path.iterdir()}
    lines = (out / MANIFEST).read_text()
    assert cli.main(arguments) == 0
    assert {path: path.stat().st_mtime_ns for path in sequence.path.iterdir()} == before
    assert (out / MANIFEST).read_text() == lines
    assert json.loads(lines.splitlines()[-1])["state"] == "done"
    assert "rendered with samples 1, not 2" in refused(capsys, *arguments[1:], "--samples", "2")


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="a GPU may be there")
def test_a_gpu_that_is_demanded_and_absent_is_one_line(tmp_path, blender, capsys):
    arguments = ["--out", str(tmp_path / "a"), "--scenes", "1", "--seed", "0", *SMALL, "--blender", blender[-1]]
    assert "no cuda device here" in refused(capsys, *arguments, "--device", "cuda")
    assert not (tmp_path / "a").exists()
