"""Small drawings for buttons, lists and tool bars, on a square of 24 units."""

from __future__ import annotations

from random import Random

# Lines unless they say otherwise, so that one drawing serves in two styles.
_SHAPES = {
    "check": '<path d="M4 13l5 5L20 6"/>',
    "disc": '<circle cx="12" cy="12" r="6" fill="currentColor"/>',
    "down": '<path d="M5 9l7 7 7-7"/>',
    "cross": '<path d="M5 5l14 14M19 5L5 19"/>',
    "plus": '<path d="M12 4v16M4 12h16"/>',
    "folder": '<path d="M2 6h7l2 3h11v11H2z"/>',
    "file": '<path d="M5 2h10l4 4v16H5z"/><path d="M8 10h8M8 14h8M8 18h5"/>',
    "home": '<path d="M3 12l9-9 9 9M6 10v11h12V10"/>',
    "person": '<circle cx="12" cy="7" r="4.5"/><path d="M3 22c0-7 4-8 9-8s9 1 9 8z"/>',
    "letter": '<rect x="2" y="5" width="20" height="14"/><path d="M2 6l10 8 10-8"/>',
    "glass": '<circle cx="10" cy="10" r="7"/><path d="M15 15l7 7"/>',
    "clock": '<circle cx="12" cy="12" r="9.5"/><path d="M12 6v6l4 3"/>',
    "star": '<path d="M12 2l3 7 7 .5-5.5 4.600 2 7.400L12 17l-6.5 4.5 2-7.400L2 9.5 9 9z"/>',
    "heart": '<path d="M12 21C2 13 1 8 4 5s7-1 8 2c1-3 5-5 8-2s2 8-8 16z"/>',
    "lock": '<rect x="4" y="10" width="16" height="11"/><path d="M7 10V7a5 5 0 0110 0v3"/>',
    "chart": '<path d="M3 3v18h18"/><path d="M7 17v-5M12 17V7M17 17v-8" stroke-width="3"/>',
    "picture": '<rect x="2" y="4" width="20" height="16"/><path d="M3 18l6-7 4 5 3-3 5 5"/>',
    "gear": '<circle cx="12" cy="12" r="6"/><path d="M12 1v4M12 19v4M1 12h4M19 12h4M4 4l3 3'
    'M17 17l3 3M4 20l3-3M17 7l3-3"/>',
    "trash": '<path d="M3 6h18M9 6V3h6v3M5 6l1 16h12l1-16M10 10v8M14 10v8"/>',
    "pen": '<path d="M3 21l1-5L17 3l4 4L8 20z"/>',
    "bell": '<path d="M4 18h16c-3-4-2-6-3-10a5 5 0 00-10 0c-1 4 0 6-3 10z"/><path d="M10 21h4"/>',
    "cloud": '<path d="M6 19a5 5 0 010-10 7 7 0 0113-1 5.5 5.5 0 010 11z"/>',
    "flag": '<path d="M5 22V3h13l-3 5 3 5H5"/>',
    "bars": '<path d="M3 6h18M3 12h18M3 18h18"/>',
    "grid": '<rect x="3" y="3" width="7" height="7"/><rect x="14" y="3" width="7" height="7"/>'
    '<rect x="3" y="14" width="7" height="7"/><rect x="14" y="14" width="7" height="7"/>',
    "play": '<path d="M6 3l15 9-15 9z"/>',
    "note": '<circle cx="7" cy="18" r="3.5"/><path d="M10.5 18V3l9 2v5"/>',
    "bolt": '<path d="M13 1L4 14h7l-1 9 9-13h-7z"/>',
    "back": '<path d="M20 12H4M11 5l-7 7 7 7"/>',
    "turn": '<path d="M20 12a8 8 0 11-3-6M18 1v5h-5"/>',
    "tag": '<path d="M2 2h10l10 10-10 10L2 12z"/><circle cx="7" cy="7" r="1.5"/>',
    "sun": '<circle cx="12" cy="12" r="5"/><path d="M12 1v3M12 20v3M1 12h3M20 12h3'
    'M4 4l2 2M18 18l2 2M4 20l2-2M18 6l2-2"/>',
    "warning": '<path d="M12 2l11 20H1z"/><path d="M12 9v6M12 17.5v2"/>',
    "phone": '<rect x="6" y="1" width="12" height="22"/><path d="M10 19h4"/>',
    "cart": '<path d="M1 3h4l3 13h11l3-9H6"/><circle cx="9" cy="20" r="2"/>'
    '<circle cx="18" cy="20" r="2"/>',
}


def icon(rng: Random, size: float, colour: str, name: str | None = None) -> str:
    """Return a drawing as SVG; without a name, any."""
    shape = _SHAPES[name or rng.choice(sorted(_SHAPES))]
    width = 3 if name in ("check", "cross") else rng.choice([1.5, 2, 2, 2.5])
    style = f'fill="none" stroke="currentColor" stroke-width="{width}" stroke-linejoin="round"'
    if name is None and rng.random() < 0.3:
        style = 'fill="currentColor" fill-opacity=".35" stroke="currentColor" stroke-width="1.5"'
    return (
        f'<svg width="{size}" height="{size}" viewBox="0 0 24 24" style="color:{colour}" {style}>'
        f"{shape}</svg>"
    )
