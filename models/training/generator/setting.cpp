// Camera, light and far background, common to the scenes
#include "noise.h"
#include "objects.h"
#include "scenes.h"

View lookAt(const Vec3& from, const Vec3& at) {
  Vec3 d = at - from;
  View v;
  v.from = from;
  v.yaw = std::atan2(d.x, d.z);
  v.pitch = std::atan2(d.y, std::hypot(d.x, d.z));
  return v;
}

// The camera, and those of a rolling shutter's rows, out of its optics and where it is when
static void mount(Stage& g, const Camera& optics, int size, const std::function<View(float)>& pose) {
  auto at = [&](float t) {
    View v = pose(t);
    Camera c = optics;
    c.eye = v.from;
    c.forward = {std::sin(v.yaw) * std::cos(v.pitch), std::sin(v.pitch), std::cos(v.yaw) * std::cos(v.pitch)};
    Vec3 right = normalize(cross({0, 1, 0}, c.forward)), up = cross(c.forward, right);
    c.right = right * std::cos(v.roll) + up * std::sin(v.roll);
    c.up = up * std::cos(v.roll) - right * std::sin(v.roll);
    return c;
  };
  g.scene.camera = at(g.time);
  if (g.readout > 0)
    for (int row = 0; row < size; row++) g.scene.rows.push_back(at(g.time + g.readout * ((row + 0.5f) / size - 0.5f)));
}

void setCameraAlong(Stage& g, const View& view, int size, const std::function<View(float)>& pose) {
  Camera optics;
  optics.focal = 0.5f * size / std::tan(g.r.uniform(view.narrowest, view.widest) * kPi / 360);
  optics.cx = size * (0.5f + g.r.uniform(-0.05f, 0.05f));
  optics.cy = size * (0.5f + g.r.uniform(-0.05f, 0.05f));
  mount(g, optics, size, pose);
}

void setCamera(Stage& g, const View& view, int size) {
  Random& r = g.r;
  float fov = r.uniform(view.narrowest, view.widest) * kPi / 180;
  float yaw = view.yaw;
  Vec3 velocity;
  float turn = 0, tilt = 0, shake = 0, pace = 0;
  // On a tripod; held still; panned; walking; rolling
  int motion = r.below(10);
  if (motion >= 2) shake = r.uniform(0.001f, 0.012f);
  if (motion >= 4) {
    float heading = r.chance(0.5f) ? r.uniform(-0.5f, 0.5f) : r.uniform(0, 2 * kPi), speed = view.speed * r.uniform(0.1f, 1);
    velocity = Vec3{std::sin(yaw + heading), r.normal() * 0.1f, std::cos(yaw + heading)} * speed;
  }
  if (motion >= 3) {
    turn = r.chance(0.6f) ? r.normal() * 0.45f : 0;
    tilt = r.chance(0.4f) ? r.normal() * 0.15f : 0;
  }
  float a1 = r.uniform(0, 6), a2 = r.uniform(0, 6), f1 = r.uniform(2, 9), f2 = r.uniform(2, 9), step = motion >= 7 ? r.uniform(0, 0.03f) : 0;
  if (r.chance(0.25f)) {  // a headset or a hurried hand: degrees and centimetres every frame, whatever the frame rate
    turn = r.sign() * r.logUniform(0.012f, 0.09f) / g.interval;
    tilt = r.normal() * 0.012f / g.interval;
    float way = r.uniform(0, 2 * kPi);
    velocity = Vec3{std::sin(way), r.normal() * 0.15f, std::cos(way)} * (r.logUniform(0.02f, 0.14f) * view.speed / g.interval);
    shake = r.uniform(0.003f, 0.02f);
    f1 = r.uniform(0.3f, 1.5f) / g.interval;
    f2 = r.uniform(0.3f, 1.5f) / g.interval;
    if (r.chance(0.5f)) pace = r.uniform(0.2f, 0.8f) / g.interval;  // to and fro
  }
  float jolt = shake * r.uniform(0, 2) * std::min(1.f, view.speed);
  Camera still;
  still.focal = 0.5f * size / std::tan(fov / 2);
  still.cx = size * (0.5f + r.uniform(-0.05f, 0.05f));
  still.cy = size * (0.5f + r.uniform(-0.05f, 0.05f));
  mount(g, still, size, [&](float t) {
    View v;
    v.from = view.from + velocity * t + Vec3{std::sin(a1 + f1 * t), std::sin(a2 + f2 * t), std::cos(a1 + f2 * t)} * jolt;
    v.from.y += step * std::fabs(std::sin(a1 + 5 * t)) * std::min(1.f, view.speed);
    v.yaw = yaw + (pace > 0 ? turn * std::sin(pace * t) / pace : turn * t) + shake * std::sin(a1 + f1 * t * 1.3f);
    v.pitch = view.pitch + tilt * t + shake * std::sin(a2 + f2 * t * 1.1f);
    v.roll = view.roll + shake * 0.5f * std::sin(a1 * 2 + f2 * t);
    return v;
  });
}

