"""Networks and PCA with codes of several sizes, on pictures that neither has seen, on a page."""

from __future__ import annotations

import base64
import io
import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.decomposition import PCA

from fit_image.apps.autoencode.pictures import Lesson
from fit_image.apps.autoencode.recipe import Recipe
from fit_image.apps.autoencode.sheet import tile
from fit_image.apps.autoencode.trainer import AutoencoderTrainer
from fit_image.image import to_float, to_uint8

Floats = npt.NDArray[np.float32]

SHOWN = 10
"""Held-out pictures."""


class Outcome(NamedTuple):
    """What redraws pictures: its code, how good it is, and cells of the table that tell so.

    "Differences kept" are the share of the held-out pictures' differences from the mean picture
    that is drawn: 1 - error / variance.
    """

    name: str
    code: int
    psnr: float
    drawn: Floats
    cells: dict[str, str]


class Comparison:
    """Trains one network after the other, and fits PCA to the same pictures."""

    def __init__(self, lesson: Lesson, threads: int | None) -> None:
        self.lesson, self._threads = lesson, threads
        self.wanted = to_float(lesson.held_out)
        known = to_float(lesson.pictures).reshape(len(lesson.pictures), -1)
        self.mean: Floats = known.mean(axis=0).reshape(self.wanted.shape[1:])
        self._variance = float(np.square(self.wanted - self.mean, dtype=np.float64).mean())
        self._most = min(len(known) - 1, known.shape[1])
        self._components = PCA(self._most, svd_solver="full").fit(known)

    def compare(self, codes: Sequence[int], filters: int, epochs: int, seed: int) -> list[Outcome]:
        """Train networks of all kinds, each followed by PCA of that code, if there is such."""
        average = np.broadcast_to(self.mean, self.wanted.shape)
        outcomes = [self._outcome("the average picture", 0, self.mean.size, average)]
        for name, recipe in self._plan(codes, filters):
            network = self._train(name, replace(recipe, seed=seed), epochs)
            pca = self._pca(min(network.code, self._most))
            outcomes += [network, pca]
            print(f"{name}: {network.psnr:.2f} dB, {pca.name} {pca.psnr:.2f} dB", flush=True)
        return outcomes

    def _plan(self, codes: Sequence[int], filters: int) -> list[tuple[str, Recipe]]:
        """Return names and recipes: convolutional ones and their equals among them."""
        pooled = math.prod(-(-side // 4) for side in self.mean.shape[:2]) * filters
        plan = [(f"dense {code:,}", Recipe(bottleneck=code)) for code in sorted({*codes, pooled})]
        plan.append((f"tied {max(codes):,}", Recipe(bottleneck=max(codes), tied=True)))
        # Few pictures make few steps an epoch, and its few weights need many.
        convolutional = Recipe(conv=True, filters=filters, batch_size=20)
        return [*plan, (f"convolutional {pooled:,}", convolutional)]

    def _train(self, name: str, recipe: Recipe, epochs: int) -> Outcome:
        pictures, held_out = self.lesson.pictures, self.lesson.held_out
        trainer = AutoencoderTrainer(pictures, held_out, recipe, threads=self._threads)
        trainer.warm_up()
        for epoch in range(1, epochs + 1):
            while not trainer.epoch_is_over:
                trainer.play()
            trainer.end_epoch()
            if sys.stderr.isatty():
                print(f"\r{name}: epoch {epoch}/{epochs} ", end="", file=sys.stderr)
        network, drawn = trainer.network, trainer.model().redraw(held_out)
        count = network.chain.parameter_count
        training = f"{epochs:,} epochs, {trainer.standing.seconds:.0f} s"
        return self._outcome(name, network.code_size, count, drawn, training)

    def _pca(self, size: int) -> Outcome:
        """Redraw with the first principal components of the training pictures."""
        chosen, mean = self._components.components_[:size], self._components.mean_
        flat = self.wanted.reshape(len(self.wanted), -1)
        drawn = ((flat - mean) @ chosen.T @ chosen + mean).clip(0, 1).reshape(self.wanted.shape)
        return self._outcome(f"PCA {size:,}", size, chosen.size + mean.size, drawn)

    def _outcome(
        self, name: str, code: int, count: int, drawn: Floats, training: str = ""
    ) -> Outcome:
        error = float(np.square(drawn - self.wanted, dtype=np.float64).mean())
        psnr = -10 * math.log10(error)
        cells = {"": name, "code": f"{code:,}", "parameters": f"{count:,}"}
        cells |= {"PSNR": f"{psnr:.2f} dB", "differences kept": f"{1 - error / self._variance:.1%}"}
        return Outcome(name, code, psnr, np.array(drawn), cells | {"training": training})


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="color-scheme" content="light dark">
<title>{name}: codes of auto-encoders compared</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 1100px; margin: 2em auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 6px 12px; text-align: right; border-bottom: 1px solid #8884; }}
img {{ width: 560px; image-rendering: pixelated; display: block; }}
</style>
</head>
<body>
<h1>{name}: how few numbers make a picture?</h1>
<p>{learned:,} pictures learned from, {held_out:,} held out.</p>
<table>
{rows}
</table>
<p>All on held-out pictures, which neither network nor PCA has seen. PSNR is that of the mean
squared error, in dB: higher is better. "Differences kept" is the share of what makes a picture
another than the average one: the average itself keeps 0%, a perfect copy 100%. PCA (principal
components) is fitted to the same training pictures, and stands below the network with a code of
that size; there are at most as many components as pictures less one.</p>
</body>
</html>
"""


def render(comparison: Comparison, outcomes: Sequence[Outcome], name: str) -> str:
    """Return a page of HTML that needs nothing but itself."""
    wanted = comparison.wanted
    shown = np.linspace(0, len(wanted) - 1, min(SHOWN, len(wanted))).astype(int)
    header = "".join(f"<th>{cell}</th>" for cell in outcomes[0].cells)
    rows = [f"<tr>{header}<th>{_image(wanted[shown])}</th></tr>"]
    for each in outcomes:
        cells = "".join(f"<td>{cell}</td>" for cell in each.cells.values())
        rows.append(f"<tr>{cells}<td>{_image(each.drawn[shown])}</td></tr>")
    return _PAGE.format(
        name=escape(name),
        learned=len(comparison.lesson.pictures),
        held_out=len(wanted),
        rows="\n".join(rows),
    )


def _image(pictures: Floats) -> str:
    sheet, stream = tile([to_uint8(pictures)]), io.BytesIO()
    Image.fromarray(sheet[..., 0] if sheet.shape[2] == 1 else sheet).save(stream, "PNG")
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<img alt="pictures" src="data:image/png;base64,{data}">'
