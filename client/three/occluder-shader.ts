/** GLSL ES 3.00 of the DepthOccluder; three.js adds precision and its own uniforms. */
export const VERTEX = /* glsl */ `
out vec2 place;
void main() {
  place = vec2(position.x, -position.y) * 0.5 + 0.5;
  gl_Position = vec4(position.xy, 1.0, 1.0);
}
`;

/**
 * Joint bilateral upsampling (Kopf et al., SIGGRAPH 2007) of inverse depth by the picture, over 6x6 texels: texels of the
 * fragment's own colour count. Between near and far the result is decided, not mixed: a mean of both would be a surface
 * that is not there.
 */
export const FRAGMENT = /* glsl */ `
precision highp float;
in vec2 place;
out vec4 colour;
uniform sampler2D picture;
uniform highp sampler2D depthMap;
uniform vec2 depthSize;
uniform vec4 region;
uniform mat4 projectionMatrix;

const float SPATIAL = 1.0 / (2.0 * 1.6 * 1.6);
const float RANGE = 1.0 / (2.0 * 0.07 * 0.07);
/** Inverse depths that differ by less than this part are one surface. */
const float STEP = 0.12;

float inverseDepth(vec2 at, vec3 here) {
  vec2 texel = at * depthSize - 0.5;
  ivec2 base = ivec2(floor(texel));
  vec2 offset = texel - vec2(base);
  ivec2 last = ivec2(depthSize) - 1;
  float near = 0.0;
  float far = 1e9;
  float sum = 0.0;
  float weights = 0.0;
  for (int y = -2; y <= 3; y++) {
    for (int x = -2; x <= 3; x++) {
      ivec2 cell = clamp(base + ivec2(x, y), ivec2(0), last);
      float value = texelFetch(depthMap, cell, 0).r;
      vec3 away = texture(picture, (vec2(cell) + 0.5) / depthSize).rgb - here;
      vec2 distance = vec2(x, y) - offset;
      // Where no texel has the fragment's colour, as on a line thinner than they are, the nearest ones decide.
      float weight = exp(-dot(distance, distance) * SPATIAL) * (exp(-dot(away, away) * RANGE) + 1e-4);
      near = max(near, value);
      far = min(far, value);
      sum += weight * value;
      weights += weight;
    }
  }
  float mean = sum / weights;
  if (near - far < STEP * near) return mean;
  return mix(far, near, smoothstep(0.4, 0.6, (mean - far) / (near - far)));
}

void main() {
  vec2 at = region.xy + region.zw * place;
  vec3 here = texture(picture, at).rgb;
  colour = vec4(here, 1.0);
  float inverse = inverseDepth(at, here);
  // Perspective: clip z is linear in view z, and view z is minus the distance; nothing seen is infinitely far.
  float ndc = -projectionMatrix[2][2] + projectionMatrix[3][2] * inverse;
  gl_FragDepth = inverse > 0.0 ? clamp(ndc * 0.5 + 0.5, 0.0, 1.0) : 1.0;
}
`;
