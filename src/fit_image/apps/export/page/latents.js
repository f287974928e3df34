function addLatents() {
  const label = find("class"), spread = find("spread"), count = values.length;
  // A class is a mixture of normals; normal n is of class n / components.
  const normals = latents.classes.length * latents.components;
  const statistic = (which, one, i) => exact[(which * normals + one) * count + i];
  const mean = (one, i) => statistic(0, one, i) ?? 0;
  const deviation = (one, i) => statistic(1, one, i) ?? 1;
  const sliders = Array.from(values, (value, i) => {
    const ends = Array.from({ length: normals }).flatMap((_, one) => [-4, 4].map((far) => mean(one, i) + far * deviation(one, i)));
    const slider = document.createElement("input");
    slider.setAttribute("aria-label", `number ${i + 1}`);
    Object.assign(slider, { type: "range", min: Math.min(...ends), max: Math.max(...ends), step: "any", value });
    slider.addEventListener("input", () => { values[i] = slider.value; draw(); });
    return slider;
  });
  find("sliders").append(...sliders);
  latents.classes.forEach((name, one) => label.add(new Option(name, one)));
  [label.value, spread.value] = [latents.label, latents.spread];
  if (latents.classes.length < 2) label.parentElement.remove();

  function another() {
    const one = label.value * latents.components + Math.floor(latents.components * Math.random());
    sliders.forEach((slider, i) => {
      const normal = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
      slider.value = values[i] = mean(one, i) + spread.value * deviation(one, i) * normal;
    });
    draw();
  }
  for (const [id, name] of [["another", "click"], ["class", "change"], ["spread", "input"]])
    find(id).addEventListener(name, another);
}
