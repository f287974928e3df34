// The layers of the networks of a training, and its options.

import { byId, element, rounded } from "./dom.js";

export const showNetwork = (reel, title) => {
  const networks = reel.facts.networks.flatMap(({ name, layers, parameters }) => {
    const items = layers.map((layer) => {
      const each = layer.times > 1 ? " each" : "";
      const count = layer.parameters ? `${rounded(layer.parameters)} parameters${each}` : "";
      const times = layer.times > 1 ? element("span", "", ` x ${layer.times}`) : "";
      const units = layer.units ? [element("strong", "", layer.units), times] : [];
      const box = element("span", "layer", ...units, element("small", "", layer.kind));
      if (count) box.append(element("small", "", count));
      return element("li", "", box);
    });
    const list = element("ol", "layers", ...items);
    const heading = name ? `${name}: ${rounded(parameters)} parameters` : title;
    return heading ? [element("h3", "", heading), list] : [list];
  });
  byId("networks").replaceChildren(...networks);
  const options = reel.facts.options.map(([name, value]) => {
    const head = element("th", "", name);
    head.scope = "row";
    return element("tr", "", head, element("td", "", value));
  });
  byId("options").replaceChildren(...options);
};
