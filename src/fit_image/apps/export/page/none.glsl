uniform ivec3 kinds;
vec4 encoded(ivec4 indices, float x, float y) {
  vec3 place = vec3(x, y, sqrt(x * x + y * y));
  vec4 v;
  for (int c = 0; c < 4; c++) {
    int i = indices[c];
    if (i >= layer.x && i < layer.x + layer.y) v[c] = given(i - layer.x);
    else v[c] = place[kinds[min(i < layer.x ? i : i - layer.y, 2)]];
  }
  return v;
}
