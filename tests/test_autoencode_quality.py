"""Auto-encoders of real faces beside PCA, which of all linear codes fits best what it has seen.

All figures are of faces that neither has seen.
"""

from __future__ import annotations

import numpy as np
import pytest

from fit_image.apps.autoencode.pictures import load_lesson
from fit_image.apps.autoencode.recipe import Recipe
from fit_image.apps.autoencode.trainer import AutoencoderTrainer

# A recipe, epochs, and how far its PSNR in dB may be below that of PCA with as many numbers.
QUALITY = [
    (Recipe(bottleneck=128), 120, 0.4),
    (Recipe(bottleneck=128, tied=True), 100, 0.3),
    (Recipe(bottleneck=4), 100, 0.2),
]

FACES = "faces/olivetti_faces_64x64.npz"


def psnr(error):
    return -10 * np.log10(np.square(error).mean())


def psnr_of_pca(lesson, size):
    decomposition = pytest.importorskip("sklearn.decomposition")
    known, wanted = (
        each.reshape(len(each), -1) / 255.0 for each in (lesson.pictures, lesson.held_out)
    )
    found = decomposition.PCA(size, svd_solver="full").fit(known)
    drawn = found.inverse_transform(found.transform(wanted))
    return psnr(drawn.clip(0, 1) - wanted)


@pytest.fixture
def faces(data):
    path = data / FACES
    if not path.exists():
        pytest.skip("no faces")
    return load_lesson(path, None, 0)


def test_networks_are_near_pca_on_faces(faces):
    for recipe, epochs, less in QUALITY:
        trainer = AutoencoderTrainer(faces.pictures, faces.held_out, recipe)
        for _ in range(epochs):
            while not trainer.epoch_is_over:
                trainer.play()
            _, test_loss = trainer.end_epoch()
        found, least = psnr(np.sqrt(test_loss)), psnr_of_pca(faces, recipe.code_units)
        assert found >= least - less, (recipe, found, least)


def test_a_code_of_four_is_little_more_than_the_average_face(faces):
    """What it draws is nearer to the average than the faces are."""
    trainer = AutoencoderTrainer(faces.pictures, faces.held_out, Recipe(bottleneck=4))
    for _ in range(40):
        while not trainer.epoch_is_over:
            trainer.play()
        trainer.end_epoch()
    drawn = trainer.model().redraw(faces.held_out)
    wanted = faces.held_out / 255.0
    assert psnr(wanted - trainer.mean) + 2 < psnr(drawn - trainer.mean)
