// The passes of shaders.ts as compute shaders in WGSL, step by step the same. Rooms for bindings are filled by webgpu.ts: what a
// pass reads, what it writes, and `frame`, which holds near, far and `even`.

/** @param reads and @param writes textures by name, in the order of their bindings @param format of what is written */
export function wgsl(
  body: string,
  reads: readonly string[],
  writes: readonly string[],
  format: GPUTextureFormat,
): string {
  const bindings = [
    ...reads.map((name) => `var ${name}: texture_2d<f32>;`),
    ...writes.map((name) => `var ${name}: texture_storage_2d<${format}, write>;`),
    'var<uniform> frame: Frame;',
  ].map((declaration, n) => `@group(0) @binding(${n}) ${declaration}`);
  return `${HEAD}${bindings.join('\n')}
@compute @workgroup_size(${TILE}, ${TILE})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let size = vec2i(textureDimensions(${writes[0]!}));
  let here = vec2i(id.xy);
  if (any(here >= size)) { return; }
  ${body}
}`;
}

/** Sides of a workgroup, in pixels. */
export const TILE = 8;

const HEAD = `
const R = 3;
const SHARE = 1.0 / 49.0;
struct Frame { near: f32, far: f32, even: f32 }
fn inside(place: i32, size: i32) -> i32 { return select(place, clamp(place, R, size - 1 - R), size > 2 * R); }
fn at(t: texture_2d<f32>, p: vec2i) -> vec4f {
  return textureLoad(t, clamp(p, vec2i(0), vec2i(textureDimensions(t)) - 1), 0);
}
fn between(t: texture_2d<f32>, p: vec2i, part: vec2f) -> vec4f {
  return mix(
    mix(at(t, p), at(t, p + vec2i(1, 0)), part.x),
    mix(at(t, p + vec2i(0, 1)), at(t, p + vec2i(1, 1)), part.x), part.y);
}
fn yuv(c: vec3f) -> vec3f {
  return (vec3f(16, 128, 128) + vec3f(
    dot(c, vec3f(65.481, 128.553, 24.966)),
    dot(c, vec3f(-37.797, -74.203, 112.0)),
    dot(c, vec3f(112.0, -93.786, -18.214)))) / 255.0;
}
`;

export const SHRINK = `
  let stride = vec2f(textureDimensions(picture)) / vec2f(size);
  let low = vec2f(here) * stride;
  let high = low + stride;
  var sum = vec3f(0);
  for (var y = i32(low.y); f32(y) < high.y - 1e-3; y++) {
    for (var x = i32(low.x); f32(x) < high.x - 1e-3; x++) {
      let covered = min(high, vec2f(f32(x + 1), f32(y + 1))) - max(low, vec2f(f32(x), f32(y)));
      sum += covered.x * covered.y * at(picture, vec2i(x, y)).rgb;
    }
  }
  var depth = textureLoad(map, here, 0).r;
  // By its bits: WGSL may compute as if there were neither NaN nor infinity.
  if ((bitcast<u32>(depth) & 0x7f800000u) == 0x7f800000u) { depth = frame.far; }
  textureStore(guide, here, vec4f(yuv(sum / (stride.x * stride.y)), depth));`;

export const SUMS = `
  var sa = vec4f(0);
  var sb = vec4f(0);
  var sc = vec4f(0);
  var sd = vec4f(0);
  for (var i = -R; i <= R; i++) {
    let g = at(guide, here + vec2i(i, 0));
    sa += g;
    sb += g.x * g;
    sc += vec4f(g.y * g.yz, g.z * g.z, g.y * g.w);
    sd += vec4f(g.w * g.zw, 0, 0);
  }
  textureStore(a, here, sa);
  textureStore(b, here, sb);
  textureStore(c, here, sc);
  textureStore(d, here, sd);`;

