"""Auto-encoders of real faces beside PCA, which of all linear codes fits best what it has seen.

All figures are of faces that neither has seen.
"""

from __future__ import annotations

import numpy as np
import pytest

from fit_image.apps.autoencode.config import AutoencodeConfig
from fit_image.apps.autoencode.train_test_split import load_split
from fit_image.apps.autoencode.trainer import AutoencoderTrainer

pytestmark = pytest.mark.one_core

# A config, epochs, and how far its PSNR in dB may be below that of PCA with as many numbers.
QUALITY = [
    (AutoencodeConfig(bottleneck=128), 100, 0.4),
    (AutoencodeConfig(bottleneck=128, tied=True), 70, 0.4),
    (AutoencodeConfig(bottleneck=4), 50, 0.2),
]

FACES = "faces/olivetti_faces_64x64.npz"


def psnr(error):
    return -10 * np.log10(np.square(error).mean())


def psnrs_of_pca(lesson, sizes):
    known, wanted = (
        each.reshape(len(each), -1) / 255.0 for each in (lesson.pictures, lesson.held_out)
    )
    mean = known.mean(axis=0)
    components = np.linalg.svd(known - mean, full_matrices=False)[2]
    codes = (wanted - mean) @ components.T
    return {
        size: psnr((codes[:, :size] @ components[:size] + mean).clip(0, 1) - wanted)
        for size in sizes
    }


@pytest.fixture
def faces(data):
    path = data / FACES
    if not path.exists():
        pytest.skip("no faces")
    return load_split(path, None, 0)


def test_networks_are_near_pca_on_faces(faces):
    pca = psnrs_of_pca(faces, {config.code_units for config, _, _ in QUALITY})
    for config, epochs, less in QUALITY:
        trainer = AutoencoderTrainer(faces.pictures, faces.held_out, config)
        for _ in range(epochs):
            while not trainer.epoch_is_over:
                trainer.train_step()
            trainer.end_epoch()
        found, least = psnr(np.sqrt(trainer.test_loss())), pca[config.code_units]
        assert found >= least - less, (config, found, least)


def test_a_code_of_four_is_little_more_than_the_average_face(faces):
    """Its drawings are nearer to the average than the faces are."""
    trainer = AutoencoderTrainer(faces.pictures, faces.held_out, AutoencodeConfig(bottleneck=4))
    for _ in range(40):
        while not trainer.epoch_is_over:
            trainer.train_step()
        trainer.end_epoch()
    drawn = trainer.model().redraw(faces.held_out)
    wanted = faces.held_out / 255.0
    assert psnr(wanted - trainer.mean) + 2 < psnr(drawn - trainer.mean)