void indoorLight(Stage& g, float halfWidth, float height, float halfDepth) {
  Random& r = g.r;
  Lighting& l = g.scene.light;
  l.sunDirection = normalize({r.uniform(-0.7f, 0.7f), r.uniform(0.5f, 1.2f), r.uniform(-0.7f, 0.7f)});
  float warm = r.uniform(0.8f, 1.15f), level = r.logUniform(0.12f, 0.8f);
  Vec3 white{warm, 1, 1.9f - warm};
  l.ambientAbove = white * level;
  l.ambientBelow = white * (level * r.uniform(0.3f, 0.95f));
  if (r.chance(0.8f)) l.sun = Vec3{1, r.uniform(0.8f, 1), r.uniform(0.6f, 1)} * r.logUniform(0.08f, 1.4f);
  for (int n = r.between(0, 4); n > 0; n--) {
    Vec3 at{r.uniform(-halfWidth, halfWidth) * 0.9f, height * r.uniform(0.4f, 0.97f), r.uniform(-halfDepth, halfDepth) * 0.9f};
    l.points.push_back({at, Vec3{1, r.uniform(0.7f, 1), r.uniform(0.4f, 1)} * r.logUniform(0.2f, 2.4f)});
  }
  Weather outside = r.chance(0.7f) ? Weather::Clear : Weather::Overcast;
  paintSky(g, outside, (outside == Weather::Clear ? Vec3{0.5f, 0.65f, 0.9f} : grey(0.85f)) * r.uniform(0.6f, 2.5f));
  l.shadowRadius = std::max(halfWidth, halfDepth) * 1.1f;
  l.shadowCentre = {0, height * 0.4f, 0};
  l.occlusionRadius = r.uniform(0.15f, 0.6f);
  l.occlusion = r.uniform(0.3f, 0.9f);
  l.shadowSoftness = r.uniform(0.7f, 6);
}

void outdoorLight(Stage& g, float shadowRadius) {
  float draw = g.r.unit();
  outdoorLight(g, shadowRadius, draw < 0.5f ? Weather::Clear : draw < 0.8f ? Weather::Overcast : draw < 0.9f ? Weather::Dusk : Weather::Night);
}

void outdoorLight(Stage& g, float shadowRadius, Weather weather) {
  Random& r = g.r;
  Lighting& l = g.scene.light;
  bool clear = weather == Weather::Clear, dusk = weather == Weather::Dusk, night = weather == Weather::Night;
  float elevation = dusk ? r.uniform(0.02f, 0.25f) : r.uniform(0.12f, 1.3f), azimuth = r.uniform(0, 2 * kPi);
  l.sunDirection = {std::cos(elevation) * std::cos(azimuth), std::sin(elevation), std::cos(elevation) * std::sin(azimuth)};
  g.night = night;
  Vec3 above;
  if (clear) {
    l.sun = Vec3{1, mix(0.75f, 1.f, std::min(1.f, elevation)), mix(0.5f, 0.95f, std::min(1.f, elevation))} * r.uniform(0.7f, 1.7f);
    float red = r.uniform(0.04f, 0.45f);
    above = Vec3{red, red + r.uniform(0.15f, 0.35f), 0.95f} * r.uniform(0.5f, 1.1f);
  } else if (weather == Weather::Overcast) {  // up to a burnt-out white sky
    l.sun = grey(r.uniform(0, 0.3f));
    float v = r.uniform(0.45f, 1.8f);
    above = {v, v * 1.02f, v * 1.05f};
  } else if (dusk) {
    l.sun = Vec3{1, r.uniform(0.4f, 0.7f), r.uniform(0.15f, 0.4f)} * r.uniform(0.1f, 1);
    above = grey(r.uniform(0.15f, 0.8f));
  } else {
    l.sun = Vec3{0.7f, 0.8f, 1} * r.uniform(0, 0.06f);
    above = mix(Vec3{0.3f, 0.45f, 1}, randomColour(r), r.uniform(0, 0.6f)) * r.logUniform(0.01f, 0.25f);
    l.exposure *= r.uniform(0.35f, 1);
  }
  paintSky(g, weather, above);
  l.ambientAbove = mix(dusk ? mix(g.scene.sky.zenith, g.scene.sky.horizon, 0.4f) : above, grey(above.y), 0.5f) * r.uniform(0.4f, 0.9f);
  l.ambientBelow = l.ambientAbove * r.uniform(0.3f, 0.8f);
  if (night || (dusk && r.chance(0.3f)))
    for (int n = r.between(1, 5); n > 0; n--)
      l.points.push_back({{r.uniform(-6, 6), r.uniform(2, 5), r.uniform(1, 18)}, Vec3{1, r.uniform(0.6f, 1), r.uniform(0.3f, 0.9f)} * r.uniform(1, 8)});
  l.fog = r.chance(0.55f) ? r.logUniform(0.0008f, 0.04f) : 0;
  l.fogColour = mix(g.scene.sky.horizon, l.ambientAbove, r.uniform(0, 0.5f));
  bool falling = !clear && r.chance(0.2f);
  int drops = r.between(60, 700);
  float streak = r.chance(0.6f) ? r.uniform(0.03f, 0.15f) : 0;
  uint32_t seed = uint32_t(r.bits());
  if (falling) {
    l.drops = drops;
    l.dropLength = streak;
    l.dropSeed = seed + uint32_t(g.time * 1e4f);
  }
  l.shadowRadius = shadowRadius;
  l.occlusionRadius = r.uniform(0.3f, 1.2f);
  l.occlusion = r.uniform(0.3f, 0.9f);
  l.shadowSoftness = r.uniform(0.5f, 3);
}

