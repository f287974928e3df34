"""Folders, models and tables from a stranger: what they ask for, and what they hold."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
import zipfile
from functools import partial

import numpy as np
import pytest
from PIL import Image

import readers
from fit_image.animation.film import read_frame
from fit_image.apps.digits.model import SHIPPED, DigitModel
from fit_image.apps.fit.architecture import make_network
from fit_image.apps.fit.directory import FitDirectory
from fit_image.apps.painting_network import PaintingNetwork
from fit_image.apps.sweep.execution.training import train_trial
from fit_image.apps.sweep.plan.sweep_directory import SweepDirectory
from fit_image.apps.unjpeg.model import Restorer
from fit_image.apps.unjpeg.residual.model import ResidualNetwork
from fit_image.config.fit import FitConfig
from fit_image.errors import FitImageError, InputError, excerpt
from fit_image.images.io import load_image
from fit_image.storage.npz import read_archive, read_arrays
from fit_image.storage.untrusted import MOST_BYTES, read_bytes
from shell import Shell

fail = Shell().fail

RESTORER = {
    **{"fit_image_unjpeg": 1, "block": 8, "mean": 0.0, "deviation": 1.0, "difference": 0},
    **{"widths": np.array([4]), "quality": "85", "numbers": np.zeros(3, np.float32)},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder):
    return readers.make_run(folder)[0]


@pytest.fixture
def sweep(folder):
    return readers.make_sweep(folder)[0]


def change(document, changed):
    """Rewrite a document, changed by a function."""
    data = json.loads(document.read_text())
    changed(data)
    document.write_text(json.dumps(data))


def test_reading_a_small_file_takes_little_memory(tmp_path):
    (tmp_path / "a").write_bytes(b"epoch\n")
    tracemalloc.start()
    try:
        assert read_bytes(tmp_path / "a") == b"epoch\n"
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def ask_for(record, *names):
    record["animations"] = list(names)


def elsewhere(folder):
    """Names of an existing file outside of a run's folder."""
    (folder / "precious.gif").write_text("precious")
    return [str(folder / "precious.gif"), "../precious.gif", "frames/../../precious.gif"]


@pytest.mark.parametrize("which", range(3))
def test_a_run_that_goes_on_writes_into_its_folder_only(folder, run, which):
    name = elsewhere(folder)[which]
    change(run.path / "run.json", lambda data: ask_for(data["record"], name, "own.gif"))
    line = fail("pic.png", "-o", "run", "--resume", "--epochs", 7)
    assert "outside of its folder" in line
    assert "give --animation again" in line
    assert (folder / "precious.gif").read_text() == "precious"


@pytest.mark.parametrize("which", range(3))
def test_trials_write_into_their_folders_only(folder, sweep, which):
    name = elsewhere(folder)[which]
    document = sweep.path / "sweep.json"
    change(document, lambda data: ask_for(data["trials"][0]["record"], name))
    assert "bare name" in fail("sweep", "--resume", "-o", "sweep")


@pytest.mark.parametrize("name", ["final.png", "target.png"])
def test_no_animation_takes_the_place_of_another_file(sweep, name):
    document = sweep.path / "sweep.json"
    change(document, lambda data: ask_for(data["trials"][0]["record"], name))
    with pytest.raises(InputError, match=name):
        SweepDirectory.open(sweep.path)
    assert name in fail("sweep", "pic.png", "--animation", name, "-o", "other", "--plan")


def link(path, folder):
    """Put a link to a folder with a frame of somebody else's in place of a folder."""
    path.rename(folder / "moved")
    other = folder / "other"
    other.mkdir()
    (other / "epoch-000001.png").write_text("precious")
    (other / ".x.partial-999999999-0.png").write_text("precious")
    path.symlink_to(other)
    return other


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_frames_are_not_written_or_deleted_through_a_link(folder, run):
    other = link(run.frames, folder)
    before = names_in(other)
    for way in ("--resume", "--overwrite"):
        assert "frames: it is a link" in fail("pic.png", "-o", "run", way, "--epochs", 3)
    for call in (run.create, partial(run.forget_after, 0)):
        with pytest.raises(InputError, match="link"):
            call()
    assert names_in(other) == before


