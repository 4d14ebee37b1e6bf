// Things that fit on a table
#include "objects.h"

static void bottle(Stage& g, const Frame& f, float size, int m) {
  float radius = g.r.logUniform(0.025f, 0.06f) * size, height = g.r.logUniform(0.12f, 0.32f) * size, neck = radius * g.r.uniform(0.25f, 0.6f);
  float shoulder = height * g.r.uniform(0.5f, 0.75f);
  g.scene.lathe(f, {{0, 0}, {radius, 1e-4f}, {radius, shoulder}, {neck, shoulder + radius}, {neck, height}, {0, height + 1e-4f}}, 14, m);
  if (g.r.chance(0.5f)) g.scene.cylinder(f.at({0, height, 0}), neck * 1.1f, neck * 1.1f, 0.02f * size, 10, g.plastic());
}

static void vase(Stage& g, const Frame& f, float size, int m) {
  float radius = g.r.logUniform(0.03f, 0.1f) * size, height = g.r.logUniform(0.08f, 0.35f) * size, phase = g.r.uniform(0, 6), waves = g.r.uniform(1, 5);
  Profile p{{0, 0}};
  for (int i = 0, n = 6; i <= n; i++) p.push_back({radius * (0.55f + 0.4f * std::sin(phase + waves * i / n)), height * i / n + 2e-4f * i});
  p.push_back({0, height + 0.002f});
  g.scene.lathe(f, p, 14, m);
  if (g.r.chance(0.3f)) {
    int leaf = g.leaf();
    g.scene.foliage(g.r, f.point({0, height * 1.4f, 0}), Vec3{height, height, height} * 0.6f, g.r.between(20, 60), height * 0.15f, leaf, false);
  }
}

static void mug(Stage& g, const Frame& f, float size, int m) {
  float radius = g.r.logUniform(0.03f, 0.05f) * size, height = radius * g.r.uniform(1.8f, 2.6f);
  g.scene.lathe(f, {{0, 0}, {radius, 1e-4f}, {radius, height}, {radius * 0.88f, height}, {radius * 0.85f, height * 0.3f}, {0, height * 0.3f}}, 14, m);
  Vec3 low = f.point({radius, height * 0.25f, 0}), mid = f.point({radius * 1.6f, height * 0.5f, 0}), high = f.point({radius, height * 0.8f, 0});
  g.scene.capsule(low, radius * 0.15f, mid, radius * 0.15f, m, 6);
  g.scene.capsule(mid, radius * 0.15f, high, radius * 0.15f, m, 6);
}

static void bookPile(Stage& g, const Frame& f, float size) {
  float wide = g.r.uniform(0.08f, 0.13f) * size, deep = g.r.uniform(0.1f, 0.16f) * size, y = 0;
  for (int n = g.r.between(1, 7); n > 0; n--) {
    float half = g.r.uniform(0.006f, 0.025f) * size;
    int m = g.anything();
    Frame b = f.at({g.r.uniform(-0.01f, 0.01f), y, g.r.uniform(-0.01f, 0.01f)}, g.r.uniform(-0.3f, 0.3f));
    g.scene.box(b, {0, half, 0}, {wide * g.r.uniform(0.8f, 1.1f), half, deep * g.r.uniform(0.8f, 1.1f)}, m);
    y += 2 * half;
  }
}

static void pens(Stage& g, const Frame& f, float size) {
  float radius = 0.04f * size, height = 0.1f * size;
  g.scene.cylinder(f, radius, radius, height, 12, g.plastic());
  for (int n = g.r.between(2, 7); n > 0; n--) {
    float a = g.r.uniform(0, 2 * kPi), lean = g.r.uniform(0, 0.03f) * size;
    Vec3 foot{std::cos(a) * radius * 0.4f, height * 0.5f, std::sin(a) * radius * 0.4f};
    g.scene.capsule(f.point(foot), 0.005f * size, f.point(foot + Vec3{std::cos(a) * lean, height * g.r.uniform(0.7f, 1.1f), std::sin(a) * lean}), 0.005f * size, g.plastic(), 5);
  }
}

