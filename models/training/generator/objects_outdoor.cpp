// Trees, vehicles, street furniture, buildings
#include "noise.h"
#include "objects.h"

static void branches(Stage& g, const Vec3& from, const Vec3& heading, float reach, float radius, int depth, int bark, int leaf, float leafSize) {
  Vec3 to = from + heading * reach;
  g.scene.capsule(from, radius, to, radius * 0.65f, bark, depth > 1 ? 6 : 4);
  if (leaf >= 0 && depth <= 1) g.scene.foliage(g.r, to, grey(reach * 0.7f), g.r.between(8, 22), leafSize, leaf, false);
  if (depth == 0) return;
  for (int n = g.r.between(2, 3); n > 0; n--) {
    Vec3 side = normalize(Vec3{g.r.normal(), g.r.normal() * 0.5f, g.r.normal()});
    Vec3 next = normalize(heading + side * g.r.uniform(0.5f, 1) + Vec3{0, 0.15f, 0});
    branches(g, mix(from, to, g.r.uniform(0.55f, 1)), next, reach * g.r.uniform(0.55f, 0.8f), radius * 0.6f, depth - 1, bark, leaf, leafSize);
  }
}

void tree(Stage& g, const Frame& f, float height) {
  Random& r = g.r;
  int bark = g.bark(), leaf = g.leaf(), kind = r.below(6);
  float radius = height * r.uniform(0.015f, 0.035f), tilt = r.uniform(-0.08f, 0.08f);
  if (kind == 0) {  // branching, in leaf or bare
    bool bare = r.chance(0.3f);
    branches(g, f.origin, normalize({tilt, 1, r.uniform(-0.08f, 0.08f)}), height * 0.4f, radius, 3, bark, bare ? -1 : leaf, height * 0.025f);
    return;
  }
  Vec3 top = f.point({tilt * height, height * r.uniform(0.4f, 0.65f), r.uniform(-0.05f, 0.05f) * height});
  g.scene.capsule(f.origin, radius, top, radius * 0.5f, bark, 8);
  if (kind == 1) {  // conifer
    int tiers = r.between(3, 8);
    float wide = height * r.uniform(0.12f, 0.28f);
    for (int i = 0; i < tiers; i++) {
      float v = float(i) / tiers;
      g.scene.lathe(f.at({tilt * height * v, height * (0.15f + 0.75f * v), 0}), {{wide * (1 - v) + 0.04f * height, 0}, {0, height * 0.28f}}, 11, leaf, 1, 1, 0.2f, r.below(99));
    }
    return;
  }
  if (kind == 2 && r.chance(0.4f)) {  // palm
    Vec3 crown = f.point({tilt * height, height * 0.8f, 0});
    g.scene.capsule(f.origin, radius * 0.8f, crown, radius * 0.6f, bark, 8);
    for (int n = r.between(8, 14); n > 0; n--) {
      float a = r.uniform(0, 2 * kPi), reach = height * r.uniform(0.22f, 0.35f), wide = height * 0.03f;
      Vec3 out{std::cos(a), 0, std::sin(a)}, side{-std::sin(a), 0, std::cos(a)};
      g.scene.grid([&](float u, float v) {
        return crown + out * (reach * v) + Vec3{0, reach * (0.5f * v - 0.9f * v * v), 0} + side * ((2 * u - 1) * wide * std::sin(kPi * (0.1f + 0.85f * v)));
      }, 2, 5, leaf, 0.3f, 2);
    }
    return;
  }
  for (int n = r.between(3, 8); n > 0; n--) {  // rounded crowns
    Vec3 d{r.normal() * 0.12f, r.uniform(0, 0.28f), r.normal() * 0.12f}, c = top + d * height;
    Vec3 size{r.uniform(0.1f, 0.22f) * height, r.uniform(0.08f, 0.18f) * height, r.uniform(0.1f, 0.22f) * height};
    g.scene.capsule(top, radius * 0.4f, c, radius * 0.15f, bark, 5);
    if (kind != 5) g.scene.ellipsoid(Frame(c), {}, size * 0.8f, leaf, 7, 10, 0.25f, r.below(999));
    if (kind != 3) g.scene.foliage(r, c, size, r.between(30, 90), height * r.uniform(0.012f, 0.035f), leaf, kind != 5);
  }
}

