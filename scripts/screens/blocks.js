// The parts of pages and programs, each composed by chance in the theme of the moment.
"use strict";
const button = () => `<span class="button ${maybe(0.3) ? "accent" : ""}">${maybe(0.25) ? "◂ " : ""}${listed("actions")}</span>`;
const field = (text = maybe(0.5) ? phrase(1, 3) : number(), style = "") => div("field", text, style);
const avatar = () => {
  const shape = `border-radius:${pick(["50%", "50%", "0", "6px"])}`;
  return maybe(0.3) ? photo(36, 36, shape) : `<span class="avatar" style="background:${any()};${shape}">${name()[0]}${name()[0]}</span>`;
};
const heading = () => `<h${int(1, 3)} style="font-size:${pick([16, 18, 20, 24, 28, 32, 40, 48])}px;${maybe(0.2) ? `color:${vivid()}` : ""}">${phrase(2, 6)}</h1>`;
const paragraph = () => `<p style="text-align:${pick(["left", "left", "left", "justify", "center"])};columns:${pick([1, 1, 1, 2])}">${prose(2, 6)}</p>`;
const list = () => `<ul style="list-style:${pick(["disc", "square", "decimal", "none", "circle"])}">${join(3, 8, () => `<li>${prose(1, 1)}</li>`)}</ul>`;
const bar = (inside) => div("bar", inside);
const tools = () => bar(join(5, 18, () => pick([() => icon(int(14, 24)), () => icon(16), button, () => `${icon(16)} ${word()}`])()));
const tabs = () => bar(many(2, 7, (k) => `<span class="item ${k ? "" : "accent"}">${maybe(0.4) ? icon(14) : ""}${phrase(1, 2)}</span>`).join(""));
const menus = () => bar(join(4, 9, () => `<span>${listed("actions")}</span>`));
const links = () => div("row wrap", join(4, 12, () => `<a>${phrase(1, 3)}</a>`));
const badges = () => div("row wrap", join(3, 10, () => `<span class="small" style="background:${any()};color:${pick(["#fff", "#000"])};padding:1px 7px;border-radius:9px">${word()}</span>`));
const alert = () => div("row middle", icon(20) + sentence(),
  `border:1px solid ${vivid()};border-left-width:4px;padding:.7em;background:${maybe(0.5) ? any() : "none"}`);
const quote = () => div("muted", prose(1, 3), `border-left:4px solid ${vivid()};padding-left:1em;font-style:italic`);
const keys = () => div("row wrap", join(4, 20, () => `<span class="button mono" style="border-bottom-width:3px">${pick("ABCDEFGHIJKLMNOPQRSTUVWXYZ⌘⇧⏎123")}</span>`));
const icons = () => { const size = pick([12, 16, 24, 32, 48]);
  return div("row wrap", join(6, 40, () => (maybe(0.3) ? logo(size) : icon(size)))); };
const emoji = () => div("row wrap", join(5, 24, () => listed("emoji")), `font-size:${int(12, 48)}px;line-height:1.2`);
const sprites = () => { const zoom = int(1, 5); return div("row wrap", join(3, 16, () => sprite(zoom))); };
const letters = () => div("column", join(1, 4, () => pixelText(phrase(1, 3))));
const patterns = () => div("row wrap", join(1, 5, () => dots()));
const sheen = () => div("", phrase(1, 3), `${gradient()};padding:${int(8, 50)}px;color:${pick(["#fff", "#000"])};font-size:${int(14, 40)}px`);
const picture = () => div("clip", photo(int(160, 420), int(110, 300), `border-radius:${pick([0, 0, 8])}px`)
  + (maybe(0.5) ? `<p class="small muted">${sentence()}</p>` : ""));
const banner = () => div("", photo(int(320, 560), int(120, 260)) + div("over", `${phrase(2, 5)}<br>${maybe(0.5) ? button() : ""}`,
  `left:5%;bottom:10%;color:${pick(["#fff", "#ff0", "#000"])};font-size:${int(13, 44)}px;text-shadow:${pick(["none", "0 1px 3px #000", "1px 1px 0 #000"])}`), "position:relative;width:max-content");
const graph = () => div(maybe(0.5) ? "card" : "", `${maybe(0.6) ? `<b>${phrase(1, 4)}</b>` : ""}${chart(int(260, 560), int(140, 300))}`,
  "width:max-content");
