"use strict";
const find = (id) => document.getElementById(id);
const model = JSON.parse(find("model").textContent);

function decoded(id) {
  const text = atob(find(id).textContent), bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes.buffer;
}

// Texels in a row of textures; of that of inputs, which is also the longest side of a tile.
const WIDE = 2048, SMALL = 256;
const { latents } = model;
const layers = model.layers.map(([inputs, units, skip, activation]) => ({ inputs, units, skip, activation }));
const exact = new Float32Array(decoded("exact"));
const values = Float32Array.from(latents ? latents.values : exact.subarray(0, model.own));

// Rows of weights begin at whole texels of four numbers, and units are in groups of four.
function packed() {
  const numbers = new (model.half ? Uint16Array : Float32Array)(decoded("numbers"));
  const texels = (count) => Math.ceil(count / 4);
  let end = 0, read = 0, weights = 0;
  for (const layer of layers) {
    Object.assign(layer, { start: end, across: texels(layer.inputs), groups: texels(layer.units) });
    end += layer.groups * (4 * layer.across + 1);
    weights += layer.units * (layer.inputs + 1);
  }
  const tables = end, rows = Math.ceil((end + texels(numbers.length - weights)) / WIDE);
  const data = new numbers.constructor(4 * WIDE * rows);
  const copy = (texel, count) => data.set(numbers.subarray(read, read += count), 4 * texel);
  for (const layer of layers) {
    for (let unit = 0; unit < layer.units; unit++) copy(layer.start + unit * layer.across, layer.inputs);
    copy(layer.start + 4 * layer.groups * layer.across, layer.units);
  }
  copy(tables, numbers.length - weights);
  return { data, rows, tables, weights };
}

// A tile's pixels are in four boards, an upper quarter in the first, which are drawn at once: texels
// are four units at a pixel, and a fragment is a group of units at a pixel of each quarter.
const HEAD = `#version 300 es
precision highp float; precision highp int;
precision highp sampler2D; precision highp usampler2D;
uniform sampler2D numbers, inputs; uniform usampler2D below[4], start[4];
uniform int bits; uniform ivec4 layer;
vec4 number4(int i) { return texelFetch(numbers, ivec2(i & ${WIDE - 1}, i >> 11), 0); }
float number(int i) { return number4(i >> 2)[i & 3]; }
float known(int i) { return texelFetch(inputs, ivec2(i & ${SMALL - 1}, i >> 8), 0).r; }
float given(int i) { return known(i + ${2 * SMALL}); }
ivec2 texel(int i) { return ivec2(i & ${WIDE - 1}, i >> 11); }
vec4 value(usampler2D t, ivec2 at) { return uintBitsToFloat(texelFetch(t, at, 0)); }
${model.functions}`;

const four = (text) => [0, 1, 2, 3].map((quarter) => text.replaceAll("#", quarter)).join("");

const GROUP = `${four("layout(location = #) out uvec4 o#;")}
void main() {
  int i = int(gl_FragCoord.y) * ${WIDE} + int(gl_FragCoord.x);
  int group = i >> bits, pixel = i & ((1 << bits) - 1);`;

const FIRST = `${model.encode}
${GROUP}
  int side = 2 << (bits >> 1), row = pixel / side + ${SMALL};
  ivec4 indices = 4 * group + ivec4(0, 1, 2, 3);
  float x = known(pixel & (side - 1));
  ${four("o# = floatBitsToUint(encoded(indices, x, known(row + # * side / 4)));")}
}`;

const dense = (activation) => `vec4 activated(vec4 s) { return ${activation}; }
${GROUP}
  int k = layer.y, row = layer.x + 4 * group * k;
  vec4 s0 = number4(layer.x + 4 * layer.z * k + group), s1 = s0, s2 = s0, s3 = s0;
  for (int j = 0; j < k; j++, row++) {
    ivec2 at = texel((j << bits) + pixel);
    mat4 w = mat4(number4(row), number4(row + k), number4(row + 2 * k), number4(row + 3 * k));
    ${four("s# += value(below[#], at) * w;")}
  }
  ${four("s# = activated(s#);")}
  if (layer.w > 0) { ${four("s# += value(start[#], texel(i));")} }
  ${four("o# = floatBitsToUint(s#);")}
}`;

const COLOUR = `out vec4 o;
void main() {
  int i = (int(gl_FragCoord.y) << (bits / 2 + 1)) + int(gl_FragCoord.x), quarter = i >> bits;
  ivec2 at = texel(i & ((1 << bits) - 1));
  vec4 c;
  ${four("if (quarter == #) c = value(below[#], at);")}
  if (layer.x == 1) c = c.rrrr;
  if (layer.x < 4) c.a = 1.0;
  c = clamp(c, 0.0, 1.0);
  if (layer.y > 0) c.rgb = 1.0 - c.rgb;
  o = floor(255.0 * c + 0.5) / 255.0;
}`;

const VERTEX = `#version 300 es
void main() { gl_Position = vec4(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1, 0, 1); }`;