void bush(Stage& g, const Frame& f, float radius) {
  Random& r = g.r;
  int leaf = g.leaf();
  for (int n = r.between(1, 4); n > 0; n--) {
    Vec3 size{radius * r.uniform(0.5f, 1), radius * r.uniform(0.5f, 1), radius * r.uniform(0.5f, 1)};
    g.scene.ellipsoid(f.at({r.uniform(-radius, radius), 0, r.uniform(-radius, radius) * 0.5f}), {0, radius * 0.5f, 0}, size, leaf, 7, 10, 0.25f, r.below(999));
  }
  if (r.chance(0.6f)) g.scene.foliage(r, f.point({0, radius * 0.6f, 0}), {radius, radius * 0.8f, radius}, r.between(40, 120), radius * 0.13f, leaf, true);
}

void boulder(Stage& g, const Frame& f, float radius, int material) {
  Vec3 size{radius * g.r.uniform(0.7f, 1.4f), radius * g.r.uniform(0.5f, 1), radius};
  g.scene.ellipsoid(f, {0, radius * 0.3f, 0}, size, material, 8, 11, 0.2f, g.r.below(999));
}

static void wheel(Stage& g, const Frame& f, float radius, float wide, int tyre, int rim) {  // axle along x
  Frame axle = f.rotated({0, 0, 1}, -kPi / 2);
  g.scene.cylinder(axle, radius, radius, wide, 16, tyre);
  g.scene.cylinder(axle.at({0, -0.01f, 0}), radius * 0.6f, radius * 0.6f, wide + 0.02f, 12, rim);
}

void car(Stage& g, const Frame& f) {
  Random& r = g.r;
  int body = g.metal(), glass = g.glass(), tyre = g.flat(grey(0.06f)), rim = g.metal(), trim = g.flat(grey(r.uniform(0.03f, 0.3f)), 0.2f);
  int lamp = g.glowing(g.flat({0.9f, 0.85f, 0.7f}, 0.5f), r.chance(0.3f) ? 2.f : 0.f), tail = g.glowing(g.flat({0.6f, 0.08f, 0.06f}, 0.4f), r.chance(0.2f) ? 1.5f : 0.f);
  float w = r.uniform(0.8f, 0.95f), half = r.uniform(1.7f, 2.4f), low = 0.28f, waist = r.uniform(0.8f, 1), roof = waist + r.uniform(0.42f, 0.6f);
  bool van = r.chance(0.2f);
  if (van) { half *= 1.15f; roof += r.uniform(0.3f, 0.8f); }
  g.scene.box(f, {0, (low + waist) / 2, 0}, {w, (waist - low) / 2, half * 0.97f}, body);
  g.scene.box(f, {0, low + 0.12f, 0}, {w * 0.97f, 0.12f, half}, trim);
  float rear = van ? -half * 0.97f : -half * r.uniform(0.55f, 0.95f), front = half * (van ? 0.75f : r.uniform(0.3f, 0.5f));
  float roofRear = rear + (van ? 0.1f : r.uniform(0.2f, 0.6f)), roofFront = front - r.uniform(0.5f, 0.8f), inner = w * 0.85f;
  Vec3 p[8] = {{-w * 0.97f, waist, rear}, {w * 0.97f, waist, rear}, {w * 0.97f, waist, front}, {-w * 0.97f, waist, front},
               {-inner, roof, roofRear}, {inner, roof, roofRear}, {inner, roof, roofFront}, {-inner, roof, roofFront}};
  for (Vec3& v : p) v = f.point(v);
  int side = van && r.chance(0.6f) ? body : glass;
  g.scene.quad(p[0], p[1], p[5], p[4], glass);
  g.scene.quad(p[1], p[2], p[6], p[5], side);
  g.scene.quad(p[2], p[3], p[7], p[6], glass);
  g.scene.quad(p[3], p[0], p[4], p[7], side);
  g.scene.quad(p[4], p[5], p[6], p[7], body);
  for (int i = 0; i < 4; i++) g.scene.capsule(p[i], 0.035f, p[i + 4], 0.03f, body, 5);
  for (float s : {-1.f, 1.f}) {
    for (float z : {-0.62f, 0.62f}) wheel(g, f.at({s * w - (s > 0 ? 0.18f : 0.02f), 0.32f, z * half}), 0.32f, 0.2f, tyre, rim);
    g.scene.box(f, {s * w * 0.75f, waist * 0.75f, half * 0.97f}, {0.15f, 0.07f, 0.03f}, lamp);
    g.scene.box(f, {s * w * 0.8f, waist * 0.8f, -half * 0.97f}, {0.12f, 0.07f, 0.03f}, tail);
    g.scene.ellipsoid(f, {s * (w + 0.08f), waist + 0.05f, front - 0.25f}, {0.09f, 0.06f, 0.05f}, body, 5, 8);
    g.scene.box(f, {s * (w + 0.003f), waist - 0.12f, 0.1f}, {0.006f, 0.012f, 0.08f}, trim);
  }
  g.scene.box(f, {0, low + 0.25f, half * 0.97f}, {w * 0.5f, 0.08f, 0.02f}, trim);
  g.scene.box(f, {0, low + 0.3f, -half * 0.97f}, {0.26f, 0.06f, 0.02f}, g.flat({0.85f, 0.85f, 0.8f}));
}

