"""Configuration of animations."""

from __future__ import annotations

from dataclasses import dataclass

from fit_image.config.caption import Caption
from fit_image.config.registry import LOOPS, PACES
from fit_image.config.settings import (
    LARGEST_WHOLE,
    check_settings,
    documented,
    require,
    setting,
)
from fit_image.errors import excerpt

FPS = (0.01, 1000.0)
"""Range of frames per second."""

HOLD = (0.0, 600.0)
"""Range of the last frame's seconds; a GIF's longest delay is 655."""


@documented
@dataclass(frozen=True)
class AnimationConfig:
    """How the frames of a run are shown; the frames themselves stay as they are.

    Raises
    ------
    InputError
        If a value is out of its range.
    """

    fps: float = setting(20.0, "Frames per second of the animation.", FPS)
    with_target: bool = setting(
        False, "Show the target beside the learned picture.", may_change=True
    )
    pace: str = setting(
        "even",
        "Space the animation's frames evenly in epochs, or evenly in visible progress (PSNR).",
        choices=PACES,
    )
    caption: str | None = setting(
        None,
        "Text in a bar below the picture, with numbers of metrics.csv in braces: '{epoch} "
        "{psnr:.1f} dB', or none.",
        added=True,
    )
    progress_line: bool = setting(
        False,
        "Show a thin line below the picture that grows with the epochs.",
        may_change=True,
        added=True,
    )
    loop: str = setting(
        "forward",
        "Repeat the animation without end, repeat it forward and back, or play it once.",
        choices=LOOPS,
        added=True,
    )
    hold: float = setting(2.0, "Seconds that the last frame is shown.", HOLD, added=True)
    max_bytes: int | None = setting(
        None,
        "Largest size of the animation, such as 8MB, 500kB or none; of a larger one, fewer frames "
        "are taken, then fewer colours, then fewer pixels.",
        (1, LARGEST_WHOLE),
        added=True,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.caption is not None:
            problem = f"must be text, not {excerpt(repr(self.caption))}"
            require(isinstance(self.caption, str), "caption", problem)
            Caption.parse(self.caption)
