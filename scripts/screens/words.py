"""Text, numbers and code, composed at random from a part's words."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from screens import lexicon


def pick_list(lists: dict[str, str], part: str) -> list[str]:
    """Split one part's words."""
    return lists[part].split()


class Words:
    """A source of text.

    Parameters
    ----------
    rng : Random
    part : str
        ``train`` or ``test``.
    """

    def __init__(self, rng: Random, part: str) -> None:
        self.rng, self.part = rng, part
        self._english = pick_list(lexicon.ENGLISH, part)
        self._language = rng.choice(sorted(lexicon.FOREIGN[part]))
        self._foreign = lexicon.FOREIGN[part][self._language].split()
        # Most screens are in English; some are half or wholly in another language.
        self._share = rng.choice([0.0, 0.0, 0.03, 0.1, 0.5, 0.9])
        self._keywords = pick_list(lexicon.KEYWORDS, part)

    def word(self) -> str:
        """One word."""
        if self.rng.random() < self._share:
            return self.rng.choice(self._foreign)
        return self.rng.choice(self._english)

    def plain(self) -> str:
        """One English word, as names in code and of files are."""
        return self.rng.choice(self._english)

    def phrase(self, least: int = 1, most: int = 4) -> str:
        """A few words, the first with a capital."""
        words = [self.word() for _ in range(self.rng.randint(least, most))]
        text = " ".join(words)
        return text[:1].upper() + text[1:]

    def sentence(self, least: int = 5, most: int = 18) -> str:
        """Words with the marks of a sentence, and here and there a number or a bracket."""
        rng = self.rng
        words = self.phrase(least, most).split()
        for index in range(1, len(words) - 1):
            chance = rng.random()
            if chance < 0.07:
                words[index] += ","
            elif chance < 0.09:
                words[index] = f"({words[index]})"
            elif chance < 0.12:
                words[index] = self.number()
            elif chance < 0.13:
                words[index] = f"“{words[index]}”"
            elif chance < 0.14:
                words[index] += " —"
        return " ".join(words) + rng.choice("......?!:")

    def paragraph(self, least: int = 2, most: int = 6) -> str:
        """Some sentences."""
        return " ".join(self.sentence() for _ in range(self.rng.randint(least, most)))

    def marked(self, least: int = 2, most: int = 6) -> str:
        """A paragraph with links, bold, slanted and code words."""
        words = self.paragraph(least, most).split()
        for index, word in enumerate(words):
            chance = self.rng.random()
            for limit, tag in ((0.02, "a"), (0.035, "b"), (0.05, "i"), (0.06, "code")):
                if chance < limit:
                    words[index] = f"<{tag}>{word}</{tag}>"
                    break
        return " ".join(words)

    def number(self) -> str:
        """A number in one of many notations."""
        rng = self.rng
        makers: list[Callable[[], str]] = [
            lambda: str(rng.randint(0, 99)),
            lambda: f"{rng.randint(100, 99999):,}",
            lambda: f"{rng.uniform(0, 100):.2f}",
            lambda: f"{rng.uniform(0, 100):.1f} %",
            lambda: f"{rng.choice('$€£')}{rng.randint(1, 9999)}.{rng.randint(0, 99):02}",
            lambda: f"-{rng.uniform(0, 10):.3f}",
            lambda: f"{rng.uniform(1, 10):.2f}e-{rng.randint(1, 9):02}",
        ]
        return rng.choice(makers)()

    def date(self) -> str:
        """A date or a time."""
        rng = self.rng
        day, month, year = rng.randint(1, 28), rng.randint(1, 12), rng.randint(1995, 2026)
        clock = f"{rng.randint(0, 23)}:{rng.randint(0, 59):02}"
        forms = [f"{year}-{month:02}-{day:02}", f"{day:02}.{month:02}.{year}", clock]
        return rng.choice([*forms, f"{month}/{day}/{year}", f"{year}-{month:02}-{day:02} {clock}"])

    def name(self) -> str:
        """A person's name."""
        names = pick_list(lexicon.NAMES, self.part)
        return f"{self.rng.choice(names[:12])} {self.rng.choice(names[12:])}"

    def address(self) -> str:
        """An address of mail."""
        return f"{self.plain()}.{self.plain()}@{self.plain()}.example"

    def file(self) -> str:
        """A file's name."""
        suffix = self.rng.choice(pick_list(lexicon.SUFFIXES, self.part))
        mark = self.rng.choice(["", "", f"-{self.rng.randint(1, 99)}", f"_{self.plain()}"])
        return f"{self.plain()}{mark}.{suffix}"

    def path(self) -> str:
        """A path of folders."""
        return "/" + "/".join(self.plain() for _ in range(self.rng.randint(1, 4)))

    def action(self) -> str:
        """What a button says."""
        if self.rng.random() < 0.3:
            return self.phrase(1, 2)
        return self.rng.choice(pick_list(lexicon.ACTIONS, self.part))

    def menus(self) -> list[str]:
        """The names of a menu bar."""
        menus = pick_list(lexicon.MENUS, self.part)
        return menus[: self.rng.randint(3, len(menus))]

    def command(self) -> str:
        """A line that one types into a terminal."""
        rng = self.rng
        options = [rng.choice([f"-{rng.choice('abefhlnrvx')}", f"--{self.plain()}", self.file()])]
        options += [self.path().lstrip("/") for _ in range(rng.randint(0, 2))]
        return " ".join([rng.choice(pick_list(lexicon.COMMANDS, self.part)), *options])

    def keyword(self) -> str:
        """A keyword of a programming language."""
        return self.rng.choice(self._keywords)

    def identifier(self) -> str:
        """A name in a program."""
        joined = self.rng.choice(["_", "_", "", "."])
        return joined.join(self.plain() for _ in range(self.rng.randint(1, 3)))
