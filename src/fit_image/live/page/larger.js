// Larger pictures of what the network has learned so far.

import { byId, chosen, rounded, setText } from "./dom.js";

const MOST_PIXELS = 2 ** 26;

let drawing = null;
const setScales = (reel) => {
  const { width, height } = reel.target ?? byId("painted");
  for (const input of document.querySelectorAll('input[name="scale"]')) {
    input.disabled = width * height * input.value ** 2 > MOST_PIXELS;
    input.parentElement.hidden = input.disabled;
  }
  const checked = document.querySelector('input[name="scale"]:checked');
  if (!checked.disabled) return;
  const possible = document.querySelector('input[name="scale"]:not(:disabled)');
  if (possible) possible.checked = true;
};
const dropLarger = () => {
  drawing?.abort();
  URL.revokeObjectURL(byId("larger-picture").src);
  byId("larger-picture").removeAttribute("src");
  byId("larger-view").hidden = byId("save").hidden = true;
};
const drawLarger = async (reel, title) => {
  const times = Number(chosen("scale"));
  dropLarger();
  const mine = new AbortController();
  drawing = mine;
  setText(byId("larger-status"), "drawing what the network has learned so far");
  try {
    const response = await fetch(`larger/${reel.key}/${times}`, { signal: mine.signal });
    if (!response.ok) {
      setText(byId("larger-status"), (await response.text()).trim().replace("fit-image: ", ""));
      return;
    }
    const picture = byId("larger-picture");
    picture.src = byId("save").href = URL.createObjectURL(await response.blob());
    byId("save").download = `${title.replace(/\.\w+$/, "")}-x${times}.png`;
    await picture.decode();
    byId("larger-view").hidden = byId("save").hidden = false;
    const size = [picture.naturalWidth, picture.naturalHeight].map(rounded);
    setText(byId("larger-status"), `${size.join(" x ")} pixels`);
  } catch (error) {
    if (error.name !== "AbortError") setText(byId("larger-status"), "the connection is lost");
  }
};

// Current returns the training that is shown, and the name of what it learns.
export const setUpLarger = (current) => {
  const draw = () => drawLarger(...current());
  byId("larger").addEventListener("click", () => {
    setScales(current()[0]);
    byId("larger-dialog").showModal();
    draw();
  });
  for (const input of document.querySelectorAll('input[name="scale"]')) {
    input.addEventListener("change", draw);
  }
  byId("fit").addEventListener("change", (event) => {
    byId("larger-picture").classList.toggle("fitted", event.target.checked);
  });
  byId("close-larger").addEventListener("click", () => byId("larger-dialog").close());
  byId("larger-dialog").addEventListener("close", dropLarger);
};
