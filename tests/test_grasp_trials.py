"""The `grasp` command: trials that repeat, resume and compare; the table, the curve and the film."""

import json
from dataclasses import replace
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from pellucid.align import Completer, complete_depth
from pellucid.cli import main
from pellucid.clip import InputError, Prediction
from pellucid.grasp.arena import Arena
from pellucid.grasp.chart import curve_chart
from pellucid.grasp.disturbance import CURVE, Disturbance
from pellucid.grasp.estimates import identity
from pellucid.grasp.film import AFTER, BEFORE
from pellucid.grasp.journal import Journal
from pellucid.grasp.methods import ORACLE, RAW, Method
from pellucid.grasp.metric import completed, metric_depth, table_depth
from pellucid.grasp.observe import observe, scene_camera
from pellucid.grasp.panels import BAD, BAR, GOOD, HEIGHT, PAPER, SIDE, colored, page_size
from pellucid.grasp.pictures import SIZE, picture_path
from pellucid.grasp.report import save_report, tally
from pellucid.grasp.request import GraspRequest
from pellucid.grasp.run import run_grasps
from pellucid.grasp.scenes import CELLS, grasp_scene, target_of
from pellucid.grasp.trials import Job, Row, run_job
from pellucid.video import open_source, stream
from pellucid.visualize import colorize_disparity

GLASS, WOOD = CELLS[0], CELLS[2]
SAMPLES = 8
FARTHEST_CODE = 4.0  # 1/m that 65535 stands for


class Decoder:
    """An estimator that reads the inverse depth which `encoded` hid in a picture, up to a scale and a shift."""

    def __init__(self, version: int = 1) -> None:
        self.version, self.asked = version, 0

    def __call__(self, rgb):
        self.asked += 1
        code = rgb[..., 0].astype(np.float32) * 256 + rgb[..., 1]
        return Prediction(quantity="disparity", invariance="affine", values=3 * code / 65535 + 1)

    def receipt(self):
        return {"version": self.version, "seconds": self.asked}


