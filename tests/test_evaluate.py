"""A benchmark from end to end: resumed, with bad clips, in tables and on the command line. Estimators are functions."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from pellucid import cli
from pellucid.clip import InputError, Prediction
from pellucid.data import bonn
from pellucid.evaluate.collection import find_results, require_comparable, write_tables_and_report
from pellucid.evaluate.columns import COLUMNS
from pellucid.evaluate.protocol import Item
from pellucid.evaluate.published import published_for, published_tables
from pellucid.evaluate.request import EvaluateRequest
from pellucid.evaluate.run import run
from pellucid.evaluate.sources import Saved
from pellucid.evaluate.tables import Row, Table, comparison_tables, latex, markdown
from pellucid.store import save_npz
from public_benchmarks import write_bonn
from three_boxes import CLIPS, SHAPE, Estimate, a_job, benchmark


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    out = tmp_path_factory.mktemp("scored")
    estimate = Estimate()
    result = run(a_job(out, estimate))
    return out, estimate, result


def test_a_run_leaves_scores_of_each_clip_and_in_total_with_a_receipt(scored):
    out, estimate, result = scored
    assert estimate.calls == 3
    assert json.loads((out / "wavy" / "result.json").read_text()) == result
    rows = [json.loads((out / "wavy" / "clips" / f"{name}.json").read_text()) for name in CLIPS]
    for region in ("all", "glass", "background"):
        for metric in ("abs_rel", "delta_1.05", "tae", "opw"):
            mean = np.mean([row["regions"][region][metric] for row in rows])
            assert result["regions"][region][metric] == pytest.approx(mean)
    assert result["clips"] == 3 and result["frames"] == 9
    assert result["receipt"]["weights_sha256"] == "abc"
    assert result["receipt"]["protocol"]["max_depth"] is None
    assert rows[0]["measured"]["seconds"] == {"total": 1.5}
    assert "seconds" not in result["receipt"], "what was measured is of the clip"
    assert rows[2]["regions"]["all"]["abs_rel"] > rows[0]["regions"]["all"]["abs_rel"]


def test_a_clip_with_the_same_receipt_is_not_run_again(tmp_path):
    said = []
    first = Estimate()
    run(a_job(tmp_path, first, clips=2))
    again = Estimate()
    result = run(a_job(tmp_path, again, clips=2), said.append)
    assert again.calls == 0
    assert result == run(a_job(tmp_path, Estimate(), clips=2))
    assert said == ["2 of 2 clips had their scores already (same data and receipt)"]
    other = {name: dataclasses.replace(clip, depth=clip.depth * 2) for name, clip in CLIPS.items()}
    run(a_job(tmp_path, h := Estimate(), bench=benchmark(clips=other), clips=2))
    assert h.calls == 2, "data of the same names and another truth are scored again"
    run(a_job(tmp_path, Estimate(), clips=2))
    for changed in (
        a_job(tmp_path, e := Estimate(settings=1), clips=2),
        a_job(tmp_path, f := Estimate(), clips=2, alignment="disparity-robust"),
    ):
        run(changed)
    assert (e.calls, f.calls) == (2, 2)
    more = run(a_job(tmp_path, h := Estimate(), alignment="disparity-robust"))
    assert (h.calls, more["clips"]) == (1, 3), "more clips add to those that are there"
    (tmp_path / "wavy" / "clips" / "one.json").write_text("{")  # damaged
    run(a_job(tmp_path, g := Estimate(), clips=2, alignment="disparity-robust"))
    assert g.calls == 1


def test_bad_clips_are_named_and_the_rest_goes_on(tmp_path):
    flat = CLIPS["one"]
    cases = {
        "good": flat,
        "no truth": dataclasses.replace(flat, depth=None),
        "all masked": dataclasses.replace(flat, depth=np.full(SHAPE, np.nan, np.float32)),
        "broken": InputError("frame 3 is missing"),
        "wrong size": flat,
        "NaN": flat,
    }

    def read(value):
        if isinstance(value, InputError):
            raise value
        return value

    bench = dataclasses.replace(
        benchmark(), find=lambda *_: [Item(name=n, read=lambda v=v: read(v)) for n, v in cases.items()]
    )

    class Careless(Estimate):
        def __call__(self, rgb):
            good = super().__call__(rgb)
            name = ["good", "no truth", "all masked", "wrong size", "NaN"][self.calls - 1]
            if name == "wrong size":
                return dataclasses.replace(good, values=good.values[:, 1:])
            return dataclasses.replace(good, values=good.values * np.float32(np.nan)) if name == "NaN" else good

    said = []
    result = run(a_job(tmp_path, Careless(), bench=bench), said.append)
    assert result["clips"] == 1
    assert list(result["left_out"]) == list(cases)[1:]
    expected = (
        "no true depth",
        "unknown everywhere",
        "frame 3 is missing",
        "(3, 39, 48) but the clip",
        "NaN or infinite",
    )
    for line, name, why in zip(said, list(cases)[1:], expected, strict=True):
        assert line.startswith(f"pellucid: error: {name}: ") and why in line and "\n" not in line
    assert not (tmp_path / "wavy" / "clips" / "NaN.json").exists()
    bad = dataclasses.replace(bench, find=lambda *_: bench.find()[1:2])
    with pytest.raises(InputError, match="none of 1 clips"):
        run(a_job(tmp_path / "none", Careless(), bench=bad), said.append)


def test_a_row_is_of_depth_or_of_normals(tmp_path):
    facing = np.broadcast_to(np.float32([0, 0, -1]), (*SHAPE, 3)).copy()
    clips = {name: dataclasses.replace(clip, normals=facing) for name, clip in CLIPS.items()}

    class Both(Estimate):
        def __call__(self, rgb):
            good = super().__call__(rgb)
            return Prediction(quantity="normals", invariance="none", values=facing) if self.calls == 2 else good

    for _ in range(2):  # the second time from the scores that are there
        said = []
        result = run(a_job(tmp_path, Both(), bench=benchmark(clips=clips)), said.append)
        assert list(result["left_out"]) == ["two/a"] and result["clips"] == 2
        assert said[0].endswith(
            "two/a: the prediction is of normals, those of the clips before are of depth; score them apart"
        )
        write_tables_and_report(tmp_path, 3)


def test_a_clip_without_glass_is_named(tmp_path):
    bare = dataclasses.replace(CLIPS["one"], transparent=np.zeros(SHAPE, bool))
    said = []
    result = run(a_job(tmp_path, Estimate(), bench=benchmark(clips=CLIPS | {"one": bare})), said.append)
    why = "0 pixels of known truth; 100 are needed"
    assert said == [f"one: its glass is not scored: {why}"]
    assert result["clips"] == 3 and result["regions_left_out"] == {"one": {"glass": why}}
    assert "wavy: 2 clips, 1 with too little of it, means" in markdown(comparison_tables([result])[1])


def test_frames_that_are_left_out_are_told(tmp_path):
    why = "2 of 5 pictures are left out: no depth is within 0.02 s of them"
    bench = benchmark()
    (one, *others) = bench.find()
    bench = dataclasses.replace(bench, find=lambda *_: [dataclasses.replace(one, left_out=why), *others])
    for _ in range(2):  # the second time from the scores that are there
        said = []
        result = run(a_job(tmp_path, Estimate(), bench=bench), said.append)
        assert said[0] == f"one: {why}" and result["frames_left_out"] == {"one": why}
        assert result["clips"] == 3 and not result["left_out"]
    assert json.loads((tmp_path / "wavy" / "result.json").read_text())["frames_left_out"] == {"one": why}
    _, _, report = write_tables_and_report(tmp_path, 1)
    assert "wavy: 3 clips, 1 without some of their frames, means" in (tmp_path / "table.md").read_text()
    assert f'"frames_left_out":{{"one":"{why}"}}' in report.read_text()


def test_saved_predictions_are_found_by_the_names_of_clips(tmp_path):
    estimate = Estimate()
    for name in ("one", "two/a"):
        values = estimate(CLIPS[name].rgb).values
        path = tmp_path / "saved" / name / "prediction.npz" if name == "one" else tmp_path / "saved" / f"{name}.npz"
        save_npz(path, "disparity", [values], values.shape)
    (tmp_path / "saved" / "one" / "prediction.json").write_text(
        json.dumps({"invariance": "affine", "model": "m", "seconds": {"total": 2}})
    )
    said = []
    result = run(a_job(tmp_path / "out", Saved("saved", tmp_path / "saved")), said.append)
    assert list(result["left_out"]) == ["three"] and "no prediction" in said[0]
    direct = run(a_job(tmp_path / "out", Estimate(), clips=2))
    assert result["regions"] == direct["regions"]
    one = json.loads((tmp_path / "out" / "saved" / "clips" / "one.json").read_text())
    assert one["receipt"]["model"] == "m" and len(one["receipt"]["prediction_sha256"]) == 64
    with pytest.raises(InputError, match="no such folder"):
        Saved("x", tmp_path / "nowhere")


def test_tables_put_ours_beside_the_papers_rows(scored):
    _, _, result = scored
    every, glass, background = comparison_tables([result])
    text = markdown(every)
    assert "| DKT 14B | DKT Table I | **9.72** | 14.58 |" not in text, "ours is better"
    assert "| DKT 14B | DKT Table I | 9.72 | 14.58 | 38.17 | 65.50 | 93.04 |" in text
    own = next(line for line in text.splitlines() if line.startswith("| **wavy**"))
    assert f"{100 * result['regions']['all']['abs_rel']:.2f}" in own
    assert sum(row.ours for row in every.rows) == 1 and len(every.rows) == 8
    assert [row.name for row in glass.rows] == [row.name for row in background.rows] == ["wavy"]
    assert "this test" in text and "3 clips" in text
    assert "this run" in markdown(glass)
    page = latex(every)
    assert page.count("\\\\") == 9 and page.count(r"\midrule") == 2
    assert r"$\delta$1.05 \% $\uparrow$" in page and "%" not in page.replace(r"\%", "")
    assert page.count("&") == 9 * 6


def test_what_is_printed_alike_is_best_alike():
    columns = [COLUMNS["abs_rel"], COLUMNS["delta_1.05"]]

    def row(name, *values):
        texts = [c.shown(v) for c, v in zip(columns, values, strict=True)]
        return Row(name=name, source="this test", texts=texts, values=list(values), ours=True)

    rows = [row("a", 0.08184, 0.5), row("b", 0.08176, None), row("c", 0.0819, None)]
    table = Table(title="t", about="s", columns=columns, rows=rows, notes=[])
    assert [r.texts[0] for r in rows] == ["8.18", "8.18", "8.19"]
    assert [table.is_best(r, 0) for r in rows] == [True, True, False]
    assert not any(table.is_best(r, 1) for r in rows), "nothing to compare with"


def test_a_folder_holds_one_benchmark_and_one_cut(tmp_path):
    run(a_job(tmp_path, Estimate(), clips=2))
    require_comparable(a_job(tmp_path, Estimate(), name="other", clips=2, alignment="disparity-robust"))
    require_comparable(a_job(tmp_path, Estimate(), clips=1))  # replaces its own
    with pytest.raises(InputError, match="not of the same clips"):
        require_comparable(a_job(tmp_path, Estimate(), name="other"))
    with pytest.raises(InputError, match="results of wavy on clearpose"):
        require_comparable(a_job(tmp_path, Estimate(), name="other", bench=benchmark("kitti"), clips=2))
    run(a_job(tmp_path, Estimate(0.2), name="worse", clips=2))
    paths = write_tables_and_report(tmp_path, 1)
    assert [p.name for p in paths] == ["table.md", "table.tex", "report.html"]
    assert [r["estimator"] for r in find_results(tmp_path)] == ["wavy", "worse"]
    text = paths[0].read_text()
    assert "| **worse** | this run |" in text and "Table III" in text and "| TAE % ↓ |" in text


def test_other_weights_have_another_label(tmp_path, monkeypatch):
    def label(model, **fields):
        return EvaluateRequest(out=tmp_path, benchmark="clearpose", data=tmp_path, model=model, **fields).label

    for run_ in ("runs/a/model", "runs/b/model"):
        (tmp_path / run_).mkdir(parents=True)
        (tmp_path / run_ / "model_index.json").write_text("{}")
    names = ("nano", "dav2", "dav2:one/small", "dav2:other/small", "moge:one/small")
    models = [*names, *(str(tmp_path / f"runs/{run_}/model") for run_ in "ab")]
    assert [label(m) for m in models] == [
        "nano", "dav2", "dav2-one-small", "dav2-other-small", "moge-one-small", "a-model", "b-model",
    ]  # fmt: skip
    assert label("dav2:one/small", name="mine") == "mine"
    monkeypatch.chdir(tmp_path)
    Path("nano").mkdir()
    assert label("nano") == "nano", "a folder of results is no model"


def test_published_rows_are_those_of_the_papers():
    tables = published_tables()
    assert {(t.paper, t.table) for t in tables} == {
        *(("DKT", n) for n in ("I", "II", "III", "IV", "V")),
        *(("DVD", n) for n in ("1", "2", "3", "4", "6", "7", "8", "9", "10", "Fig. 11")),
    }
    assert all(t.metrics and (t.kind == "speed" or set(t.metrics) <= set(COLUMNS)) for t in tables)
    (table,) = (t for t in published_for("kitti", "short") if "abs_rel" in t.metrics)
    dvd = dict(table.rows)["DVD"]
    assert (dvd["abs_rel"].value, dvd["abs_rel"].digits) == (0.067, 1)
    assert (dvd["delta_1.25"].value, dvd["delta_1.25"].digits) == (0.967, 1), "printed .967, shown as 96.7 %"
    (table,) = (t for t in published_for("clearpose", "short") if "abs_rel" in t.metrics)
    assert dict(table.rows)["DKT 14B"]["rmse"].value == pytest.approx(0.1458), "printed in cm"
    assert table.citation == "DKT (arXiv:2512.23705v1), Table I"
    assert not published_for("clearpose", "long")


def failing(capsys, *arguments):
    """The last line that a mistake gives."""
    assert cli.main(["evaluate", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "Traceback" not in err
    return err.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "x"], "either --model NAME|DIR or --predictions DIR"),
        (["--out", "x", "--model", "nano", "--predictions", "y"], "either --model"),
        (["--out", "x", "--model", "nano"], "--benchmark is missing; available: clearpose"),
        (["--out", "x", "--model", "nano", "--benchmark", "clear"], "no benchmark 'clear'; available: clearpose"),
        (["--out", "x", "--model", "nano", "--benchmark", "clearpose"], "--data is missing"),
        (
            ["--out", "x", "--model", "nano", "--benchmark", "nyuv2", "--data", "y", "--protocol", "long"],
            "nyuv2 has image",
        ),
        (["--out", "x", "--model", "nano", "--clips", "0"], "--clips 0: must be at least 1"),
        (["--out", "x", "--model", "nano", "--resolution", "480"], "such as 480x832"),
        (["--out", "x", "--model", "nano", "--alignment", "best"], "'best'"),
        (["--out", "x", "--speed", "--benchmark", "kitti"], "--speed measures a test clip: --benchmark"),
        (["--model", "nano"], "--out"),
    ],
)
def test_mistakes_are_one_line(capsys, arguments, words):
    assert words in failing(capsys, *arguments)


def test_the_command_scores_saved_predictions_of_rendered_scenes(sequences, tmp_path, capsys):
    from pellucid.data.sequences import find_sequences, read_sequence

    (scene,) = find_sequences([sequences], "held-out")
    truth = read_sequence(scene).depth
    values = np.where(np.isfinite(truth), 1 / truth, 0).astype(np.float32)
    save_npz(tmp_path / "mine" / scene.name / "prediction.npz", "disparity", [values], values.shape)
    arguments = ["--benchmark", "transphy3d-mini", "--data", str(sequences), "--out", str(tmp_path / "out")]
    arguments += ["--predictions", str(tmp_path / "mine")]
    assert cli.main(["evaluate", *arguments]) == 0
    out, err = capsys.readouterr()
    assert out.split() == [str(tmp_path / "out" / n) for n in ("mine", "table.md", "table.tex", "report.html")]
    assert "1 of 1 clips scored, 0 left out" in err
    result = json.loads((tmp_path / "out" / "mine" / "result.json").read_text())
    assert result["regions"]["all"]["abs_rel"] < 1e-4 and result["regions"]["glass"]["delta_1.05"] == 1
    save_npz(tmp_path / "mine" / scene.name / "prediction.npz", "disparity", [values[1:]], values[1:].shape)
    assert "of 64x48, but the clip is" in cli_error(capsys, arguments)
    assert "no such folder" in failing(capsys, *arguments[:2], "--data", str(tmp_path / "no"), *arguments[4:])


def test_the_command_tells_of_pictures_without_depth_in_time(tmp_path, capsys):
    (sequence,) = bonn.find(write_bonn(tmp_path / "bonn", ["balloon2"]), "five", 1)
    values = 1 / bonn.read(sequence).depth
    save_npz(tmp_path / "mine" / f"{sequence.name}.npz", "disparity", [values], values.shape)
    arguments = ["--benchmark", "bonn", "--protocol", "long", "--clips", "1", "--data", str(tmp_path / "bonn")]
    arguments += ["--predictions", str(tmp_path / "mine"), "--out", str(tmp_path / "out")]
    assert cli.main(["evaluate", *arguments]) == 0
    err = capsys.readouterr().err
    assert "rgbd_bonn_balloon2: 1 of 40 pictures is left out: no depth is within 0.02 s of it\n" in err
    assert "1 of 1 clips scored, 0 left out; without some frames of 1 of them, the lines above say which\n" in err
    result = json.loads((tmp_path / "out" / "mine" / "result.json").read_text())
    assert result["frames"] == 39 and list(result["frames_left_out"]) == ["rgbd_bonn_balloon2"]


def cli_error(capsys, arguments):
    assert cli.main(["evaluate", *arguments]) == 2
    return capsys.readouterr().err
