// Whole screens of many kinds.
"use strict";
const area = (inside, style = "") => div("column fill clip pad", inside, style);
const flow = (count) => join(count, count, block);
const side = (inside, width = int(130, 280)) => div("side panel", inside, `width:${width}px`);
const ends = () => `<span class="row middle" style="gap:9px">${pick([
  () => ["#ff5f57", "#febc2e", "#28c840"].map((colour) => svg(12, 12, `<circle cx="6" cy="6" r="6" fill="${colour}"/>`)).join(""),
  () => ["M2 6h8", "M2.5 2.5h7v7h-7z", "M2 2l8 8M10 2l-8 8"].map((d) => svg(12, 12,
    `<path d="${d}" stroke="currentColor" fill="none"/>`)).join(""),
])()}</span>`;
const title = () => div(`bar between ${maybe(0.3) ? "accent" : ""}`,
  shuffled([ends(), `<b class="line">${phrase(1, 4)}</b>`, icon(16)]).join(""));
const address = () => bar(join(3, 4, () => icon(16)) + field(`https://${plain()}.example/${plain()}`, "flex:1") + icon(16) + avatar());

function page() {
  const columns = many(1, 3, () => div("column grow", flow(20), `flex:${pick([1, 1, 2, 3])}`));
  const head = maybe(0.7) ? div(`bar ${maybe(0.4) ? "accent" : ""}`,
    `${logo(28)}<b>${phrase(1, 2)}</b>${links()}${maybe(0.5) ? field() : ""}${button()}`) : "";
  return div("column fill", (maybe(0.3) ? tabs() + address() : "") + head + div("row grow clip",
    columns.join(""), `padding:0 ${pick([12, 24, 60, 140])}px`));
}
const program = () => div("column fill", title() + (maybe(0.6) ? menus() : "") + tools()
  + div("row grow clip", (maybe(0.7) ? side(files()) : "")
  + div("column grow clip", `${maybe(0.5) ? tabs() : ""}${flow(16)}`) + (maybe(0.3) ? side(form()
    + meters()) : "")) + bar(`${phrase(1, 3)} ${number()}`), "gap:0");
const editor = () => div("column fill", (maybe(0.7) ? title() + menus() : "") + div("row grow clip",
  (maybe(0.7) ? side(files()) : "") + div("column grow", (maybe(0.8) ? tabs() : "")
  + div("mono grow clip", code(70), `font-size:${int(10, 20)}px;line-height:${pick([1.1, 1.3, 1.5])}`)
    + (maybe(0.4) ? div("mono clip panel pad", session(12), `height:${int(90, 220)}px`) : ""))
  + (maybe(0.25) ? div("mono grow clip", code(70)) : "")) + div("bar accent small",
    `${file()} ${int(1, 99)}:${int(1, 80)} ${plain()}`), "gap:0");
const prompt = () => div("column fill", (maybe(0.5) ? title() : "") + div("mono grow clip pad", session(90),
  `font-size:${int(10, 20)}px;line-height:${pick([1, 1.15, 1.3])}`), "gap:0");
const dashboard = () => div("row fill", (maybe(0.6) ? side(files()) : "") + div("column grow clip pad",
  div("row", many(2, 6, statistic).join("")) + div("row wrap", join(12, 16, () => div("card", pick([
  () => chart(int(240, 520), int(130, 260)), () => chart(360, 180), shares, meters, () => table(6,
    4), () => heat(180), () => map(300, 180), files])())))));
const sheet = () => div("column fill", title() + menus() + tools() + bar(field(`A${int(1, 99)}`) + field("=SUM(B2:B9)", "flex:1"))
  + div("grow clip", table(70, int(7, 18))) + tabs(), "gap:0");
const slide = () => area(`<h1 style="font-size:${int(34, 76)}px;margin:.4em 0">${phrase(2, 6)}</h1>` + div("row",
  div("grow", pick([list, paragraph, table, listing])(), `font-size:${int(18, 34)}px`)
  + pick([() => photo(400, 300), () => chart(460, 320), () => pie(280), () => diagram(420, 260)])()), maybe(0.4) ? gradient() : "");
const gallery = () => { const size = pick([16, 24, 32, 48, 64, 96]); const kind = random();
  const one = () => kind < 0.4 ? icon(size) : kind < 0.7 ? logo(size) : kind < 0.85 ? `<span style="font-size:${size * 0.8}px;line-height:1.2">${listed("emoji")}</span>` : photo(size * 2, size * 2);
  return area(`${maybe(0.6) ? heading() : ""}<div class="row wrap">${join(400, 400, () => div("", one() + (size > 40 ? `<div class="small line" style="width:${size * 1.4}px">${word()}</div>` : "")))}</div>`); };
function game() {
  const [zoom, colours] = [int(2, 5), many(3, 5, any)];
  const tiles = many(3, 6, () => sprite(zoom).replace(/height:\d+px;/,
    `height:${16 * zoom}px;`).replace(/width:\d+px;/, `width:${16 * zoom}px;`));
  const row = () => div("row", join(60, 60, () => (maybe(0.6) ? svg(16 * zoom, 16 * zoom, "",
    `style="background:${pick(colours)}"`) : pick(tiles))), "gap:0");
  return div("fill", join(40, 40, row) + div("over card", pixelText(phrase(1, 2), zoom)
    + pixelText(number(), int(1, 3)), "left:20px;top:20px"));
}
const atlas = (width, height) => map(width, height) + div("over card", form(), "left:12px;top:12px")
  + div("over card", icons(), "right:12px;bottom:12px;max-width:40%");