void bicycle(Stage& g, const Frame& f) {  // along z
  int m = g.metal(), tyre = g.flat(grey(0.07f));
  float radius = g.r.uniform(0.3f, 0.36f), base = g.r.uniform(0.48f, 0.55f);
  for (float z : {-base, base}) {
    const int segments = 18;
    for (int i = 0; i < segments; i++) {
      float a = 2 * kPi * i / segments, b = 2 * kPi * (i + 1) / segments;
      auto rim = [&](float angle) { return f.point({0, radius + radius * std::sin(angle), z + radius * std::cos(angle)}); };
      g.scene.capsule(rim(a), 0.018f, rim(b), 0.018f, tyre, 5);
      if (i % 2 == 0) g.scene.capsule(rim(a), 0.002f, f.point({0, radius, z}), 0.002f, m, 3);
    }
  }
  Vec3 crank{0, radius * 0.9f, -0.05f}, seat{0, 0.8f, -0.22f}, bar{0, 0.85f, 0.36f}, rear{0, radius, -base}, front{0, radius, base};
  auto tube = [&](const Vec3& a, const Vec3& b, float thick) { g.scene.capsule(f.point(a), thick, f.point(b), thick, m, 6); };
  tube(crank, seat, 0.016f); tube(crank, bar, 0.02f); tube(seat, bar, 0.016f);
  tube(rear, seat, 0.01f); tube(rear, crank, 0.012f); tube(front, bar + Vec3{0, 0.12f, -0.03f}, 0.014f);
  g.scene.capsule(f.point(bar + Vec3{-0.25f, 0.12f, -0.05f}), 0.013f, f.point(bar + Vec3{0.25f, 0.12f, -0.05f}), 0.013f, m, 6);
  g.scene.ellipsoid(f, seat + Vec3{0, 0.1f, 0}, {0.07f, 0.03f, 0.13f}, tyre, 6, 8);
}

void pole(Stage& g, const Frame& f, float height) {
  Random& r = g.r;
  int m = r.chance(0.7f) ? g.metal() : g.bark();
  float low = r.uniform(0.03f, 0.12f), high = r.uniform(0.6f, 1) * low;
  g.scene.cylinder(f, low, high, height, 9, m);
  switch (r.below(5)) {
    case 0: case 1: {  // lamp
      Vec3 a = f.point({0, height, 0}), b = f.point({r.uniform(0.3f, 2), height + r.uniform(0, 0.5f), 0});
      g.scene.capsule(a, 0.05f, b, 0.04f, m, 6);
      g.scene.ellipsoid(Frame(b), {}, {0.3f, 0.08f, 0.13f}, g.glowing(g.plastic(), g.night ? 10 : r.chance(0.2f) ? 3 : 0), 6, 9);
      break;
    }
    case 2: {  // sign
      float w = r.uniform(0.2f, 0.6f), h = r.uniform(0.2f, 0.6f), y = std::min(height - h, r.uniform(1.8f, 3));
      if (r.chance(0.4f)) g.scene.cylinder(f.at({0, y, 0.08f}).rotated({1, 0, 0}, kPi / 2), h, h, 0.02f, 18, g.picture());
      else g.scene.box(f, {0, y, 0.08f}, {w, h, 0.02f}, g.picture());
      break;
    }
    case 3: {  // traffic light
      int box = g.flat(grey(0.05f), 0.2f);
      float y = std::min(height, 2.8f);
      g.scene.box(f, {0, y, 0.12f}, {0.14f, 0.42f, 0.12f}, box);
      int lit = r.below(3);
      Vec3 colours[3] = {{0.9f, 0.1f, 0.05f}, {0.95f, 0.7f, 0.1f}, {0.1f, 0.8f, 0.4f}};
      for (int i = 0; i < 3; i++)
        g.scene.ellipsoid(f, {0, y + 0.27f - 0.27f * i, 0.24f}, {0.09f, 0.09f, 0.03f}, g.glowing(g.flat(i == lit ? colours[i] : grey(0.1f)), i == lit ? 3 : 0), 5, 10);
      break;
    }
    default:  // cross-arm
      for (int n = r.between(1, 2), i = 0; i < n; i++) g.scene.box(f, {0, height - 0.3f - 0.5f * i, 0}, {r.uniform(0.4f, 1), 0.05f, 0.05f}, m);
  }
}

