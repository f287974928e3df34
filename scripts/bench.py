#!/usr/bin/env python3
"""Measure fit-image beside PyTorch on this machine: ratios, shares of the possible, one JSON.

Needs the extra ``fit-image[bench]``. Peer and ours are measured in turns in one process, after
compiling and warming up, so that a noisy moment hits both; the figures are medians over the
turns. Nothing else should run on the machine. It takes about ten minutes; the game of digits alone,
``--digits``, two; the quality of pictures after so many seconds, ``--quality``, more than an hour.
"""

from __future__ import annotations

import argparse
import json
import platform
from typing import Any

import torch

from benchmark import cores, report
from benchmark.ceilings import Ceilings, processor
from benchmark.convolutions import measure_convolutions
from benchmark.quality import sections
from fit_image.nn.runtime.machine import usable_cores


def main() -> None:
    """Measure, and print the tables or the JSON object."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    add = parser.add_argument
    add("--json", action="store_true", help="print one JSON object")
    add("--turns", type=int, default=5, help="turns of each job (default 5)")
    add("--digits", action="store_true", help="measure the game of digits alone")
    add("--patches", action="store_true", help="measure networks on whole pictures and patches")
    add("--convolutions", action="store_true", help="measure a deep stack of 3 x 3 convolutions")
    add("--cores", action="store_true", help="measure how the work grows with the cores")
    add("--quality", action="store_true", help="measure PSNR over seconds instead")
    sections.add_arguments(parser)
    arguments = parser.parse_args()
    machine = {"processor": processor(), "cores": usable_cores()}
    machine |= {"torch": torch.__version__, "python": platform.python_version()}
    measured: dict[str, Any] = {"machine": machine}
    if arguments.quality:
        measured["quality"] = sections.Quality(arguments, machine).report()
    elif arguments.cores:
        measured |= cores.measure_cores(arguments.turns)
    elif arguments.convolutions:
        measured["convolutions"] = measure_convolutions(arguments.turns)
    elif arguments.digits:
        measured |= report.measure_digits(Ceilings(), arguments.turns)
    elif arguments.patches:
        measured |= report.measure_pictures(Ceilings(), arguments.turns)
    else:
        measured |= report.measure_all(Ceilings(), arguments.turns)
    if arguments.json:
        print(json.dumps(measured))
    else:
        for line in cores.lines(measured.pop("cores", {})):
            print(line)
        report.print_report(measured)


if __name__ == "__main__":
    main()
