"""Measures the partitions of a table in a pool of processes and merges their states in a tree.

What crosses is our own code by its import path and plain data: partitions and requests in, states out.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from typing import Any

from seatrial.adapters.compute.partitions import Partition
from seatrial.core.check import MeasureRequest
from seatrial.core.codec import to_data
from seatrial.core.errors import SeatrialError
from seatrial.measure.accumulator import Plain
from seatrial.measure.one_pass import OnePass, columns_of

_AT_ONCE = 2


def measure(partitions: Sequence[Partition], requests: Sequence[MeasureRequest], *, workers: int) -> dict[str, Plain]:
    """The result of each request (by `one_pass.key_of`) over all partitions.

    At most twice as many partitions as workers are under way, and their states are merged pairwise by the workers as
    they come, so memory is bounded by the states. Raises the SeatrialError of the first partition that fails.
    """
    if workers <= 1 or len(partitions) <= 1:
        whole = OnePass(requests)
        for partition in partitions:
            whole.merge(_measured(partition, requests))
        return whole.finish()
    asked = [_plain(request) for request in requests]
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(min(workers, len(partitions)), mp_context=context) as pool:
            states = _reduced(pool, partitions, asked, workers)
    except BrokenProcessPool:
        raise SeatrialError(
            "a process that was measuring data died, most likely for lack of memory",
            remedy="Use fewer workers, or a machine with more memory.",
            permanent=False,
        ) from None
    whole = OnePass(requests)
    whole.merge(states)
    return whole.finish()


def _reduced(pool: ProcessPoolExecutor, partitions: Sequence[Partition], asked: list[Plain], workers: int) -> Plain:
    waiting = list(reversed(partitions))
    running: set[Future[Plain]] = set()
    ready: list[Plain] = []
    try:
        while True:
            while len(ready) > 1 and len(running) < _AT_ONCE * workers:
                running.add(pool.submit(_merged, ready.pop(), ready.pop(), asked))
            while waiting and len(running) < _AT_ONCE * workers:
                running.add(pool.submit(_measured_there, asdict(waiting.pop()), asked))
            if not running:
                return ready[0]
            done, running = wait(running, return_when=FIRST_COMPLETED)
            ready += [future.result() for future in done]
    finally:
        for future in running:
            future.cancel()


def _measured_there(partition: Plain, asked: list[Plain]) -> Plain:
    return _measured(Partition(**partition), [_request(plain) for plain in asked])


def _measured(partition: Partition, requests: Sequence[MeasureRequest]) -> Plain:
    measures = OnePass(requests, partition=partition.id)
    for batch in partition.table().batches(columns_of(requests)):
        measures.update(batch)
    return measures.states()


def _merged(one: Plain, two: Plain, asked: list[Plain]) -> Plain:
    both = OnePass([_request(plain) for plain in asked])
    both.merge(one)
    both.merge(two)
    return both.states()


def _plain(request: MeasureRequest) -> Plain:
    return {"table": request.table, "measure": request.measure, "options": to_data(request.options)}


def _request(plain: Mapping[str, Any]) -> MeasureRequest:
    return MeasureRequest(table=plain["table"], measure=plain["measure"], options=plain["options"])
