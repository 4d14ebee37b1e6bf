// Gatherings of people, and shapes without meaning
#include "noise.h"
#include "objects.h"
#include "scenes.h"

void gatheringScene(Stage& g, int size) {
  Random& r = g.r;
  g.eye = {0, r.uniform(0.9f, 1.9f), 0};
  View view;
  view.from = g.eye;
  view.yaw = r.normal() * 0.2f;
  view.pitch = r.normal() * 0.1f - 0.06f;
  view.roll = r.normal() * 0.04f;
  view.speed = 1.2f;
  if (r.chance(0.5f)) {
    float W = r.uniform(2, 6), D = r.uniform(3, 9), height = r.uniform(2.4f, 5);
    g.eye = {r.uniform(-0.4f, 0.4f) * W, g.eye.y, -D * 0.8f};
    view.from = g.eye;
    indoorLight(g, W, height, D);
    roomShell(g, W, D, height);
    furnish(g, W, D, r.between(0, 6), r.between(0, 4), 0);
  } else {
    outdoorLight(g, r.uniform(10, 30));
    int ground = r.chance(0.5f) ? g.road() : g.ground();
    g.scene.quad({-150, 0, -30}, {150, 0, -30}, {150, 0, 300}, {-150, 0, 300}, ground);
    if (r.chance(0.2f)) wet(g, {ground}, 0, r.uniform(0, 1));
    for (int n = r.between(0, 6); n > 0; n--) building(g, Frame({r.uniform(-30, 30), 0, r.uniform(12, 60)}, r.below(4) * kPi / 2), r.uniform(5, 15), r.uniform(4, 20), r.uniform(5, 9), r.sign(), r.chance(0.6f));
    for (int n = r.between(0, 5); n > 0; n--) tree(g, Frame({r.uniform(-12, 12), 0, r.uniform(5, 30)}), r.uniform(3, 9));
    if (r.chance(0.6f)) farBackground(g, 60);
    g.scene.light.shadowCentre = {0, 2, 9};
  }
  int count = r.between(1, 9);
  for (int i = 0; i < count; i++) {
    float z = r.logUniform(0.8f, 12), a = r.normal() * 0.4f, yaw = r.chance(0.5f) ? kPi + r.normal() * 0.5f : r.uniform(0, 2 * kPi);
    Vec3 p = g.eye + Vec3{std::sin(a) * z, -g.eye.y, std::cos(a) * z};
    Pose pose = r.chance(0.55f) ? Pose::Walking : Pose::Standing;
    float speed = r.uniform(0.5f, 1.8f);
    if (pose == Pose::Walking) p = p + Vec3{std::sin(yaw), 0, std::cos(yaw)} * (speed * (g.time - 0.3f));
    person(g, Frame(p, yaw), pose, z < 3.5f);
  }
  setCamera(g, view, size);
  petsAside(g, g.eye + Vec3{-1.8f, -g.eye.y, -9}, g.eye + Vec3{1.8f, -g.eye.y, 9});
  handsAside(g, 0.06f);
}