export const STEPS = `
  var found = vec4f(1e30, -1e30, 0, 0);
  for (var i = -R; i <= R; i++) {
    let p = clamp(vec2i(inside(here.x, size.x) + i, here.y), vec2i(0), size - 1);
    let v = at(guide, p).w;
    let across = abs(at(guide, p + vec2i(1, 0)).w - at(guide, p - vec2i(1, 0)).w);
    let down = abs(at(guide, p + vec2i(0, 1)).w - at(guide, p - vec2i(0, 1)).w);
    found = vec4f(min(found.x, v), max(found.y, v), max(found.z, max(across, down)), 0);
  }
  textureStore(steps, here, found);`;

export const FIT = `
  var A = vec4f(0);
  var B = vec4f(0);
  var C = vec4f(0);
  var D = vec4f(0);
  var reach = vec4f(1e30, -1e30, 0, 0);
  for (var i = -R; i <= R; i++) {
    let p = here + vec2i(0, i);
    A += at(a, p);
    B += at(b, p);
    C += at(c, p);
    D += at(d, p);
    let s = at(steps, vec2i(p.x, inside(here.y, size.y) + i));
    reach = vec4f(min(reach.x, s.x), max(reach.y, s.y), max(reach.z, s.z), 0);
  }
  A *= SHARE;
  B *= SHARE;
  C *= SHARE;
  D *= SHARE;
  let g = A.xyz;
  // The covariance of the colours, which is symmetric: its inverse is made of the cross products of its columns.
  let x = vec3f(B.x, B.y, B.z) - g * g.x + vec3f(1e-4, 0, 0);
  let y = vec3f(B.y, C.x, C.y) - g * g.y + vec3f(0, 1e-4, 0);
  let z = vec3f(B.z, C.y, C.z) - g * g.z + vec3f(0, 0, 1e-4);
  let q = vec3f(B.w, C.w, D.x) - g * A.w;
  let factors = vec3f(dot(cross(y, z), q), dot(cross(z, x), q), dot(cross(x, y), q)) / dot(x, cross(y, z));
  let variance = max(D.y - A.w * A.w, frame.even * frame.even / 16.0);
  textureStore(fit, here, vec4f(factors, A.w - dot(factors, g)));
  textureStore(range, here, vec4f(reach.xyz, clamp(dot(factors, q) / variance, 0.0, 1.0)));`;

export const MEANS = `
  var sum = vec4f(0);
  var known = 0.0;
  for (var i = -R; i <= R; i++) {
    let p = here + vec2i(i, 0);
    sum += at(fit, p);
    known += at(range, p).w;
  }
  textureStore(across, here, sum);
  textureStore(explained, here, vec4f(known, 0, 0, 0));`;

export const TABLE = `
  var sum = vec4f(0);
  var known = 0.0;
  for (var i = -R; i <= R; i++) {
    let p = here + vec2i(0, i);
    sum += at(across, p);
    known += at(explained, p).x;
  }
  sum *= SHARE;
  let trust = clamp((known * SHARE - 0.1) / 0.3, 0.0, 1.0);
  let plain = at(guide, here).w;
  let r = at(range, here);
  let reach = r.y - r.x;
  textureStore(factors, here, vec4f(sum.xyz * trust, mix(plain, sum.w, trust)));
  textureStore(bounds, here,
    vec4f(plain, r.x, reach, trust * clamp((r.z / max(reach, 1e-20) - 0.5) / 0.3, 0.0, 1.0)));`;

export const APPLY = `
  let small = vec2f(textureDimensions(factors));
  let place = clamp((vec2f(here) + 0.5) * small / vec2f(size) - 0.5, vec2f(0), small - 1.0);
  let low = vec2i(place);
  let part = place - vec2f(low);
  let b = between(bounds, low, part);
  let f = between(factors, low, part);
  let uneven = clamp(b.z / frame.even - 1.0, 0.0, 1.0);
  let guided = dot(f.xyz, yuv(at(picture, here).rgb)) + f.w;
  let value = mix(b.x, guided, uneven);
  let place_in_reach = clamp((value - b.y) / max(b.z, 1e-20), 0.0, 1.0);
  let gain = 1.0 + 3.0 * b.w * uneven;
  textureStore(depth, here, vec4f(b.y + b.z * clamp((place_in_reach - 0.5) * gain + 0.5, 0.0, 1.0), 0, 0, 1));`;
