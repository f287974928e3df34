"""Numbers and results as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fit_image.animation.writers import AnimationReport

_LARGE_GIF = 10_000_000  # bytes; many programs that people send pictures with take no more


def describe_animation(report: AnimationReport, *, limited: bool = True) -> str:
    """Return the frames, true speed, duration and size of an animation in a line.

    ``limited`` says whether the command has ``--max-bytes``, which is named where a GIF is large.
    """
    frames = f"{report.frames} frames at {report.fps:.4g} a second"
    shown = "1 frame" if report.frames == 1 else frames
    line = f"{report.path}: {shown}, {report.seconds:.1f} s in all, {format_bytes(report.size)}"
    if report.reduced:
        return f"{line}; kept to --max-bytes by {', '.join(report.reduced)}"
    if limited and report.path.suffix.lower() == ".gif" and report.size > _LARGE_GIF:
        return f"{line}; --max-bytes 8MB makes a smaller one, and .avif files are smaller still"
    return line


def format_bytes(size: int) -> str:
    """Return a size such as ``812 bytes``, ``72 kB`` or ``1.4 MB``."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return counted(size, "byte")


def format_duration(seconds: float) -> str:
    """Return a duration such as ``42 s``, ``3:07`` or ``1:02:45``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def counted(number: int, noun: str) -> str:
    """Return a number and what is counted, in the plural unless it is one."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