void bench(Stage& g, const Frame& f) {
  int m = g.wood(), frame = g.metal();
  float w = g.r.uniform(0.5f, 1);
  for (int i = 0; i < 4; i++) g.scene.box(f, {0, 0.43f, -0.2f + 0.12f * i}, {w, 0.018f, 0.05f}, m);
  bool back = g.r.chance(0.7f);
  if (back)
    for (int i = 0; i < 3; i++) g.scene.box(f, {0, 0.58f + 0.13f * i, -0.28f - 0.02f * i}, {w, 0.045f, 0.015f}, m);
  for (float side : {-1.f, 1.f}) {
    g.scene.box(f, {side * w * 0.8f, 0.21f, 0}, {0.025f, 0.21f, 0.2f}, frame);
    if (back) g.scene.box(f, {side * w * 0.8f, 0.65f, -0.28f}, {0.025f, 0.25f, 0.02f}, frame);
  }
}

void fence(Stage& g, const Vec3& from, const Vec3& to) {
  Random& r = g.r;
  float span = length(to - from), height = r.uniform(0.7f, 2);
  Vec3 up{0, height, 0}, along = normalize(to - from);
  switch (r.below(4)) {
    case 0: {  // pickets
      int m = g.wood();
      float pitch = r.uniform(0.1f, 0.25f), wide = pitch * r.uniform(0.2f, 0.48f);
      Frame f(from, std::atan2(along.x, along.z) - kPi / 2);
      for (int i = 0, n = std::min(90, int(span / pitch)); i < n; i++) g.scene.box(f.at({pitch * i, 0, 0}), {0, height / 2, 0}, {wide, height / 2, 0.01f}, m);
      for (float y : {0.2f, 0.8f}) g.scene.capsule(from + up * y, 0.025f, to + up * y, 0.025f, m, 5);
      break;
    }
    case 1: {  // wire mesh
      int m = g.metal();
      float pitch = r.uniform(0.15f, 0.35f), thick = r.uniform(0.003f, 0.008f);
      for (int i = 0, n = std::min(90, int(span / pitch)); i <= n; i++) {
        Vec3 p = from + along * (pitch * i);
        bool post = i % 8 == 0;
        g.scene.capsule(p, post ? 0.03f : thick, p + up, post ? 0.03f : thick, m, post ? 6 : 4);
      }
      for (float y = 0; y <= height; y += pitch) g.scene.capsule(from + Vec3{0, y, 0}, thick, to + Vec3{0, y, 0}, thick, m, 4);
      break;
    }
    case 2: railing(g, from, to, height * 0.7f); break;
    default: {  // low wall
      int m = g.facade();
      float h = height * 0.5f;
      Vec3 out = cross(along, {0, 1, 0}) * 0.12f, top{0, h, 0};
      g.scene.quad(from + out, to + out, to + out + top, from + out + top, m);
      g.scene.quad(from - out, to - out, to - out + top, from - out + top, m);
      g.scene.quad(from + out + top, to + out + top, to - out + top, from - out + top, m);
      g.scene.quad(from + out, from - out, from - out + top, from + out + top, m);
      g.scene.quad(to + out, to - out, to - out + top, to + out + top, m);
    }
  }
}

