// Choices, words and themes. All chance is of one generator, which a screen's key seeds.
"use strict";
const { part, fonts, words, photos } = SETTINGS;
let random, english, foreign, foreignShare, theme;

function seed(key) {
  let state = 2166136261;
  for (const letter of key) state = Math.imul(state ^ letter.codePointAt(0), 16777619);
  random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  english = words[part].english.split(" ");
  foreign = pick(words[part].foreign).split(" ");
  foreignShare = pick([0, 0, 0.03, 0.1, 0.5, 0.95]);
}

const int = (least, most) => least + Math.floor(random() * (most - least + 1));
const real = (least, most) => least + random() * (most - least);
const pick = (list) => list[Math.floor(random() * list.length)];
const maybe = (share) => random() < share;
const many = (least, most, make) => Array.from({ length: int(least, most) }, (_, at) => make(at));
const join = (least, most, make) => many(least, most, make).join("");
const shuffled = (list) => list.map((each) => [random(), each]).sort((a, b) => a[0] - b[0]).map((each) => each[1]);

const listed = (kind) => pick(words[part][kind].split(" "));
const word = () => pick(maybe(foreignShare) ? foreign : english);
const plain = () => pick(english);
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const phrase = (least = 1, most = 4) => capital(many(least, most, word).join(" "));
const name = () => `${listed("names")} ${listed("names")}`;
const file = () => `${plain()}${pick(["", "", `-${int(1, 99)}`, `_${plain()}`])}.${listed("suffixes")}`;
const identifier = () => many(1, 3, plain).join(pick(["_", "_", "", "."]));
const date = () => pick([
  `${int(1995, 2026)}-0${int(1, 9)}-${int(10, 28)}`, `${int(0, 23)}:${int(10, 59)}`,
  `${int(1, 28)} ${capital(plain()).slice(0, 3)} ${int(1995, 2026)}`, `${int(1, 12)}/${int(1, 28)}/${int(10, 26)}`,
]);
const number = () => pick([
  `${int(0, 99)}`, int(100, 99999).toLocaleString("en"), real(0, 100).toFixed(2), `${real(0, 100).toFixed(1)}%`,
  `${pick(["$", "€", "£"])}${real(1, 9999).toFixed(2)}`, `-${real(0, 10).toFixed(3)}`, real(1, 10).toExponential(2),
]);
const sentence = () => {
  const mark = (text) => (maybe(0.07) ? `${text},` : maybe(0.02) ? `(${text})` : maybe(0.03) ? number() : text);
  return capital(many(5, 17, word).map(mark).join(" ")) + pick([".", ".", ".", ".", "?", "!"]);
};
const prose = (least, most) => many(least, most, sentence).join(" ").split(" ").map((text) => {
  const tag = maybe(0.07) ? pick(["a", "a", "b", "i", "code", "u", "mark", "s"]) : "";
  return tag ? `<${tag}>${text}</${tag}>` : text;
}).join(" ");

const tone = (hue, saturation, light) => `hsl(${hue} ${saturation}% ${light}%)`;
const hue = () => 30 * int(0, 11) + int(-5, 5) + (part === "test" ? 15 : 0);
const vivid = () => tone(hue(), pick([45, 70, 90, 100]), theme.dark ? int(50, 72) : int(28, 52));
const any = () => tone(hue(), int(0, 100), int(5, 95));
const strong = ["#f00/#00f", "#ff0/#00c", "#f00/#000", "#0f0/#000", "#fff/#c00", "#00f/#ff0", "#0ff/#808",
  "#000/#f60", "#e00/#0c0", "#ffd000/#600", "#c04/#ffe060", "#fff/#000", "#000/#fff", "#4f8/#032", "#fff/#00f"];

// A theme is an object of CSS variables; "dark" tells whether the ground is.
function makeTheme() {
  const manner = pick(["light", "light", "light", "white", "white", "dark", "dark", "dark", "black", "colour", "strong"]);
  const [base, tint] = [hue(), pick([0, 0, 0, 5, 12, 25, 45])];
  const dark = ["dark", "black"].includes(manner) || (manner === "colour" && maybe(0.5));
  const light = { light: int(88, 99), white: 100, dark: int(6, 20), black: 0,
    colour: dark ? int(18, 40) : int(60, 85), strong: 50 }[manner];
  const tinted = manner === "colour" ? int(25, 100) : tint;
  const away = dark ? 1 : -1;
  let [ground, ink] = [tone(base, tinted, light), tone(base, 12, dark ? pick([82, 90, 100]) : pick([0, 0, 10, 22]))];
  let panel = tone(base, tinted, Math.min(100, Math.max(0, light + away * pick([-4, 3, 5, 9]))));
  let [accent, on] = [tone(hue(), int(60, 100), dark ? int(50, 70) : int(30, 48)), dark && maybe(0.6) ? "#101010" : "#fff"];
  let muted = tone(base, 10, dark ? 62 : manner === "colour" ? 25 : int(38, 60));
  if (manner === "strong") {
    [ink, ground] = pick(strong).split("/");
    [panel, accent, muted, on] = [ground, ink, ink, ground];
  }
  const stack = (family) => [family, ...fonts.fallback].map((each) => `'${each}'`).join(",");
  const face = pick(fonts.text);
  const size = pick([9, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 16, 16, 18, 20]);
  return {
    dark, ground, panel, ink, muted, accent, on, line: tone(base, tinted, light + away * pick([8, 14, 22])),
    face: stack(face), mono: stack(pick(fonts.mono)), heading: stack(maybe(0.5) ? face : pick(fonts.text)),
    size: `${size}px`, leading: real(1.15, 1.7).toFixed(2), gap: `${pick([4, 6, 8, 12, 16])}px`,
    radius: `${pick([0, 0, 2, 4, 6, 8, 14])}px`, cell: `${real(0.05, 0.6).toFixed(2)}em`,
  };
}
const variables = (of) => Object.entries(of).map(([key, value]) => `--${key}:${value};`).join("").replaceAll('"', "'");
// What is drawn by "make" has the attributes of the theme "of", all others keep theirs.
function themed(of, style, make) {
  const before = theme;
  theme = of;
  const inside = make();
  theme = before;
  const smooth = maybe(0.2) ? "text-rendering:geometricPrecision;" : "";
  return `<div class="theme" style="${variables(of)}${smooth}${style}">${inside}</div>`;
}
const div = (classes, inside = "", style = "") => `<div class="${classes}" style="${style}">${inside}</div>`;
