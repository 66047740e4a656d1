"""Work over processes and machines: workers and drivers are killed for real, and nothing is lost or half there."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from cheap_scenes import FILES, cheap, content, crashing, full_disk, hopeless
from pellucid.clip import InputError
from pellucid.store import damaged_files
from pellucid.synth.ledger import MANIFEST, STATUS, Ledger
from pellucid.synth.status import sentence
from render_cheaply import render
from test_store import names

DRIVER = Path(__file__).with_name("render_cheaply.py")


def seeds_there(out: Path) -> list[int]:
    """The seeds of the scenes of a job, each of them whole and right; and nothing else lies about."""
    folders = sorted(path for path in out.iterdir() if path.is_dir())
    assert all(re.fullmatch(r"s\d{5}", path.name) for path in folders), names(out)
    for path in folders:
        assert damaged_files(path) == []
        assert [(path / f"{i}.bin").read_bytes() == content(int(path.name[1:]), i) for i in range(FILES)] == [
            True
        ] * FILES
    return [int(path.name[1:]) for path in folders]


def begun(out: Path) -> Counter:
    """How often each scene was begun."""
    return Counter(int(line.split()[0]) for line in (out / "begun.txt").read_text().splitlines())


def wait_for(condition, what: str, seconds: float = 600):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come")


def half_written(out: Path) -> list[int]:
    """Processes that are in the middle of a scene."""
    found = []
    for part in out.glob(".s[0-9]*.part"):
        with suppress(FileNotFoundError):  # it is whole, and renamed
            if any(part.iterdir()):
                found.append(int(part.name.split(".")[-3]))
    return found


def test_scenes_are_the_first_that_can_be_whatever_the_number_of_workers(tmp_path):
    for workers in (0, 3):
        out = tmp_path / str(workers)
        ledger = render(out, 5, workers, cheap)
        assert seeds_there(out) == [0, 1, 2, 4, 5]
        assert ledger.outcomes[3].reason == "not seen: object 1 fills no pixel"
        assert (ledger.count("done"), ledger.count("rejected")) == (5, 1)
        assert set(begun(out).values()) == {1}
        lines = [json.loads(line) for line in (out / MANIFEST).read_text().splitlines()]
        assert {line["seed"]: line["state"] for line in lines} == {
            s: "rejected" if s == 3 else "done" for s in range(6)
        }
        assert all(len(line["sha256"]) == 64 and line["bytes"] > 0 for line in lines if line["state"] == "done")


def test_more_scenes_later_and_nothing_twice(tmp_path):
    render(tmp_path, 2, 0, cheap)
    render(tmp_path, 4, 0, cheap)
    render(tmp_path, 4, 0, cheap)
    assert seeds_there(tmp_path) == [0, 1, 2, 4]
    assert set(begun(tmp_path).values()) == {1}


def test_a_crash_costs_one_scene_one_attempt_and_a_bad_one_is_given_up(tmp_path):
    ledger = render(tmp_path, 5, 2, crashing)
    assert seeds_there(tmp_path) == [0, 1, 4, 5, 7]
    assert ledger.outcomes[2].reason == "the worker was killed by SIGKILL; given up after 2 attempts"
    assert ledger.outcomes[6].reason == "RuntimeError: wrong in two lines; given up after 2 attempts"


def test_when_nothing_works_it_stops_and_says_why(tmp_path):
    with pytest.raises(
        InputError, match="5 scenes in a row were failed, the last because: RuntimeError: nothing works"
    ):
        render(tmp_path, 3, 0, hopeless)
    assert seeds_there(tmp_path) == []


def test_a_full_disk_stops_the_job_and_keeps_what_is_done(tmp_path):
    with pytest.raises(InputError, match="No space left"):
        render(tmp_path, 3, 0, full_disk)
    assert seeds_there(tmp_path) == [1, 2]


def test_a_job_that_came_to_nothing_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="No space left"):
        render(tmp_path, 3, 0, full_disk, first=12)  # 13 is rejected, then 14 stops it
    assert names(tmp_path) == ["begun.txt"]


def test_a_folder_of_another_job_or_in_use_is_refused(tmp_path):
    render(tmp_path, 1, 0, cheap)
    with pytest.raises(InputError, match="holds scenes rendered with seed 0, not 5"):
        render(tmp_path, 1, 0, cheap, first=5)
    with pytest.raises(InputError, match="in use by process"):
        held = Ledger(tmp_path, {"seed": 0, "frames": 1})
        try:
            render(tmp_path, 2, 0, cheap)
        finally:
            held.close()
    (tmp_path / "other/s00001").mkdir(parents=True)
    (tmp_path / "other/s00001/camera.json").write_text("{}")
    with pytest.raises(InputError, match="another program made"):
        render(tmp_path / "other", 1, 0, cheap)


def test_a_torn_line_and_a_scene_without_a_line_are_taken_up(tmp_path):
    render(tmp_path, 3, 0, cheap)
    manifest = tmp_path / MANIFEST
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(lines[:-1]) + lines[-1][:20])
    ledger = render(tmp_path, 3, 0, cheap)
    assert ledger.count("done") == 3
    assert set(begun(tmp_path).values()) == {1}
    assert sorted(json.loads(line)["seed"] for line in manifest.read_text().splitlines()) == [0, 1, 2]


def test_a_scene_that_was_deleted_is_made_again(tmp_path):
    render(tmp_path, 2, 0, cheap)
    for file in (tmp_path / "s00000").iterdir():
        file.unlink()
    render(tmp_path, 2, 0, cheap)
    assert seeds_there(tmp_path) == [0, 1]
    assert begun(tmp_path) == {0: 2, 1: 1}


def test_status_says_how_far_it_is_and_what_it_cost(tmp_path):
    ledger = render(tmp_path, 4, 0, cheap)
    status = json.loads((tmp_path / STATUS).read_text())
    assert (status["scenes"], status["done"], status["rejected"], status["failed"]) == (4, 4, 1, 0)
    assert status["cost"] == pytest.approx(ledger.seconds * 3.6 / 3600, abs=1e-4)
    assert status["seconds_left"] == 0
    assert status["devices"] == {"by hand": 4}
    assert status["bytes"] == 4 * sum(len(content(1, i)) for i in range(FILES))
    words = sentence(status | {"seconds_left": 7200, "scenes_per_hour": 2.5, "workers": 3, "cost": 1.0})
    assert words == "2:00:00 left, 2.5 scenes/h on 3 workers, 1 rejected, cost 1.00"


@pytest.mark.slow
def test_workers_killed_in_the_middle_cost_only_their_scene(tmp_path):
    driver = subprocess.Popen([sys.executable, DRIVER, tmp_path, "4", "2", "slow"], stderr=subprocess.PIPE, text=True)
    killed = set()
    while driver.poll() is None:
        for process in half_written(tmp_path):
            if len(killed) < 2 and process not in killed and process != driver.pid:
                os.kill(process, signal.SIGKILL)
                killed.add(process)
        time.sleep(0.05)
    notes = driver.stderr.read()
    assert driver.returncode == 0, notes
    assert len(killed) == 2
    assert notes.count("killed by SIGKILL; tried again") == 2
    assert seeds_there(tmp_path) == [0, 1, 2, 4]
    assert sum(begun(tmp_path).values()) == 5 + 2  # five seeds, and two of them once more


@pytest.mark.slow
def test_a_killed_driver_takes_its_workers_along_and_goes_on_where_it_was(tmp_path):
    driver = subprocess.Popen([sys.executable, DRIVER, tmp_path, "4", "2", "stuck"], stderr=subprocess.DEVNULL)
    wait_for(lambda: (tmp_path / "s00000").exists() and len(half_written(tmp_path)) == 2, "a scene, and two in hand")
    started = psutil.Process(driver.pid).children(recursive=True)
    driver.kill()
    driver.wait()
    _, alive = psutil.wait_procs(started, timeout=40)  # each of their scenes would take minutes
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert len(list(tmp_path.glob(".s[0-9]*.part"))) == 2
    before = (tmp_path / "s00000").stat().st_mtime_ns
    ledger = render(tmp_path, 4, 0, cheap)
    assert seeds_there(tmp_path) == [0, 1, 2, 4]
    assert (tmp_path / "s00000").stat().st_mtime_ns == before
    assert ledger.count("done") == 4
    assert begun(tmp_path) == {0: 1, 1: 2, 2: 2, 3: 1, 4: 1}  # of each worker, the scene in hand is repeated


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A Ray cluster of one node with two places, of our own: its address. Ends with the tests."""
    pytest.importorskip("ray")
    environment = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": str(DRIVER.parent),
        "OMP_NUM_THREADS": "1",
    }
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    log = tmp_path_factory.mktemp("ray") / "head.log"
    options = "--head --port=0 --num-cpus=2 --object-store-memory=100000000 --include-dashboard=false --block"
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", *options.split(), "--disable-usage-stats"]
    with log.open("w") as file:
        head = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        found = wait_for(lambda: re.search(r"--address='([^']+)'", log.read_text()), "a Ray cluster")
        yield found[1]
    finally:
        for sent in (signal.SIGTERM, signal.SIGKILL):
            everyone = [*psutil.Process(head.pid).children(recursive=True), head] if head.poll() is None else []
            for process in everyone:
                process.send_signal(sent)
            psutil.wait_procs([p for p in everyone if isinstance(p, psutil.Process)], timeout=10)
        head.wait()
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


