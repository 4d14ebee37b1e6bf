#include "sky.h"
#include "noise.h"
#include "stage.h"

namespace {

float smooth(float low, float high, float v) {
  float t = clamp((v - low) / (high - low), 0, 1);
  return t * t * (3 - 2 * t);
}

// Rounded lumps with sharp valleys between them, as on a cumulus
float billow(const Vec3& p, int octaves, int seed) {
  float sum = 0, amplitude = 0.5f;
  Vec3 q = p;
  for (int o = 0; o < octaves; o++) {
    sum += amplitude * (1 - std::fabs(2 * valueNoise3(q, seed + o * 31) - 1));
    q = Vec3{q.x * 2.03f + 3.1f, q.y * 2.03f + 1.7f, q.z * 2.03f + 7.3f};
    amplitude *= 0.52f;
  }
  return sum;
}

// In [-1, 1]: positive inside a cloud
float density(const CloudLayer& layer, const Vec3& d) {
  Vec3 p = Vec3{d.x, d.y * 1.5f, d.z} * layer.scale;
  if (layer.kind == CloudLayer::Cumulus)
    return 0.6f * billow(p * 0.5f, 2, layer.seed + 500) + 0.55f * billow(p * 1.7f, 5, layer.seed) - 0.92f + layer.cover * 0.5f;
  float most = -1;
  for (const Puff& puff : layer.puffs) {
    float front = dot(d, puff.centre);
    if (front < 0.1f) continue;
    float a = dot(d, puff.right) / (front * puff.wide), b = dot(d, puff.up) / (front * puff.high);
    if (b < 0) b *= 2.2f;  // a flat base
    most = std::max(most, 1 - std::sqrt(a * a + b * b));
  }
  return most <= -1 ? -1 : 0.9f * most + 0.9f * (billow(p, 5, layer.seed) - 0.62f);
}

struct Veil { float cover; Vec3 colour; };

Veil lump(const CloudLayer& layer, const Vec3& d, const Vec3& sun) {
  float here = density(layer, d);
  float cover = smooth(0, layer.softness, here) * layer.opacity;
  if (cover <= 0) return {0, {}};
  float step = 0.12f / layer.scale * 2;
  Vec3 towardsLight = normalize(Vec3{sun.x, std::max(sun.y, 0.15f), sun.z} * 0.6f + Vec3{0, 0.55f, 0});
  float there = density(layer, normalize(d + towardsLight * step));
  float light = 0.62f + 1.5f * (here - there) - 0.25f * smooth(0.1f, 0.8f, here) * (1 - std::max(0.f, sun.y) * 0.6f);
  light += 0.3f * std::pow(std::max(0.f, dot(d, sun)), 8.f) * (1 - smooth(0, 0.3f, here));  // a silver lining
  return {cover, mix(layer.dark, layer.lit, clamp(light, 0, 1))};
}

Veil veil(const CloudLayer& layer, const Vec3& d, const Vec3& sun) {
  if (layer.kind == CloudLayer::Puffs || layer.kind == CloudLayer::Cumulus) return lump(layer, d, sun);
  if (layer.kind == CloudLayer::Trail) {
    float off = std::fabs(dot(d, layer.pole)), frayed = 0.6f + 0.8f * valueNoise3(d * 40.f, layer.seed);
    float along = valueNoise3(d * 3.f, layer.seed + 9);
    return {layer.opacity * (1 - smooth(0.3f, 1, off / (layer.scale * frayed))) * smooth(0.25f, 0.5f, along), layer.lit};
  }
  float reach = layer.scale / (std::max(d.y, 0.f) + 0.18f);  // a layer overhead, thinner towards the horizon
  float x = d.x * reach, y = d.z * reach, c = std::cos(layer.heading), s = std::sin(layer.heading);
  float u = x * c + y * s, v = (y * c - x * s) * layer.stretch;
  if (layer.kind == CloudLayer::Textured) {
    Vec3 t = gTextures[layer.texture].sample(u * 0.25f, v * 0.25f, 1);
    float cover = clamp(((t.x + t.y + t.z) / 3 - 0.35f) * 2.2f, 0, 1) * layer.cover;
    return {cover, mix(layer.dark, layer.lit, t.y)};
  }
  float warp = (layer.kind == CloudLayer::Overcast ? 0.8f : 1.4f) * fractal(u * 0.7f, v * 0.7f, 3, layer.seed + 77);
  if (layer.kind == CloudLayer::Overcast) {
    float n = fractal(u + warp, v + warp * 0.6f, 5, layer.seed);
    return {layer.opacity * smooth(0.9f - layer.cover, 1.1f - layer.cover, n + 0.25f), mix(layer.dark, layer.lit, clamp((n - 0.3f) * 2.6f, 0, 1))};
  }
  if (layer.kind == CloudLayer::Ripples) {
    float n = fractal(u * 5 + warp * 2, v * 5, 3, layer.seed), area = fractal(u * 0.8f, v * 0.8f, 3, layer.seed + 5);
    float cover = smooth(0, layer.softness + 0.1f, n - 0.62f + layer.cover * 0.35f) * smooth(0.25f, 0.55f, area + layer.cover * 0.3f - 0.15f);
    return {cover * layer.opacity, mix(layer.dark, layer.lit, clamp((n - 0.2f) * 2, 0, 1))};
  }
  float n = fractal(u * 1.5f + warp, v * 1.5f, 6, layer.seed), area = fractal(u * 0.6f, v * 0.3f, 2, layer.seed + 5);  // cirrus
  return {layer.opacity * smooth(0.55f, 1.05f, n + area * 0.8f + layer.cover * 0.3f - 0.1f), layer.lit};
}

}  // namespace

