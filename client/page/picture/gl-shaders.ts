/** A triangle that covers everything; `place` is 0 to 1 from the upper left corner. */
export const VERTEX = `#version 300 es
out vec2 place;
void main() {
  vec2 corner = vec2(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1);
  place = vec2(corner.x, -corner.y) * 0.5 + 0.5;
  gl_Position = vec4(corner, 0, 1);
}`;

/** Picture and depth, as `Look` says. Cards need not filter floats: depth is interpolated here. */
export const FRAGMENT = `#version 300 es
precision highp float;
precision highp sampler2D;
in vec2 place;
uniform sampler2D picture;
uniform sampler2D depth;
uniform sampler2D colours;
uniform vec2 range;
uniform int view;
uniform float divide;
uniform vec4 keep;
out vec4 colour;
float at(ivec2 p) { return texelFetch(depth, clamp(p, ivec2(0), textureSize(depth, 0) - 1), 0).r; }
float nearness() {
  vec2 texel = place * vec2(textureSize(depth, 0)) - 0.5;
  ivec2 low = ivec2(floor(texel));
  vec2 part = texel - vec2(low);
  float value = mix(
    mix(at(low), at(low + ivec2(1, 0)), part.x),
    mix(at(low + ivec2(0, 1)), at(low + ivec2(1, 1)), part.x), part.y);
  return clamp((value - range.x) * range.y, 0.0, 1.0);
}
void main() {
  vec3 seen = texture(picture, place).rgb;
  if (view == 0 && place.x < divide) {
    colour = vec4(seen, 1);
    return;
  }
  float t = nearness();
  if (view == 0) colour = vec4(texture(colours, vec2((t * 255.0 + 0.5) / 256.0, 0.5)).rgb, 1);
  else if (view == 1) colour = vec4(vec3(t), 1);
  else {
    float share = clamp(min(t - keep.x, keep.y - t) / keep.z + 0.5, 0.0, 1.0);
    colour = keep.w > 0.5 ? vec4(vec3(share), 1) : vec4(seen * share, share);
  }
}`;
