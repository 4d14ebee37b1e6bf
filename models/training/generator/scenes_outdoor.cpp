// Streets and landscapes
#include "noise.h"
#include "objects.h"
#include "scenes.h"

namespace {

void paintRoad(Stage& g, float half) {
  Random& r = g.r;
  int paint = g.withoutShadow(g.flat({0.85f, 0.85f, 0.8f}));
  auto mark = [&](float x0, float x1, float z0, float z1) { g.scene.quad({x0, 0.006f, z0}, {x1, 0.006f, z0}, {x1, 0.006f, z1}, {x0, 0.006f, z1}, paint); };
  for (float z = -5; z < 80; z += 4) mark(-0.08f, 0.08f, z, z + 2);
  if (r.chance(0.4f))
    for (float side : {-1.f, 1.f}) mark(side * (half - 0.3f) - 0.06f, side * (half - 0.3f) + 0.06f, -10, 100);
  if (r.chance(0.3f)) {
    float z = r.uniform(3, 15);
    for (float x = -half; x < half; x += 1) mark(x, x + 0.5f, z, z + 3);
  }
}

// One side of a street: houses wall to wall or with gaps, awnings, signs
void houses(Stage& g, float side, float edge, float length, bool shops) {
  Random& r = g.r;
  float z = -12;
  for (int count = 0; z < length && count < 22; count++) {
    float w = r.uniform(2.5f, 14), h = r.logUniform(2.5f, 30), depth = r.uniform(4, 10), gap = r.chance(0.3f) ? r.uniform(0.3f, 8) : 0;
    float setBack = r.chance(0.3f) ? r.uniform(0, 4) : 0;
    Frame x({side * (edge + setBack + depth / 2), 0, z + w / 2});
    building(g, x, w, h, depth, -side, z < 45);
    float front = -side * depth / 2;
    if (shops && z < 40 && r.chance(0.7f)) {
      float y = r.uniform(2.3f, 3.2f), out = r.uniform(0.4f, 1.5f);
      if (r.chance(0.6f)) {
        int cloth = g.fabric();
        g.scene.quad(x.point({front, y + 0.5f, -w * 0.45f}), x.point({front, y + 0.5f, w * 0.45f}), x.point({front - side * out, y, w * 0.45f}), x.point({front - side * out, y, -w * 0.45f}), cloth);
      }
      for (int n = r.between(0, 3); n > 0; n--) {
        int sign = g.glowing(g.picture(), r.chance(0.3f) ? r.uniform(0.5f, 2) : 0);
        Vec3 at{front - side * r.uniform(0.2f, 0.8f), y + r.uniform(0, 3), r.uniform(-0.5f, 0.5f) * w};
        g.scene.box(x, at, {r.chance(0.5f) ? 0.05f : 0.4f, r.uniform(0.2f, 1.2f), r.uniform(0.05f, 0.6f)}, sign);
      }
    }
    z += w + gap;
  }
}

// Lit boards, tubes and screens along a row of houses, and the light that they throw
void signs(Stage& g, float side, float edge, float length) {
  Random& r = g.r;
  for (int n = r.between(8, 40), i = 0; i < n; i++) {
    Vec3 colour = r.chance(0.25f) ? Vec3{1, 0.95f, 0.85f} : fromHsv(r.unit(), r.uniform(0.6f, 1), 1);
    Vec3 at{side * (edge - r.uniform(0, 1.2f)), r.chance(0.5f) ? r.uniform(2.4f, 4) : r.uniform(2.5f, 14), r.logUniform(2.5f, length)};
    float glow = r.logUniform(1, 8);
    int m = r.chance(0.3f) ? g.flat(colour) : g.material({Surface::Text, Surface::Photo, Surface::Collage, Surface::Stripe}, r.uniform(0.6f, 3), colour, r.uniform(0.3f, 1));
    g.glowing(m, glow);
    switch (r.below(4)) {
      case 0: g.scene.box(Frame(), at, {r.uniform(0.2f, 0.6f), r.uniform(0.5f, 3), 0.08f}, m); break;                       // stands out over the pavement
      case 1: g.scene.box(Frame(), {side * (edge - 0.05f), at.y, at.z}, {0.05f, r.uniform(0.3f, 1.5f), r.uniform(0.4f, 3)}, m); break;  // flat on the front
      case 2: g.scene.box(Frame(), {side * (edge - 0.03f), r.uniform(1, 1.8f), at.z}, {0.03f, r.uniform(0.6f, 1.2f), r.uniform(0.5f, 2.5f)}, m); break;  // a shop window
      default: {
        float high = r.uniform(0.2f, 1.5f), wide = r.uniform(0.2f, 1.5f);
        Vec3 a = at + Vec3{0, high, wide}, b = at + Vec3{0, high, -wide}, c = at + Vec3{0, -high, -wide}, d = at + Vec3{0, -high, wide};
        for (auto& [from, to] : {std::pair{a, b}, std::pair{b, c}, std::pair{c, d}, std::pair{d, a}}) g.scene.tube(from, 0.03f, to, 0.03f, m, 5);
      }
    }
    if (g.scene.light.points.size() < 7 && r.chance(0.3f)) g.scene.light.points.push_back({at - Vec3{side * 0.8f, 0, 0}, colour * r.uniform(1, 6)});
  }
}

void wires(Stage& g, float half) {
  int m = g.flat(grey(0.04f));
  for (int n = g.r.between(1, 6); n > 0; n--) {
    float y = g.r.uniform(4, 8), x0 = g.r.uniform(-half, half), x1 = g.r.chance(0.5f) ? x0 : -x0, thick = g.r.uniform(0.008f, 0.03f);
    Vec3 before{x0, y, -5};
    for (int k = 1; k <= 8; k++) {
      float f = k / 8.f;
      Vec3 p{mix(x0, x1, f), y - 1.2f * std::sin(kPi * f), -5 + 60 * f};
      g.scene.capsule(before, thick, p, thick, m, 4);
      before = p;
    }
  }
}

void walkers(Stage& g, int count, float spread, float nearest, float farthest, float ground) {
  Random& r = g.r;
  for (int i = 0; i < count; i++) {
    float z = r.logUniform(nearest, farthest), yaw = r.chance(0.75f) ? (r.chance(0.5f) ? 0 : kPi) + r.normal() * 0.3f : r.uniform(0, 2 * kPi);
    Vec3 p{r.uniform(-spread, spread), ground, z};
    Pose pose = r.chance(0.75f) ? Pose::Walking : Pose::Standing;
    float speed = r.uniform(0.7f, 1.7f);
    bool near = length(p - g.eye) < 3;
    Vec3 now = pose == Pose::Walking ? p + Vec3{std::sin(yaw), 0, std::cos(yaw)} * (speed * g.time) : p;
    g.place(p, 0.7f, [&] { person(g, Frame(now, yaw), pose, near); });
  }
}

void sceneryLight(Stage& g, View& view, float radius) {
  g.scene.light.shadowCentre = {g.eye.x, 2, g.eye.z + radius * 0.6f};
  if (g.r.chance(0.22f)) view.pitch += g.r.uniform(0.1f, 0.9f);  // much sky, the horizon at or below the picture's bottom
  else if (g.r.chance(0.12f)) view.pitch -= g.r.uniform(0.2f, 0.8f);  // none
  if (g.r.chance(0.08f)) foreground(g, view.from, view.yaw, view.pitch);
}

}  // namespace

