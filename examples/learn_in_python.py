#!/usr/bin/env python3
"""Teach two networks of about equal size the portrait, and put them side by side.

Run it anywhere: ``python examples/learn_in_python.py``; it takes some seconds and writes
``side_by_side.png``: wide and shallow, deep and narrow, the target.
"""

from pathlib import Path

import numpy as np

import fit_image

PORTRAIT = Path(__file__).with_name("portrait.png")


def main() -> None:
    image = fit_image.load_image(PORTRAIT, max_pixels=30_000).pixels
    drawn = []
    for layers in ((600,), (32, 32, 32)):
        for epoch in fit_image.fit(image, layers=layers, epochs=40, frame_every=10):
            if epoch.psnr is not None:
                print(f"{layers}: {epoch.psnr:.2f} dB after {epoch.index} epochs")
        drawn.append(epoch.network.render())
    fit_image.save_image("side_by_side.png", np.concatenate([*drawn, image], axis=1))


if __name__ == "__main__":
    main()