const paper = (width) => div("fill row", div("grow") + div("clip", `${heading()}<p class="muted">${name()}, ${name()}</p>`
  + join(14, 14, () => pick([paragraph, paragraph, paragraph, heading, formula, graph, table, list])()),
  `width:${Math.min(width - 40, int(480, 780))}px;background:${pick(["#fff", "#fff", "#fdf6e3"])};color:#111;padding:${int(20, 60)}px;text-align:justify;font-family:${pick([theme.face, "serif"])}`) + div("grow"), "background:var(--panel)");
const messenger = () => div("row fill", side(join(12, 12, () => div("item", avatar()
  + div("grow clip", `<b>${name()}</b><div class="line muted small">${sentence()}</div>`))), int(200, 340)) + div("column grow",
    bar(avatar() + name()) + div("grow clip pad", chat() + chat()) + bar(field("…", "flex:1") + button())));
const viewer = (width, height) => photo(width, height) + (maybe(0.5) ? div("over panel", tools(), "left:0;right:0;bottom:0") : "")
  + (maybe(0.5) ? div("over", phrase(2, 5), `left:${int(2, 40)}%;top:${int(5, 70)}%;color:${pick(["#fff", "#fd0", "#000"])};font-size:${int(16, 64)}px`) : "") + (maybe(0.3) ? div("over card", form(), "right:20px;top:20px") : "");
const feed = () => area(join(12, 12, () => pick([post, post, cards, picture, rating])()), `max-width:${int(420, 700)}px;margin:0 auto`);
// Blocks of as many themes, close together.
const collage = () => div("row wrap fill", join(24, 24, () => themed(makeTheme(),
  `padding:8px;overflow:hidden;max-width:${int(200, 560)}px;max-height:${int(80, 340)}px`,
    block)), `gap:${pick([0, 0, 6])}px;align-content:flex-start`);

function window_(scene, left, top, width, height) {
  const shadow = pick(["0 8px 32px #0008", "0 2px 8px #0006", "none"]);
  return themed(makeTheme(), `position:absolute;left:${left}px;top:${top}px;${px(width, height)}overflow:hidden;box-shadow:${shadow};border:1px solid #0008;border-radius:${pick([0, 0, 8])}px`, () => scene(width, height));
}
function desktop(width, height) {
  const ground = pick([() => photo(width, height), () => photo(width, height), () => div("fill", "", gradient()),
    () => div("fill", "", `background:${any()}`)])();
  const shortcuts = div("over column", join(3, 7, () => `${pick([logo, logo, icon])(40)}<span class="small">${word()}</span>`),
    "left:14px;top:14px;color:#fff;text-shadow:0 1px 2px #000");
  const windows = join(1, 4, () => { const [w, h] = [Math.round(width * real(0.4, 0.85)), Math.round(height * real(0.4, 0.85))];
    return window_(pick(SCENES.slice(0, 12)), int(0, width - w), int(0, height - h), w, h); });
  return ground + shortcuts + windows + div("over panel bar", join(4, 12, () => logo(24))
    + `<span class="grow"></span>${icon(16)}${date()}`, `left:0;right:0;${pick(["top", "bottom"])}:0`);
}
const SCENES = [page, page, program, editor, prompt, dashboard, sheet, messenger, paper, feed, slide,
  gallery, page, atlas, collage, collage, game, viewer, desktop, desktop];

// What lies over a screen: a menu, a dialog, a note, the arrow of the mouse.
function overlays(width, height) {
  const at = () => `left:${int(0, width * 0.7)}px;top:${int(0, height * 0.7)}px;box-shadow:0 4px 16px #0007;`;
  const menu = () => div("over card", join(4, 12, () => div("item between",
    `<span>${icon(14)} ${phrase(1, 3)}</span><span class="muted">Ctrl+${pick("ABCDEFGHKLMN")}</span>`)), at());
  const note = () => div("over accent", `${icon(16)} ${sentence()}`, `${at()}padding:.6em;max-width:24em`);
  const dialog = () => div("over fill", "", `left:0;top:0;background:${pick(["#0000", "#0006", "#000a", "#fff8"])}`)
    + themed(makeTheme(), `position:absolute;${at()}border:1px solid #0009;max-width:30em`, () => title()
    + div("pad", prose(1, 2) + div("row", button() + button())));
  const arrow = () => div("over", svg(16, 22, '<path d="M1 1v16l4-4 3 7 3-1-3-7h6z" fill="#000" stroke="#fff"/>'),
    at().replace(/box.*/, ""));
  return (maybe(0.12) ? menu() : "") + (maybe(0.1) ? note() : "") + (maybe(0.12) ? dialog() : "") + (maybe(0.3) ? arrow() : "");
}
for (const { key, scene, left, top, width, height } of SETTINGS.screens) {
  seed(key);
  // In turn, so that few pictures show all kinds, too.
  const draw = () => SCENES[scene % SCENES.length](width, height) + overlays(width, height);
  const box = `position:absolute;left:${left}px;top:${top}px;${px(width, height)}overflow:hidden;contain:strict`;
  document.body.insertAdjacentHTML("beforeend", themed(makeTheme(), box, draw));
}