class Painter {
  constructor() {
    const gl = document.createElement("canvas").getContext("webgl2", { antialias: false });
    if (!gl) throw new Error("This page needs WebGL 2, which this browser does not have, or not now.");
    this.gl = gl;
    const { data, rows, tables, weights } = packed();
    const widest = Math.max(...layers.flatMap((layer) => [layer.across, layer.groups]));
    // Tiles have a side of 2 ** half pixels: at most so many numbers, and so much work at a time.
    this.most = 8;
    while (this.most > 4 && Math.max(1024 * widest, weights) * 4 ** this.most > 2 ** 31) this.most--;
    this.half = 5;
    const height = Math.ceil((widest * 4 ** (Math.max(this.most, this.half) - 1)) / WIDE);
    if (Math.max(rows, height) > gl.getParameter(gl.MAX_TEXTURE_SIZE))
      throw new Error("This network is too large for this graphics processor.");
    const kind = model.half ? [gl.RGBA16F, gl.RGBA, gl.HALF_FLOAT] : [gl.RGBA32F, gl.RGBA, gl.FLOAT];
    this.numbers = this.texture(...kind, WIDE, rows, data);
    this.given = new Float32Array(SMALL * (3 + Math.ceil(values.length / SMALL)));
    this.inputs = this.texture(gl.R32F, gl.RED, gl.FLOAT, SMALL, this.given.length / SMALL, this.given);
    const shape = [gl.RGBA32UI, gl.RGBA_INTEGER, gl.UNSIGNED_INT, WIDE, height];
    this.boards = [0, 1, 2].map(() => this.board([0, 1, 2, 3].map(() => this.texture(...shape))));
    this.colours = this.board([this.texture(gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, SMALL, SMALL)]);
    this.first = this.program(FIRST);
    this.own = model.kinds ? [latents ? latents.first : 0, latents ? values.length : 0, 0, 0]
      : [model.levels ? 4 * tables : model.own / 2, model.features || 0, layers[0].inputs, 0];
    this.dense = model.activations.map((activation) => this.program(dense(activation)));
    this.last = this.program(COLOUR);
  }

  texture(kind, format, type, width, height, data = null) {
    const gl = this.gl, texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, kind, width, height, 0, format, type, data);
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER])
      gl.texParameteri(gl.TEXTURE_2D, name, gl.NEAREST);
    return texture;
  }

  board(textures) {
    const gl = this.gl, frame = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
    textures.forEach((texture, unit) => gl.framebufferTexture2D(
      gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + unit, gl.TEXTURE_2D, texture, 0));
    gl.drawBuffers(textures.map((_, unit) => gl.COLOR_ATTACHMENT0 + unit));
    return { textures, frame };
  }

  program(source) {
    const gl = this.gl, program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, HEAD + source]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    const place = (name) => gl.getUniformLocation(program, name);
    gl.useProgram(program);
    [["numbers", [0]], ["inputs", [1]], ["below", [2, 3, 4, 5]], ["start", [6, 7, 8, 9]]]
      .forEach(([name, units]) => gl.uniform1iv(place(name), units));
    if (place("kinds")) gl.uniform3i(place("kinds"), ...model.kinds);
    if (place("levels")) gl.uniform4iv(place("levels"), model.levels.flat());
    return { program, bits: place("bits"), layer: place("layer") };
  }

  pass({ program, bits, layer }, numbers, target, groups, below, start) {
    const gl = this.gl, count = groups << (2 * this.half - 2), side = 1 << this.half;
    gl.useProgram(program);
    gl.uniform1i(bits, 2 * this.half - 2);
    gl.uniform4i(layer, ...numbers);
    gl.bindFramebuffer(gl.FRAMEBUFFER, target.frame);
    [this.numbers, this.inputs, ...below.textures, ...start.textures].forEach((texture, unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, texture);
    });
    if (groups) gl.viewport(0, 0, Math.min(count, WIDE), Math.ceil(count / WIDE));
    else gl.viewport(0, 0, side, side);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  // Return RGBA bytes of a square of pixels, whose coordinates are functions of their index.
  tile(x, y) {
    const { gl, given, boards } = this, side = 1 << this.half;
    for (let i = 0; i < side; i++) [given[i], given[SMALL + i]] = [x(i), y(i)];
    values.forEach((value, i) => { given[2 * SMALL + i] = latents ? value * latents.factor : value; });
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.inputs);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, SMALL, given.length / SMALL, gl.RED, gl.FLOAT, given);
    let here = boards[0], kept = here;
    this.pass(this.first, this.own, here, layers[0].across, boards[1], boards[1]);
    layers.forEach((layer, index) => {
      if (layers.some((end, last) => end.skip && last + 1 - end.skip === index)) kept = here;
      const next = boards.find((board) => board !== here && board !== kept);
      const place = [layer.start, layer.across, layer.groups, layer.skip];
      this.pass(this.dense[layer.activation], place, next, layer.groups, here, kept);
      here = next;
    });
    this.pass(this.last, [model.channels, model.inverted, 0, 0], this.colours, 0, here, here);
    const bytes = new Uint8ClampedArray(4 * side * side);
    gl.readPixels(0, 0, side, side, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    return bytes;
  }
}

// The coordinate of a place in pixels of the whole picture, along an axis
const coordinate = (place, axis) => (place - model.centre[axis]) * model.unit[axis];
