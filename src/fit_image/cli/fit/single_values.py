"""``fit-image IMAGE`` with several pictures or values: the way to ``fit-image sweep``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from fit_image.cli.common.headings import HeadedCommand
from fit_image.cli.common.picture_files import STREAM
from fit_image.config.fit import FitConfig, ImageConfig

_COMPARED = {
    "preset",
    *(each.name for config in (FitConfig, ImageConfig) for each in fields(config)),
}
"""Options that ``fit-image sweep`` takes several values of."""

_SHOWN = 3


class SingleValuesCommand(HeadedCommand):
    """Refuses several pictures, and several values of an option that decides what is learned."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Raise a usage error, or parse as click does."""
        if not ctx.resilient_parsing:
            given, words, order = self.make_parser(ctx).parse_args(args=list(args))
            if not any(param.is_eager for param in order):  # such as --help
                _check_pictures(given.get("image"), words)
                for param in order:
                    self._check_values(ctx, param, order.count(param), given)
        return super().parse_args(ctx, args)

    def _check_values(
        self, ctx: click.Context, param: click.Parameter, count: int, given: Mapping[str, Any]
    ) -> None:
        if param.name not in _COMPARED:
            return
        name, value = param.opts[-1], str(given[param.name])
        if count > 1:
            raise click.UsageError(
                f"{name} is given {count} times: fit-image sweep IMAGE compares several values."
            )
        parts = value.split(",")
        # Some values, such as those of --layers, contain commas themselves.
        if len(parts) > 1 and _all_valid(ctx, param, parts) and not _all_valid(ctx, param, [value]):
            raise click.UsageError(
                f"{name} {value} is several values: fit-image sweep IMAGE compares them."
            )


def _check_pictures(image: str | None, more: list[str]) -> None:
    if image is None or not more or not all(Path(each).exists() for each in more):
        return
    if Path(image) != STREAM and not Path(image).exists():
        raise click.UsageError(f"{image} is neither a command nor an existing file.")
    paths = [image, *more]
    named = shlex.join(paths[:_SHOWN]) + " ..." * (len(paths) > _SHOWN)
    raise click.UsageError(
        f"{len(paths)} pictures are given: a network learns one. To teach one network each, use "
        f"fit-image sweep {named}"
    )


def _all_valid(ctx: click.Context, param: click.Parameter, texts: list[str]) -> bool:
    try:
        for text in texts:
            param.type.convert(text.strip(), param, ctx)
    except click.BadParameter:
        return False
    return True