const shares = () => div("row middle", pie(int(70, 220)) + div("small",
  join(3, 7, () => `<div><span style="color:${vivid()}">■</span> ${word()} ${number()}</div>`)));
const meters = () => div("column", join(2, 6, () => `<div class="small">${phrase(1, 3)} ${number()}</div><div class="track"><div style="width:${int(5, 95)}%;background:${vivid()}"></div></div>`));
const statistic = () => div("card", `<div class="muted small">${phrase(1, 2)}</div><b style="font-size:${int(18, 42)}px">${number()}</b>
  <span class="small" style="color:${vivid()}">${pick(["▲", "▼"])} ${number()}</span>`);

function table(rows = int(4, 14), columns = int(3, 8)) {
  const makers = many(columns, columns, () => pick([number, number, word, () => phrase(1, 3),
    date, name, file, () => icon(14), () => `<a>${word()}</a>`]));
  const cell = (make, tag) => `<${tag} style="text-align:${make === number ? "right" : "left"}">${tag === "th" ? phrase(1, 2) : make()}</${tag}>`;
  const row = (tag) => `<tr class="${maybe(0.03) ? "accent" : ""}">${makers.map((make) => cell(make, tag)).join("")}</tr>`;
  return `<table class="${pick(["grid", "rules", "zebra", "rules zebra", ""])}" style="font-size:${pick([0.8, 0.9, 1])}em">${row("th")}${join(rows, rows, () => row("td"))}</table>`;
}
function form() {
  const box = (round) => `<span style="display:inline-block;width:1em;height:1em;border:1px solid var(--muted);border-radius:${round ? "50%" : "3px"};background:${maybe(0.5) ? "var(--accent)" : "none"}"></span>`;
  const control = () => pick([() => field(), () => field(`${word()} <span style="float:right">▾</span>`),
    () => join(2, 4, () => `${box(true)} ${word()} &nbsp;`), () => `${box(false)} ${phrase(2, 6)}`,
    () => `<div class="track" style="width:12em"><div class="accent" style="width:${int(10, 90)}%"></div></div>`,
    () => field("•".repeat(int(6, 12))), () => `<input type="range"><input type="checkbox" checked><button>${word()}</button>`])();
  const label = () => `<div class="${maybe(0.3) ? "muted small" : ""}">${phrase(1, 3)}</div>`;
  return div("card", join(3, 8, () => (maybe(0.6) ? label() : "") + div("", control(), "margin-bottom:.6em"))
    + div("row", button() + button()), `max-width:${int(260, 620)}px`);
}
function code(rows = int(6, 22)) {
  const colours = many(6, 6, vivid);
  const tint = (text, k) => `<span style="color:${colours[k]}${maybe(0.05) ? ";font-weight:bold" : ""}">${text}</span>`;
  const token = () => pick([() => tint(listed("keywords"), 0), identifier, identifier,
    () => `${identifier()}(${identifier()})`, () => tint(`"${phrase(1, 4)}"`, 1),
    () => tint(int(0, 9999), 2), () => tint(capital(plain()), 3), () => pick(["=", "+", "==",
    "->", "{", "}", "()", "[0]", ";", "&amp;&amp;", "&lt;"])])();
  const numbered = maybe(0.6);
  return many(rows, rows, (k) => {
    const [indent, kind] = ["    ".repeat(int(0, 3)), random()];
    const text = kind < 0.1 ? "" : kind < 0.2 ? tint(`${pick(["#", "//", "--"])} ${sentence()}`, 4) : many(2, 8, token).join(" ");
    const marked = maybe(0.04) ? "background:var(--panel)" : "";
    return `<div style="${marked}">${numbered ? `<span class="muted">${`${k + 1}`.padStart(4)}  </span>` : ""}${indent}${text}</div>`;
  }).join("");
}
const listing = () => div("mono clip card", code(), `font-size:${int(9, 18)}px;line-height:${pick([1.15, 1.3, 1.5])}`);
function session(rows = int(6, 16)) {
  const ansi = theme.dark ? ["#f55", "#5f5", "#ff5", "#58f", "#f5f", "#5ff",
    "#fff"] : ["#c00", "#080", "#a60", "#00c", "#808", "#088", "#000"];
  const tint = (text) => `<span style="color:${pick(ansi)}${maybe(0.2) ? ";font-weight:bold" : ""}">${text}</span>`;
  const prompt = () => `${tint(`${plain()}@${plain()}`)}:${tint(`~/${plain()}`)}$ ${listed("commands")} -${pick("abfhlnrvx")} ${file()}`;
  return join(rows, rows, () => `<div>${pick([prompt, sentence, () => join(2, 7, () => maybe(0.4) ? tint(file().padEnd(16)) : file().padEnd(16)),
    () => `-rw-r--r-- 1 ${plain()} ${`${int(1, 99999)}`.padStart(8)} ${date()} ${tint(file())}`,
    () => `[${tint(pick([" ok ", "warn", "fail"]))}] ${sentence()}`,
    () => `${tint("█".repeat(int(1, 30)))}${"░".repeat(int(1, 20))} ${int(0, 100)}%`, () => `├─ ${tint(file())} │ ${number()}`])()}</div>`);
}
const terminal = () => div("mono clip pad", session(), "background:var(--ground)");
const chat = () => div("column", join(3, 9, () => { const mine = maybe(0.4);
  return div("row", (mine ? "" : avatar()) + div(mine ? "accent" : "panel",
    `${prose(1, 2)} <span class="small" style="opacity:.6">${date()}</span>`,
    `max-width:70%;padding:.5em .8em;border-radius:${pick([4, 12, 18])}px`), mine ? "justify-content:flex-end" : ""); }));
