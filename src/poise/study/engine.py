"""Runs jobs side by side, each in a process that may die without taking the study with it."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import torch

from ..api import Interrupted
from ..files import write_json
from ..signals import catching
from . import worker
from .design import Study
from .folder import outcome_of, result_file
from .job import Job, Outcome

PATIENCE = 2.0  # seconds between looks at what another machine has done

Told = Callable[[Outcome], None]


class Stopped(Exception):  # noqa: N818  (nothing went wrong)
    """The study was stopped by a signal; `number` is the signal's."""

    def __init__(self, number: int, root: Path) -> None:
        super().__init__(f"stopped; every run in {root} was saved, and the same command again goes on")
        self.number = number


def run(study: Study, jobs: Sequence[Job], root: Path, workers: int, told: Told) -> list[Outcome]:
    """Return the outcomes of jobs, in their order; those that are on disk are not run again.

    Args:
        study: whose they are.
        jobs: what to run; one that another machine is at is waited for.
        root: the study's folder.
        workers: processes side by side, among which the processors are divided fairly.
        told: called with each outcome when it is there.

    Raises:
        Stopped: Ctrl-C or SIGTERM came.
    """
    waiting = [job for job in jobs if outcome_of(root, job) is None]
    while waiting:
        broken = _together(study, waiting, root, workers, told)
        for job in broken:  # one of them has killed its process; alone it is known which
            if _together(study, [job], root, 1, told):
                killed = Outcome(job, "failed", error="its process was killed", path=f"runs/{job.key}")
                write_json(result_file(root, job), killed.to_json())
                told(killed)
        left = [job for job in waiting if outcome_of(root, job) is None]
        if len(left) == len(waiting):  # another machine is at all of them
            time.sleep(PATIENCE)
        waiting = left
    found = [outcome_of(root, job) for job in jobs]
    return [outcome for outcome in found if outcome is not None]


def _together(study: Study, jobs: Sequence[Job], root: Path, workers: int, told: Told) -> list[Job]:
    """Run jobs until all are done or a process dies; return those that were running then."""
    threads = max(1, torch.get_num_threads() // workers)  # of those that $OMP_NUM_THREADS and the affinity allow
    waiting, running = list(jobs), dict[Future[Outcome | None], Job]()
    spawn = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
    with catching() as caught, ProcessPoolExecutor(workers, spawn, worker.prepare, (threads,)) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    job = waiting.pop(0)
                    running[pool.submit(worker.work, study, job, root)] = job
                for future in wait(running, timeout=0.2, return_when=FIRST_COMPLETED).done:
                    outcome = future.result()
                    if outcome is not None:
                        told(outcome)
                    del running[future]
                if caught:
                    raise Stopped(caught[0], root)
        except BrokenProcessPool:
            if caught:
                raise Stopped(caught[0], root) from None
            return list(running.values())
        except Interrupted as stop:
            raise Stopped(stop.number, root) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            if caught:
                for process in multiprocessing.active_children():
                    if process.pid is not None and process.is_alive():
                        os.kill(process.pid, signal.SIGTERM)
    return []