Vec3 skyColour(const Sky& sky, const Lighting& light, const Vec3& direction) {
  Vec3 d = normalize(direction);
  const Vec3& sun = light.sunDirection;
  float up = clamp(d.y, 0, 1);
  Vec3 clear = mix(sky.horizon, sky.zenith, std::pow(up, sky.bend));
  float across = std::hypot(d.x, d.z) * std::hypot(sun.x, sun.z), beside = across > 1e-4f ? (d.x * sun.x + d.z * sun.z) / across : 0;
  clear = clear + sky.glow * (std::pow(0.5f + 0.5f * beside, 3.f) * std::exp(-3.5f * std::fabs(d.y - std::max(0.f, sun.y) * 0.3f)));
  float towards = std::max(0.f, dot(d, sun));
  clear = clear + light.sun * (std::pow(towards, 60.f) * 0.25f);
  if (sky.disc > 0) clear = clear + grey(sky.disc) * (smooth(0.9993f, 0.9997f, towards) + 0.05f * std::pow(towards, 700.f));
  if (sky.stars > 0 && d.y > 0) {
    Vec3 q = d * 150.f;
    int x = int(std::floor(q.x)), y = int(std::floor(q.y)), z = int(std::floor(q.z));
    if (hash(x, y, z) % 97 == 0) {
      Vec3 f = q - Vec3{x + 0.5f, y + 0.5f, z + 0.5f};
      clear = clear + grey(sky.stars * hashUnit(x, y, z + 7)) * (1 - smooth(0.05f, 0.3f, dot(f, f)));
    }
  }
  Vec3 colour = clear;
  float fade = sky.haze > 0 ? std::exp(-up / sky.haze) : 0;
  for (const CloudLayer& layer : sky.layers) {
    Veil v = veil(layer, d, sun);
    if (v.cover > 0) colour = mix(colour, mix(v.colour, clear, fade), v.cover);
  }
  return colour;
}

void scatterPuffs(Stage& g, const Vec3& towards, float spread) {
  Random& r = g.r;
  CloudLayer layer;
  layer.kind = CloudLayer::Puffs;
  layer.scale = r.logUniform(3, 9);
  layer.softness = r.chance(0.6f) ? r.uniform(0.04f, 0.15f) : r.uniform(0.15f, 0.5f);
  layer.opacity = r.uniform(0.7f, 1);
  layer.seed = r.below(99999);
  float level = std::max({g.scene.sky.horizon.x, g.scene.sky.horizon.y, g.scene.sky.horizon.z, 0.02f});
  Vec3 shadow{r.uniform(0.45f, 0.7f), r.uniform(0.55f, 0.72f), r.uniform(0.65f, 0.8f)};
  layer.lit = grey(level * r.uniform(1, 1.8f));
  layer.dark = shadow * (level * r.uniform(0.5f, 1.1f));
  for (int n = r.between(1, 6); n > 0; n--) {
    Vec3 d = normalize(towards + Vec3{r.normal(), r.normal() * 0.7f, r.normal()} * spread);
    if (d.y < 0.05f) d = normalize({d.x, 0.08f, d.z});
    Vec3 right = normalize(cross({0, 1, 0}, d)), up = cross(d, right);
    float wide = r.logUniform(0.06f, 0.6f);
    layer.puffs.push_back({d, right, up, wide, wide * r.uniform(0.3f, 0.8f)});
  }
  g.scene.sky.layers.push_back(layer);
}

