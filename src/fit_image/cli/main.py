"""The main command group; a picture in place of a command means ``fit``."""

from __future__ import annotations

import codecs
import contextlib
import errno
import importlib
import io
import os
import re
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from fit_image.cli.common.headings import write_options
from fit_image.cli.common.signals import Interrupted, Signals
from fit_image.config.fit import option_of
from fit_image.errors import (
    FitImageError,
    FitImageWarning,
    InputError,
    excerpt,
    one_line,
    os_error_reason,
    some_of,
)
from fit_image.version import __version__

# Modules are imported when their command is called, and not for the list of commands, so that help
# is fast.
_COMMANDS = {
    "fit": ("fit_image.cli.fit.command", "Teach a network to paint IMAGE."),
    "render": ("fit_image.cli.render", "Draw a learned picture at any size and region."),
    "animate": ("fit_image.cli.animate", "Make an animation from the frames of a run."),
    "units": ("fit_image.cli.units", "Draw what each hidden unit of a network draws."),
    "sheet": ("fit_image.cli.sheet", "Lay out frames of runs on a labelled contact sheet."),
    "export": ("fit_image.cli.export", "Write a network as a page, a shader, or for programs."),
    "info": ("fit_image.cli.info", "Show what a run or a model file contains."),
    "dream": ("fit_image.cli.dream", "Draw pictures of random networks."),
    "digits": ("fit_image.cli.digits", "Draw digits at any size, or train a generator."),
    "autoencode": ("fit_image.cli.autoencode", "Compress pictures to a code and redraw them."),
    "unjpeg": ("fit_image.cli.unjpeg", "Remove JPEG artefacts, or train a network for it."),
    "sweep": ("fit_image.cli.sweep.command", "Compare networks: train all combinations of values."),
    "report": ("fit_image.cli.report", "Write the results of a run or a sweep as a page."),
}
_DEFAULT = "fit"

_NO_MEMORY = "not enough memory; try smaller --layers, --size or --max-pixels"

_EXAMPLES = (
    ("photo.jpg", "Watch the classic network learn."),
    ("photo.jpg --preset sharp", "Sharp within a minute."),
    ("sweep photo.jpg --layers 1x2000 --layers 4x300", "Compare a wide with a deep network."),
)