static void fruitBowl(Stage& g, const Frame& f, float size) {
  float radius = g.r.uniform(0.09f, 0.16f) * size;
  g.scene.lathe(f, {{0, 0}, {radius * 0.5f, 1e-4f}, {radius, radius * 0.5f}, {radius * 0.95f, radius * 0.5f}, {radius * 0.4f, radius * 0.1f}, {0, radius * 0.1f}}, 18, g.plastic());
  for (int n = g.r.between(2, 8); n > 0; n--) {
    float q = g.r.uniform(0.025f, 0.045f) * size, a = g.r.uniform(0, 6.3f), d = g.r.uniform(0, 0.6f) * radius;
    g.scene.ellipsoid(f, {d * std::cos(a), radius * 0.3f + q, d * std::sin(a)}, {q, q * g.r.uniform(0.8f, 1.1f), q}, g.plastic(), 7, 10);
  }
}

static void pottedPlant(Stage& g, const Frame& f, float size) {
  float radius = g.r.uniform(0.04f, 0.09f) * size, height = radius * 1.6f;
  g.scene.cylinder(f, radius * 0.7f, radius, height, 12, g.anything());
  int leaf = g.leaf();
  g.scene.foliage(g.r, f.point({0, height + radius * 1.5f, 0}), {radius * 2, radius * 2.2f, radius * 2}, g.r.between(30, 80), radius * 0.6f, leaf, false);
}

static void toy(Stage& g, const Frame& f, float size) {  // a lumpy figure of ellipsoids
  float q = g.r.uniform(0.03f, 0.08f) * size;
  int m = g.fabric(), m2 = g.r.chance(0.5f) ? m : g.fabric();
  g.scene.ellipsoid(f, {0, q, 0}, {q, q, q * 0.8f}, m, 7, 10, 0.08f, g.r.below(99));
  g.scene.ellipsoid(f, {0, q * 2.4f, 0}, {q * 0.7f, q * 0.7f, q * 0.7f}, m2, 7, 10);
  for (float side : {-1.f, 1.f}) {
    g.scene.ellipsoid(f, {side * q * 0.5f, q * 3, 0}, {q * 0.22f, q * 0.35f, q * 0.2f}, m2, 5, 8);
    g.scene.capsule(f.point({side * q * 0.8f, q * 1.5f, 0}), q * 0.28f, f.point({side * q * 1.4f, q * 0.8f, q * 0.5f}), q * 0.25f, m, 7);
    g.scene.capsule(f.point({side * q * 0.5f, q * 0.3f, q * 0.3f}), q * 0.3f, f.point({side * q * 0.6f, q * 0.25f, q * 1.2f}), q * 0.28f, m, 7);
  }
}

static void cable(Stage& g, const Frame& f, float size) {
  int m = g.plastic();
  float radius = g.r.uniform(0.002f, 0.005f) * size, heading = g.r.uniform(0, 6.3f);
  Vec3 p{0, radius, 0};
  for (int n = g.r.between(6, 16); n > 0; n--) {
    heading += g.r.normal() * 0.6f;
    Vec3 q = p + Vec3{std::cos(heading), 0, std::sin(heading)} * (0.04f * size);
    g.scene.capsule(f.point(p), radius, f.point(q), radius, m, 5);
    p = q;
  }
}

void item(Stage& g, const Frame& f, float size) {
  Random& r = g.r;
  switch (r.below(16)) {
    case 0: case 1: {
      Vec3 half{r.logUniform(0.03f, 0.16f) * size, r.logUniform(0.02f, 0.16f) * size, r.logUniform(0.03f, 0.16f) * size};
      g.scene.box(f, {0, half.y, 0}, half, g.anything());
      break;
    }
    case 2: {
      float radius = r.logUniform(0.02f, 0.1f) * size;
      g.scene.ellipsoid(f, {0, radius, 0}, {radius, radius, radius}, g.anything(), 8, 14);
      break;
    }
    case 3: {
      float radius = r.logUniform(0.02f, 0.07f) * size;
      g.scene.cylinder(f, radius, radius * r.uniform(0.7f, 1.2f), r.logUniform(0.04f, 0.3f) * size, 14, g.anything());
      break;
    }
    case 4: case 5: bottle(g, f, size, r.chance(0.5f) ? g.plastic() : g.anything()); break;
    case 6: vase(g, f, size, g.anything()); break;
    case 7: case 8: bookPile(g, f, size); break;
    case 9: mug(g, f, size, g.plastic()); break;
    case 10: laptop(g, f, size); break;
    case 11: pottedPlant(g, f, size); break;
    case 12: pens(g, f, size); break;
    case 13: fruitBowl(g, f, size); break;
    case 14: toy(g, f, size); break;
    default: cable(g, f, size);
  }
}

