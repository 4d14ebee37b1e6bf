// Furniture
#include "noise.h"
#include "objects.h"

static void legs(Stage& g, const Frame& f, float w, float d, float height, float thick, int m) {
  bool round = g.r.chance(0.4f);
  float splay = g.r.chance(0.3f) ? g.r.uniform(0, 0.08f) : 0;
  for (int i = 0; i < 4; i++) {
    float sx = i & 1 ? 1.f : -1.f, sz = i & 2 ? 1.f : -1.f;
    Vec3 foot{sx * (w - thick + splay), 0, sz * (d - thick + splay)}, top{sx * (w - thick), height, sz * (d - thick)};
    if (round || splay > 0) g.scene.capsule(f.point(foot), thick * 0.7f, f.point(top), thick, m, 7);
    else g.scene.box(f, foot + Vec3{0, height / 2, 0}, {thick, height / 2, thick}, m);
  }
}

void table(Stage& g, const Frame& f, bool withClutter) {
  Random& r = g.r;
  float w = r.uniform(0.35f, 1), d = r.uniform(0.3f, 0.5f), h = r.uniform(0.4f, 0.8f), thick = r.uniform(0.008f, 0.03f);
  int top = g.wood(), frame = r.chance(0.5f) ? top : g.metal();
  if (r.chance(0.2f)) {
    float radius = r.uniform(0.3f, 0.6f);
    g.scene.cylinder(f.at({0, h - thick, 0}), radius, radius, 2 * thick, 24, top);
    g.scene.cylinder(f, 0.04f, 0.04f, h, 10, frame);
    g.scene.cylinder(f, radius * 0.6f, radius * 0.6f, 0.02f, 16, frame);
    w = d = radius * 0.7f;
  } else {
    g.scene.box(f, {0, h, 0}, {w, thick, d}, top);
    legs(g, f, w, d, h, r.uniform(0.012f, 0.04f), frame);
    if (r.chance(0.3f)) {  // rails between the legs
      g.scene.box(f, {0, h * 0.25f, d * 0.9f}, {w * 0.95f, 0.012f, 0.012f}, frame);
      g.scene.box(f, {0, h * 0.25f, -d * 0.9f}, {w * 0.95f, 0.012f, 0.012f}, frame);
    }
  }
  if (withClutter) clutter(g, f.at({0, h + thick, 0}), w * 0.85f, d * 0.85f, r.between(0, 7), 1);
}

void desk(Stage& g, const Frame& f) {  // its user sits at +z
  Random& r = g.r;
  float w = r.uniform(0.5f, 0.95f), d = r.uniform(0.3f, 0.42f), h = r.uniform(0.68f, 0.78f);
  int top = g.wood(), frame = r.chance(0.4f) ? top : g.metal();
  g.scene.box(f, {0, h, 0}, {w, 0.015f, d}, top);
  if (r.chance(0.5f)) legs(g, f, w, d, h, r.uniform(0.015f, 0.03f), frame);
  else {
    for (float side : {-1.f, 1.f}) g.scene.box(f, {side * (w - 0.02f), h / 2, 0}, {0.015f, h / 2, d}, frame);
    g.scene.box(f, {0, h * 0.7f, -d * 0.9f}, {w, h * 0.25f, 0.01f}, frame);
  }
  if (r.chance(0.5f)) g.scene.box(f, {w * 0.65f, h * 0.4f, 0}, {w * 0.3f, h * 0.36f, d * 0.9f}, frame);
  Frame surface = f.at({0, h + 0.015f, 0});
  for (int n = r.between(0, 2), i = 0; i < n; i++) monitor(g, surface.at({(i - (n - 1) * 0.5f) * 0.6f, 0, -d * 0.4f}, r.uniform(-0.3f, 0.3f)));
  if (r.chance(0.5f)) g.scene.box(surface, {0, 0.01f, d * 0.4f}, {0.2f, 0.01f, 0.07f}, g.plastic());
  if (r.chance(0.4f)) laptop(g, surface.at({r.uniform(-0.5f, 0.5f) * w, 0, d * 0.1f}, r.uniform(-0.3f, 0.3f)), 1);
  clutter(g, surface, w * 0.9f, d * 0.7f, r.between(0, 6), 1);
  if (r.chance(0.3f)) tableLamp(g, surface.at({w * 0.8f, 0, -d * 0.6f}));
}

