"""Where tasks run: processes of this machine, or a Ray cluster. A worker that dies costs its scene one attempt."""

import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol, runtime_checkable

from pellucid.clip import InputError
from pellucid.synth.tasks import Outcome

Run = Callable[[int], Outcome]  # the task of a seed, which raises nothing
AHEAD = 4  # tasks for each place of a cluster, so that an elastic one sees that it should grow


@runtime_checkable
class Pool(Protocol):
    """Runs tasks somewhere, several at once."""

    def places(self) -> int:
        """How many tasks can run at once now."""
        ...

    def room(self) -> int:
        """How many tasks may be submitted and not yet have ended."""
        ...

    def submit(self, seed: int) -> None:
        """Starts the task of a seed, or lines it up."""
        ...

    def ended(self, seconds: float) -> list[Outcome]:
        """The outcomes since the last call, waiting so long for a first one; a dead worker's is `failed`."""
        ...

    def close(self) -> None:
        """Ends what still runs."""
        ...


class LocalPool:
    """A fresh process for each scene, so that no memory grows and one crash costs one scene.

    They are forked from a server that has imported what they need, where the system can.

    They end when this process does, however it ends, and on Linux their Blenders with them.
    """

    def __init__(self, run: Run, workers: int) -> None:
        self._run, self._workers = run, workers
        methods = multiprocessing.get_all_start_methods()
        self._context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if "forkserver" in methods:
            self._context.set_forkserver_preload(["__main__", __name__])
        self._running: dict[int, tuple[Any, Connection, float]] = {}  # by seed; since when

    def places(self) -> int:
        return self._workers

    def room(self) -> int:
        return self._workers

    def submit(self, seed: int) -> None:
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_work, args=(self._run, seed, sender), name=f"render-{seed}")
        process.start()
        sender.close()  # so that its end is seen
        self._running[seed] = process, receiver, time.perf_counter()

    def ended(self, seconds: float) -> list[Outcome]:
        ready = wait([receiver for _, receiver, _ in self._running.values()], seconds)
        outcomes = []
        for seed, (process, receiver, began) in list(self._running.items()):
            if receiver in ready:
                del self._running[seed]
                try:
                    outcome = receiver.recv()
                except EOFError:
                    process.join()
                    seconds = round(time.perf_counter() - began, 3)
                    outcome = Outcome(seed=seed, state="failed", reason=_ending(process.exitcode), seconds=seconds)
                process.join()
                receiver.close()
                outcomes.append(outcome)
        return outcomes

    def close(self) -> None:
        for process, _, _ in self._running.values():
            process.kill()
        for process, receiver, _ in self._running.values():
            process.join()
            receiver.close()
        self._running.clear()


class RayPool:
    """Tasks on a Ray cluster, each with its share of processors and GPUs; machines may come and go.

    Every machine needs this package with the synth extra, the same Ray, and the output folder under the same name.
    Raises InputError when Ray is missing or no cluster answers at `address`.
    """

    def __init__(self, run: Run, address: str, *, cpus: int, gpus: float = 0.0) -> None:
        try:
            import ray
        except ImportError as error:
            raise InputError("--ray needs Ray; pip install 'pellucid[synth]', or use --workers") from error
        self._ray, self._cpus, self._gpus = ray, cpus, gpus
        _check_address(address)
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _no_cluster(address, error) from error

        def task(seed: int) -> Outcome:
            return run(seed)

        # Retries are counted by us, with their reasons.
        self._task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(task)
        self._running: dict[Any, int] = {}
        if gpus and not ray.cluster_resources().get("GPU"):
            print(
                f"--ray {address}: no machine there has a GPU; scenes wait until one with a GPU joins", file=sys.stderr
            )

    def places(self) -> int:
        there = self._ray.cluster_resources()
        places = there.get("CPU", 0) // self._cpus
        # One at least: an elastic cluster grows when it is asked to.
        return max(1, int(min(places, there.get("GPU", 0) // self._gpus) if self._gpus else places))

    def room(self) -> int:
        return AHEAD * self.places()

    def submit(self, seed: int) -> None:
        self._running[self._task.remote(seed)] = seed

    def ended(self, seconds: float) -> list[Outcome]:
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=seconds) if self._running else ([], [])
        more, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0) if ready else ([], [])
        outcomes = []
        for reference in more:
            seed = self._running.pop(reference)
            try:
                outcomes.append(self._ray.get(reference))
            except self._ray.exceptions.RayError as error:
                reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
                outcomes.append(Outcome(seed=seed, state="failed", reason=reason))
        return outcomes

    def close(self) -> None:
        for reference in self._running:
            with suppress(self._ray.exceptions.RayError):
                self._ray.cancel(reference, force=True)
        self._running.clear()
        self._ray.shutdown()


def _check_address(address: str) -> None:
    """Raises InputError when nothing listens at HOST:PORT. Ray itself would wait for minutes, noisily."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():  # auto, local: Ray's own names
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str, error: Exception) -> InputError:
    why = " ".join(str(error).split())[:200]
    return InputError(f"--ray {address}: no cluster answers ({why}); start one with `ray start --head`")


def _work(run: Run, seed: int, sender: Connection) -> None:
    """A worker's whole life."""
    watch_driver()
    sender.send(run(seed))
    sender.close()


def watch_driver() -> None:
    """For the beginning of a worker: leaves interruptions to the driver, and ends when the driver does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_driver, daemon=True).start()


def _end_with_driver() -> None:
    """Kills this process when the one that asked for it ends, however that ends; its Blender follows."""
    driver = multiprocessing.parent_process()
    assert driver is not None
    wait([driver.sentinel])
    os.kill(os.getpid(), signal.SIGKILL)


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"the worker was killed by {signal.Signals(-code).name}"
    return f"the worker ended with status {code}"
