"""Teach a small neural network to paint a picture, and watch it learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fit_image.version import __version__

if TYPE_CHECKING:
    from fit_image.animation.writers import write_animation
    from fit_image.apps.fit.trainer import FitTrainer as Trainer
    from fit_image.apps.fitting import Epoch, fit
    from fit_image.apps.lr_finder.find_lr import RateCurve, find_lr
    from fit_image.apps.painting_network import PaintingNetwork as Network
    from fit_image.apps.run_kinds import open_run
    from fit_image.cli.watching import watch
    from fit_image.config.fit import FitConfig
    from fit_image.config.layer_spec import parse_layers
    from fit_image.errors import DivergenceError, FitImageError, InputError
    from fit_image.images.colours import to_uint8
    from fit_image.images.fidelity import psnr
    from fit_image.images.io import load_image, save_image

__all__ = [
    "DivergenceError",
    "Epoch",
    "FitConfig",
    "FitImageError",
    "InputError",
    "Network",
    "RateCurve",
    "Trainer",
    "__version__",
    "find_lr",
    "fit",
    "load_image",
    "open_run",
    "parse_layers",
    "psnr",
    "save_image",
    "to_uint8",
    "watch",
    "write_animation",
]

# Module, and the name there where it differs. Loaded when first used, so that ``fit-image --help``
# does not wait for numba.
_HOMES = {
    "DivergenceError": "errors",
    "Epoch": "apps.fitting",
    "FitConfig": "config.fit",
    "FitImageError": "errors",
    "InputError": "errors",
    "Network": "apps.painting_network:PaintingNetwork",
    "RateCurve": "apps.lr_finder.find_lr",
    "Trainer": "apps.fit.trainer:FitTrainer",
    "find_lr": "apps.lr_finder.find_lr",
    "fit": "apps.fitting",
    "load_image": "images.io",
    "open_run": "apps.run_kinds",
    "parse_layers": "config.layer_spec",
    "psnr": "images.fidelity",
    "save_image": "images.io",
    "to_uint8": "images.colours",
    "watch": "cli.watching",
    "write_animation": "animation.writers",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, _, other_name = _HOMES[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), other_name or name)


def __dir__() -> list[str]:
    return sorted(__all__)