Roadside roadside(Stage& g, bool neon, Standpoint where) {
  Random& r = g.r;
  float radius = r.uniform(15, 40), half = r.uniform(1.5f, 7), walk = r.uniform(0.5f, 4), length = r.uniform(40, 140);
  if (where != Standpoint::Anywhere) half = std::max(half, 3.6f);
  if (neon) outdoorLight(g, radius, r.chance(0.8f) ? Weather::Night : Weather::Dusk);
  else outdoorLight(g, radius);
  int road = g.road(), pavement = g.road(), ground = g.ground();
  float kerb = r.chance(0.7f) ? 0.12f : 0, edge = half + walk;
  g.scene.quad({-half, 0, -20}, {half, 0, -20}, {half, 0, 300}, {-half, 0, 300}, road);
  for (float side : {-1.f, 1.f}) {
    g.scene.box(Frame(), {side * (half + walk / 2), kerb / 2 - 0.01f, 140}, {walk / 2, kerb / 2 + 0.01f, 160}, pavement);
    g.scene.quad({side * edge, 0, -30}, {side * 250, 0, -30}, {side * 250, 0, 400}, {side * edge, 0, 400}, ground);
  }
  if (r.chance(neon ? 0.7f : 0.25f)) {
    wet(g, {road, pavement}, 0, r.chance(0.6f) ? r.uniform(0.2f, 1) : 0);
    g.scene.materials[pavement].mirror *= r.uniform(0, 1);
  }
  if (r.chance(0.6f)) paintRoad(g, half);
  if (r.chance(0.5f)) g.eye = {r.uniform(-half, half) * 0.8f, r.uniform(1, 2.2f), 0};
  else g.eye = {r.sign() * (half + walk * 0.5f), r.uniform(1, 2), 0};
  if (r.chance(0.15f)) g.eye.y = r.chance(0.5f) ? r.uniform(2.5f, 8) : r.uniform(0.2f, 0.7f);
  if (where == Standpoint::Kerb) g.eye = {r.sign() * (half + r.uniform(0, 0.4f)), r.uniform(0.7f, 1.8f), r.uniform(4, 12)};
  if (where == Standpoint::Driver) {
    g.eye = {half * 0.5f, 1.2f, 0};
    g.lane = 1.2f;
  }
  bool shops = r.chance(0.5f) || neon;
  for (float side : {-1.f, 1.f}) {
    if (r.chance(0.15f)) {
      if (r.chance(0.7f)) fence(g, {side * (edge + 0.2f), 0, -2}, {side * (edge + 0.2f), 0, 25});
      continue;
    }
    houses(g, side, edge, length, shops);
    if (neon) signs(g, side, edge, std::min(length, 60.f));
  }
  if (r.chance(0.5f)) farBackground(g, length + 20);
  for (int n = r.chance(0.55f) ? r.between(1, 10) : 0; n > 0; n--) {
    float x = r.sign() * (half + walk * r.uniform(0.1f, 1) + (r.chance(0.3f) ? r.uniform(0, 8) : 0));
    Frame f({x, 0, r.uniform(2, 60)});
    g.place(f.origin, 1.5f, [&] { if (r.chance(0.2f)) bareTree(g, f, r.uniform(2.5f, 8)); else if (r.chance(0.7f)) tree(g, f, r.uniform(2.5f, 10)); else bush(g, f, r.uniform(0.3f, 1.2f)); });
  }
  float first = r.uniform(1, 8), pitch = r.uniform(4, 15);
  for (int n = r.between(0, 8), i = 0; i < n; i++) {
    Frame f({r.sign() * (half + 0.3f), kerb, first + pitch * i}, r.chance(0.5f) ? kPi : 0);
    g.place(f.origin, 0.6f, [&] { pole(g, f, r.uniform(2.5f, 8)); });
  }
  if (r.chance(0.45f)) wires(g, edge);
  for (int n = r.chance(0.65f) ? r.between(1, 9) : 0; n > 0; n--) {
    float side = r.sign(), z = r.uniform(3, 50);
    bool moving = r.chance(0.4f);
    float x = side * (moving ? half * 0.5f : half - 1), speed = moving ? r.uniform(2, 12) * side : 0;
    Frame f({x, 0, z + speed * (g.time - 0.3f)}, side > 0 ? 0 : kPi);
    g.place({x, 0, z}, 3, [&] { car(g, f); });
  }
  for (int n = r.chance(0.3f) ? r.between(1, 4) : 0; n > 0; n--) {
    Frame f({r.sign() * (half + walk * r.uniform(0.1f, 0.9f)), kerb, r.uniform(1.5f, 15)}, r.uniform(0, 6.3f));
    g.place(f.origin, 1.2f, [&] { bicycle(g, f); });
  }
  if (r.chance(0.75f)) walkers(g, r.between(1, 12), edge * 0.95f, 1.2f, 30, kerb * 0.5f);
  for (int n = r.between(0, 6); n > 0; n--) {
    Frame f({r.sign() * (half + walk * r.unit()), kerb, r.uniform(1.5f, 20)}, r.uniform(0, 6.3f));
    g.place(f.origin, 0.9f, [&] {
      switch (r.below(5)) {
        case 0: item(g, f, r.uniform(2, 7)); break;
        case 1: bench(g, f); break;
        case 2: g.scene.cylinder(f, r.uniform(0.05f, 0.35f), r.uniform(0.05f, 0.35f), r.uniform(0.4f, 1.1f), 12, g.metal()); break;
        case 3: g.scene.box(f, {0, 0.5f, 0}, {r.uniform(0.1f, 0.5f), r.uniform(0.3f, 0.6f), r.uniform(0.1f, 0.5f)}, g.anything()); break;
        default: chair(g, f);
      }
    });
  }
  if (r.chance(0.4f)) {
    float x = r.sign() * (half + 0.15f);
    railing(g, {x, kerb, 1}, {x, kerb, 25}, r.uniform(0.7f, 1.2f));
  }
  return {half, walk, radius};
}