@pytest.mark.parametrize("inner", [False, True])
def test_trials_are_not_written_through_a_link(folder, sweep, inner):
    path = sweep.run_path(sweep.trials[0])
    other = link(path if inner else path.parent, folder)
    before = names_in(other)
    assert "it is a link" in fail("sweep", "--resume", "-o", "sweep")
    if inner:
        with pytest.raises(InputError, match="link"):
            train_trial(sweep.trials[0], path, None, lambda status: True)
    assert names_in(other) == before


def npz(path, arrays, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, np.asarray(array))
    return path


@pytest.fixture
def network():
    return make_network(FitConfig(layers="3"), (4, 3), 3)


MARK = {"fit_image_model": 3}
ZEROS = np.zeros(1 << 18, np.float32)


def test_a_small_file_does_not_unpack_to_gigabytes(folder, network):
    parts = {f"weights_{number}": ZEROS for number in range(120)}
    path = npz(folder / "model.npz", {**MARK, **network.to_arrays(), **parts})
    assert path.stat().st_size < 1_000_000
    with pytest.raises(InputError, match="unpacks to more than 200 times"):
        PaintingNetwork.load(path)
    with pytest.raises(InputError, match="unpacks to more than 200 times"):
        read_arrays(path, parts)


def test_only_known_arrays_are_read(folder, network):
    unknown = {f"unknown_{number}": ZEROS for number in range(40)}
    path = npz(folder / "model.npz", {**MARK, **network.to_arrays(), **unknown})
    assert PaintingNetwork.load(path).is_like(network)


@pytest.mark.parametrize(
    ("arrays", "method", "said"),
    [
        ({"x": [1]}, zipfile.ZIP_LZMA, "numpy does not compress"),
        ({"x": [1]}, zipfile.ZIP_BZIP2, "numpy does not compress"),
        ({"x": np.zeros(10**9, "V0")}, zipfile.ZIP_STORED, "damaged"),
        ({"fit_image_model": np.inf}, zipfile.ZIP_STORED, "damaged"),
    ],
)
def test_archives_that_are_refused(folder, arrays, method, said):
    path = npz(folder / "model.npz", MARK | arrays, method)
    with pytest.raises(InputError, match=said):
        read_archive(path, "model", 3)


def test_archives_of_very_many_arrays_are_refused(folder):
    with zipfile.ZipFile(folder / "model.npz", "w") as archive:
        for number in range(10_001):
            archive.writestr(f"weights_{number}.npy", "")
        archive.writestr("fit_image_model.npy", "")
    with pytest.raises(InputError, match="10,002 arrays"):
        read_archive(folder / "model.npz", "model", 3)


def test_data_beyond_a_limit_are_not_unpacked(folder):
    path = npz(folder / "data.npz", {"images": np.arange(1000)})
    with pytest.raises(InputError, match=r"8,\d+ bytes; the limit is 5,000"):
        read_arrays(path, ("images",), 5000)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, -1, 0.5, 2.0**80, 1 + 1j, "x", [1, 2]])
@pytest.mark.parametrize("name", ["height", "width", "units", "channels", "block", "difference"])
def test_sizes_of_a_model_are_whole_numbers(folder, name, value):
    read, arrays = Restorer.load, RESTORER
    if name not in ("block", "difference"):
        read = DigitModel.load
        with np.load(SHIPPED) as archive:
            arrays = dict(archive)
    changed = arrays | {name: np.array(value)}
    with pytest.raises(InputError, match=f"{name} is not a"):
        read(npz(folder / "model.npz", changed, zipfile.ZIP_STORED))


