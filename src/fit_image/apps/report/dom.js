"use strict";

// Elements of the page.

const byId = (id) => document.getElementById(id);
const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
const onChange = (selector, action) => {
  for (const input of document.querySelectorAll(selector)) {
    input.addEventListener("change", () => action(input));
  }
};

const makeElement = (name, className, ...children) => {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
};

const makeSwatch = (colour, dash) => {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", `swatch ${dash}`);
  svg.setAttribute("viewBox", "0 0 28 10");
  svg.setAttribute("aria-hidden", "true");
  svg.style.stroke = `var(${colour})`;
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", "M1 5H27");
  svg.append(path);
  return svg;
};

// A legend: a check box for each row of a key, a swatch and a label. The set `hidden` has the keys
// of what is not drawn.
const showLegend = (place, rows, hidden, redraw) => {
  const labels = rows.map(({ key, swatch, label }) => {
    const input = document.createElement("input");
    input.type = "checkbox";
    input.checked = !hidden.has(key);
    input.addEventListener("change", () => {
      if (input.checked) hidden.delete(key);
      else hidden.add(key);
      redraw();
    });
    return makeElement("label", "", input, swatch, label);
  });
  byId(place).replaceChildren(byId(place).firstElementChild, ...labels);
};

// A chart, and the button that shows all of it again.
const makeChart = (place, whole) => {
  const chart = new LineChart(byId(place), (enlarged) => {
    byId(whole).disabled = !enlarged;
  });
  byId(whole).addEventListener("click", () => chart.showAll());
  return chart;
};
