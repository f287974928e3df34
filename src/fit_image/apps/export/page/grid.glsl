// A level: cells across and down, the vertices of a row (or minus its entries), the first entry.
uniform ivec4 levels[64];
float reflected(float u) { u -= 2.0 * floor(0.5 * u); return min(u, 2.0 - u); }
float feature(ivec4 level, ivec2 vertex, int f) {
  uint hashed = (uint(vertex.x) ^ (uint(vertex.y) * 2654435761u)) & uint(-level.z - 1);
  int entry = level.w + (level.z > 0 ? vertex.y * level.z + vertex.x : int(hashed));
  return number(layer.x + entry * layer.y + f);
}
vec4 encoded(ivec4 indices, float x, float y) {
  vec2 inside = vec2(reflected(x), reflected(y));
  vec4 v;
  for (int c = 0; c < 4; c++) {
    int i = min(indices[c], layer.z - 1), f = i % layer.y;
    ivec4 level = levels[i / layer.y];
    vec2 place = inside * vec2(level.xy);
    ivec2 cell = clamp(ivec2(place), ivec2(0), max(level.xy - 1, 0));
    ivec2 next = min(cell + 1, level.xy);
    vec2 ahead = place - vec2(cell);
    v[c] = mix(
      mix(feature(level, cell, f), feature(level, ivec2(next.x, cell.y), f), ahead.x),
      mix(feature(level, ivec2(cell.x, next.y), f), feature(level, next, f), ahead.x),
      ahead.y);
  }
  return v;
}