@pytest.mark.parametrize("name", ["channels", "blocks"])
@pytest.mark.parametrize("value", [np.nan, -1, 0.5, 2**40])
def test_sizes_of_a_convolutional_network_are_checked(folder, name, value):
    arrays = {"fit_image_unjpeg_residual": 1, "channels": 16, "blocks": 1, name: np.array(value)}
    with pytest.raises(InputError, match=r"model\.npz"):
        ResidualNetwork.load(npz(folder / "model.npz", arrays | {"numbers": np.zeros(3, "f2")}))


def test_forged_widths_allocate_nothing(folder):
    arrays = RESTORER | {"widths": np.full(1000, 65_536)}
    with pytest.raises(InputError, match="do not fit the number of weights"):
        Restorer.load(npz(folder / "model.npz", arrays))


def test_forged_weights_without_inputs_allocate_nothing(folder, network):
    wide = {f"weights_{n}": np.zeros((10**7, 0), np.float32) for n in range(2)}
    path = npz(folder / "model.npz", {**MARK, **network.to_arrays(), **wide}, zipfile.ZIP_STORED)
    with pytest.raises(InputError, match="impossible layer 0"):
        PaintingNetwork.load(path)


DEEP = '{"x": ' * 100_000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        *((text, "it is not JSON") for text in (DEEP, "[" * 100_000, "\0")),
        ('{"format": ' + "9" * 5000 + "}", "it is not JSON"),  # beyond what Python reads
        ('{"format": 1e999}', "a number is not finite, or too large"),
        ('{"format": NaN}', "a number is not finite, or too large"),
        ('{"format": 3, "x": -1e400}', "a number is not finite, or too large"),
        ('{"format": 3, "x": [[{"y": 9223372036854775808}]]}', "a number is not finite, or too"),
        ('{"format": 3, "x": ["\\u0000"]}', "invalid text"),
        ('{"format": 3, "x": {"\\ud800": 1}}', "invalid text"),
    ],
)
@pytest.mark.parametrize("document", ["run.json", "digits.json", "sweep.json"])
def test_documents_with_impossible_values(folder, document, text, reason):
    (folder / document).write_text(text)
    words = ("report", ".") if document == "sweep.json" else ("info", ".")
    assert f"is damaged: {reason}" in fail(*words)


@pytest.mark.parametrize(
    ("part", "field", "value", "told"),
    [
        ("image", "background", "z" * 300, "background must be"),
        ("record", "animations", ["x" * 300 + ".gif"], "a name that is too long: xxx"),
    ],
)
def test_values_that_cannot_be_are_told_of_their_file(run, part, field, value, told):
    change(run.path / "run.json", lambda data: data[part].update({field: value}))
    line = fail("info", run.path)
    assert "run.json is damaged: " in line
    assert told in line
    assert "…" in line


def test_names_that_are_not_valid_text_are_no_damage(run):
    change(run.path / "run.json", lambda data: data["picture"].update(path="/x/\udcff.png"))
    assert FitDirectory.open(run.path).manifest.picture.path == "/x/\udcff.png"


@pytest.mark.parametrize("size", [(0, 5), (-1, -1), (1 << 40, 1 << 40)])
def test_sizes_of_pictures_that_cannot_be(run, size):
    sides = dict(zip(("width", "height"), size, strict=True))
    change(run.path / "run.json", lambda data: data["picture"].update(sides))
    with pytest.raises(InputError, match="a picture cannot have"):
        FitDirectory.open(run.path)


