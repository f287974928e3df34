"""The rows that the page shows: read on from a file that is being written."""

from __future__ import annotations

import itertools
import math

import pytest

from fit_image.apps.fit.metrics import FitMetrics
from fit_image.live.board import Seen
from fit_image.live.facts import make_reel
from fit_image.live.reel import MOST_ROWS
from runs import make_board, make_run, reel_of, write_epoch


@pytest.fixture
def run(tmp_path):
    return make_run(tmp_path / "run")


def epochs_of(reel):
    reel.read_on()
    return [row[0] for row in reel.rows]


def test_rows_are_read_as_they_are_written(run):
    reel = reel_of(run)
    assert epochs_of(reel) == [0]
    assert reel.newest == [0, 0.0, True, None, None]
    write_epoch(run, 1, 12.5, 0.25, 0.0625)
    write_epoch(run, 2, None, 0.5, 0.03125)
    assert epochs_of(reel) == [0, 1, 2]
    assert reel.rows[1:] == [[1, 0.25, True, 12.5, 0.0625], [2, 0.5, False, None, 0.03125]]
    write_epoch(run, 3, math.inf)
    assert epochs_of(reel) == [0, 1, 2, 3]
    assert reel.newest[2:4] == [True, "inf"]
    assert reel.generation == 0


def test_a_row_that_is_being_written_is_left_for_later(run):
    reel = reel_of(run)
    with run.metrics.path.open("a") as file:
        file.write("1,0.5,20.")
    assert epochs_of(reel) == [0]
    with run.metrics.path.open("a") as file:
        file.write("25,1.5\n")
    assert epochs_of(reel) == [0, 1]
    assert reel.newest == [1, 1.5, True, 20.25, 0.5]


@pytest.mark.parametrize("kept", [0, 2])
def test_rows_that_are_taken_back_are_forgotten(run, kept):
    reel = reel_of(run)
    for epoch in range(1, 5):
        write_epoch(run, epoch)
    assert epochs_of(reel) == [0, 1, 2, 3, 4]
    run.metrics.forget_after(kept)
    assert epochs_of(reel) == list(range(kept + 1))
    assert reel.generation > 0
    for epoch in range(kept + 1, 7):
        write_epoch(run, epoch, 30.0)
    assert epochs_of(reel) == list(range(7))
    assert reel.rows[-1][3] == 30.0


def test_rows_that_were_written_again_unseen_replace_those_before(run):
    reel = reel_of(run)
    for epoch in range(1, 5):
        write_epoch(run, epoch, 10.0)
    reel.read_on()
    run.metrics.forget_after(2)
    for epoch in range(3, 8):
        write_epoch(run, epoch, 30.0)
    assert epochs_of(reel) == list(range(8))


def test_the_last_row_may_come_again_drawn(run):
    reel = reel_of(run)
    write_epoch(run, 1, None)
    assert epochs_of(reel) == [0, 1]
    run.metrics.forget_after(0)
    write_epoch(run, 1, 20.0)
    assert epochs_of(reel) == [0, 1]
    assert reel.newest[2:4] == [True, 20.0]


def test_of_very_many_rows_the_first_and_the_newest_stay(run):
    reel = reel_of(run)
    count = 3 * MOST_ROWS
    rows = [f"{FitMetrics(epoch, 0.1, 20.0, float(epoch))}\n" for epoch in range(1, count + 1)]
    with run.metrics.path.open("a") as file:
        file.writelines(rows)
    found = epochs_of(reel)
    assert len(found) <= MOST_ROWS
    assert found[:200] == list(range(200))
    assert found == sorted(set(found))
    assert reel.newest[0] == count
    assert max(after - before for before, after in itertools.pairwise(found)) <= 8


def test_a_run_without_files_has_no_rows(run, tmp_path):
    reel = make_reel(type(run)(tmp_path / "nothing", run.manifest), 384)
    assert epochs_of(reel) == []
    assert reel.newest is None


def test_the_background_is_a_colour_that_css_knows(tmp_path):
    reel = reel_of(make_run(tmp_path / "run", background="hsv(0, 100%, 100%)", channels="rgba"))
    assert reel.background == "#ff0000"


# What connections are told


def test_a_connection_is_told_everything_once(run):
    board, seen = make_board(reel_of(run)), Seen()
    write_epoch(run, 1)
    news = board.news(seen)
    assert news["facts"]["title"] == "cat.png"
    (reel,) = news["reels"]
    assert reel["again"]
    assert reel["facts"]["words"][:2] == ["24 x 16 pixels", "2x8"]
    assert [row[0] for row in reel["rows"]] == [0, 1]
    write_epoch(run, 2)
    board.tell_of("run", share=0.5)
    news = board.news(seen)
    assert "facts" not in news
    (reel,) = news["reels"]
    assert not {"facts", "again"} & reel.keys()
    assert [row[0] for row in reel["rows"]] == [2]
    assert reel["standing"] == {"share": 0.5}
    # Another one begins at the beginning.
    (reel,) = board.news(Seen())["reels"]
    assert [row[0] for row in reel["rows"]] == [0, 1, 2]


def test_a_connection_is_told_of_rows_that_were_taken_back(run):
    board, seen = make_board(reel_of(run)), Seen()
    for epoch in range(1, 5):
        write_epoch(run, epoch)
    board.news(seen)
    run.metrics.forget_after(1)
    (reel,) = board.news(seen)["reels"]
    assert reel["again"]
    assert [row[0] for row in reel["rows"]] == [0, 1]


def test_a_reel_that_comes_back_is_told_anew(run):
    board, seen = make_board(reel_of(run)), Seen()
    board.news(seen)
    board.take_away("run")
    assert board.news(seen)["reels"] == []
    board.put(reel_of(run))
    (reel,) = board.news(seen)["reels"]
    assert reel["facts"]
    assert [row[0] for row in reel["rows"]] == [0]


def test_whoever_waits_is_woken_by_news_and_by_the_end(run):
    board = make_board(reel_of(run))
    version = board.wait(-1, 0.0)
    assert board.wait(version, 0.0) == version
    board.tell(share=0.1)
    assert board.wait(version, 60.0) > version
    board.end()
    assert board.wait(board.wait(-1, 0.0), 60.0)
    assert board.news(Seen())["standing"]["state"] == "failed"


def test_a_stop_before_anybody_listens_is_not_lost():
    board, asked = make_board(), []
    board.ask_to_stop()
    board.when_asked_to_stop(lambda: asked.append(1))
    assert asked == [1]
    board.ask_to_stop()
    assert asked == [1, 1]
    board.when_asked_to_stop(None)
    board.ask_to_stop()
    assert asked == [1, 1]
    assert board.stop_asked.is_set()