static void officeBase(Stage& g, const Frame& f, float h, int m) {
  g.scene.cylinder(f, 0.03f, 0.03f, h, 8, m);
  for (int i = 0; i < 5; i++) {
    float a = i * 2 * kPi / 5;
    g.scene.capsule(f.point({0, 0.09f, 0}), 0.02f, f.point({0.28f * std::cos(a), 0.06f, 0.28f * std::sin(a)}), 0.015f, m, 6);
    g.scene.ellipsoid(f, {0.28f * std::cos(a), 0.03f, 0.28f * std::sin(a)}, {0.03f, 0.03f, 0.02f}, m, 5, 8);
  }
}

void chair(Stage& g, const Frame& f) {
  Random& r = g.r;
  int m = g.wood(), soft = r.chance(0.5f) ? m : g.fabric();
  float w = r.uniform(0.19f, 0.27f), h = r.uniform(0.4f, 0.5f), back = r.uniform(0.3f, 0.6f), thick = r.uniform(0.012f, 0.05f);
  if (r.chance(0.12f)) {  // stool
    float tall = r.uniform(0.4f, 0.75f);
    g.scene.cylinder(f.at({0, tall - thick, 0}), w, w, 2 * thick, 16, soft);
    legs(g, f, w * 0.8f, w * 0.8f, tall, r.uniform(0.01f, 0.02f), m);
    return;
  }
  bool office = r.chance(0.35f);
  if (office) {
    officeBase(g, f, h, g.plastic());
    g.scene.ellipsoid(f, {0, h, 0}, {w * 1.1f, thick + 0.02f, w * 1.1f}, soft, 6, 14);
  } else {
    g.scene.box(f, {0, h, 0}, {w, thick, w}, soft);
    legs(g, f, w, w, h, r.uniform(0.01f, 0.025f), m);
  }
  Frame rear = f.at({0, h, -w}).rotated({1, 0, 0}, -r.uniform(0, 0.3f));
  if (office || r.chance(0.4f)) {
    float curve = r.uniform(0, 0.06f), half = back * 0.42f;
    g.scene.grid([&](float u, float v) {
      float x = 2 * u - 1, y = 2 * v - 1;
      return rear.point({x * w, back * 0.58f + y * half, curve * x * x - 0.02f * (1 - y * y)});
    }, 6, 4, soft, w * 2, back);
    g.scene.box(rear, {0, back * 0.3f, -0.02f}, {0.03f, back * 0.35f, 0.012f}, m);
  } else {
    for (float side : {-1.f, 1.f}) g.scene.box(rear, {side * w * 0.9f, back / 2, 0}, {0.016f, back / 2, 0.016f}, m);
    bool upright = r.chance(0.5f);
    for (int n = r.between(2, 5), i = 0; i < n; i++) {
      if (upright) g.scene.box(rear, {w * 0.85f * (2.f * (i + 0.5f) / n - 1), back / 2, 0}, {0.01f, back * 0.45f, 0.008f}, m);
      else g.scene.box(rear, {0, back * (i + 1.f) / n, 0}, {w * 0.9f, 0.025f, 0.012f}, m);
    }
    g.scene.box(rear, {0, back, 0}, {w * 0.95f, 0.03f, 0.015f}, m);
  }
  if (r.chance(0.3f))
    for (float side : {-1.f, 1.f}) {
      g.scene.box(f, {side * w, h + 0.2f, 0}, {0.025f, 0.015f, w * 0.9f}, m);
      g.scene.box(f, {side * w, h + 0.1f, w * 0.7f}, {0.015f, 0.1f, 0.015f}, m);
    }
  if (r.chance(0.12f)) {  // a jacket over the back
    int cloth = g.fabric(), seed = r.below(999);
    g.scene.grid([&](float u, float v) {
      float x = 2 * u - 1;
      return rear.point({x * (w + 0.05f), back * (1.05f - 0.75f * v), -0.05f - 0.05f * fractal(u * 5, v * 4, 2, seed)});
    }, 8, 6, cloth, 0.5f, 0.5f);
  }
}