void clutterScene(Stage& g, int size) {
  Random& r = g.r;
  float scale = r.logUniform(0.5f, 6), far = r.uniform(2, 8) * scale;
  if (r.chance(0.5f)) indoorLight(g, 4, 3, 4);
  else outdoorLight(g, r.uniform(8, 20));
  auto surface = [&] {
    int m = g.anything();
    g.scene.materials[m].scale = 1 / (r.logUniform(0.3f, 3) * scale);
    return m;
  };
  if (r.chance(0.8f)) {  // a tilted floor
    float y = -r.uniform(0.2f, 1.2f) * scale, tx = r.normal() * 0.08f, tz = r.normal() * 0.08f, wide = 60 * scale, deep = 60 * scale;
    g.scene.quad({-wide, y - wide * tx, -10 * scale}, {wide, y + wide * tx, -10 * scale}, {wide, y + wide * tx + tz * deep, deep}, {-wide, y - wide * tx + tz * deep, deep}, g.withoutShadow(surface()));
  }
  if (r.chance(0.7f)) {  // a back wall
    Frame x = Frame({0, 0, far}, r.normal() * 0.5f).rotated({1, 0, 0}, r.normal() * 0.15f);
    float q = 80 * scale;
    g.scene.quad(x.point({q, -q, 0}), x.point({-q, -q, 0}), x.point({-q, q, 0}), x.point({q, q, 0}), g.withoutShadow(surface()));
  }
  for (int n = r.between(3, 40); n > 0; n--) {
    float d = r.logUniform(0.25f, 1) * far, spin = r.normal() * 0.8f, q = r.logUniform(0.03f, 0.45f) * d * 0.6f;
    Vec3 p{r.uniform(-0.8f, 0.8f) * d, r.uniform(-0.7f, 0.7f) * d, d};
    Vec3 velocity = r.chance(0.5f) ? Vec3{r.normal(), r.normal(), r.normal()} * (r.uniform(0, 0.35f) * scale) : Vec3{};
    Vec3 axis{r.normal(), r.normal(), r.normal()};
    Frame x = Frame(p + velocity * (g.time - 0.35f), r.uniform(0, 6)).rotated(axis, spin * g.time + r.uniform(0, 3));
    int m = surface();
    switch (r.below(9)) {
      case 0: case 1: g.scene.box(x, {}, Vec3{r.uniform(0.2f, 1), r.uniform(0.2f, 1), r.uniform(0.2f, 1)} * q, m); break;
      case 2: g.scene.ellipsoid(x, {}, Vec3{r.uniform(0.4f, 1), r.uniform(0.4f, 1), r.uniform(0.4f, 1)} * q, m, 9, 14, r.chance(0.4f) ? r.uniform(0, 0.3f) : 0, r.below(999)); break;
      case 3: g.scene.capsule(x.origin, q * r.uniform(0.03f, 0.2f), x.point({0, q * 2, 0}), q * r.uniform(0.03f, 0.2f), m, 9); break;
      case 4: {
        Profile profile;
        for (int k = r.between(3, 7), j = 0; j <= k; j++) profile.push_back({q * r.uniform(0.15f, 0.7f), q * (2.f * j / k - 1)});
        g.scene.lathe(x, profile, 14, m);
        break;
      }
      case 5: {
        float amplitude = r.uniform(0, 0.3f) * q, waves = r.uniform(1, 6);
        int seed = r.below(999);
        g.scene.grid([&](float u, float v) { return x.point({(2 * u - 1) * q, (2 * v - 1) * q * 0.8f, amplitude * (2 * fractal(u * waves, v * waves, 3, seed) - 1)}); }, 12, 12, m, q * 2, q * 2);
        break;
      }
      case 6: g.scene.foliage(r, x.origin, grey(q), r.between(20, 80), q * r.uniform(0.1f, 0.4f), m, false); break;
      case 7: {  // a ring
        float thick = q * r.uniform(0.03f, 0.15f);
        for (int j = 0; j < 14; j++) {
          float a = j * kPi / 7, b = (j + 1) * kPi / 7;
          g.scene.capsule(x.point({q * std::cos(a), q * std::sin(a), 0}), thick, x.point({q * std::cos(b), q * std::sin(b), 0}), thick, m, 6);
        }
        break;
      }
      default: g.scene.box(x, {}, {q, q, q * 0.03f}, m);
    }
  }
  if (r.chance(0.2f)) {
    Frame f({r.uniform(-1, 1), -1.2f, r.uniform(1.2f, 4)}, r.uniform(0, 6.3f));
    person(g, f, Pose(r.below(2)), true);
  }
  if (r.chance(0.15f)) truss(g, {r.uniform(-3, 3), -2, r.uniform(2, 6)});
  Lighting& l = g.scene.light;
  l.fog = r.chance(0.15f) ? r.uniform(0.01f, 0.1f) / scale : 0;
  l.shadowRadius = far;
  l.shadowCentre = {0, 0, far * 0.5f};
  l.occlusionRadius = 0.1f * scale;
  View view;
  view.yaw = r.normal() * 0.1f;
  view.pitch = r.normal() * 0.1f;
  view.roll = r.normal() * 0.15f;
  view.speed = 0.4f * scale;
  setCamera(g, view, size);
}