static void street(Stage& g, int size, bool neon) {
  Random& r = g.r;
  float radius = roadside(g, neon, Standpoint::Anywhere).radius;
  View view;
  view.from = g.eye;
  view.yaw = r.chance(0.7f) ? r.normal() * 0.35f : r.uniform(-kPi, kPi) * 0.7f;
  view.pitch = r.normal() * 0.1f - 0.04f;
  view.roll = r.normal() * 0.04f;
  view.speed = r.chance(0.2f) ? 8 : 1.8f;
  sceneryLight(g, view, radius);
  setCamera(g, view, size);
}

void streetScene(Stage& g, int size) { street(g, size, false); }
void nightStreetScene(Stage& g, int size) { street(g, size, true); }

void landscapeScene(Stage& g, int size) {
  Random& r = g.r;
  float radius = r.uniform(15, 50);
  outdoorLight(g, radius);
  int seed = r.below(99999), ground = g.ground();
  float relief = r.chance(0.4f) ? r.uniform(0, 0.5f) : r.uniform(0.5f, 8), frequency = r.logUniform(0.02f, 0.15f), reach = r.uniform(60, 160);
  float base = fractal(50, 50, 4, seed);
  auto heightAt = [&](float x, float z) { return relief * (fractal(x * frequency + 50, z * frequency + 50, 4, seed) - base) * std::min(1.f, std::hypot(x, z) / 6); };
  size_t first = g.scene.vertices.size();
  g.scene.grid([&](float u, float v) {
    float a = (u - 0.5f) * 1.5f * kPi, d = 0.05f * std::exp(v * std::log(reach / 0.05f)), x = std::sin(a) * d, z = std::cos(a) * d;
    return Vec3{x, heightAt(x, z), z};
  }, 90, 70, ground, 1, 1);
  for (size_t i = first; i < g.scene.vertices.size(); i++) {  // texture lies flat on the world
    g.scene.vertices[i].u = g.scene.vertices[i].position.x;
    g.scene.vertices[i].v = g.scene.vertices[i].position.z;
  }
  float under = -relief * 0.7f - 0.5f;
  g.scene.quad({-400, under, -60}, {400, under, -60}, {400, under, 900}, {-400, under, 900}, g.ground());
  if (r.chance(0.2f)) {  // water
    int water = g.withoutShadow(g.material({Surface::Power, Surface::Clouds, Surface::Photo}, r.uniform(2, 8), {0.1f, 0.25f, 0.35f}, 0.8f, 0.9f));
    float y = relief * r.uniform(-0.3f, 0.05f);
    wet(g, {water}, y, 0);
    g.scene.mirror.ripple = r.logUniform(0.01f, 0.2f);
    g.scene.quad({-300, y, -50}, {300, y, -50}, {300, y, 600}, {-300, y, 600}, water);
  }
  if (r.chance(0.35f)) {  // a path
    int path = g.road();
    float wide = r.uniform(0.5f, 2), bend = r.normal() * 0.02f, heading = r.normal() * 0.3f;
    g.scene.grid([&](float u, float v) {
      float z = 0.3f + v * 45, x = heading * z + bend * z * z * 0.3f + (u - 0.5f) * 2 * wide;
      return Vec3{x, heightAt(x, z) + 0.03f, z};
    }, 4, 40, path, 2 * wide, 45);
  }
  farBackground(g, reach * 0.8f);
  g.eye = {0, heightAt(0, 0) + r.uniform(0.4f, 2.2f), 0};
  if (r.chance(0.15f)) g.eye.y += r.uniform(2, 12);
  auto somewhere = [&](float nearest, float farthest) {
    float d = r.logUniform(nearest, farthest), a = r.normal() * 0.5f;
    Vec3 p{std::sin(a) * d, 0, std::cos(a) * d};
    p.y = heightAt(p.x, p.z);
    return p;
  };
  for (int n = r.chance(0.8f) ? r.between(1, 18) : 0; n > 0; n--) {
    Frame f(somewhere(2.5f, 60), r.uniform(0, 6));
    if (r.chance(0.2f)) bareTree(g, f, r.uniform(2.5f, 10)); else if (r.chance(0.7f)) tree(g, f, r.uniform(2.5f, 12)); else bush(g, f, r.uniform(0.3f, 1.5f));
  }
  int rock = g.rock();
  for (int n = r.chance(0.5f) ? r.between(1, 14) : 0; n > 0; n--) {
    Vec3 p = somewhere(1.2f, 25);
    boulder(g, Frame(p, r.uniform(0, 6)), r.logUniform(0.1f, 1.2f) * std::min(1.f, std::hypot(p.x, p.z) * 0.25f), rock);
  }
  if (r.chance(0.6f)) {  // tall grass
    int blade = g.leaf();
    for (int n = r.between(30, 350); n > 0; n--) {
      Vec3 p = somewhere(0.7f, 15), w{r.uniform(-0.015f, 0.015f), 0, r.uniform(-0.015f, 0.015f)};
      float h = r.uniform(0.05f, 0.5f), u = r.uniform(0, 3), wind = 0.05f * std::sin(g.time * 3 + p.x);
      int k = g.scene.vertex(p - w, {0, 1, 0}, u, 0);
      g.scene.vertex(p + w, {0, 1, 0}, u + 0.1f, 0);
      g.scene.vertex(p + Vec3{r.normal() * 0.1f + wind, h, r.normal() * 0.1f}, {0, 1, 0}, u, h);
      g.scene.triangle(k, k + 1, k + 2, blade);
    }
  }
  for (int n = r.chance(0.45f) ? r.between(1, 5) : 0; n > 0; n--) {
    Vec3 p = somewhere(1.3f, 20);
    float yaw = r.uniform(0, 2 * kPi), speed = r.uniform(0.8f, 3);
    Pose pose = r.chance(0.6f) ? Pose::Walking : Pose::Standing;
    bool near = length(p) < 3;
    if (pose == Pose::Walking) p = p + Vec3{std::sin(yaw), 0, std::cos(yaw)} * (speed * g.time);
    p.y = heightAt(p.x, p.z);
    person(g, Frame(p, yaw), pose, near);
  }
  for (int n = r.chance(0.3f) ? r.between(1, 4) : 0; n > 0; n--) building(g, Frame(somewhere(10, 50), r.uniform(0, 6)), r.uniform(4, 12), r.uniform(2.5f, 7), r.uniform(4, 9), 1, r.chance(0.6f));
  if (r.chance(0.25f)) {  // tall things far off
    Vec3 p = somewhere(20, 70);
    Frame f(p, r.uniform(0, 6.3f));
    float height = r.uniform(8, 30);
    switch (r.below(5)) {
      case 0: pylon(g, f, height); break;
      case 1: windTurbine(g, f, height * 1.5f); break;
      case 2: latticeTower(g, f, height, height * 0.15f, height * 0.04f); break;
      case 3: steeple(g, f, height); break;
      default: coaster(g, f, height);
    }
  }
  if (r.chance(0.4f)) {
    Vec3 a = somewhere(3, 12), b = somewhere(6, 25);
    fence(g, a, b);
  }
  for (int n = r.chance(0.25f) ? r.between(1, 3) : 0; n > 0; n--) bench(g, Frame(somewhere(2.5f, 15), r.uniform(0, 6.3f)));
  if (r.chance(0.2f)) truss(g, {r.uniform(-6, 6), 0, r.uniform(3, 12)});
  View view;
  view.from = g.eye;
  view.yaw = r.normal() * 0.25f;
  view.pitch = r.normal() * 0.13f - 0.07f;
  view.roll = r.normal() * 0.05f;
  view.speed = r.chance(0.15f) ? 6 : 1.5f;
  sceneryLight(g, view, radius);
  setCamera(g, view, size);
}
