"""Time and memory, each estimator in its own process."""

import json
from functools import partial

import pytest

from idle_estimators import Idle, killed, missing
from pellucid import cli
from pellucid.clip import InputError
from pellucid.evaluate.speed import measure, measure_each, write_speed


def test_every_estimator_has_a_process_of_its_own_so_that_peaks_do_not_mix(tmp_path, capsys):
    loads = {"large": partial(Idle, 400), "absent": missing, "small": partial(Idle, 1)}
    large, small = measure_each(loads, 4, (32, 48))
    assert "absent is not measured: idle: its weights are not here\n" in capsys.readouterr().err
    assert large.peak_memory_bytes["main"] - small.peak_memory_bytes["main"] > 300e6
    assert large.milliseconds["encode"] == 500, "two seconds for four frames"
    assert 0 < large.milliseconds["total"] < 99_000 / 4, "measured here, not told"
    assert "network" not in large.milliseconds
    table, result = write_speed(tmp_path, [large, small])
    text = table.read_text()
    assert "| large | 4 of 48×32 | 500.0 | – | – |" in text
    assert "| DKT 1.3B | 46.53 | 52.88 | 68.07 | 167.48 |" in text and "NVIDIA L20" in text
    rows = json.loads(result.read_text())["estimators"]
    assert [row["name"] for row in rows] == ["large", "small"]
    assert rows[0]["receipt"] == {"estimator": "idle"}


def test_what_goes_wrong_in_the_other_process_is_one_line():
    with pytest.raises(InputError, match=r"^idle: its weights are not here$"):
        measure_each({"idle": missing}, 1, (8, 8))
    with pytest.raises(InputError, match="idle: the process that measured it ended with status 9"):
        measure("idle", killed, 1, (8, 8))


@pytest.mark.slow  # loads torch in two processes
def test_the_command_measures_nano(tmp_path, capsys):
    arguments = ["--speed", "--model", "nano", "--resolution", "32x48", "--frames", "5", "--device", "cpu"]
    assert cli.main(["evaluate", *arguments, "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "speed.md"), str(tmp_path / "speed.json")]
    (nano,) = json.loads((tmp_path / "speed.json").read_text())["estimators"]
    stages = nano["milliseconds"]
    assert stages.keys() == {"encode", "network", "decode", "total"}
    assert stages["total"] >= stages["encode"] + stages["network"] + stages["decode"] > 0
    assert nano["receipt"]["settings"]["processing_resolution"] == [32, 48]
    assert nano["peak_memory_bytes"]["main"] > 100e6
    assert cli.main(["evaluate", "--speed", "--model", "no-such", "--out", str(tmp_path)]) == 2
    assert "no estimator is called 'no-such'" in capsys.readouterr().err
