"""Restoration from a JPEG's coefficients: reading them, and what is made of them."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from fit_image.apps.unjpeg.floor.screens import screen_shares
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.network import make_network
from fit_image.apps.unjpeg.patches.extractor import PatchExtractor
from fit_image.apps.unjpeg.residual.features import Damage, make_features
from fit_image.apps.unjpeg.residual.kernels import add_outputs_kernel
from fit_image.apps.unjpeg.residual.model import ResidualNetwork
from fit_image.apps.unjpeg.restoration import Restoration
from fit_image.errors import InputError
from fit_image.images.fidelity import blocking, fidelity, psnr, ssim
from fit_image.images.formats.jpeg import decompress
from fit_image.images.formats.jpeg_planes import BASIS, decoded, read_planes
from fit_image.images.formats.jpeg_traces import has_traces
from fit_image.nn.runtime.threads import ThreadPool


def screen(width=203, height=117):
    """Coloured words on white paper, with a bar."""
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width, 12), fill="#205090")
    for row, colour in enumerate(("#c00000", "#007000", "#202020", "#8000a0", "#0000c0")):
        draw.text((4, 18 + 18 * row), "the quick brown fox jumps over it", fill=colour)
    return np.asarray(picture)


def photograph(width=160, height=128):
    """Soft clouds of colour with grain."""
    rng = np.random.default_rng(1)
    small = Image.fromarray(rng.integers(0, 256, (9, 11, 3), dtype=np.uint8))
    soft = np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
    grain = rng.normal(0, 9, (height, width, 1))
    return np.clip(0.7 * soft + 40 + grain, 0, 255).astype(np.uint8)


def jpeg(levels, **options):
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", **options)
    return file.getvalue()


def restored(data, quality):
    return Restoration.shipped(quality).restore(decompress(data), read_planes(io.BytesIO(data)))


def without_changes():
    network = ResidualNetwork.shipped()
    return replace(network, numbers=0 * network.numbers)


def blocks(plane):
    rows, columns = plane.shape
    return plane.reshape(rows // 8, 8, columns // 8, 8).transpose(0, 2, 1, 3)


@pytest.mark.parametrize("quality", [20, 50, 75, 85, 95])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_coefficients_are_those_of_the_file(subsampling, quality):
    levels = screen()
    planes = read_planes(io.BytesIO(jpeg(levels, quality=quality, subsampling=subsampling))).planes
    ycbcr = np.asarray(Image.fromarray(levels).convert("YCbCr")).astype(np.float32)
    for index, plane in enumerate(planes):
        rows, columns = plane.quantised.shape
        more = [(0, rows * plane.down - 117), (0, columns * plane.across - 203)]
        whole = np.pad(ycbcr[..., index], more, mode="edge") - 128
        small = whole.reshape(rows, plane.down, columns, plane.across).mean(axis=(1, 3))
        exact = BASIS @ blocks(small) @ BASIS.T / plane.table
        wrong = np.abs(exact - blocks(plane.quantised)) > 0.5 + 1.5 / plane.table
        assert wrong.mean() < 0.012


def test_the_mean_of_even_blocks_is_exact():
    levels = np.repeat(np.arange(40, 200, dtype=np.uint8).reshape(8, 20), 8, axis=0)
    levels = np.repeat(levels, 8, axis=1)
    for quality in (30, 60, 75):
        data = jpeg(levels, quality=quality)
        (plane,) = read_planes(io.BytesIO(data)).planes
        shown = np.asarray(Image.open(io.BytesIO(data))).astype(float) - 128
        assert np.abs(decoded(plane) - shown).max() <= 0.51


@pytest.mark.parametrize(("sampling", "ratio"), [(b"\x12", (2, 1)), (b"\x41", (1, 4))])
def test_other_samplings_of_chroma(sampling, ratio):
    # The same blocks in another order: 4:2:2 as 4:4:0, and 4:2:0 as 4:1:1.
    data = jpeg(photograph(), quality=60, subsampling="4:2:0" if ratio[1] == 4 else "4:2:2")
    at = data.index(b"\xff\xc0")
    size = (128, 160) if ratio[1] == 2 else ((256, 80) if ratio == (2, 1) else (64, 320))
    other = b"".join(side.to_bytes(2) for side in size)
    changed = data[: at + 5] + other + data[at + 9 : at + 11] + sampling + data[at + 12 :]
    before, after = (read_planes(io.BytesIO(each)).planes for each in (data, changed))
    assert [(each.down, each.across) for each in after] == [(1, 1), ratio, ratio]
    for one, two in zip(before, after, strict=True):
        found = [sorted(map(bytes, blocks(each.quantised).reshape(-1, 64))) for each in (one, two)]
        same = sum(a == b for a, b in zip(*found, strict=True))
        assert same > 0.9 * len(found[0])


SIZES = [(1, 1), (7, 5), (17, 50), (24, 24), (40, 33), (9, 8)]


def as_shown(data, planes):
    """Return how far luma and chroma are from what Pillow decodes."""
    with Image.open(io.BytesIO(data)) as picture:
        picture.draft("L" if picture.mode == "L" else "YCbCr", picture.size)
        shown = np.asarray(picture).astype(float)
    height, width = shown.shape[:2]
    shown = shown.reshape(height, width, -1)
    errors = []
    for index, plane in enumerate(planes):
        wide = np.repeat(np.repeat(decoded(plane), plane.down, axis=0), plane.across, axis=1)
        assert wide.shape == decoded(planes[0]).shape
        errors.append(np.abs(np.clip(wide[:height, :width] + 128, 0, 255) - shown[..., index]))
    return errors


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "grey", "RGB"])
def test_planes_are_what_is_shown(subsampling, size):
    levels = photograph()[:96:2, 30:][: size[1], : size[0]]
    if subsampling == "grey":
        levels, options = levels[..., 1], {}
    elif subsampling == "RGB":
        options = {"keep_rgb": True}
    else:
        options = {"subsampling": subsampling}
    found = []
    for progressive in (False, True):
        data = jpeg(levels, quality=60, progressive=progressive, **options)
        found.append(read_planes(io.BytesIO(data)).planes)
        if subsampling != "RGB":
            luma, *chroma = as_shown(data, found[-1])
            assert luma.max() < 2
            # Pillow expands chroma by a filter.
            for each in chroma:
                assert each.mean() < (1.1 if subsampling == "4:4:4" else 4)
    for index, (one, two) in enumerate(zip(*found, strict=True)):
        assert one.quantised.shape == two.quantised.shape
        rows, columns = (8 * -(-side // 8) if index == 0 else None for side in size[::-1])
        inside = slice(rows), slice(columns)
        assert (one.quantised[inside] == two.quantised[inside]).all()


def one_scan_each(levels):
    """Make a sequential JPEG at 4:2:0 of three scans, from three grey ones."""
    ycbcr = Image.fromarray(levels).convert("YCbCr")
    small = tuple(-(-side // 2) for side in ycbcr.size)
    parts = [each if n == 0 else each.resize(small) for n, each in enumerate(ycbcr.split())]
    luma, *_ = files = [jpeg(np.asarray(part), quality=75) for part in parts]
    frame, tables = luma.index(b"\xff\xc0"), luma.index(b"\xff\xc4")
    components = b"\x03\x01\x22\x00\x02\x11\x00\x03\x11\x00"
    head = luma[: frame + 2] + b"\x00\x11" + luma[frame + 4 : frame + 9] + components
    scans = [each[each.index(b"\xff\xda") : -2] for each in files]
    named = [scan[:5] + bytes([n + 1]) + scan[6:] for n, scan in enumerate(scans)]
    return b"".join([head, luma[tables : luma.index(b"\xff\xda")], *named, b"\xff\xd9"])


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_scans_of_one_component(size):
    levels = photograph()[:96:2, 30:][: size[1], : size[0]]
    data = one_scan_each(levels)
    luma, *chroma = as_shown(data, read_planes(io.BytesIO(data)).planes)
    assert luma.max() < 2
    assert max(each.mean() for each in chroma) < 4
    # A factor means nothing where there is one component only.
    grey = jpeg(levels[..., 1], quality=60)
    at = grey.index(b"\xff\xc0") + 11
    odd = grey[:at] + b"\x22" + grey[at + 1 :]
    one, two = (read_planes(io.BytesIO(each)).planes[0].quantised for each in (grey, odd))
    assert (one == two).all()


@pytest.mark.parametrize("size", [(203, 117), (40, 33), (24, 24)], ids=str)
def test_progressive_pictures_are_restored_as_others(size):
    levels = screen(*size)
    one, two = (restored(jpeg(levels, quality=75, progressive=p), 75) for p in (False, True))
    assert psnr(two, levels) > psnr(one, levels) - 0.1


def test_what_cannot_be_read_is_restored_by_the_network_alone():
    data = jpeg(photograph(), quality=40, subsampling="4:4:4")
    at = data.index(b"\xff\xc0") + 11
    odd = data[:at] + b"\x11\x00\x02\x21\x01" + data[at + 5 :]  # more of chroma than of luma
    assert read_planes(io.BytesIO(odd)) is None
    wide = jpeg(np.full((8, 65_500), 90, np.uint8))
    assert read_planes(io.BytesIO(wide)) is None
    assert (restored(wide, 75) == decompress(wide)).all()


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
@pytest.mark.parametrize("patches", [False, True])
def test_what_is_grey_stays_grey(patches, subsampling):
    levels = np.repeat(photograph()[..., 1:2], 3, axis=2)
    data = jpeg(levels, quality=60, subsampling=subsampling)
    restorer = Restorer(PatchExtractor(8, 0.5, 0.3), make_network(8, (4,)), True, "85")
    restoration = Restoration(restorer if patches else without_changes())
    result = restoration.restore(decompress(data), read_planes(io.BytesIO(data)))
    assert (result == result[..., :1]).all()


def test_red_green_and_blue_and_grey():
    data = jpeg(screen(), quality=75, keep_rgb=True)
    assert read_planes(io.BytesIO(data)).is_rgb
    assert psnr(restored(data, 75), screen()) > psnr(decompress(data), screen()) + 1
    grey = np.asarray(Image.fromarray(screen()).convert("L"))
    data = jpeg(grey, quality=75)
    assert len(read_planes(io.BytesIO(data)).planes) == 1
    result = restored(data, 75)
    assert (result[..., 0] == result[..., 2]).all()
    assert psnr(result[..., :1], grey[..., np.newaxis]) > 1 + psnr(
        decompress(data)[..., :1], grey[..., np.newaxis]
    )


def test_what_has_no_such_coefficients_is_refused():
    data = jpeg(screen(), quality=75)
    at = data.index(b"\xff\xc0")
    deep = data[: at + 4] + b"\x0c" + data[at + 5 :]
    with pytest.raises(InputError, match="12-bit"):
        read_planes(io.BytesIO(deep))
    lossless = data[: at + 1] + b"\xc3" + data[at + 2 :]
    with pytest.raises(InputError, match="lossless"):
        read_planes(io.BytesIO(lossless))


@pytest.mark.parametrize(("quality", "least"), [(20, 0.5), (50, 2.0), (85, 4.0), (95, 5.0)])
def test_screens_gain(quality, least):
    data = jpeg(screen(), quality=quality)
    result = restored(data, quality)
    assert psnr(result, screen()) > psnr(decompress(data), screen()) + least
    before = decompress(data)
    for pure in (0, 255):
        kept = (before == pure).all(axis=2)
        assert (result[kept] == pure).all()
    white = (screen() == 255).all(axis=2)
    assert (result[white] != 255).any(axis=1).sum() < (before[white] != 255).any(axis=1).sum()


@pytest.mark.parametrize("quality", [10, 50, 72, 85, 95])
@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_photographs_do_not_get_worse(subsampling, quality):
    data = jpeg(photograph(), quality=quality, subsampling=subsampling)
    result = restored(data, quality)
    assert psnr(result, photograph()) > psnr(decompress(data), photograph()) - 0.02


@pytest.mark.parametrize("quality", [97, 98])
def test_faint_shades_of_fine_pictures_are_no_damage(quality):
    wide = Image.new("RGB", (609, 351), "white")
    draw, rng = ImageDraw.Draw(wide), np.random.default_rng(0)
    for line in rng.integers(0, 600, (24, 4)).tolist():
        draw.line(line, fill="black", width=4)
    lines = np.asarray(wide.resize((203, 117), Image.Resampling.LANCZOS))
    data = jpeg(lines, quality=quality)
    assert psnr(restored(data, quality), lines) > psnr(decompress(data), lines) - 0.3  # else -1, -3


def subpixel_text():
    """Words whose thirds of pixels have a colour each."""
    wide = Image.new("L", (3 * 203, 3 * 117), "white")
    draw = ImageDraw.Draw(wide)
    for row in range(9):
        words = "the quick brown fox jumps over it"
        draw.text((9, 6 + 36 * row), words, fill="black", font=ImageFont.load_default(size=33))
    thirds = np.asarray(wide.resize((3 * 203, 117), Image.Resampling.BOX)).astype(float)
    padded = np.pad(thirds, ((0, 0), (1, 1)), mode="edge")
    smooth = (padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3
    return np.rint(smooth).astype(np.uint8).reshape(117, 203, 3)


@pytest.mark.parametrize(("quality", "least"), [(85, 2.0), (92, 1.5), (95, 1.0)])
def test_filters_keep_the_colours_of_text_smoothed_for_subpixels(quality, least):
    levels = subpixel_text()
    data = jpeg(levels, quality=quality, subsampling="4:4:4")
    result = Restoration(without_changes()).restore(decompress(data), read_planes(io.BytesIO(data)))
    assert psnr(result, levels) > psnr(decompress(data), levels) + least


def test_what_fills_groups_of_blocks_does_not_count():
    soft = photograph(320, 256)[::2, ::2][:128, :136]
    levels = np.asarray(Image.fromarray(soft).resize((72, 72), Image.Resampling.BOX))
    data = jpeg(levels, quality=75)  # 4:2:0: the last 8 rows and columns are half a group
    (luma, *_) = read_planes(io.BytesIO(data)).planes
    shown = decoded(luma)
    assert shown.shape == (80, 80)
    assert np.abs(shown[:, 72:] - shown[:, 71:72]).max() < 6
    assert np.abs(shown[72:, :] - shown[71:72, :]).max() < 6
    border = np.s_[-8:, :]
    result = restored(data, 75)[border]
    assert psnr(result, levels[border]) > psnr(decompress(data)[border], levels[border]) + 0.1


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:2:2", "4:4:4"])
def test_fine_grey_pictures_stay_as_they_are(subsampling):
    levels = np.repeat(photograph()[..., 1:2], 3, axis=2)
    data = jpeg(levels, quality=100, subsampling=subsampling)
    assert (restored(data, 100) == decompress(data)).all()


def test_screens_are_told_from_photographs():
    for levels, low, high in ((screen(), 0.5, 1.0), (photograph(), 0.0, 0.02)):
        (luma, *_) = read_planes(io.BytesIO(jpeg(levels, quality=75))).planes
        shares = screen_shares(decoded(luma), luma)
        assert shares.shape == tuple(side // 8 for side in luma.quantised.shape)
        assert low <= shares.mean() <= high


def test_threads_change_no_bit():
    data = jpeg(screen(), quality=60)
    planes = read_planes(io.BytesIO(data))
    found = [
        Restoration(ResidualNetwork.shipped(), threads=threads)
        .restore(decompress(data), planes)
        .tobytes()
        for threads in (1, 3)
    ]
    assert found[0] == found[1]


def test_strips_and_tiles_follow_each_other_without_a_seam():
    levels = np.tile(screen(200, 96), (4, 2, 1))
    data = jpeg(levels, quality=60)
    small = replace(Restoration.shipped(), strip_rows=1, tile_columns=64)
    found = [
        restoration.restore(decompress(data), read_planes(io.BytesIO(data)))
        for restoration in (small, Restoration.shipped())
    ]
    assert psnr(*found) > 45


def test_traces_of_jpeg_are_found_wherever_the_grid_lies():
    for levels in (screen(), photograph()):
        assert not has_traces(levels)
    once = decompress(jpeg(photograph(), quality=70))
    assert has_traces(once)
    assert has_traces(once[3:, 5:])


def test_measures():
    rng = np.random.default_rng(0)
    plane = rng.uniform(0, 255, (40, 48))
    assert ssim(plane, plane) == pytest.approx(1)
    assert ssim(plane, 255 - plane) < 0
    steps = np.repeat(np.arange(6.0) * 10, 8)[np.newaxis].repeat(40, axis=0)
    assert blocking(steps) == pytest.approx(3 / np.log2(40) * 100 * 5 * 40 / (5 * 40 + 4 * 48))
    assert blocking(plane * 0) == 0


@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (1, 1)])
def test_pictures_of_one_row_or_column_are_measured(shape):
    clean = np.zeros((*shape, 3), np.uint8)
    damaged = clean.copy()
    damaged.reshape(-1, 3)[8:] = 200
    found = fidelity(damaged, clean)
    assert found.psnr_b == found.luma_psnr == pytest.approx(found.psnr)
    assert fidelity(clean, clean).ssim == pytest.approx(1)


def test_the_network_predicts_what_the_filters_leave():
    for levels in (screen(), photograph()):
        data = jpeg(levels, quality=40)
        planes = read_planes(io.BytesIO(data))
        found = [
            Restoration(network).restore(decompress(data), planes)
            for network in (without_changes(), ResidualNetwork.shipped())
        ]
        assert psnr(found[1], levels) > psnr(found[0], levels) + 0.1


def test_features_and_outputs_of_the_network():
    rng = np.random.default_rng(4)
    planes = tuple(rng.uniform(-128, 127, (3, 10, 14)).astype(np.float32))
    decoded = rng.uniform(-128, 127, (10, 14)).astype(np.float32)
    damage = Damage(7.0, 15.0)
    features = make_features(planes, decoded, damage)
    near = np.pad(planes[1], 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(near, (5, 5)).mean(axis=(2, 3))
    for dy, dx, at in ((0, 0, 0), (0, 1, 1), (1, 0, 2), (1, 1, 3)):
        seen = (slice(dy, None, 2), slice(dx, None, 2))
        assert np.allclose(features[..., 4 + at], planes[1][seen] / 64)
        contrast = np.clip((planes[1] - windows)[seen] / 8, -4, 4) / 2
        assert np.allclose(features[..., 16 + at], contrast, atol=1e-5)
        changed = np.clip((decoded - planes[0])[seen] / 8, -4, 4) / 2
        assert np.allclose(features[..., 24 + at], changed, atol=1e-5)
    assert np.allclose(features[..., 28], np.log2(7) / 4)
    assert np.allclose(
        features[..., 30], np.cos(np.pi / 2 * np.arange(5))[:, np.newaxis], atol=1e-6
    )
    assert not make_features(planes, decoded, damage._replace(has_blocks=False))[..., 30:].any()
    # The outputs that would add some changes add them.
    changes = rng.normal(0, 9, (3, 16, 16)).astype(np.float32)
    cells = changes.reshape(3, 8, 2, 8, 2).transpose(1, 3, 0, 2, 4)
    outputs = cells.reshape(8, 8, 12) / damage.unit
    added = np.zeros((3, 16, 16), np.float32)
    add_outputs_kernel(outputs, damage.unit, tuple(added))
    assert np.allclose(added, changes, atol=1e-4)


def test_the_mean_of_eight_views_is_the_same_of_a_turned_picture():
    rng = np.random.default_rng(5)
    planes = rng.uniform(-128, 127, (3, 32, 32)).astype(np.float32)
    pool, damage = ThreadPool(1), Damage(7.0, 15.0, has_blocks=False)
    found = []
    for turns in range(2):
        seen = np.rot90(planes, turns, axes=(1, 2)).copy()
        ResidualNetwork.shipped().add_changes(seen, seen[0].copy(), damage, pool, views=8)
        found.append(np.rot90(seen, -turns, axes=(1, 2)))
    assert np.allclose(*found, atol=0.02)
    assert np.abs(found[0] - planes).max() > 1


def test_a_convolutional_network_comes_back_from_its_file(tmp_path):
    network = ResidualNetwork.shipped()
    network.save(tmp_path / "network.npz")
    again = ResidualNetwork.load(tmp_path / "network.npz")
    assert again.sizes == network.sizes
    assert (again.numbers == network.numbers).all()


@pytest.mark.parametrize("shape", [(8, 8), (1, 160), (192, 3)])
def test_a_row_of_blocks_stays_as_it_is(shape, rng):
    levels = rng.integers(0, 256, (*shape, 3)).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(levels).save(data, "JPEG", quality=60)
    picture = decompress(data.getvalue())
    restored = Restoration.shipped().restore(picture, read_planes(data))
    np.testing.assert_array_equal(restored, picture)


@pytest.mark.parametrize("shape", [(9, 40), (40, 9)])
def test_a_little_more_than_a_row_of_blocks_is_restored(shape):
    levels = np.ascontiguousarray(photograph()[: shape[0], : shape[1]])
    data = io.BytesIO()
    Image.fromarray(levels).save(data, "JPEG", quality=40)
    picture = decompress(data.getvalue())
    restored = Restoration.shipped().restore(picture, read_planes(data))
    assert psnr(restored, levels) > psnr(picture, levels)
