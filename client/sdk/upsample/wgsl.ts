// The passes of shaders.ts as compute shaders in WGSL, step by step the same. Rooms for bindings are filled by webgpu.ts: what a
// pass reads, what it writes, and `frame`, which holds near, far and `even`.
import type { ShaderName } from './filter.ts';

/** @param reads and @param writes variables by name, in the order of their bindings @param format of what is written */
export function wgsl(
  shader: ShaderName,
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
  ${BODIES[shader]}
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
// By its bits: WGSL may compute as if there were neither NaN nor infinity.
fn finite(value: f32, otherwise: f32) -> f32 {
  return select(value, otherwise, (bitcast<u32>(value) & 0x7f800000u) == 0x7f800000u);
}
fn yuv(c: vec3f) -> vec3f {
  return (vec3f(16, 128, 128) + vec3f(
    dot(c, vec3f(65.481, 128.553, 24.966)),
    dot(c, vec3f(-37.797, -74.203, 112.0)),
    dot(c, vec3f(112.0, -93.786, -18.214)))) / 255.0;
}
`;

const INTERPOLATE = `
  let small = vec2f(textureDimensions(map));
  let place = clamp((vec2f(here) + 0.5) * small / vec2f(size) - 0.5, vec2f(0), small - 1.0);
  let low = vec2i(place);
  let part = place - vec2f(low);
  let v = array(
    finite(at(map, low).r, frame.far),
    finite(at(map, low + vec2i(1, 0)).r, frame.far),
    finite(at(map, low + vec2i(0, 1)).r, frame.far),
    finite(at(map, low + vec2i(1, 1)).r, frame.far));
  textureStore(depth, here, vec4f(mix(mix(v[0], v[1], part.x), mix(v[2], v[3], part.x), part.y), 0, 0, 1));`;

const SHRINK = `
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
  let depth = finite(textureLoad(map, here, 0).r, frame.far);
  textureStore(guide, here, vec4f(yuv(sum / (stride.x * stride.y)), depth));`;

const SUMS = `
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

const STEPS = `
  var found = vec4f(1e30, -1e30, 0, 0);
  for (var i = -R; i <= R; i++) {
    let p = clamp(vec2i(inside(here.x, size.x) + i, here.y), vec2i(0), size - 1);
    let v = at(guide, p).w;
    let across = abs(at(guide, p + vec2i(1, 0)).w - at(guide, p - vec2i(1, 0)).w);
    let down = abs(at(guide, p + vec2i(0, 1)).w - at(guide, p - vec2i(0, 1)).w);
    found = vec4f(min(found.x, v), max(found.y, v), max(found.z, max(across, down)), 0);
  }
  textureStore(steps, here, found);`;

const SIDES = `
  var found = vec4f(1e30, -1e30, 0, 0);
  let middle = inside(here.y, size.y);
  for (var i = -R; i <= R; i++) {
    let s = at(steps, vec2i(here.x, middle + i));
    found = vec4f(min(found.x, s.x), max(found.y, s.y), max(found.z, s.z), 0);
  }
  let across = abs(at(guide, here + vec2i(1, 0)).w - at(guide, here - vec2i(1, 0)).w);
  let down = abs(at(guide, here + vec2i(0, 1)).w - at(guide, here - vec2i(0, 1)).w);
  let mixed = clamp((max(across, down) / max(found.y - found.x, 1e-20) - 0.3) / 0.3, 0.0, 1.0);
  textureStore(sides, here, vec4f(found.xyz, max(1.0 - mixed, 0.02)));`;

const VOTE = `
  var own = at(guide, here);
  let s = at(sides, here);
  let reach = s.y - s.x;
  let steep = clamp((s.z / max(reach, 1e-20) - 0.35) / 0.25, 0.0, 1.0);
  let part = clamp(reach / frame.even - 1.0, 0.0, 1.0) * steep;
  if (part > 0.0) {
    let middle = 0.5 * (s.x + s.y);
    var near = vec2f(0);
    var far = vec2f(0);
    for (var y = -4; y <= 4; y++) {
      for (var x = -4; x <= 4; x++) {
        let p = here + vec2i(x, y);
        let g = at(guide, p);
        let unlike = g.xyz - own.xyz;
        var alike = max(1.0 - dot(unlike, unlike) / 0.0512, 0.0);
        alike *= alike;
        alike *= alike;
        alike *= alike;
        alike *= alike;
        let weight = (alike + 1e-5) * exp(-f32(x * x + y * y) / 18.0) * at(sides, p).w;
        if (g.w >= middle) { near += weight * vec2f(1, g.w); } else { far += weight * vec2f(1, g.w); }
      }
    }
    let share = clamp((near.x / (near.x + far.x) - 0.15) / 0.7, 0.0, 1.0);
    var won: f32;
    if (share >= 1.0) {
      won = near.y / near.x;
    } else {
      won = far.y / far.x;
      if (share > 0.0) { won = mix(won, near.y / near.x, share); }
    }
    own.w = mix(own.w, won, part);
  }
  textureStore(voted, here, own);`;

const FIT = `
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

const MEANS = `
  var sum = vec4f(0);
  var known = 0.0;
  for (var i = -R; i <= R; i++) {
    let p = here + vec2i(i, 0);
    sum += at(fit, p);
    known += at(range, p).w;
  }
  textureStore(across, here, sum);
  textureStore(explained, here, vec4f(known, 0, 0, 0));`;

const table = (trust: string) => `
  var sum = vec4f(0);
  var known = 0.0;
  for (var i = -R; i <= R; i++) {
    let p = here + vec2i(0, i);
    sum += at(across, p);
    known += at(explained, p).x;
  }
  sum *= SHARE;
  known = clamp((known * SHARE - 0.1) / 0.3, 0.0, 1.0);
  let plain = at(guide, here).w;
  let r = at(range, here);
  let reach = r.y - r.x;
  let slope = r.z / max(reach, 1e-20);
  let trust = ${trust};
  textureStore(factors, here, vec4f(sum.xyz * trust, mix(plain, sum.w, trust)));
  textureStore(bounds, here,
    vec4f(plain, r.x, reach, trust * clamp((slope - 0.5) / 0.3, 0.0, 1.0)));`;

const APPLY = `
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

const BODIES: Readonly<Record<ShaderName, string>> = {
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