void sofa(Stage& g, const Frame& f) {
  Random& r = g.r;
  int m = g.fabric();
  float w = r.uniform(0.4f, 1.1f), d = r.uniform(0.35f, 0.5f), h = r.uniform(0.35f, 0.45f), arm = r.uniform(0.07f, 0.14f);
  g.scene.box(f, {0, h * 0.5f + 0.03f, 0}, {w, h * 0.5f - 0.03f, d}, m);
  int seats = std::max(1, int(w / 0.35f));
  for (int i = 0; i < seats; i++)
    g.scene.ellipsoid(f, {w * (2.f * (i + 0.5f) / seats - 1), h, 0.03f}, {w / seats * 0.98f, 0.07f, d * 0.9f}, m, 6, 12);
  g.scene.box(f, {0, h, -d}, {w + arm, h * r.uniform(0.8f, 1.1f), arm}, m);
  for (float side : {-1.f, 1.f}) g.scene.box(f, {side * w, h * 0.75f, 0}, {arm, h * 0.75f, d}, m);
  for (int n = r.between(0, 4); n > 0; n--) {
    Frame cushion = f.at({r.uniform(-w, w) * 0.8f, h + 0.2f, -d + arm + 0.14f}, r.uniform(-0.4f, 0.4f)).rotated({1, 0, 0}, -0.3f);
    g.scene.ellipsoid(cushion, {}, {0.21f, 0.2f, 0.08f}, g.fabric(), 6, 10);
  }
  if (r.chance(0.15f)) {
    int cloth = g.fabric(), seed = r.below(999);
    float x0 = r.uniform(-w, w * 0.3f);
    g.scene.grid([&](float u, float v) {
      return f.point({x0 + u * 0.6f, h + 0.1f + 0.05f * fractal(u * 4, v * 5, 2, seed) - (v > 0.7f ? (v - 0.7f) * 0.9f : 0.f), -d * 0.6f + v * d * 1.9f});
    }, 8, 8, cloth, 0.6f, 1);
  }
}

void bed(Stage& g, const Frame& f) {
  Random& r = g.r;
  int m = g.wood(), sheet = g.fabric(), cover = g.fabric(), seed = r.below(9999);
  float w = r.uniform(0.45f, 0.9f), d = 1, h = r.uniform(0.25f, 0.45f), lumps = r.uniform(0.02f, 0.12f), drop = r.uniform(0.1f, 0.35f);
  g.scene.box(f, {0, h * 0.5f, 0}, {w, h * 0.5f, d}, m);
  g.scene.box(f, {0, h + 0.08f, 0}, {w * 0.98f, 0.08f, d * 0.98f}, sheet);
  g.scene.box(f, {0, h * 1.2f, -d}, {w, h * 1.2f, 0.04f}, m);
  g.scene.grid([&](float u, float v) {
    bool edge = u < 0.02f || u > 0.98f || v > 0.98f;
    return f.point({(2 * u - 1) * (w + 0.04f), h + 0.17f + lumps * fractal(u * 6, v * 8, 3, seed) - (edge ? drop : 0.f), (v * 1.35f - 0.35f) * d});
  }, 16, 16, cover, 2 * w, 2 * d);
  for (float side : {-1.f, 1.f})
    g.scene.ellipsoid(f.at({side * w * 0.5f, h + 0.23f, -d * 0.72f}).rotated({1, 0, 0}, -r.uniform(0, 0.5f)), {}, {0.3f, 0.09f, 0.2f}, sheet, 6, 12, 0.1f, seed);
}