void clutter(Stage& g, const Frame& f, float halfWidth, float halfDepth, int count, float size) {
  for (int i = 0; i < count; i++) {
    Vec3 p{g.r.uniform(-halfWidth, halfWidth), 0, g.r.uniform(-halfDepth, halfDepth)};
    item(g, f.at(p, g.r.uniform(0, 2 * kPi)), size * g.r.uniform(0.7f, 1.4f));
  }
}

void bookRow(Stage& g, const Frame& f, float width, float height, float depth) {
  int covers[5], kinds = g.r.between(2, 5);
  for (int i = 0; i < kinds; i++) covers[i] = g.anything();
  float x = 0;
  for (int count = 0; x < width && count < 26; count++) {
    float half = g.r.uniform(0.008f, 0.03f), tall = height * g.r.uniform(0.6f, 0.95f) / 2;
    Frame b = f.at({x + half, 0, g.r.uniform(-0.03f, 0.02f)});
    if (g.r.chance(0.08f)) b = b.rotated({0, 0, 1}, g.r.uniform(-0.25f, 0.25f));
    g.scene.box(b, {0, tall, 0}, {half * 0.95f, tall, depth * g.r.uniform(0.5f, 0.8f)}, covers[g.r.below(kinds)]);
    x += 2 * half;
  }
}

static void screenFace(Stage& g, const Frame& f, float x, float y0, float y1, float z) {
  g.scene.quad(f.point({-x, y0, z}), f.point({x, y0, z}), f.point({x, y1, z}), f.point({-x, y1, z}), g.screen());
}

void monitor(Stage& g, const Frame& f) {
  int m = g.plastic();
  float w = g.r.uniform(0.2f, 0.42f), h = w * g.r.uniform(0.5f, 0.65f), y = g.r.uniform(0.08f, 0.18f);
  g.scene.box(f, {0, y + h, 0}, {w, h, 0.015f}, m);
  screenFace(g, f, w * 0.96f, y + h * 0.05f, y + h * 1.95f, 0.017f);
  g.scene.box(f, {0, y / 2 + 0.02f, -0.03f}, {0.03f, y / 2 + 0.03f, 0.01f}, m);
  g.scene.box(f, {0, 0.008f, -0.02f}, {0.12f, 0.008f, 0.09f}, m);
}

void laptop(Stage& g, const Frame& f, float size) {
  int m = g.metal();
  float w = g.r.uniform(0.13f, 0.18f) * size, d = w * 0.68f, thick = 0.007f * size;
  g.scene.box(f, {0, thick, 0}, {w, thick, d}, m);
  g.scene.quad(f.point({-w * 0.9f, thick * 2.1f, d * 0.1f}), f.point({w * 0.9f, thick * 2.1f, d * 0.1f}), f.point({w * 0.9f, thick * 2.1f, -d * 0.8f}), f.point({-w * 0.9f, thick * 2.1f, -d * 0.8f}), g.flat(grey(0.05f)));
  Frame lid = f.at({0, 2 * thick, -d}).rotated({1, 0, 0}, -g.r.uniform(0.05f, 0.6f));
  g.scene.box(lid, {0, d, 0}, {w, d, thick * 0.6f}, m);
  screenFace(g, lid, w * 0.95f, d * 0.06f, d * 1.94f, thick * 0.8f);
}

void tableLamp(Stage& g, const Frame& f) {
  int m = g.metal(), shade = g.glowing(g.fabric(), g.r.chance(0.5f) ? g.r.uniform(0.5f, 2.5f) : 0);
  float h = g.r.uniform(0.2f, 0.4f), top = g.r.uniform(0.05f, 0.12f);
  g.scene.cylinder(f, 0.07f, 0.07f, 0.015f, 12, m);
  g.scene.cylinder(f, 0.01f, 0.01f, h, 6, m);
  g.scene.lathe(f.at({0, h, 0}), {{0.12f, 0}, {top, 0.16f}}, 14, shade);
}
