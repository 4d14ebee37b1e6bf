// The filters of native/upsampler as fragment shaders (GLSL ES 3.00): see its sources for why each step is there, and filter.ts
// for their order. All but the last pass run at the map's size.
import type { ShaderName } from './filter.ts';

const HEAD = `#version 300 es
precision highp float;
precision highp sampler2D;
const int R = 3;
const float SHARE = 1.0 / 49.0;
ivec2 here() { return ivec2(gl_FragCoord.xy); }
/** The middle of a window that does not reach beyond the map. */
int inside(int place, int size) { return size > 2 * R ? clamp(place, R, size - 1 - R) : place; }
vec4 at(sampler2D t, ivec2 p) { return texelFetch(t, clamp(p, ivec2(0), textureSize(t, 0) - 1), 0); }
`;

/** A triangle that covers everything. */
export const VERTEX = `#version 300 es
void main() { gl_Position = vec4(vec2(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1), 0, 1); }`;

/** Y, U and V (BT.601, limited range, 0 to 1). */
const YUV = `vec3 yuv(vec3 c) {
  return (vec3(16, 128, 128) + vec3(
    dot(c, vec3(65.481, 128.553, 24.966)),
    dot(c, vec3(-37.797, -74.203, 112.0)),
    dot(c, vec3(112.0, -93.786, -18.214)))) / 255.0;
}`;

/** Depth alone, at the picture's size: four reads a pixel. */
const INTERPOLATE = `${HEAD}
uniform sampler2D map;
uniform vec2 limits;
uniform vec2 size;
out vec4 depth;
float found(ivec2 p) {
  float value = at(map, p).r;
  return isnan(value) || isinf(value) ? limits.y : value;
}
void main() {
  vec2 small = vec2(textureSize(map, 0));
  vec2 place = clamp(gl_FragCoord.xy * small / size - 0.5, vec2(0), small - 1.0);
  ivec2 low = ivec2(place);
  vec2 part = place - vec2(low);
  depth = vec4(mix(
    mix(found(low), found(low + ivec2(1, 0)), part.x),
    mix(found(low + ivec2(0, 1)), found(low + ivec2(1, 1)), part.x), part.y), 0, 0, 1);
}`;

/** Y, U and V, means of the area that each pixel of the map covers, and the map. */
const SHRINK = `${HEAD}
uniform sampler2D picture;
uniform sampler2D map;
uniform vec2 limits;
out vec4 guide;
${YUV}
void main() {
  ivec2 size = textureSize(picture, 0);
  vec2 stride = vec2(size) / vec2(textureSize(map, 0));
  vec2 low = vec2(here()) * stride, high = low + stride;
  vec3 sum = vec3(0);
  for (int y = int(low.y); float(y) < high.y - 1e-3; y++)
    for (int x = int(low.x); float(x) < high.x - 1e-3; x++) {
      vec2 covered = min(high, vec2(x + 1, y + 1)) - max(low, vec2(x, y));
      sum += covered.x * covered.y * at(picture, ivec2(x, y)).rgb;
    }
  float depth = texelFetch(map, here(), 0).r;
  if (isnan(depth) || isinf(depth)) depth = limits.y;
  guide = vec4(yuv(sum / (stride.x * stride.y)), depth);
}`;

/** Sums across of Y, U, V, the map, and of their products. */
const SUMS = `${HEAD}
uniform sampler2D guide;
layout(location = 0) out vec4 a;
layout(location = 1) out vec4 b;
layout(location = 2) out vec4 c;
layout(location = 3) out vec4 d;
void main() {
  a = b = c = d = vec4(0);
  for (int i = -R; i <= R; i++) {
    vec4 g = at(guide, here() + ivec2(i, 0));
    a += g;
    b += g.x * g;
    c += vec4(g.y * g.yz, g.z * g.z, g.y * g.w);
    d.xy += g.w * g.zw;
  }
}`;

