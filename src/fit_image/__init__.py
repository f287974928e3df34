"""Teach a small neural network to paint a picture, and watch it learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fit_image.version import __version__

if TYPE_CHECKING:
    from fit_image.animation import write_animation
    from fit_image.apps.fit import Epoch, fit
    from fit_image.apps.trainer import FitTrainer as Trainer
    from fit_image.config import FitConfig
    from fit_image.errors import DivergenceError, FitImageError, InputError
    from fit_image.image import load_image, psnr, save_image, to_uint8
    from fit_image.model import PaintingNetwork as PaintingNetwork
    from fit_image.notation import parse_layers

__all__ = [
    "DivergenceError",
    "Epoch",
    "FitConfig",
    "FitImageError",
    "InputError",
    "PaintingNetwork",
    "Trainer",
    "__version__",
    "fit",
    "load_image",
    "parse_layers",
    "psnr",
    "save_image",
    "to_uint8",
    "write_animation",
]

# Module, and the name there where it differs. Loaded when first used, so that ``fit-image --help``
# does not wait for numba.
_HOMES = {
    "DivergenceError": "errors",
    "Epoch": "apps.fit",
    "FitConfig": "config",
    "FitImageError": "errors",
    "InputError": "errors",
    "PaintingNetwork": "model:PaintingNetwork",
    "Trainer": "apps.trainer:FitTrainer",
    "fit": "apps.fit",
    "load_image": "image",
    "parse_layers": "notation",
    "psnr": "image",
    "save_image": "image",
    "to_uint8": "image",
    "write_animation": "animation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module, _, other_name = _HOMES[name].partition(":")
    return getattr(import_module(f"{__name__}.{module}"), other_name or name)


def __dir__() -> list[str]:
    return sorted(__all__)
