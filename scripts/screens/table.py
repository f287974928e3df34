"""Tables and spreadsheets."""

from __future__ import annotations

from string import ascii_uppercase

from screens.kit import Kit


def grid(kit: Kit, columns: int, rows: int) -> str:
    """A small table of numbers and words."""
    rng, words = kit.rng, kit.words
    numeric = [kit.chance(0.6) for _ in range(columns)]
    striped, lines = kit.chance(0.5), kit.chance(0.6)
    edge = "border-bottom:1px solid var(--line);" * lines
    dark_head = kit.chance(0.4)
    head_style = (
        "background:var(--accent);color:var(--on)" if dark_head else "background:var(--panel)"
    )
    head = "".join(
        f'<th style="{head_style};{edge}">{words.phrase(1, 2)}</th>' for _ in range(columns)
    )
    body = []
    for row in range(rows):
        cells = []
        for number in numeric:
            text = words.number() if number else rng.choice([words.word, words.date, words.name])()
            shown = kit.badge(text) if kit.chance(0.05) else text
            side = "right" if number else "left"
            cells.append(f'<td style="text-align:{side};{edge}">{shown}</td>')
        ground = "background:var(--panel)" if striped and row % 2 else ""
        body.append(f'<tr style="{ground}">{"".join(cells)}</tr>')
    padding = rng.choice([2, 4, 7])
    return (
        f"<table cellpadding={padding} style='border-collapse:collapse;width:100%;"
        "white-space:nowrap;"
        f"font-variant-numeric:tabular-nums'><tr>{head}</tr>{''.join(body)}</table>"
    )


def spreadsheet(kit: Kit) -> str:
    """A window of rows and columns with a line for formulas."""
    rng, words = kit.rng, kit.words
    columns, rows = rng.randint(7, 13), 40
    kinds = [
        rng.choice(["number", "number", "number", "word", "date", "empty"]) for _ in range(columns)
    ]
    widths = " ".join(["44px", *(f"{rng.choice([70, 90, 120, 160])}px" for _ in range(columns))])
    chosen = (rng.randrange(3, 18), rng.randrange(columns))
    heat = rng.choice([None, None, rng.randrange(columns)])
    grey = "background:var(--panel);text-align:center"
    cells = [f'<div class="cell" style="{grey}"></div>']
    cells += [
        f'<div class="cell" style="{grey}">{ascii_uppercase[at]}</div>' for at in range(columns)
    ]
    full = rng.randint(14, rows)
    for row in range(rows):
        cells.append(f'<div class="cell" style="{grey}">{row + 1}</div>')
        for column, kind in enumerate(kinds):
            style = "outline:2px solid var(--accent);outline-offset:-2px;" * (
                (row, column) == chosen
            )
            if row == 0:
                cells.append(f'<div class="cell bold chosen">{words.phrase(1, 2)}</div>')
                continue
            text = ""
            if row < full and kind != "empty" and kit.chance(0.94):
                maker = {"number": words.number, "word": words.phrase, "date": words.date}[kind]
                text = maker()
            if text and (column == heat or kit.chance(0.015)):
                style += (
                    kit.strong()
                    if kit.chance(0.5)
                    else f"background:{kit.hue()};color:var(--onhue)"
                )
            side = " right" if kind == "number" else ""
            cells.append(f'<div class="cell{side}" style="{style}">{text}</div>')
    formula = f"=SUM({ascii_uppercase[chosen[1]]}2:{ascii_uppercase[chosen[1]]}{chosen[0]})"
    place = kit.field(f"{ascii_uppercase[chosen[1]]}{chosen[0] + 1}", "width:70px")
    sheets = kit.tabs([words.phrase(1, 2) for _ in range(rng.randint(2, 5))])
    return (
        f'<div class="col fill clip">{kit.menu_bar()}{kit.tool_bar()}'
        f'<div class="bar">{place}<i class="muted">fx</i>{kit.field(formula, "flex:1")}</div>'
        f'<div class="grow clip"><div style="display:grid;grid-template-columns:{widths}">'
        f"{''.join(cells)}</div></div>{sheets}</div>"
    )


def listing_page(kit: Kit) -> str:
    """A page that is one large table with filters above it."""
    words = kit.words
    filters = "".join(kit.choice("width:150px") for _ in range(kit.rng.randint(1, 4)))
    return (
        f'<div class="col fill clip pad"><div class="row middle between" style="flex:none">'
        f"<h2>{words.phrase(2, 4)}</h2>{kit.buttons()}</div>"
        f'<div class="row gap" style="flex:none;margin-bottom:10px">{filters}{kit.field()}</div>'
        f'<div class="grow clip">{grid(kit, kit.rng.randint(5, 9), 36)}</div></div>'
    )