def encoded(folder, spec) -> None:
    """Writes a picture of a scene as the renderer would, but with the truth in its colours."""
    camera = scene_camera(spec, SIZE)
    depth, _, _ = Arena(spec).seen(camera.T_world_camera[:3, 3], camera.rays(), (0, 1))
    code = np.rint(np.clip(1 / depth.reshape(SIZE) / FARTHEST_CODE, 0, 1) * 65535).astype(np.uint16)
    bgr = np.stack([np.zeros_like(code), code % 256, code // 256], -1).astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(picture_path(folder, spec, SAMPLES)), bgr)


def job(tmp_path, cell, seed, *methods) -> Job:
    return Job(
        cell=cell, seed=seed, methods=methods, planner="geometry", checkpoint=None, pictures=tmp_path / "pictures",
        estimates=tmp_path / "estimates", samples=SAMPLES, completer=by_rules,
    )  # fmt: skip


def by_rules(_: str) -> Completer:
    return lambda _rgb, model, sensor, _focal: complete_depth(model, sensor)


def row(method: str, seed: int, outcome: str, **more) -> Row:
    fields = {
        "identity": "", "cell": WOOD.name, "planner": "geometry", "target": "box", "material": "diffuse", "width": 0.05,
        "score": 1.0, "known": 1.0, "error_mm": 2.0, "bias_mm": -1.0, "state": "0", **more,
    }  # fmt: skip
    return Row(method=method, seed=seed, outcome=outcome, **fields)


def test_a_job_gives_the_same_rows_whatever_ran_before(tmp_path):
    alone = run_job(job(tmp_path, WOOD, 3, RAW))
    both = run_job(job(tmp_path, WOOD, 3, ORACLE, RAW))
    assert both[1:] == alone
    assert both[0].error_mm == 0 and both[0].known == 1
    assert both[0].target == target_of(grasp_scene(3, WOOD)).family and both[0].material == "diffuse"


def test_an_estimate_becomes_metric_by_the_table():
    spec = grasp_scene(4, GLASS)
    arena = Arena(spec)
    seen = observe(arena, scene_camera(spec))
    inverse = (1 / seen.truth)[None]
    disparity = Prediction(quantity="disparity", invariance="affine", values=(7 * inverse - 2).astype(np.float32))
    exact = metric_depth(disparity, seen.camera)
    near = seen.truth < 2
    assert np.abs(exact - seen.truth)[near].max() < 1e-3
    scaled = Prediction(quantity="depth", invariance="scale", values=5 * seen.truth[None])
    assert np.abs(metric_depth(scaled, seen.camera) - seen.truth)[near].max() < 1e-3
    metres = Prediction(quantity="depth", invariance="none", values=seen.truth[None])
    assert np.array_equal(metric_depth(metres, seen.camera), seen.truth)
    whole = completed(disparity, seen.shaded, seen.raw, seen.camera, by_rules("")).depth
    on_objects = np.isin(seen.labels, [1, 2, 3])
    worst = [np.median(abs(np.nan_to_num(depth, nan=9.0) - seen.truth)[on_objects]) for depth in (whole, seen.raw)]
    assert worst[0] < 0.01 < worst[1]
    upside_down = -1 / table_depth(seen.camera)[None]  # no positive scale makes a table of it
    wild = Prediction(quantity="disparity", invariance="affine", values=upside_down.astype(np.float32))
    assert np.isnan(metric_depth(wild, seen.camera)).all()
    alone = completed(wild, seen.shaded, seen.raw, seen.camera, by_rules("")).depth
    assert np.array_equal(alone, seen.raw, equal_nan=True)
    with pytest.raises(InputError, match="normals"):
        metric_depth(Prediction(quantity="normals", invariance="none", values=np.zeros((1, 4, 4, 3))), seen.camera)
    assert np.isfinite(table_depth(seen.camera)).all()


def test_an_estimator_runs_once_for_each_scene_and_again_when_it_changes(tmp_path):
    for seed in (0, 1):
        encoded(tmp_path / "pictures", grasp_scene(seed, GLASS))
    request = GraspRequest(out=tmp_path, estimator=("mine",), trials=2, cells=(GLASS.name,), workers=1)
    first = Decoder()
    report = run_grasps(request, lambda _: first, by_rules)[0].read_text()
    assert first.asked == 2 and "| RAW + mine |" in report and "| mine |" in report
    lines = (tmp_path / "trials.jsonl").read_text().splitlines()
    assert len(lines) == 8
    of = {(found["method"], found["seed"]): found for found in map(json.loads, lines)}
    assert of["mine", 0]["identity"] == identity(first) and of["RAW", 0]["identity"] == ""
    assert of["mine", 0]["error_mm"] < 2 < of["RAW", 0]["error_mm"]
    same = Decoder()
    run_grasps(request, lambda _: same, by_rules)
    assert same.asked == 0 and (tmp_path / "trials.jsonl").read_text().splitlines() == lines
    newer = Decoder(version=2)
    assert identity(newer) != identity(first)
    run_grasps(request, lambda _: newer, by_rules)
    assert newer.asked == 2 and len((tmp_path / "trials.jsonl").read_text().splitlines()) == 12


def test_a_torn_line_is_tried_again_and_other_settings_are_refused(tmp_path):
    command = ["grasp", "--trials", "2", "--cells", WOOD.name, "--workers", "1", "--out", str(tmp_path)]
    assert main(command) == 0
    path = tmp_path / "trials.jsonl"
    whole = path.read_text()
    path.write_text(whole[:-40])  # as a kill leaves it
    assert main(command) == 0
    assert sorted(path.read_text().splitlines()) == sorted(whole.splitlines())
    settings = json.loads((tmp_path / "grasp.json").read_text())
    (tmp_path / "grasp.json").write_text(json.dumps(settings | {"mujoco": "3.0"}))
    with pytest.raises(InputError, match=r"mujoco 3\.0"):
        Journal(tmp_path, settings)
    held = Journal(tmp_path / "other", settings)
    with pytest.raises(InputError):
        Journal(tmp_path / "other", settings)
    held.close()


@pytest.mark.slow
def test_workers_give_what_one_process_gives(tmp_path):
    rows = []
    for workers in ("1", "2"):
        out = tmp_path / workers
        assert main(["grasp", "--trials", "2", "--cells", GLASS.name, "--workers", workers, "--out", str(out)]) == 0
        rows.append(sorted((out / "trials.jsonl").read_text().splitlines()))
    assert rows[0] == rows[1] and len(rows[0]) == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--trials", "0"], "--trials 0"),
        (["--cells", "glass"], "translucent-on-diffuse"),
        (["--planner", "anygrasp"], "anygrasp_sdk"),
        (["--checkpoint", "weights.tar"], "geometry"),
        (["--estimator", "nano", "nano"], "twice"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(words, told, tmp_path, capsys):
    assert main(["grasp", "--out", str(tmp_path / "out"), *words]) == 2
    said = capsys.readouterr().err.strip()
    assert told in said and "\n" not in said
    assert not (tmp_path / "out").exists()


def test_a_tally_counts_pairs_with_raw_on_the_same_scenes():
    raw = [row("RAW", s, o) for s, o in enumerate(("success", "missed", "missed", "collision", "slipped"))]
    ours = [row("x", s, o) for s, o in enumerate(("missed", "success", "success", "success", "success"))]
    found = tally(ours, raw)
    assert (found.trials, found.successes) == (5, 4)
    assert found.versus_raw == pytest.approx(2 * (1 + 5) / 2**5)  # four gained, one lost
    assert found.outcomes == {"missed": 1, "success": 4} and found.shown().startswith("0.80 [")
    elsewhere = tally([row("x", 99, "success", error_mm=None)], raw)
    assert elsewhere.versus_raw is None and elsewhere.error_mm is None


def test_more_error_costs_more_grasps(tmp_path):
    worst = [Method(source="oracle", disturbance=Disturbance(kind="noise", amount=a)) for a in (0.5, 60)]
    rows = [found for seed in range(4) for found in run_job(job(tmp_path, WOOD, seed, ORACLE, *worst))]
    wins = {name: sum(r.outcome == "success" for r in rows if r.method == name) for name in {r.method for r in rows}}
    assert wins["oracle"] >= 3 and wins["noise 0.5 mm"] >= 3 and wins["noise 60 mm"] <= 1
    assert len(CURVE) == 14


def test_a_chart_has_a_point_for_each_amount():
    points = {
        "bias": [(-5.0, 0.5, 0.4, 0.6), (0.0, 1.0, 0.9, 1.0)],
        "blur": [(0.0, 1.0, 0.9, 1.0), (8.0, 0.0, 0.0, 0.1)],
    }
    root = ElementTree.fromstring(curve_chart(points))
    dots = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in root.iter("{http://www.w3.org/2000/svg}circle")]
    heights = [y for _, y in dots]
    assert len(dots) == 4 and dots[0][0] < dots[1][0] < dots[2][0] < dots[3][0]
    assert heights[1] == heights[2] < heights[0] < heights[3] and heights[0] == pytest.approx(
        (heights[1] + heights[3]) / 2
    )


def test_the_page_of_the_curve_has_a_row_and_a_point_for_each_error(tmp_path):
    names = ["oracle", "RAW", *(disturbance.name for disturbance in CURVE)]
    rows = [row(name, seed, "success" if seed else "missed") for name in names for seed in range(2)]
    request = GraspRequest(out=tmp_path, trials=2, cells=(WOOD.name,), curve=True)
    page, _, chart = save_report(request, [ORACLE, RAW], rows)
    text = page.read_text()
    assert "--curve" in text and f"]({chart.name})" in text
    assert all(f"| {disturbance.name} | 0.50 [" in text for disturbance in CURVE)
    assert chart.read_text().count("<circle") == len(CURVE) + 3
    assert len(save_report(replace(request, curve=False), [ORACLE, RAW], rows)) == 2


def test_a_film_shows_a_trial(tmp_path):
    out = tmp_path / "out"
    assert main(["grasp", "--trials", "1", "--cells", WOOD.name, "--workers", "1", "--video", "--out", str(out)]) == 0
    film = np.concatenate(list(stream(open_source(out / "film.mp4"))))
    (height, width), (H, W) = page_size(), SIDE
    assert film.shape[1:] == (height, width, 3) and len(film) > BEFORE + AFTER
    moving = np.abs(film[0].astype(int) - film[len(film) // 2]).mean(-1)
    assert moving[: 2 * BAR + H].mean() < 1 < moving[-BAR - H : -BAR, -W:].mean(), "only the picture of the grasp moves"
    verdict = film[-1][-BAR - H - BAR // 2, -20].astype(int)
    assert min(abs(verdict - GOOD).max(), abs(verdict - BAD).max()) < 12 < abs(verdict - PAPER).max()


def test_depth_has_the_colour_of_the_height_above_the_table():
    camera = scene_camera(grasp_scene(0, WOOD), (32, 50))
    table = table_depth(camera).astype(np.float32)
    above = table * np.float32((camera.T_world_camera[2, 3] - HEIGHT / 2) / camera.T_world_camera[2, 3])
    unknown = np.full_like(table, np.nan)
    flat, raised, none = (colored(depth, camera) for depth in (table, above, unknown))
    for picture, share in ((flat, 0.5), (raised, 0.75)):
        wanted = colorize_disparity(np.full((1, 1, 1), share, np.float32), 0.0, 1.0)[0, 0, 0].astype(int)
        assert abs(picture.astype(int) - wanted).max() <= 6
    assert not none.any()