void paintSky(Stage& g, Weather weather, const Vec3& above) {
  Random& r = g.r;
  Sky& sky = g.scene.sky;
  float brightest = std::max({above.x, above.y, above.z});
  sky.zenith = above;
  sky.bend = r.uniform(0.3f, 0.9f);
  sky.haze = r.chance(0.7f) ? r.logUniform(0.02f, 0.25f) : 0;
  sky.horizon = mix(above, r.chance(0.15f) ? Vec3{1, 0.7f, 0.45f} * brightest : grey(brightest), r.uniform(0.05f, 0.8f));
  Vec3 lit = grey(brightest * r.uniform(1, 1.6f)), dark = Vec3{r.uniform(0.5f, 0.75f), r.uniform(0.58f, 0.76f), r.uniform(0.65f, 0.82f)} * (brightest * r.uniform(0.4f, 1));
  if (weather == Weather::Overcast) dark = grey(brightest * r.uniform(0.35f, 0.9f));
  if (weather == Weather::Dusk) {
    Vec3 fire{1, r.uniform(0.3f, 0.7f), r.uniform(0.1f, 0.5f)};
    sky.glow = fire * (brightest * r.uniform(0.3f, 1.6f));
    sky.zenith = Vec3{r.uniform(0.15f, 0.6f), r.uniform(0.25f, 0.5f), r.uniform(0.5f, 0.9f)} * brightest;
    sky.horizon = mix(fire, Vec3{0.9f, 0.6f, 0.7f}, r.unit()) * brightest;
    lit = mix(fire, Vec3{1, 0.85f, 0.7f}, r.unit()) * (brightest * r.uniform(0.8f, 1.5f));
    dark = Vec3{r.uniform(0.2f, 0.5f), r.uniform(0.18f, 0.4f), r.uniform(0.3f, 0.5f)} * brightest;
  }
  if (weather == Weather::Night) {
    sky.glow = {};
    sky.stars = r.chance(0.3f) ? r.uniform(0.3f, 1.5f) : 0;
    sky.horizon = above + Vec3{1, r.uniform(0.5f, 0.9f), r.uniform(0.3f, 0.9f)} * (brightest * r.uniform(0, 2));  // the town's light
    lit = above * r.uniform(1, 2.5f);
    dark = above * r.uniform(0.3f, 1);
  }
  if (r.chance(weather == Weather::Overcast ? 0.05f : 0.35f)) sky.disc = brightest * r.logUniform(2, 40);
  auto layer = [&](CloudLayer::Kind kind) -> CloudLayer& {
    CloudLayer l;
    l.kind = kind;
    l.seed = r.below(99999);
    l.heading = r.uniform(0, 2 * kPi);
    l.lit = lit;
    l.dark = dark;
    l.cover = r.uniform(0.15f, 0.95f);
    l.softness = r.logUniform(0.05f, 0.5f);
    l.opacity = r.uniform(0.5f, 1);
    sky.layers.push_back(l);
    return sky.layers.back();
  };
  if (weather == Weather::Overcast) {
    if (r.chance(0.25f)) return;  // one grey
    CloudLayer& l = layer(CloudLayer::Overcast);
    l.scale = r.logUniform(0.5f, 4);
    l.stretch = r.uniform(1, 1.7f);
    l.cover = r.uniform(0.6f, 1);
    l.opacity = r.uniform(0.3f, 1);
    if (r.chance(0.3f)) layer(CloudLayer::Cumulus).scale = r.logUniform(1.5f, 5);
    return;
  }
  if (r.chance(0.2f)) return;  // none at all
  if (r.chance(0.3f)) {
    CloudLayer& l = layer(CloudLayer::Cirrus);
    l.scale = r.logUniform(0.5f, 2);
    l.stretch = r.uniform(2, 7);
    l.opacity = r.uniform(0.2f, 0.9f);
  }
  if (r.chance(0.15f)) {
    CloudLayer& l = layer(CloudLayer::Trail);
    l.pole = normalize({r.normal(), r.normal() * 0.4f, r.normal()});
    l.scale = r.logUniform(0.003f, 0.03f);
  }
  if (r.chance(0.15f)) {
    CloudLayer& l = layer(CloudLayer::Ripples);
    l.scale = r.logUniform(0.5f, 3);
    l.stretch = r.uniform(0.7f, 2.5f);
  }
  if (r.chance(0.15f)) {
    const Surface kinds[] = {Surface::Clouds, Surface::Power, Surface::Photo};
    CloudLayer& l = layer(CloudLayer::Textured);
    l.texture = gTextures.of(r, kinds[r.below(3)]);
    l.scale = r.logUniform(0.4f, 3);
  }
  if (r.chance(0.45f)) {
    CloudLayer& l = layer(CloudLayer::Cumulus);
    l.scale = r.logUniform(1.5f, 6);
    l.opacity = r.uniform(0.8f, 1);
    l.softness = r.logUniform(0.05f, 0.4f);
  }
}