/** Least, greatest and steepest across. */
const STEPS = `${HEAD}
uniform sampler2D guide;
out vec4 steps;
void main() {
  steps = vec4(1e30, -1e30, 0, 0);
  ivec2 size = textureSize(guide, 0);
  for (int i = -R; i <= R; i++) {
    ivec2 p = clamp(ivec2(inside(here().x, size.x) + i, here().y), ivec2(0), size - 1);
    float v = at(guide, p).w;
    float across = abs(at(guide, p + ivec2(1, 0)).w - at(guide, p - ivec2(1, 0)).w);
    float down = abs(at(guide, p + ivec2(0, 1)).w - at(guide, p - ivec2(0, 1)).w);
    steps = vec4(min(steps.x, v), max(steps.y, v), max(steps.z, max(across, down)), 0);
  }
}`;

/** Least, greatest and steepest around; and how clearly a texel is on one side of a step, which is what its vote weighs. */
const SIDES = `${HEAD}
uniform sampler2D guide;
uniform sampler2D steps;
out vec4 sides;
void main() {
  sides = vec4(1e30, -1e30, 0, 0);
  int middle = inside(here().y, textureSize(steps, 0).y);
  for (int i = -R; i <= R; i++) {
    vec4 s = at(steps, ivec2(here().x, middle + i));
    sides.xyz = vec3(min(sides.x, s.x), max(sides.y, s.y), max(sides.z, s.z));
  }
  float across = abs(at(guide, here() + ivec2(1, 0)).w - at(guide, here() - ivec2(1, 0)).w);
  float down = abs(at(guide, here() + ivec2(0, 1)).w - at(guide, here() - ivec2(0, 1)).w);
  float mixed = clamp((max(across, down) / max(sides.y - sides.x, 1e-20) - 0.3) / 0.3, 0.0, 1.0);
  sides.w = max(1.0 - mixed, 0.02);
}`;

/**
 * The guide, its depth at steps replaced by the mean of the near or of the far texels around, whichever win by likeness of colour. Two
 * reads, and 162 more at steps.
 */
const VOTE = `${HEAD}
uniform sampler2D guide;
uniform sampler2D sides;
uniform float even;
out vec4 voted;
void main() {
  voted = at(guide, here());
  vec4 s = at(sides, here());
  float reach = s.y - s.x;
  float steep = clamp((s.z / max(reach, 1e-20) - 0.35) / 0.25, 0.0, 1.0);
  float part = clamp(reach / even - 1.0, 0.0, 1.0) * steep;
  if (part <= 0.0) return;
  float middle = 0.5 * (s.x + s.y);
  // Weights, and values by these weights.
  vec2 near = vec2(0), far = vec2(0);
  for (int y = -4; y <= 4; y++)
    for (int x = -4; x <= 4; x++) {
      ivec2 p = here() + ivec2(x, y);
      vec4 g = at(guide, p);
      vec3 unlike = g.xyz - voted.xyz;
      // e^-x as (1 - x/16)^16.
      float alike = max(1.0 - dot(unlike, unlike) / 0.0512, 0.0);
      alike *= alike; alike *= alike; alike *= alike; alike *= alike;
      float weight = (alike + 1e-5) * exp(-float(x * x + y * y) / 18.0) * at(sides, p).w;
      if (g.w >= middle) near += weight * vec2(1, g.w);
      else far += weight * vec2(1, g.w);
    }
  float share = clamp((near.x / (near.x + far.x) - 0.15) / 0.7, 0.0, 1.0);
  // Of a side without votes nothing is taken.
  float won = share >= 1.0 ? near.y / near.x : far.y / far.x;
  if (share > 0.0 && share < 1.0) won = mix(won, near.y / near.x, share);
  voted.w = mix(voted.w, won, part);
}`;

/** Factors of Y, U and V, and offset; least, greatest, steepest, and the share of the variance that colour explains. */
const FIT = `${HEAD}
uniform sampler2D a;
uniform sampler2D b;
uniform sampler2D c;
uniform sampler2D d;
uniform sampler2D steps;
uniform float even;
layout(location = 0) out vec4 fit;
layout(location = 1) out vec4 range;
void main() {
  vec4 A = vec4(0), B = vec4(0), C = vec4(0), D = vec4(0);
  range = vec4(1e30, -1e30, 0, 0);
  for (int i = -R; i <= R; i++) {
    ivec2 p = here() + ivec2(0, i);
    A += at(a, p); B += at(b, p); C += at(c, p); D += at(d, p);
    vec4 s = at(steps, ivec2(p.x, inside(here().y, textureSize(steps, 0).y) + i));
    range.xyz = vec3(min(range.x, s.x), max(range.y, s.y), max(range.z, s.z));
  }
  A *= SHARE; B *= SHARE; C *= SHARE; D *= SHARE;
  vec3 g = A.xyz;
  mat3 S = mat3(B.x, B.y, B.z, B.y, C.x, C.y, B.z, C.y, C.z) - outerProduct(g, g) + mat3(1e-4);
  vec3 q = vec3(B.w, C.w, D.x) - g * A.w;
  vec3 factors = inverse(S) * q;
  float variance = max(D.y - A.w * A.w, even * even / 16.0);
  fit = vec4(factors, A.w - dot(factors, g));
  range.w = clamp(dot(factors, q) / variance, 0.0, 1.0);
}`;

