// Pictures that change in step.

const makeScreen = (alt, caption, frames) => {
  const image = new Image();
  image.alt = alt;
  image.decoding = "sync";
  const facts = document.createElement("small");
  const figure = makeElement("figure", "", image, makeElement("figcaption", "", ...caption, facts));
  return { image, facts, frames, figure };
};

const makeTarget = (src) => {
  const image = new Image();
  image.src = src;
  image.alt = "The target";
  const caption = makeElement("figcaption", "", makeElement("strong", "", "target"));
  return makeElement("figure", "", image, caption);
};

// The screens of `makeScreen`, by the page's button, slider and radio buttons of the player.
class Player {
  #steps = { epochs: [], seconds: [] };
  #screens = [];
  #timer = null;
  #calm = matchMedia("(prefers-reduced-motion: reduce)");

  constructor() {
    [this.play, this.step, this.position] = ["play", "step", "position"].map(byId);
    this.play.addEventListener("click", () => this.#press());
    this.step.addEventListener("input", () => {
      this.#stop();
      this.#showStep();
    });
    onChange('input[name="pace"]', () => this.show(this.#steps, this.#screens));
  }

  // `steps` has epochs and seconds; the last step is shown.
  show(steps, screens) {
    this.#stop();
    this.#steps = steps;
    this.#screens = screens;
    this.step.max = Math.max(steps[chosen("pace")].length - 1, 0);
    this.step.value = this.step.max;
    this.play.disabled = this.step.max === "0";
    this.#showStep();
  }

  #showStep() {
    const pace = chosen("pace");
    const value = this.#steps[pace][this.step.value] ?? 0;
    const shown = pace === "epochs" ? `epoch ${value}` : `${value.toPrecision(3)} s`;
    this.position.value = shown;
    this.step.setAttribute("aria-valuetext", shown);
    const of = pace === "epochs" ? "epoch" : "seconds";
    for (const { image, facts, frames } of this.#screens) {
      const frame = frames.findLast((each) => each[of] <= value) ?? frames[0];
      if (image.src !== frame.src) image.src = frame.src;
      const psnr = frame.psnr === null ? "" : ` · ${frame.psnr.toFixed(2)} dB`;
      facts.textContent = frame.epoch ? `epoch ${frame.epoch}${psnr}` : "untrained";
    }
  }

  #press() {
    if (this.#timer) {
      this.#stop();
      return;
    }
    if (this.step.value === this.step.max) this.step.value = 0;
    this.#showStep();
    this.#timer = setInterval(() => this.#advance(), this.#calm.matches ? 600 : 120);
    this.play.textContent = "Pause";
  }

  #advance() {
    this.step.value = Number(this.step.value) + 1;
    this.#showStep();
    if (this.step.value === this.step.max) this.#stop();
  }

  #stop() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.play.textContent = "Play";
  }
}
