"""How the work of single pixels, batches and drawing grows with the cores."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from benchmark.pixels import our_network, peer_and_optimizer, peer_learning
from benchmark.timing import Work
from fit_image import FitConfig, Trainer, fit, parse_layers
from fit_image.apps.fit.warm_up import warm_up
from fit_image.config.presets import preset_config
from fit_image.nn.runtime.machine import usable_cores
from fit_image.nn.runtime.thread_tuner import counts_up_to

WIDTH, HEIGHT = 300, 429

# Seconds of a measurement; of the one in which the number of threads is found out.
_MEASURED, _TRIED = 0.25, 1.5

# Epochs with a frame each, and without.
_EPOCHS = {"4x300": 3, "3x32": 20}

Times = dict[str, list[float]]  # by the number of threads


def measure_cores(turns: int) -> dict[str, Any]:
    """Return microseconds a pixel of several jobs by the number of threads, the best of all turns.

    A column ``auto`` has the number of threads that the program chooses by itself; numbers of which
    a job has no use are left out.
    """
    rows = {name: job(turns) for name, job in _jobs().items()}
    best = {
        name: {threads: min(each) for threads, each in times.items()}
        for name, times in rows.items()
    }
    frames = {layers: frame_share(layers, epochs, turns) for layers, epochs in _EPOCHS.items()}
    return {"cores": best, "frame": frames}


def _jobs() -> Mapping[str, Callable[[int], Times]]:
    def learning(config: FitConfig) -> Callable[[int], Times]:
        return lambda turns: _learn(config, turns)

    plain = {f"per sample {layers}": FitConfig(layers=parse_layers(layers))
             for layers in ("4x300", "4x1000", "3x32")}  # fmt: skip
    batches = {
        f"adam {batch}, 4x300": FitConfig(
            layers=parse_layers("4x300"), optimizer="adam", learning_rate=1e-3, batch_size=batch
        )
        for batch in (64, 1024, 4096)
    }
    presets = {name: preset_config(name, WIDTH, HEIGHT) for name in ("instant", "sharp")}
    ours = {name: learning(config) for name, config in (plain | batches | presets).items()}
    peers = {
        f"PyTorch, {name}": lambda turns, batch=batch: _peer(batch, turns)
        for name, batch in (("adam 1024", 1024), ("batch 1", 1))
    }
    graphics = {"PyTorch, batch 1, on the graphics processor": _graphics}
    return {
        **ours,
        "drawing 4x300": _draw,
        **peers,
        **(graphics if torch.cuda.is_available() else {}),
    }


def _learn(config: FitConfig, turns: int) -> Times:
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    warm_up(config)
    trainers = {"auto": Trainer(image, config)}
    most = trainers["auto"].learning.method.most_threads
    for threads in counts_up_to(min(usable_cores(), most)):
        trainers[str(threads)] = Trainer(image, config, threads=threads)
    start = trainers["auto"].state_dict()
    for trainer in trainers.values():
        _learn_some(trainer, _TRIED if trainer is trainers["auto"] else _MEASURED)
        trainer.load_state_dict(start)
    return _in_turns(turns, {name: _learning(trainer, start) for name, trainer in trainers.items()})


def _learning(trainer: Trainer, start: Mapping[str, Any]) -> Work:
    def work() -> int:
        trainer.load_state_dict(start)
        trainer.train(seconds=0.0)  # puts the pixels in order, no more
        return _learn_some(trainer, _MEASURED)

    return work


def _learn_some(trainer: Trainer, seconds: float) -> int:
    learned, end = 0, time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        before = trainer.position
        if trainer.train(left):
            trainer.finish_epoch()
            learned += trainer.epoch_size - before
        else:
            learned += trainer.position - before
    return learned


def _draw(turns: int) -> Times:
    network = our_network("4x300")

    def drawing(threads: int | None) -> Work:
        def work() -> int:
            network.render(512, 512, threads=threads)
            return 512 * 512

        return work

    counts = {str(threads): drawing(threads) for threads in counts_up_to(usable_cores())}
    return _in_turns(turns, {"auto": drawing(None), **counts})


def _peer(batch: int, turns: int) -> Times:
    work = peer_learning("4x300", batch)

    def with_threads(threads: int) -> Work:
        def counted() -> int:
            torch.set_num_threads(threads)
            return work()

        return counted

    counts = counts_up_to(usable_cores())
    return _in_turns(turns, {str(threads): with_threads(threads) for threads in counts})


def _graphics(turns: int) -> Times:
    """Descend by single pixels on a graphics processor: step by step, and as one CUDA graph."""
    peer, optimizer = peer_and_optimizer("4x300", 1, "cuda")
    x, target = torch.rand(1, 2, device="cuda"), torch.rand(1, 3, device="cuda")
    xs, targets = torch.rand(500, 1, 2, device="cuda"), torch.rand(500, 1, 3, device="cuda")

    def step() -> None:
        optimizer.zero_grad()
        (0.5 * ((peer(x) - target) ** 2).sum()).backward()
        optimizer.step()

    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()

    def descent(descend: Callable[[], object]) -> Work:
        def work() -> int:
            for each, its_target in zip(xs, targets, strict=True):
                x.copy_(each)
                target.copy_(its_target)
                descend()
            torch.cuda.synchronize()
            return len(xs)

        return work

    return _in_turns(turns, {"1": descent(step), "auto": descent(graph.replay)})


def _in_turns(turns: int, works: Mapping[str, Work]) -> Times:
    times: Times = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(turns):
        for name, work in works.items():
            began = time.perf_counter()
            units = work()
            times[name].append((time.perf_counter() - began) / units * 1e6)
    print(".", end="", file=sys.stderr, flush=True)
    return times


def frame_share(layers: str, epochs: int, turns: int) -> float:
    """Return by how much a frame lengthens an epoch of single pixels, the median of all turns.

    The first and the last picture are drawn in any case.
    """
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    shares = []
    for turn in range(turns + 1):
        seconds = {}
        for every in (1, epochs) if turn % 2 else (epochs, 1):
            began = time.perf_counter()
            for _ in fit(image, layers=layers, epochs=epochs, frame_every=every):
                pass
            seconds[every] = time.perf_counter() - began
        frame, epoch = (seconds[1] - seconds[epochs]) / (epochs - 1), seconds[epochs] / epochs
        shares.append(frame / epoch)
    print(".", end="", file=sys.stderr, flush=True)
    return statistics.median(shares[1:])  # the first loads the kernels


def lines(best: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Yield the table of `measure_cores` in Markdown."""
    if not best:
        return
    counts = [str(threads) for threads in counts_up_to(usable_cores())]
    yield f"| us a pixel | {' | '.join(counts)} | by itself |"
    yield f"|{'---|' * (len(counts) + 2)}"
    for name, times in best.items():
        cells = [f"{times[key]:.3g}" if key in times else "-" for key in (*counts, "auto")]
        yield f"| {name} | {' | '.join(cells)} |"
