"""Options whose value may be left out."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from fit_image.cli.common.headings import OptionalValueCommand, OptionalValueOption


@click.command(cls=OptionalValueCommand)
@click.argument("words", nargs=-1)
@click.option(
    "--port",
    cls=OptionalValueOption,
    heading="Run",
    pattern="[0-9]+",
    flag_value="80",
    type=click.IntRange(0, 99),
)
@click.option("--other", is_flag=True)
def command(words, port, other):
    click.echo(f"{port} {' '.join(words)}{' other' * other}")


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("pic", "None pic"),
        ("pic --port", "80 pic"),
        ("pic --port 7", "7 pic"),
        ("pic --port=7", "7 pic"),
        ("--port pic", "80 pic"),
        ("--port 7 pic", "7 pic"),
        ("--port --other pic", "80 pic other"),
        ("--port -- 7", "80 7"),
        ("-- pic --port", "None pic --port"),
    ],
)
def test_a_value_is_told_from_an_argument(line, meaning):
    result = CliRunner().invoke(command, line.split())
    assert result.output.strip() == meaning


def test_a_value_that_is_wrong_is_an_error_of_the_option():
    result = CliRunner().invoke(command, ["--port", "100"])
    assert "'--port': 100 is not in the range" in result.output
