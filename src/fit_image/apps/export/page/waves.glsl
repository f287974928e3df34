vec4 encoded(ivec4 indices, float x, float y) {
  vec4 turns;
  for (int c = 0; c < 4; c++) {
    int wave = 2 * (indices[c] % layer.x);
    turns[c] = x * given(wave) + y * given(wave + 1);
  }
  vec4 angles = 6.2831855 * (turns - floor(turns + 0.5));
  return mix(sine(angles), cosine(angles), lessThan(indices, ivec4(layer.x)));
}