class FitImage(click.Group):
    """``fit-image IMAGE [OPTIONS]`` or ``fit-image COMMAND ...``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, short_help = _COMMANDS[cmd_name]
        command: click.Command = importlib.import_module(module).command
        command.short_help = short_help
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert ``fit`` unless the first argument is a command."""
        own = {name for param in self.get_params(ctx) for name in param.opts}
        if not args and not ctx.resilient_parsing:
            args = ["--help"]
        elif args and args[0] not in _COMMANDS and args[0] not in own:
            if not ctx.resilient_parsing:
                _suggest_command(args)
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both forms of usage, and examples."""
        formatter.write_usage(ctx.command_path, "IMAGE [OPTIONS]")
        formatter.write_usage(ctx.command_path, "COMMAND [ARGS]...", prefix="       ")
        with formatter.section("Examples"):
            formatter.write_dl([(f"{ctx.command_path} {call}", text) for call, text in _EXAMPLES])

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of ``fit``, then the other commands."""
        fit = self.get_command(ctx, _DEFAULT)
        assert fit is not None
        with click.Context(fit, info_name=_DEFAULT, parent=ctx) as fit_context:
            own = {name for param in self.get_params(ctx) for name in param.opts}
            params = [
                *(param for param in fit.get_params(fit_context) if not own & {*param.opts}),
                *self.get_params(ctx),
            ]
            write_options(params, fit_context, formatter)
        others = [(name, text) for name, (_, text) in _COMMANDS.items() if name != _DEFAULT]
        with formatter.section("Other commands"):
            formatter.write_dl(others)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete commands, options of ``fit``, and files."""
        fit = self.get_command(ctx, _DEFAULT)
        assert fit is not None
        own = super().shell_complete(ctx, incomplete)
        own = [item for item in own if item.value != _DEFAULT]
        if not incomplete.startswith("-"):
            # First, because click's bash function drops items before a file.
            return [CompletionItem(incomplete, type="file"), *own]
        fit_context = click.Context(fit, info_name=_DEFAULT, parent=ctx)
        known = {item.value for item in own}
        more = fit.shell_complete(fit_context, incomplete)
        return [*own, *(item for item in more if item.value not in known)]

    def invoke(self, ctx: click.Context) -> Any:
        with Signals() as signals:
            ctx.obj = signals
            return super().invoke(ctx)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and report every error as one line and an exit code."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, False, **extra)
        # Closed standard streams are None; discard their output.
        sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115
        sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115
        if isinstance(sys.stdout, io.TextIOWrapper):
            # File names may contain bytes that are not valid text; in a locale of ASCII, as all
            # others are, for which click would write question marks.
            is_ascii = codecs.lookup(sys.stdout.encoding).name == "ascii"
            sys.stdout.reconfigure(encoding="utf-8" if is_ascii else None, errors="surrogateescape")
        try:
            # click returns the code of ctx.exit(), and None from a command that returned.
            with _warnings_in_one_line():
                code = super().main(args, prog_name, complete_var, False, **extra)
            sys.stdout.flush()
            _exit(code if isinstance(code, int) else 0)
        except click.ClickException as error:
            _fail(" ".join(error.format_message().split()), error.exit_code)
        except InputError as error:
            _fail(_with_options(error), error.exit_code)
        except FitImageError as error:
            _fail(str(error), error.exit_code)
        except Interrupted as interruption:
            _fail("interrupted", interruption.exit_code)
        except (KeyboardInterrupt, click.Abort) as error:
            if isinstance(error.__cause__, EOFError):  # click takes it for the end of the input
                _fail(f"a file ends too soon, of the program or its cache: {error.__cause__}", 1)
            _fail("interrupted", 130)
        except MemoryError:
            _fail(_NO_MEMORY, 1)
        except (ImportError, RuntimeError) as error:
            if _names(error, "can't start new thread"):
                _fail("the system allows no more threads; raise its limit (ulimit -u or -v)", 1)
            if _names(error, "failed to map segment", "cannot allocate memory"):  # of a library
                _fail(_NO_MEMORY, 1)
            raise
        except ValueError as error:
            variables = sorted(name for name in os.environ if name.startswith("NUMBA_"))
            if not variables or not _raised_by(error, "numba"):
                raise
            names = some_of(variables, most=4)
            _fail(f"the compiler, numba, does not start ({excerpt(error)}): unset {names}", 2)
        except OSError as error:
            if error.errno == errno.ENOMEM:
                _fail(_NO_MEMORY, 1)
            # Errors of reading and writing are handled where they occur; left are file names that
            # the system rejects, and standard output.
            if error.errno is None:  # of a library that could not be loaded
                _fail(f"cannot load a library ({excerpt(str(error))}): is there enough memory?", 1)
            name = error.filename or "standard output"
            _fail(f"cannot use {name}: {os_error_reason(error)}", 2 if error.filename else 1)


def _names(error: BaseException, *problems: str) -> bool:
    """Return whether an error, or one that it was raised for, tells one of the problems."""
    text = str(error).lower()
    earlier = error.__cause__ or error.__context__
    return any(each in text for each in problems) or (
        earlier is not None and _names(earlier, *problems)
    )


def _raised_by(error: BaseException, package: str) -> bool:
    """Return whether an error was raised in a module of a package."""
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__")).split(".")[0] == package


def _with_options(error: InputError) -> str:
    """Return an error's message with the options of its fields, in place of names or at the end."""
    message = str(error)
    for name in error.fields:
        option = "-o" if name == "output" else option_of(name)
        message, found = re.subn(rf"(?<!\S){name}(?!\S)", option, message, count=1)
        if not found:
            message = f"{message} ({option})"
    return message


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Show each `FitImageWarning` as a line for the user, and others as Python does."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", FitImageWarning)
        show = warnings.showwarning

        def show_line(
            message: Warning | str, category: type[Warning], *place: Any, **more: Any
        ) -> None:
            if issubclass(category, FitImageWarning):
                _say(str(message))
            else:
                show(message, category, *place, **more)

        warnings.showwarning = show_line
        yield


def _say(message: str) -> None:
    with contextlib.suppress(OSError, ValueError, MemoryError):
        click.echo(f"fit-image: {one_line(message)}", err=True)


def _fail(message: str, exit_code: int) -> NoReturn:
    _say(message)
    _exit(exit_code)


def _exit(code: int) -> NoReturn:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        # Otherwise Python flushes again at exit, fails again, and exits with another code.
        os._exit(code)
    sys.exit(code)


def _suggest_command(args: list[str]) -> None:
    """Raise a usage error if the first word is no file but similar to a command."""
    word = args[0]
    if word.startswith("-") or Path(word).exists():
        return
    import difflib

    close = difflib.get_close_matches(word, [name for name in _COMMANDS if name != _DEFAULT], n=1)
    if close:
        raise click.UsageError(
            f"no picture and no command is named {word!a}. Did you mean 'fit-image {close[0]}'?"
        )


@click.command(
    cls=FitImage,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="fit-image")
def cli() -> None:
    """Teach a small neural network to paint a picture, and watch it learn.

    The network maps a pixel's coordinates (x, y) to its colour. It learns from the picture's pixels
    in shuffled order; every epoch becomes a frame of an animation. A picture with the name of a
    command is given as ./render.
    """


def main() -> None:
    """Run the command line."""
    if not sys.warnoptions:
        # Those of libraries are for programmers.
        warnings.simplefilter("ignore")
    try:
        cli.main(prog_name="fit-image")
    except SystemExit as end:
        if isinstance(end.__context__, MemoryError) and isinstance(end.code, int):
            # Ending in order may need more memory, and complain.
            os._exit(end.code)
        raise
