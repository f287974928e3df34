"""HTML made of elements, in which all other text is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any

_VOID = {"img", "input"}


class Html(str):
    """Text that is HTML, and not escaped again."""

    __slots__ = ()


def escape(value: object) -> Html:
    """Return HTML as it is, and anything else as the text that shows it."""
    return value if isinstance(value, Html) else Html(html.escape(str(value)))


def breakable(text: str) -> Html:
    """Return text in which long labels, such as of encodings, may be broken behind their commas."""
    return Html(re.sub(r",(?=[a-z])", ",<wbr>", escape(text)))


def join(*parts: object) -> Html:
    """Return the parts one after the other, each escaped unless it is HTML."""
    return Html("".join(map(escape, parts)))


def element(tag: str, *children: object, **attributes: object) -> Html:
    """Return an element with its children.

    Parameters
    ----------
    *children
        Texts, which are escaped, or HTML.
    **attributes
        ``class_`` is ``class``, ``data_value`` is ``data-value``. One that is None or False is left
        out, and one that is True has no value.
    """
    words = [tag]
    for key, value in attributes.items():
        name = key.rstrip("_").replace("_", "-")
        if value is True:
            words.append(name)
        elif value is not None and value is not False:
            words.append(f'{name}="{escape(value)}"')
    start = f"<{' '.join(words)}>"
    return Html(start if tag in _VOID else f"{start}{join(*children)}</{tag}>")


def radio_buttons(name: str, texts: Mapping[Any, object]) -> Html:
    """Return a radio button for each value, with its text; the first one is checked."""
    labels = []
    for index, (value, text) in enumerate(texts.items()):
        button = element("input", type="radio", name=name, value=value, checked=index == 0)
        labels.append(element("label", button, element("span", text)))
    return join(*labels)