const post = () => div("card row", avatar() + div("grow", `<b>${name()}</b> <span class="muted">@${plain()} · ${date()}</span><p>${prose(1, 3)}</p>
  ${maybe(0.3) ? photo(int(200, 420), int(120, 240), "border-radius:10px") : ""}<div class="row muted">${join(3,
    4, () => `${icon(16, "currentColor")} ${number()}`)}</div>`));
const cards = () => div("row wrap", join(2, 8, () => div("card",
  `${pick([() => photo(150, 100), () => logo(48), () => "", () => svg(150, 60, "", `style="${gradient()}"`)])()}<b>${phrase(1, 3)}</b><p class="small muted">${sentence()}</p>${maybe(0.5) ? button() : number()}`, `width:${int(160, 240)}px`)));
const files = () => div("", join(5, 18, () => div(`item ${maybe(0.06) ? "accent" : ""}`,
  `${icon(16)}<span class="grow line">${maybe(0.5) ? file() : phrase(1, 3)}</span><span class="muted small">${maybe(0.5) ? number() : ""}</span>`, `padding-left:${0.6 + pick([0, 0, 1, 2])}em`)));
const calendar = () => `<table class="grid small">${join(5, 6, () => `<tr>${many(7, 7, (k) => `<td style="height:3.4em;vertical-align:top">${int(1, 31)}${maybe(0.2) ? `<div style="background:${any()};color:#fff">${word()}</div>` : ""}</td>`).join("")}</tr>`)}</table>`;
const formula = () => { const term = () => `<i>${pick("abcfghkmnpqtuvxyzαβγδθλμπσφω")}</i>${maybe(0.4) ? `<sup>${int(2, 9)}</sup>` : maybe(0.4) ? `<sub>${pick("ijkn0")}</sub>` : ""}`;
  return div("", many(3, 8, term).join(` ${pick(["+", "−", "·", "=", "≤", "∈"])} `) + pick([" = ∑", " → ∞", " ≈ ∫"])
    + term(), `font-family:serif;font-size:${int(14, 30)}px;text-align:center`); };
const rating = () => div("row", `${"★".repeat(int(1, 5))}☆ ${number()} ${links()}`, `color:${vivid()}`);

const BLOCKS = [heading, heading, paragraph, paragraph, paragraph, list, tabs, links, badges,
  alert, quote, keys, icons, icons, emoji, sprites, letters,
  patterns, sheen, picture, picture, banner, graph, graph, shares, meters, statistic, table,
    table, form, listing, listing, terminal, chat, post, cards, files,
  calendar, formula, rating, () => heat(int(90, 260)), () => diagram(int(260, 520), int(120, 240)), () => map(int(200,
    460), int(140, 300)), () => div("row", button() + button() + field())];
const block = () => pick(BLOCKS)();
