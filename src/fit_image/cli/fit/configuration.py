"""From the options of ``fit-image IMAGE`` to a configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fit_image.cli.common.config_options import config_of, is_given
from fit_image.config.encoding_spec import left_open
from fit_image.config.fit import FitConfig, ImageConfig, RecordConfig, is_elsewhere, option_of
from fit_image.config.presets import preset_config
from fit_image.config.registry import AUTO_RATE, CHANNELS
from fit_image.errors import InputError, excerpt

if TYPE_CHECKING:
    from fit_image.apps.fit.directory import FitDirectory
    from fit_image.apps.fit.manifest import FitManifest

NO_ANIMATION = "none"

# What --parameters decides.
_SIZES = {"layers", "encoding"}


def configuration(
    ctx: click.Context, given: dict[str, Any], earlier: FitDirectory | None
) -> tuple[Callable[[int, int], FitConfig], ImageConfig, RecordConfig]:
    """Return the options given; those not given are of a resumed run, or of that of ``--like``.

    Those that a preset may decide come as a function of the picture's width and height.
    """
    explicit = {name: value for name, value in given.items() if is_given(ctx, name)}
    if explicit.get("learning_rate") == AUTO_RATE:
        del explicit["learning_rate"]  # found when the picture is known, or as before
    manifest = earlier and earlier.manifest
    own = _fields(FitConfig, explicit)
    if manifest and given["like"]:
        if "preset" in explicit:
            raise click.UsageError("--preset and --like exclude each other: both give all options.")
        given["preset"] = manifest.preset
        own = {**manifest.fit.defaulted(), **own}
        if own.get("max_parameters") is not None:
            own.setdefault("encoding", left_open(manifest.fit.encoding))  # of which it decides
        # Paths are of that run's own files.
        names = tuple(Path(name).name for name in manifest.record.animations)
        manifest = replace(manifest, record=replace(manifest.record, animations=names))
    record = config_of(ctx, RecordConfig, given, manifest.record if manifest else None)
    prepare = config_of(ctx, ImageConfig, given, manifest.image if manifest else None)
    if earlier and not given["like"] and "animations" not in explicit:
        _check_inside(earlier.path / earlier.document_name, record)

    def decide(width: int, height: int) -> FitConfig:
        if manifest:
            fit, changes = manifest.fit, own
            if not given["like"] and _are_sizes_of(manifest, own, width, height, prepare.channels):
                changes = {name: own[name] for name in own.keys() - _SIZES}
            if own.get("optimizer", fit.optimizer) != fit.optimizer:
                changes = {"weight_decay": None, **own}  # not the earlier one's
            return replace(fit, **changes).for_picture(width, height)
        return preset_config(given["preset"], width, height, **own)

    if (
        earlier
        and manifest
        and not given["like"]
        and explicit.get("preset", manifest.preset) != manifest.preset
    ):
        raise InputError(
            f"cannot resume {earlier.path}: --preset (was {manifest.preset}, now "
            f"{given['preset']}) differs; choose another folder with -o, or --overwrite"
        )
    return decide, prepare, record


def _are_sizes_of(
    manifest: FitManifest, own: dict[str, Any], width: int, height: int, channels: str
) -> bool:
    """Tell whether the sizes given are those from which a run's own were solved."""
    if manifest.fit.max_parameters is None or not own.keys() & _SIZES:
        return False
    from fit_image.apps.fit.architecture import sized

    try:
        anew = preset_config(manifest.preset, width, height, **own)
        anew = sized(anew, (width, height), CHANNELS[channels])
    except InputError:
        return False
    return all(getattr(anew, name) == getattr(manifest.fit, name) for name in _SIZES)


def _check_inside(document: Path, record: RecordConfig) -> None:
    """Refuse animations outside of a folder that its document, perhaps a stranger's, asks for."""
    for name in filter(is_elsewhere, record.animations):
        raise InputError(
            f"{document} asks for the animation {excerpt(name)}, outside of its folder: give "
            "--animation again, or --animation none"
        )


def check_used(ctx: click.Context, fit: FitConfig) -> None:
    """Refuse an option that was given, and that nothing in the network uses."""
    from fit_image.config.usage import unused_fields

    for name, reason in unused_fields(fit).items():
        if is_given(ctx, name):
            raise InputError(f"{option_of(name)} would change nothing: {reason}")


def animation_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the animations that ``--animation`` asks for; those with a folder as whole paths."""
    if not names:
        return RecordConfig().animations
    if NO_ANIMATION in names:
        if len(names) > 1:
            raise click.UsageError(f"--animation {NO_ANIMATION} excludes other animations.")
        return ()
    # A name with a folder is the user's own path, and must not move with the output folder.
    return tuple(str(Path(name).absolute()) if is_elsewhere(name) else name for name in names)


def record_of_trials(given: dict[str, Any]) -> RecordConfig:
    """Return the frames and animations that every trial of a sweep records."""
    from fit_image.animation.writers import check_suffix
    from fit_image.apps.fit.directory import FitDirectory

    names = animation_names(given["animations"])
    for name in names:
        check_suffix(name)
        if is_elsewhere(name):
            raise InputError(f"--animation {name}: every trial makes its own, so give a bare name")
        FitDirectory.check_animation(name)
    return RecordConfig(**_fields(RecordConfig, {**given, "animations": names}))


def _fields(cls: type, values: dict[str, Any]) -> dict[str, Any]:
    return {field.name: values[field.name] for field in fields(cls) if field.name in values}
