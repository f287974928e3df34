"""The parts of the page that depend on the sweep; each shows one picture at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fit_image.apps.report.markup import Html, breakable, element, join, radio_buttons
from fit_image.apps.report.pictures import AMPLIFIED
from fit_image.apps.sweep.results.page.section import Section
from fit_image.apps.sweep.results.page.tables import groups_table, scroll, swatch, trials_table
from fit_image.apps.sweep.results.summary import Finding
from fit_image.version import __version__

_MAX_REMARKS = 12

_VERDICTS = {"clear": "clear lead", "one seed": "one seed only"}

_ABOUT_FIGURES = (
    "Mean ± standard deviation over the seeds that are done. Press a heading to sort. Silent "
    "hidden units never answer: of ReLUs, those with no output above zero anywhere in the "
    "picture; of others, those whose output is the same everywhere. Bits a pixel are those of the "
    "parameters, of 32 and of 16 bits each."
)

_ABOUT_UNSEEN = (
    "Final and best PSNR are of the pixels that were shown, unseen PSNR is of those that never "
    "were, in the last picture."
)

_ABOUT_PICTURES = (
    "The last picture of each network, with its lowest seed. Below it the framed part, enlarged: "
    f"as painted, and its difference to the target, {AMPLIFIED} times as strong (black is no "
    "difference). The frame is where the better half of them differ most."
)


def for_each(sections: Sequence[Section], make: Callable[[Section], Html]) -> Html:
    """Return a part for each picture, of which the first is shown."""
    return join(
        *(
            element("div", make(section), data_picture=index, hidden=index > 0)
            for index, section in enumerate(sections)
        )
    )


def choices(sections: Sequence[Section]) -> Html:
    """Return the buttons that choose a picture, if there are several."""
    if len(sections) < 2:
        return Html("")
    texts = (join(each.name, " ", element("small", each.size)) for each in sections)
    buttons = radio_buttons("picture", dict(enumerate(texts)))
    legend = element("legend", "Picture")
    return element("fieldset", legend, buttons, class_="choices", id="pictures")


def pixel_choice(sections: Sequence[Section]) -> Html:
    """Return the buttons that choose whose PSNR is drawn, if pixels were held out."""
    if not any(section.held_out for section in sections):
        return Html("")
    texts = {"shown": "pixels shown", "unseen": "pixels never shown"}
    buttons = radio_buttons("pixels", texts)
    return element("fieldset", element("legend", "PSNR of"), buttons, class_="choices")


def summary(section: Section) -> Html:
    """Return the findings, and remarks on trials that do not count."""
    findings = (_finding(section, each) for each in section.findings)
    lines = section.remarks[:_MAX_REMARKS]
    more = len(section.remarks) - len(lines)
    if more:
        lines = [*lines, f"{more} more networks have trials that are not done: see the table."]
    remarks = element("ul", *(element("li", line) for line in lines), class_="remarks")
    return join(element("div", *findings, class_="findings"), remarks if lines else "")


def figures(section: Section) -> Html:
    """Return the tables."""
    all_trials = element("summary", f"All {len(section.outcomes)} trials")
    return join(
        groups_table(section),
        _note(f"{_ABOUT_FIGURES} {_ABOUT_UNSEEN}" if section.held_out else _ABOUT_FIGURES),
        element("details", all_trials, trials_table(section)),
    )


def pictures(section: Section) -> Html:
    """Return the target and the last pictures, each with its enlarged part."""
    sheet = section.sheet
    if sheet is None:
        return element("p", "No picture has been drawn yet.")
    places = zip(("left", "top", "width", "height"), sheet["box"], strict=True)
    box = element("span", class_="box", style=";".join(f"{name}:{at}%" for name, at in places))
    target = _figure(
        join(element("img", src=sheet["target"], alt="The target"), box),
        element("strong", "target"),
        [(sheet["target_crop"], "The target, enlarged")],
    )
    others = []
    for index, picture in zip(section.frames, sheet["pictures"], strict=True):
        label = section.groups[index].label
        enlarged = [
            (picture["crop"], f"{label}, enlarged"),
            (picture["difference"], f"{label}, difference to the target"),
        ]
        whole = element("img", src=picture["whole"], alt=f"Painted by {label}")
        caption = join(swatch(section.styles[index]), element("span", label))
        others.append(_figure(whole, caption, enlarged))
    best, total = len(section.frames), len(section.ranked)
    only = f" Only the best {best} of {total} networks are pictured." if best < total else ""
    kind = "sheet wide" if section.wide else "sheet"
    return join(element("div", target, *others, class_=kind), _note(_ABOUT_PICTURES + only))


def commands(section: Section, most: int) -> Html:
    """Return the commands that repeat the trials of the lowest seeds."""
    picture = section.picture
    lines = "".join(f"{command}\n" for command in section.commands[:most])
    more = len(section.commands) - most
    return join(
        element(
            "p",
            f"{section.name} was learned at {picture.width} x {picture.height} pixels; the "
            "file's SHA-256 begins with ",
            element("code", picture.sha256[:16]),
            f". The commands of the lowest seeds, with fit-image {__version__}; each writes to a "
            "folder with the name of its trial's:",
        ),
        scroll("Commands", element("pre", lines)),
        _note(f"And {more} more.") if more > 0 else "",
    )


def _note(text: str) -> Html:
    return element("p", text, class_="note")


def _finding(section: Section, finding: Finding) -> Html:
    terms = join(" ", element("small", finding.terms)) if finding.terms else ""
    parts = [element("h3", finding.question, terms)]
    if finding.winner:
        style = next(each for each in section.styles if each["label"] == finding.winner)
        parts.append(
            element(
                "p", swatch(style), element("span", breakable(finding.winner)), class_="winner"
            ),
        )
    option = "--match-params"
    text = breakable(finding.text).replace(option, f"<code>{option}</code>")
    parts.append(element("p", Html(text)))
    if finding.verdict:
        kind = "verdict clear" if finding.verdict == "clear" else "verdict"
        verdict = _VERDICTS.get(finding.verdict, finding.verdict)
        parts.append(element("p", verdict, class_=kind))
    return element("article", *parts, class_="finding")


def _figure(whole: Html, caption: Html, enlarged: Sequence[tuple[str, str]]) -> Html:
    details = (element("img", class_="magnified", src=src, alt=alt) for src, alt in enlarged)
    return element(
        "figure",
        element("div", whole, class_="whole"),
        element("figcaption", caption),
        element("div", *details, class_="pair"),
    )
