// What the page knows and shows.

export const page = {
  facts: {},
  standing: {},
  reels: new Map(),
  selected: null, // the key of the training that is shown
  lost: "connecting",
  over: false,

  get reel() {
    return this.reels.get(this.selected);
  },
};