void shelf(Stage& g, const Frame& f) {
  Random& r = g.r;
  int m = g.wood(), rows = r.between(2, 6);
  float w = r.uniform(0.3f, 0.8f), d = r.uniform(0.12f, 0.22f), h = r.uniform(0.7f, 2.2f), thick = r.uniform(0.008f, 0.02f), gap = h / rows;
  bool open = r.chance(0.25f);
  if (open)
    for (int i = 0; i < 4; i++) g.scene.box(f, {(i & 1 ? 1 : -1) * w, h / 2, (i & 2 ? 1 : -1) * d}, {0.012f, h / 2, 0.012f}, m);
  else
    for (float side : {-1.f, 1.f}) g.scene.box(f, {side * w, h / 2, 0}, {thick, h / 2, d}, m);
  if (!open && r.chance(0.7f)) g.scene.box(f, {0, h / 2, -d}, {w, h / 2, 0.006f}, m);
  for (int i = 0; i <= rows; i++) g.scene.box(f, {0, gap * i, 0}, {w, thick, d}, m);
  for (int i = 0; i < rows; i++) {
    Frame row = f.at({0, gap * i + thick, 0});
    float kind = r.unit();
    if (kind < 0.55f) bookRow(g, row.at({-w + 0.03f, 0, 0}), r.uniform(0, 2 * w - 0.06f), gap * 0.9f, d);
    else if (kind < 0.9f) clutter(g, row, w * 0.8f, d * 0.3f, r.between(0, 5), std::min(1.2f, gap * 3));
    else g.scene.box(row, {0, gap * 0.4f, 0}, {w * 0.9f, gap * 0.38f, d * 0.9f}, g.fabric());
  }
}

void cabinet(Stage& g, const Frame& f) {
  Random& r = g.r;
  int m = g.wood(), handles = g.metal(), columns = r.between(1, 3), rows = r.between(1, 4);
  float w = r.uniform(0.25f, 0.9f), d = r.uniform(0.2f, 0.3f), h = r.chance(0.5f) ? r.uniform(0.5f, 1) : r.uniform(1.4f, 2.2f);
  g.scene.box(f, {0, h / 2, 0}, {w, h / 2, d}, m);
  for (int i = 0; i < columns; i++)
    for (int j = 0; j < rows; j++) {
      Vec3 c{w * ((2 * i + 1.f) / columns - 1), h * (j + 0.5f) / rows, d + 0.006f};
      g.scene.box(f, c, {w / columns * 0.95f, h / rows * 0.47f, 0.008f}, m);
      g.scene.box(f, c + Vec3{0, 0, 0.02f}, {0.04f, 0.008f, 0.012f}, handles);
    }
  if (h > 1.1f) return;
  clutter(g, f.at({0, h, 0}), w * 0.8f, d * 0.5f, r.between(0, 5), 1.2f);
  if (r.chance(0.3f)) {  // television
    float wide = r.uniform(0.35f, 0.7f), high = wide * 0.56f;
    g.scene.box(f, {0, h + high + 0.06f, 0}, {wide, high, 0.02f}, g.flat(grey(0.04f), 0.4f));
    g.scene.quad(f.point({-wide * 0.97f, h + 0.08f, 0.022f}), f.point({wide * 0.97f, h + 0.08f, 0.022f}),
                 f.point({wide * 0.97f, h + 2 * high + 0.04f, 0.022f}), f.point({-wide * 0.97f, h + 2 * high + 0.04f, 0.022f}), g.screen());
  }
}