/** Means across of the fit and of its share. */
const MEANS = `${HEAD}
uniform sampler2D fit;
uniform sampler2D range;
layout(location = 0) out vec4 across;
layout(location = 1) out vec4 explained;
void main() {
  across = explained = vec4(0);
  for (int i = -R; i <= R; i++) {
    ivec2 p = here() + ivec2(i, 0);
    across += at(fit, p);
    explained.x += at(range, p).w;
  }
}`;

/**
 * What the last pass goes by: factors and offset; the map, least, reach, steepness.
 * @param trust how far the fit is trusted, of what colour explains (`known`) and of the share of a step between neighbours (`slope`)
 */
const table = (trust: string) => `${HEAD}
uniform sampler2D across;
uniform sampler2D explained;
uniform sampler2D range;
uniform sampler2D guide;
layout(location = 0) out vec4 factors;
layout(location = 1) out vec4 bounds;
void main() {
  vec4 sum = vec4(0);
  float known = 0.0;
  for (int i = -R; i <= R; i++) {
    ivec2 p = here() + ivec2(0, i);
    sum += at(across, p);
    known += at(explained, p).x;
  }
  sum *= SHARE;
  known = clamp((known * SHARE - 0.1) / 0.3, 0.0, 1.0);
  float plain = at(guide, here()).w;
  vec4 r = at(range, here());
  float reach = r.y - r.x;
  float slope = r.z / max(reach, 1e-20);
  float trust = ${trust};
  factors = vec4(sum.xyz * trust, mix(plain, sum.w, trust));
  bounds = vec4(plain, r.x, reach, trust * clamp((slope - 0.5) / 0.3, 0.0, 1.0));
}`;

/** At the picture's size: nine reads a pixel. */
const APPLY = `${HEAD}
uniform sampler2D picture;
uniform sampler2D factors;
uniform sampler2D bounds;
uniform float even;
out vec4 depth;
vec4 between(sampler2D t, ivec2 p, vec2 part) {
  return mix(
    mix(at(t, p), at(t, p + ivec2(1, 0)), part.x),
    mix(at(t, p + ivec2(0, 1)), at(t, p + ivec2(1, 1)), part.x), part.y);
}
${YUV}
void main() {
  vec2 small = vec2(textureSize(factors, 0));
  vec2 place = clamp(gl_FragCoord.xy * small / vec2(textureSize(picture, 0)) - 0.5, vec2(0), small - 1.0);
  ivec2 low = ivec2(place);
  vec2 part = place - vec2(low);
  vec4 b = between(bounds, low, part);
  vec4 f = between(factors, low, part);
  float uneven = clamp(b.z / even - 1.0, 0.0, 1.0);
  float guided = dot(f.xyz, yuv(at(picture, here()).rgb)) + f.w;
  float value = mix(b.x, guided, uneven);
  float where = clamp((value - b.y) / max(b.z, 1e-20), 0.0, 1.0);
  float gain = 1.0 + 3.0 * b.w * uneven;
  depth = vec4(b.y + b.z * clamp((where - 0.5) * gain + 0.5, 0.0, 1.0), 0, 0, 1);
}`;

/** By name; STEP_TABLE leaves slopes as they are, however steep. */
export const SHADERS: Readonly<Record<ShaderName, string>> = {
  INTERPOLATE,
  SHRINK,
  STEPS,
  SIDES,
  VOTE,
  SUMS,
  FIT,
  MEANS,
  TABLE: table('known'),
  STEP_TABLE: table('known * clamp((slope - 0.35) / 0.15, 0.0, 1.0)'),
  APPLY,
};