void wet(Stage& g, std::initializer_list<int> materials, float height, float puddles) {
  Random& r = g.r;
  Mirror& mirror = g.scene.mirror;
  mirror.on = true;
  mirror.height = height;
  mirror.streak = r.chance(0.7f) ? r.logUniform(0.01f, 0.2f) : 0.003f;
  mirror.ripple = r.chance(0.6f) ? r.logUniform(0.005f, 0.08f) : 0;
  float strength = r.uniform(0.4f, 1);
  for (Material& m : g.scene.materials) m.mirror = 0;  // one plane a scene
  for (int m : materials) {
    g.scene.materials[m].mirror = strength;
    g.scene.materials[m].puddles = puddles;
  }
}

void polish(Stage& g, int material, float height) {
  wet(g, {material}, height, 0);
  g.scene.mirror.streak = g.r.logUniform(0.003f, 0.05f);
  g.scene.mirror.ripple = 0;
  g.scene.mirror.lowest = 0.02f;
  g.scene.materials[material].mirror *= g.r.uniform(0.4f, 1);
}

// A ridge across the view at distance d: a strip of ground rising to a ragged top
static void ridge(Stage& g, float distance, float height, float ruggedness, int material) {
  int seed = g.r.below(9999);
  g.scene.grid([&](float u, float v) {
    float a = (u - 0.5f) * 2.8f, d = distance * (1 + 0.8f * v);
    return Vec3{std::sin(a) * d, height * v * 2 * fractal(a * ruggedness + 20, v * 3 + 9, 4, seed) - 2, std::cos(a) * d};
  }, 56, 8, g.withoutShadow(material), distance * 3, distance);
}

void farBackground(Stage& g, float nearest) {
  Random& r = g.r;
  if (r.chance(0.5f)) {  // hills or mountains, nearer ones lower
    for (int n = r.between(1, 3); n > 0; n--) {
      float d = nearest * r.logUniform(2, 12) * n;
      Vec3 tint{r.uniform(0.15f, 0.6f), r.uniform(0.2f, 0.5f), r.uniform(0.15f, 0.6f)};
      ridge(g, d, d * r.uniform(0.04f, 0.4f), r.uniform(2, 8), g.material({Surface::Power, Surface::Photo, Surface::Clouds, Surface::Leaves}, d * r.uniform(0.1f, 0.4f), tint, 0.6f));
    }
  }
  if (r.chance(0.45f)) {  // a line of trees
    float d = nearest * r.logUniform(1, 4);
    ridge(g, d, r.uniform(3, 10), r.uniform(15, 40), g.leaf());
  }
  if (r.chance(0.4f)) {  // skyline
    for (int n = r.between(3, 20); n > 0; n--) {
      float d = nearest * r.logUniform(1, 6), a = r.normal() * 0.5f, wide = r.uniform(4, 14) * std::sqrt(d / nearest);
      building(g, Frame({std::sin(a) * d, 0, std::cos(a) * d}, r.uniform(0, 6.3f)), wide, r.logUniform(4, 40), wide * r.uniform(0.6f, 1.5f), 1, false);
    }
  }
}