void kitchen(Stage& g, const Frame& f) {  // against a wall at -z
  Random& r = g.r;
  int front = g.wood(), top = r.chance(0.5f) ? g.plastic() : g.wood(), handles = g.metal();
  int units = r.between(2, 5);
  float unit = r.uniform(0.4f, 0.6f), w = units * unit / 2, h = 0.86f, d = 0.3f;
  g.scene.box(f, {0, h / 2, 0}, {w, h / 2, d}, front);
  g.scene.box(f, {0, h + 0.02f, 0.01f}, {w + 0.01f, 0.02f, d + 0.02f}, top);
  for (int i = 0; i < units; i++) {
    float x = -w + unit * (i + 0.5f);
    g.scene.box(f, {x, h * 0.48f, d + 0.005f}, {unit * 0.47f, h * 0.42f, 0.008f}, front);
    g.scene.box(f, {x, h * 0.85f, d + 0.025f}, {unit * 0.3f, 0.008f, 0.01f}, handles);
  }
  clutter(g, f.at({0, h + 0.04f, 0}), w * 0.95f, d * 0.6f, r.between(1, 9), 1.2f);
  if (r.chance(0.5f)) {  // tap
    Vec3 a = f.point({0, h, -d * 0.6f}), b = f.point({0, h + 0.3f, -d * 0.6f}), c = f.point({0, h + 0.28f, -d * 0.1f});
    g.scene.capsule(a, 0.012f, b, 0.012f, handles, 7);
    g.scene.capsule(b, 0.012f, c, 0.012f, handles, 7);
  }
  if (r.chance(0.7f)) {
    float y = r.uniform(1.4f, 1.6f), tall = r.uniform(0.25f, 0.4f);
    for (int i = 0; i < units; i++)
      if (r.chance(0.85f)) {
        float x = -w + unit * (i + 0.5f);
        g.scene.box(f, {x, y + tall, -d * 0.4f}, {unit * 0.49f, tall, d * 0.55f}, front);
        g.scene.box(f, {x + unit * 0.35f, y + 0.1f, d * 0.17f}, {0.008f, 0.05f, 0.01f}, handles);
      }
  }
  if (r.chance(0.4f)) g.scene.box(f, {w + 0.32f, 0.9f, 0}, {0.3f, 0.9f, 0.32f}, g.plastic());  // refrigerator
}

void plant(Stage& g, const Frame& f) {
  Random& r = g.r;
  int pot = g.anything(), leaf = g.leaf(), stem = g.bark();
  float radius = r.uniform(0.08f, 0.2f), h = radius * 2, tall = r.uniform(0.2f, 1.3f);
  g.scene.cylinder(f, radius * 0.7f, radius, h, 14, pot);
  if (r.chance(0.5f)) {
    Vec3 top{r.uniform(-0.1f, 0.1f), h + tall * 0.6f, r.uniform(-0.1f, 0.1f)};
    g.scene.capsule(f.point({0, h, 0}), 0.015f, f.point(top), 0.01f, stem, 6);
    g.scene.foliage(r, f.point({0, h + tall * 0.6f, 0}), grey(tall * 0.5f), r.between(40, 160), r.uniform(0.03f, 0.12f), leaf, false);
    return;
  }
  for (int n = r.between(5, 18); n > 0; n--) {  // long bending leaves
    float a = r.uniform(0, 2 * kPi), reach = tall * r.uniform(0.3f, 0.8f), rise = tall * r.uniform(0.4f, 1), wide = r.uniform(0.015f, 0.05f);
    Vec3 out{std::cos(a), 0, std::sin(a)}, side{-std::sin(a), 0, std::cos(a)};
    g.scene.grid([&](float u, float v) {
      return f.point(Vec3{0, h, 0} + out * (reach * v) + Vec3{0, rise * (v * 1.8f - v * v * 1.2f), 0} + side * ((2 * u - 1) * wide * std::sin(kPi * (0.1f + 0.9f * v))));
    }, 2, 5, leaf, 0.1f, tall);
  }
}