@pytest.mark.parametrize(
    "line",
    [
        *("4,0.1,20,nan", "4,0.1,20,-1", "4,0.1,20,inf", "3,0.1,20,9", "0,0.1,20,9"),
        *("-4,0.1,20,9", "9" * 4000 + ",0.1,20,9", "4" + ",1" * 200_000, "x" * 300_000),
        *("4,0.1", "", "٤,0.1,20,9"),
    ],
)
def test_a_damaged_row_ends_the_metrics(run, line):
    path = run.metrics.path
    path.write_text(f"{path.read_text()}{line}\n5,0.1,20,9\n")
    assert [row.epoch for row in run.metrics.read()] == [1, 2, 3]
    assert Shell().succeed("info", "run").stderr == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.toml", "x = " + "[" * 100_000),
        ("t.toml", "x = " + "{a=" * 100_000),
        ("t.toml", "seed = " + "9" * 5000),
        ("t.toml", "seed = 0x" + "f" * 40),
        ("t.toml", "lr = nan"),
        ("t.toml", "when = 2020-02-31"),
        ("t.toml", '[[trial]]\nbackground = "\\u0000"'),
        ("t.csv", "layers,seed\n4,\0\n"),
        ("t.csv", "layers,back\0ground\n4,x\n"),
        ("t.csv", "layers,seed\n4," + "9" * 5000 + "\n"),
        ("t.csv", "layers,seed\n4," + "9" * 200_000 + "\n"),
        ("t.csv", 'layers,lr\n4,"0.1\n'),
    ],
)
def test_tables_with_impossible_values(folder, run, name, text):
    (folder / name).write_text(text)
    line = fail("sweep", "pic.png", f"--from-{name[2:]}", name, "--plan")
    assert name in line
    assert len(line) < 400


LONG = "very long " * 1000


def test_values_from_a_file_are_cut_in_messages(folder, run, sweep):
    assert len(excerpt(LONG)) == 80
    assert excerpt("a\nb") == r"a\nb"
    (folder / "t.csv").write_text(f"{LONG}\n1\n")
    assert len(fail("sweep", "pic.png", "--from-csv", "t.csv", "--plan")) < 600
    for column in ("activation", "lr", "layers", "encoding", "background", "channels"):
        (folder / "t.csv").write_text(f"{column}\n{LONG}\n")
        assert len(fail("sweep", "pic.png", "--from-csv", "t.csv", "--plan")) < 600
    (folder / "t.toml").write_text(f'[[trial]]\n"{LONG}" = 1979-05-27')
    assert len(fail("sweep", "pic.png", "--from-toml", "t.toml", "--plan")) < 600
    for section, name in (("picture", "path"), ("fit", "loss"), ("fit", "layers"), ("fit", "init")):
        trials = sweep.path / "sweep.json"
        kept = trials.read_text()
        change(trials, lambda data, s=section, n=name: data["trials"][1][s].update({n: LONG}))
        assert len(fail("sweep", "--resume", "-o", "sweep", "--plan")) < 600
        trials.write_text(kept)


def test_info_cuts_values_but_not_as_json(folder):
    run = readers.make_run(folder)[0]
    change(run.path / "run.json", lambda data: data["picture"].update(path=LONG))
    lines = Shell().succeed("info", "run").stdout.splitlines()
    assert max(map(len, lines)) < 120
    assert json.loads(Shell().succeed("info", "run", "--json").stdout)["picture"] == LONG


def test_libtiff_and_numpy_stay_off_the_terminal(folder, capfd):
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    for compression in ("tiff_lzw", "tiff_deflate", "jpeg"):
        buffer = io.BytesIO()
        picture.save(buffer, "TIFF", compression=compression)
        data = bytearray(buffer.getvalue())
        for at in range(100, len(data), 50):
            data[at] ^= 0xFF
        (folder / "x.tif").write_bytes(data)
        with pytest.raises(InputError):
            load_image(folder / "x.tif")
        with pytest.raises(FitImageError):
            read_frame(folder / "x.tif")
    assert capfd.readouterr() == ("", "")


def test_a_pipe_in_place_of_a_frame_is_not_waited_for(folder):
    os.mkfifo(folder / "frame.png")
    with pytest.raises(InputError, match="not a regular file"):
        read_frame(folder / "frame.png")


def test_files_without_an_end_are_refused(folder):
    with (folder / "huge.json").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(InputError, match="more than"):
        read_bytes(folder / "huge.json")


@pytest.mark.parametrize("name", ["animation.gif", "film.webp", "..gif", "-x.png"])
def test_bare_names_are_allowed(name):
    FitDirectory.check_animation(name)
