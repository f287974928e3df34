"""The options of training that make up a `Recipe`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import click

from fit_image.apps.digits.recipe import Recipe
from fit_image.cli.options import Command, Real
from fit_image.config import option_of

_HELP = {
    "batch_size": "Pictures of a batch; all steps of a round learn from the same one.",
    "learning_rate": "Learning rate of Adam, for all networks.",
    "beta1": "What Adam keeps of the mean gradient at a step, 0 to 1.",
    "clip": "Norm of a gradient at most.",
    "latent": "Numbers from which a picture is drawn.",
    "units": "Units of a layer of the generator.",
    "blocks": "Residual blocks of the generator.",
    "block_layers": "ReLU layers in a block; a tanh layer follows.",
    "scale": "x and y run from minus to plus this; the latent numbers are multiplied by it.",
    "encoder_units": "Units of the encoder's two hidden layers.",
    "keep": "Share of these that dropout keeps.",
    "maps": "Maps of the classifier's first convolution; the next have twice and four times as "
    "many.",
    "crop": "Rows and columns that a random crop takes off a picture.",
    "real_weight": "Weight of the classifier's loss on real pictures.",
    "fake_weight": "Weight of its loss on generated ones.",
    "divergence_weight": "Weight of the Kullback-Leibler divergence a pixel.",
    "generator_steps": "Steps of the generator in a round, at most.",
    "generator_goal": "Share of its pictures taken for real ones of their class that ends them.",
    "good_generator": "Share from which on the classifier learns, if it is behind.",
    "classifier_steps": "Steps of the classifier in a round, at most.",
    "fake_behind": "It is behind if it recognises a smaller share of generated pictures.",
    "fake_goal": "Share of them that ends its steps.",
    "real_behind": "It learns from real pictures alone if it recognises a smaller share of them.",
    "real_goal": "Share of them that ends these steps.",
    "average": "What the networks that draw keep of their average over the steps, such as 0.999; 0 "
    "for none.",
    "seed": "Of the first weights, the order of pictures, and all else that is left to chance.",
}


def recipe_options(command: Command) -> Command:
    """Add an option for every field of `Recipe`."""
    for field in reversed(fields(Recipe)):
        whole = isinstance(field.default, int)
        add: Callable[[Any], Any] = click.option(
            option_of(field.name),
            field.name,
            type=click.IntRange(min=0) if whole else Real(min=0),
            default=field.default,
            show_default=True,
            metavar="N" if whole else "X",
            help=_HELP[field.name],
        )
        command = add(command)
    return command