void truss(Stage& g, const Vec3& origin) {  // tracks, scaffolds, bridges
  Random& r = g.r;
  int m = g.metal(), m2 = r.chance(0.5f) ? m : g.wood();
  float heading = r.uniform(0, 2 * kPi), bend = r.normal() * 0.06f, height = r.uniform(0.5f, 6), step = r.uniform(0.8f, 2.5f);
  float w = r.uniform(0.4f, 1.5f), thick = r.logUniform(0.02f, 0.12f), phase = r.uniform(0, 6), waves = r.uniform(0.1f, 0.5f), rise = r.uniform(0, 3);
  Vec3 p = origin, oldLeft, oldRight;
  for (int i = 0, n = r.between(8, 22); i < n; i++) {
    float y = height + rise * std::sin(phase + waves * i);
    Vec3 side{std::cos(heading), 0, -std::sin(heading)}, left = p + Vec3{0, y, 0} + side * w, right = p + Vec3{0, y, 0} - side * w;
    if (i) {
      g.scene.capsule(oldLeft, thick, left, thick, m, 6);
      g.scene.capsule(oldRight, thick, right, thick, m, 6);
    }
    g.scene.capsule(left, thick * 0.7f, right, thick * 0.7f, m2, 5);
    if (i % 2 == 0)
      for (int k = 0; k < 2; k++) {
        const Vec3& top = k ? right : left;
        g.scene.capsule({top.x, origin.y - 2, top.z}, thick, top, thick, m2, 6);
        if (i) g.scene.capsule({top.x, origin.y, top.z}, thick * 0.6f, k ? oldLeft : oldRight, thick * 0.6f, m2, 5);
      }
    oldLeft = left;
    oldRight = right;
    p = p + Vec3{std::sin(heading), 0, std::cos(heading)} * step;
    heading += bend + r.normal() * 0.03f;
  }
}

void building(Stage& g, const Frame& f, float width, float height, float depth, float facing, bool detailed) {
  Random& r = g.r;
  int m = g.facade();
  g.scene.box(f, {0, height / 2, 0}, {depth / 2, height / 2, width / 2}, m);  // street front at x = facing * depth / 2
  float front = facing * depth / 2;
  if (r.chance(0.12f)) g.scene.materials[m].glaze = r.uniform(0.2f, 1);  // a glass front
  if (detailed) {
    int style = r.below(5), frame = g.wood(), pane = g.glass();
    int lit = g.glowing(g.material({Surface::Photo, Surface::Plain, Surface::Clouds, Surface::Text}, r.uniform(1, 4), {0.9f, 0.75f, 0.5f}, r.uniform(0.5f, 1)), r.logUniform(0.5f, 6));
    float evening = g.night ? r.uniform(0.1f, 0.8f) : r.chance(0.1f) ? r.uniform(0, 0.4f) : 0;
    float floorHeight = r.uniform(2.6f, 3.6f), pitch = r.uniform(1.5f, 3);
    int floors = std::min(12, int(height / floorHeight)), columns = std::min(6, int(width / pitch));
    for (int a = 0; a < floors && style < 4; a++)
      for (int b = 0; b < columns; b++) {
        Vec3 c{front, floorHeight * (a + 0.5f) + 0.2f, width * ((b + 0.5f) / columns - 0.5f)};
        Vec3 half{0.05f, floorHeight * 0.28f, width / columns * 0.3f};
        if (style == 1) {
          g.scene.box(f, c, {0.1f, half.y + 0.08f, half.z + 0.08f}, frame);
          half.x = 0.13f;
        }
        g.scene.box(f, c, half, r.chance(evening) ? lit : pane);
        if (style == 2) g.scene.box(f, c + Vec3{facing * 0.1f, -half.y - 0.06f, 0}, {0.14f, 0.04f, half.z * 1.15f}, frame);
        if (style == 3 && a > 0) {  // balcony
          g.scene.box(f, c + Vec3{facing * 0.4f, -half.y - 0.1f, 0}, {0.4f, 0.06f, half.z * 1.3f}, frame);
          g.scene.box(f, c + Vec3{facing * 0.8f, -half.y + 0.3f, 0}, {0.02f, 0.4f, half.z * 1.3f}, frame);
        }
      }
  }
  if (r.chance(0.3f)) {  // pitched roof
    int roof = g.fabric();
    float rise = r.uniform(0.5f, 3), x = depth / 2, z = width / 2;
    Vec3 a = f.point({-x, height, -z}), b = f.point({x, height, -z}), c = f.point({x, height, z}), d = f.point({-x, height, z});
    Vec3 e = f.point({0, height + rise, -z}), h = f.point({0, height + rise, z});
    g.scene.quad(a, d, h, e, roof);
    g.scene.quad(b, c, h, e, roof);
    for (auto& end : {std::pair{&a, &b}, std::pair{&d, &c}}) {
      Vec3 peak = end.first == &a ? e : h, n = f.ez;
      int i = g.scene.vertex(*end.first, n, 0, 0);
      g.scene.vertex(*end.second, n, depth, 0);
      g.scene.vertex(peak, n, depth / 2, rise);
      g.scene.triangle(i, i + 1, i + 2, m);
    }
  }
}