void floorLamp(Stage& g, const Frame& f) {
  int m = g.metal(), shade = g.glowing(g.fabric(), g.r.chance(0.5f) ? g.r.uniform(0.5f, 2.5f) : 0);
  float h = g.r.uniform(1.2f, 1.6f), low = g.r.uniform(0.15f, 0.25f), high = g.r.uniform(0.08f, 0.2f);
  g.scene.cylinder(f, 0.13f, 0.13f, 0.02f, 14, m);
  g.scene.cylinder(f, 0.012f, 0.012f, h, 6, m);
  g.scene.lathe(f.at({0, h, 0}), {{low, 0}, {high, g.r.uniform(0.2f, 0.3f)}}, 16, shade);
}

void boxes(Stage& g, const Frame& f) {
  Random& r = g.r;
  Vec3 card{r.uniform(0.5f, 0.75f), r.uniform(0.4f, 0.55f), r.uniform(0.25f, 0.4f)};
  for (int n = r.between(1, 5); n > 0; n--) {
    int m = r.chance(0.6f) ? g.material(Surface::Plaster, 0.5f, card, 0.9f) : g.anything();
    float y = 0, w = r.uniform(0.1f, 0.3f), d = r.uniform(0.1f, 0.3f);
    Frame column = f.at({r.uniform(-0.4f, 0.4f), 0, r.uniform(-0.3f, 0.3f)}, r.uniform(-0.6f, 0.6f));
    for (int k = r.between(1, 3); k > 0; k--) {
      float h = r.uniform(0.08f, 0.22f);
      Frame b = column.at({r.uniform(-0.03f, 0.03f), y, r.uniform(-0.03f, 0.03f)}, r.uniform(-0.2f, 0.2f));
      g.scene.box(b, {0, h, 0}, {w, h, d}, m);
      y += 2 * h;
      if (k == 1 && r.chance(0.3f))
        for (float side : {-1.f, 1.f}) {  // open flaps
          Frame flap = b.at({side * w, 2 * h, 0}).rotated({0, 0, 1}, -side * r.uniform(0.3f, 1.4f));
          g.scene.box(flap, {0, w * 0.45f, 0}, {0.004f, w * 0.45f, d}, m);
        }
    }
  }
}

void stairs(Stage& g, const Frame& f, float width, int steps) {  // rising towards -z
  int m = g.flooring(), riser = g.r.chance(0.5f) ? m : g.wood();
  float rise = g.r.uniform(0.15f, 0.19f), run = g.r.uniform(0.25f, 0.32f);
  bool open = g.r.chance(0.2f);
  for (int i = 0; i < steps; i++) {
    float y = rise * (i + 1);
    if (open) g.scene.box(f, {0, y - 0.02f, -run * i}, {width / 2, 0.02f, run * 0.55f}, m);
    else g.scene.box(f, {0, y / 2, -run * i}, {width / 2, y / 2, run / 2}, riser, m);
  }
  for (float side : {-1.f, 1.f})
    if (g.r.chance(0.6f)) railing(g, f.point({side * width / 2, 0.1f, 0}), f.point({side * width / 2, rise * steps, -run * steps}), 0.95f);
}

void ladder(Stage& g, const Frame& f, float height) {
  int m = g.metal();
  Frame leaning = f.rotated({1, 0, 0}, -g.r.uniform(0.1f, 0.35f));
  float w = g.r.uniform(0.18f, 0.25f);
  for (float side : {-1.f, 1.f}) g.scene.box(leaning, {side * w, height / 2, 0}, {0.02f, height / 2, 0.03f}, m);
  for (float y = 0.25f; y < height; y += 0.28f) g.scene.box(leaning, {0, y, 0}, {w, 0.014f, 0.02f}, m);
}