@pytest.mark.slow
def test_ray_workers_and_a_ray_driver_killed_in_the_middle(tmp_path, cluster):
    command = [sys.executable, DRIVER, tmp_path, "5", cluster, "slow"]
    driver = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    victim = wait_for(lambda: half_written(tmp_path), "a scene in the middle")[0]
    assert "ray::" in " ".join(psutil.Process(victim).cmdline())
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: len(list(tmp_path.glob("s0*"))) >= 2 and half_written(tmp_path), "two scenes and a part")
    driver.kill()
    assert "tried again" in driver.communicate()[1]
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("s0*")}
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert seeds_there(tmp_path) == [0, 1, 2, 4, 5]
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in before} == before
    assert json.loads((tmp_path / STATUS).read_text())["done"] == 5


GPU_WANTED = """
import sys
from pellucid.synth.cluster import RayPool
pool = RayPool(print, sys.argv[1], cpus=1, gpus=1.0)
print(pool.places())
pool.close()
"""


@pytest.mark.slow
def test_a_gpu_that_no_machine_of_the_cluster_has_is_said(cluster):
    done = subprocess.run([sys.executable, "-c", GPU_WANTED, cluster], capture_output=True, text=True, check=True)
    assert f"--ray {cluster}: no machine there has a GPU; scenes wait" in done.stderr
    assert done.stdout.strip() == "1", "asked for all the same, so that an elastic cluster grows"


def test_no_cluster_there_is_one_line(tmp_path):
    pytest.importorskip("ray")
    for address in ("127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:70000"):
        with pytest.raises(InputError, match=f"--ray {re.escape(address)}: no cluster answers"):
            render(tmp_path, 1, address, cheap)
