"""The examples for clusters: Ray accepts the one, the scripts of Slurm ask `pellucid render` for what it takes."""

import copy
import os
import re
import subprocess
from pathlib import Path

import pytest
import tyro
import yaml

from pellucid.synth.request import RenderRequest
from pellucid.synth.sampling import TEST_SEEDS

EXAMPLES = Path(__file__).parents[1] / "examples/cluster"
STUB = '#!/bin/sh\necho "$(basename "$0") $*" >> "$CALLS"\n'
TRIAL = ["--scenes", "2", "--frames", "1", "--resolution", "64x96", "--samples", "1", "--threads", "1"]


def test_ray_accepts_the_cluster_file():
    util = pytest.importorskip("ray.autoscaler._private.util")
    config = yaml.safe_load((EXAMPLES / "ray.yaml").read_text())
    wrong = copy.deepcopy(config) | {"max_worker": 3}
    util.validate_config(util.prepare_config(config))
    with pytest.raises(Exception, match="max_worker"):
        util.validate_config(util.prepare_config(wrong))


def calls_of(script: str, folder: Path, *arguments: str, **environment: str) -> list[list[str]]:
    """What a script calls, with programs in place of Slurm's, Ray's and ours that only note how they were called."""
    for name in ("srun", "ray", "pellucid"):
        (folder / name).write_text(STUB)
        (folder / name).chmod(0o755)
    (folder / "scontrol").write_text("#!/bin/sh\nprintf 'first\\nsecond\\nthird\\n'\n")
    (folder / "scontrol").chmod(0o755)
    everything = os.environ | environment | {"CALLS": str(folder / "calls"), "PATH": f"{folder}:{os.environ['PATH']}"}
    subprocess.run(["bash", str(EXAMPLES / script), *arguments], env=everything, check=True, timeout=60)
    return [line.split() for line in (folder / "calls").read_text().splitlines()]


def request_of(words: list[str]) -> RenderRequest:
    return tyro.cli(RenderRequest, args=words[words.index("render") + 1 :])


def test_parts_of_an_array_never_share_a_seed_and_stay_below_the_test_set(tmp_path):
    text = (EXAMPLES / "slurm_array.sh").read_text()
    last = int(re.search(r"#SBATCH --array=0-(\d+)", text)[1])
    found = []
    for k in (3, 4, last):
        folder = tmp_path / str(k)
        folder.mkdir()
        (call,) = calls_of("slurm_array.sh", folder, SLURM_ARRAY_TASK_ID=str(k), PELLUCID_SCENES=str(tmp_path / "s"))
        found.append(request_of(call))
    a, b, z = found
    assert (last + 1) * a.scenes == 11_000
    assert len({a.out, b.out, z.out}) == 3
    assert b.seed - a.seed >= 3 * a.scenes, "room for the seeds that are rejected"
    assert z.seed + 1000 < min(TEST_SEEDS)
    assert a.workers * a.threads == int(re.search(r"#SBATCH --cpus-per-task=(\d+)", text)[1])


def test_what_follows_the_name_of_a_script_goes_to_render(tmp_path):
    (call,) = calls_of("slurm_array.sh", tmp_path, *TRIAL, SLURM_ARRAY_TASK_ID="7")
    request = request_of(call)
    assert (request.scenes, request.frames, request.size, request.threads) == (2, 1, (64, 96), 1)
    assert request.seed == 7000


@pytest.mark.parametrize("nodes", [1, 3])
def test_a_ray_cluster_inside_a_job_of_one_or_more_machines(tmp_path, nodes):
    calls = calls_of(
        "slurm_ray.sh", tmp_path, *TRIAL,
        SLURM_JOB_NODELIST="n[1-3]", SLURM_JOB_ID="42", SLURM_JOB_NUM_NODES=str(nodes), SLURM_CPUS_PER_TASK="8",
    )  # fmt: skip
    steps = [call for call in calls if call[0] == "srun"]
    assert len(steps) == 2 + (nodes > 1)
    assert ["ray", "health-check", "--address", "first:20042"] in calls
    if nodes > 1:
        workers = next(call for call in steps if "--address=first:20042" in call)
        assert "--nodes=2" in workers and "--exclude=first" in workers
    request = request_of(next(call for call in steps if "pellucid" in call))
    assert (request.ray, request.scenes) == ("first:20042", 2)
