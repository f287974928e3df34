// What the page knows of one training.

import { decibels, rounded } from "./dom.js";
import { Frames } from "./pictures.js";

const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
const COLOURS = 7;

const styleOf = (series) => ({
  colour: series % COLOURS,
  dash: DASHES[Math.floor(series / COLOURS) % DASHES.length],
});

export const makeReel = (news) => {
  const address = (epoch) => `frame/${news.key}/${epoch}`;
  const frames = new Frames(address);
  return { ...news, rows: [], newest: null, frames, style: styleOf(news.facts.series), marks: [] };
};

// Takes in what the server tells of it.
export const takeRows = (reel, news) => {
  if (news.again) reel.rows = [];
  for (const row of news.rows) reel.rows.push(row);
  reel.newest = news.newest;
  reel.standing = news.standing;
  markSpeed(reel);
};

// Rows of a reel: [epoch, seconds, whether drawn, ...metrics]

export const rowsOf = (reel) => {
  const last = reel.rows.at(-1);
  const isNewer = reel.newest && (!last || reel.newest[0] > last[0]);
  return isNewer ? [...reel.rows, reel.newest] : reel.rows;
};
// When the program has ended, the frames at hand are all there are.
export const drawnRows = (reel) =>
  rowsOf(reel).filter((row) => row[2] && (!Frames.offline || reel.frames.kept.has(row[0])));
export const axisOf = (name) => (name === "epochs" ? 0 : 1);
export const psnrOf = (reel, row) => {
  const index = reel.facts.columns.findIndex(({ name }) => name === "psnr");
  return index < 0 ? null : row[3 + index];
};

export const nameOf = (reel, row) => {
  const psnr = psnrOf(reel, row);
  const shown = row[0] ? `epoch ${rounded(row[0])}` : "untrained";
  return psnr === null ? shown : `${shown} · ${decibels(psnr)}`;
};

// The speed is that of some seconds of training.
const markSpeed = (reel) => {
  const { epochs = reel.newest?.[0], seconds = reel.newest?.[1] } = reel.standing;
  if (epochs === undefined || seconds === undefined) return;
  const last = reel.marks.at(-1);
  if (last && seconds - last[0] < 0.5) return;
  reel.marks.push([seconds, epochs]);
  if (reel.marks.length > 12) reel.marks.shift();
};
export const speedOf = (reel) => {
  if (reel.marks.length < 2) return null;
  const [[before, from], [after, to]] = [reel.marks[0], reel.marks.at(-1)];
  return ((to - from) * reel.facts.epochSize) / (after - before);
};

// The time left, by the clock on the wall and the speed of the last half minute.
export class TimeLeft {
  marks = [];

  mark(share) {
    const now = performance.now() / 1000;
    if (share === undefined || (this.marks.length && now - this.marks.at(-1)[0] < 1)) return;
    this.marks.push([now, share]);
    if (this.marks.length > 30) this.marks.shift();
  }

  get seconds() {
    if (this.marks.length < 2) return null;
    const [[then, before], [now, share]] = [this.marks[0], this.marks.at(-1)];
    return share > before ? ((1 - share) * (now - then)) / (share - before) : null;
  }
}
