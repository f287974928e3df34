// Elements of the page, and numbers in words.

export const byId = (id) => document.getElementById(id);
export const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`).value;
export const element = (name, className, ...children) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
};
export const setText = (node, text) => {
  if (node.textContent !== text) node.textContent = text;
};

export const duration = (seconds) => {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (number) => String(number).padStart(2, "0");
  const [minutes, hours] = [Math.floor(whole / 60) % 60, Math.floor(whole / 3600)];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
};
export const rounded = (number) => Math.round(number).toLocaleString("en");
export const decibels = (value) => (value === "inf" ? "exact" : `${value.toFixed(2)} dB`);