void railing(Stage& g, const Vec3& from, const Vec3& to, float height) {
  int m = g.r.chance(0.6f) ? g.metal() : g.wood();
  float span = length(to - from), thick = g.r.uniform(0.012f, 0.03f), gap = g.r.uniform(0.1f, 0.4f);
  Vec3 up{0, height, 0};
  g.scene.capsule(from + up, thick, to + up, thick, m, 6);
  int kind = g.r.below(3), posts = std::min(60, int(span / (kind == 0 ? gap : 1.2f)) + 1);
  for (int i = 0; i <= posts; i++) {
    Vec3 p = mix(from, to, float(i) / posts);
    g.scene.capsule(p, thick * 0.7f, p + up, thick * 0.7f, m, 5);
  }
  if (kind == 1)
    for (float y : {0.25f, 0.5f, 0.75f}) g.scene.capsule(from + up * y, thick * 0.5f, to + up * y, thick * 0.5f, m, 5);
  if (kind == 2) g.scene.capsule(from + up * 0.5f, thick * 0.7f, to + up * 0.5f, thick * 0.7f, m, 5);
}

void coatRack(Stage& g, const Frame& f) {  // coats on a wall at -z
  Random& r = g.r;
  float h = r.uniform(1.4f, 1.8f);
  g.scene.box(f, {0, h, 0.02f}, {0.5f, 0.05f, 0.015f}, g.wood());
  for (int n = r.between(1, 4); n > 0; n--) {
    float x = r.uniform(-0.4f, 0.4f), wide = r.uniform(0.1f, 0.22f), deep = r.uniform(0.06f, 0.12f), drop = r.uniform(0.5f, 1);
    std::vector<Scene::Ring> rings;
    for (int j = 0; j <= 5; j++) {
      float v = j / 5.f;
      rings.push_back({f.point({x, h - drop * v, 0.04f + deep}), wide * (0.35f + 0.65f * std::sqrt(v)), deep * (0.5f + 0.5f * v)});
    }
    g.scene.loft(rings, f.ex, 12, g.fabric(), 0.25f, r.below(999));
  }
}

void radiator(Stage& g, const Frame& f) {
  int m = g.flat(grey(g.r.uniform(0.7f, 0.95f)), 0.2f);
  int fins = g.r.between(6, 16);
  float pitch = g.r.uniform(0.045f, 0.08f), h = g.r.uniform(0.25f, 0.35f);
  for (int i = 0; i < fins; i++) g.scene.box(f, {(i - fins * 0.5f) * pitch, 0.12f + h, 0.05f}, {pitch * 0.35f, h, 0.04f}, m);
}

void tripod(Stage& g, const Frame& f) {
  int m = g.plastic();
  float h = g.r.uniform(0.8f, 1.5f), spread = g.r.uniform(0.25f, 0.45f);
  for (int i = 0; i < 3; i++) {
    float a = i * 2 * kPi / 3 + 0.4f;
    g.scene.capsule(f.point({spread * std::cos(a), 0, spread * std::sin(a)}), 0.01f, f.point({0, h, 0}), 0.014f, m, 6);
  }
  g.scene.box(f, {0, h + 0.06f, 0}, {0.07f, 0.05f, 0.05f}, m);
  g.scene.cylinder(f.at({0, h + 0.06f, 0.05f}).rotated({1, 0, 0}, kPi / 2), 0.035f, 0.04f, 0.07f, 12, m);
}

void curtain(Stage& g, const Frame& wall, float centre, float width, float bottom, float top) {
  int m = g.fabric();
  float phase = g.r.uniform(0, 6), folds = g.r.uniform(20, 45), depth = g.r.uniform(0.015f, 0.05f);
  g.scene.grid([&](float u, float v) {
    return wall.point({centre + (u - 0.5f) * width, mix(bottom, top, v), -0.08f - depth * std::sin(phase + u * width * folds)});
  }, 24, 2, m, width, top - bottom);
}
