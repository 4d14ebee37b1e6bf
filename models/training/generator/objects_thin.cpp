// Things of rods, wires and twigs
#include "objects.h"

static void twig(Stage& g, const Vec3& from, const Vec3& heading, float reach, float radius, int depth, int bark, int leaf) {
  constexpr int pieces = 3;
  Vec3 p = from, way = heading;
  for (int k = 0; k < pieces; k++) {
    way = normalize(way + Vec3{g.r.normal(), g.r.normal(), g.r.normal()} * 0.13f);
    Vec3 q = p + way * (reach / pieces);
    float thin = radius * (1 - 0.45f * (k + 1) / pieces);
    g.scene.tube(p, radius * (1 - 0.45f * k / pieces), q, thin, bark, depth > 1 ? 6 : 4);
    if (depth > 0 && (k > 0 || g.r.chance(0.5f)))
      for (int n = g.r.between(1, 2); n > 0; n--) {
        Vec3 side = normalize({g.r.normal(), g.r.normal() * 0.6f + 0.2f, g.r.normal()});
        twig(g, q, normalize(way + side * g.r.uniform(0.6f, 1.1f)), reach * g.r.uniform(0.4f, 0.7f), thin * g.r.uniform(0.5f, 0.75f), depth - 1, bark, leaf);
      }
    p = q;
  }
  if (leaf >= 0 && depth == 0) g.scene.foliage(g.r, p, grey(reach * 0.5f), g.r.between(1, 5), reach * 0.12f, leaf, false);
}

void bareTree(Stage& g, const Frame& f, float height) {
  Random& r = g.r;
  int bark = r.chance(0.5f) ? g.bark() : g.flat(grey(r.uniform(0.02f, 0.15f))), leaf = r.chance(0.45f) ? g.leaf() : -1;
  Vec3 up = normalize({r.normal() * 0.1f, 1, r.normal() * 0.1f});
  float radius = height * r.uniform(0.015f, 0.035f), trunk = height * r.uniform(0.15f, 0.4f);
  Vec3 fork = f.origin + up * trunk;
  g.scene.tube(f.origin, radius, fork, radius * 0.85f, bark, 8);
  for (int n = r.between(2, 4); n > 0; n--) {
    Vec3 side{r.normal(), r.uniform(0, 0.6f), r.normal()};
    twig(g, fork, normalize(up + side * 0.5f), height * r.uniform(0.35f, 0.6f), radius * r.uniform(0.5f, 0.75f), 3, bark, leaf);
  }
}

void twigs(Stage& g, const Frame& f, float height) {  // in a vase
  Random& r = g.r;
  int bark = g.bark(), leaf = r.chance(0.6f) ? g.leaf() : -1;
  float radius = height * 0.12f;
  g.scene.lathe(f, {{0, 0}, {radius, 0.001f}, {radius * 1.2f, height * 0.15f}, {radius * 0.6f, height * 0.35f}}, 14, g.anything());
  for (int n = r.between(2, 7); n > 0; n--) twig(g, f.point({0, height * 0.3f, 0}), normalize({r.normal() * 0.35f, 1, r.normal() * 0.35f}), height * r.uniform(0.5f, 0.9f), height * 0.008f, 1, bark, leaf);
}

void dryingRack(Stage& g, const Frame& f) {
  Random& r = g.r;
  int m = r.chance(0.6f) ? g.flat(grey(r.uniform(0.6f, 0.95f)), 0.3f) : g.metal();
  float h = r.uniform(0.7f, 1.1f), w = r.uniform(0.3f, 0.6f), d = r.uniform(0.25f, 0.4f), thick = r.uniform(0.006f, 0.012f);
  for (float x : {-w, w})
    for (float z : {-1.f, 1.f}) g.scene.tube(f.point({x, 0, z * d}), thick, f.point({x, h, -z * d}), thick, m);
  int wires = r.between(5, 12);
  for (int i = 0; i <= wires; i++) g.scene.tube(f.point({-w, h, d * (2.f * i / wires - 1)}), thick * 0.5f, f.point({w, h, d * (2.f * i / wires - 1)}), thick * 0.5f, m, 4);
  for (float x : {-w, w}) g.scene.tube(f.point({x, h, -d}), thick, f.point({x, h, d}), thick, m);
  for (int n = r.between(0, 4); n > 0; n--) {  // washing
    float z = r.uniform(-d, d), wide = r.uniform(0.1f, w), at = r.uniform(-w * 0.5f, w * 0.5f), drop = r.uniform(0.2f, 0.6f) * h, phase = r.uniform(0, 6);
    int cloth = g.fabric();
    g.scene.grid([&](float u, float v) { return f.point({at + (u - 0.5f) * wide, h - drop * v, z + 0.015f * std::sin(phase + u * 14) * v}); }, 10, 3, cloth, wide, drop);
  }
}

void stand(Stage& g, const Frame& f) {
  Random& r = g.r;
  int m = g.metal();
  float h = r.uniform(0.9f, 1.8f), thick = r.uniform(0.006f, 0.014f);
  for (int k = 0; k < 3; k++) {
    float a = k * 2 * kPi / 3;
    g.scene.tube(f.point({0.3f * std::cos(a), 0, 0.3f * std::sin(a)}), thick, f.point({0, 0.3f, 0}), thick, m);
  }
  g.scene.tube(f.point({0, 0.2f, 0}), thick, f.point({0, h, 0}), thick, m, 6);
  switch (r.below(3)) {
    case 0: {
      Vec3 end = f.point({0, h + r.uniform(-0.2f, 0.3f), r.uniform(0.3f, 0.8f)});
      g.scene.tube(f.point({0, h, 0}), thick * 0.8f, end, thick * 0.8f, m);
      g.scene.capsule(end, 0.025f, end + f.ez * 0.12f, 0.02f, g.flat(grey(0.08f)), 8);
      break;
    }
    case 1: g.scene.box(f.at({0, h, 0}).rotated({1, 0, 0}, -0.4f), {0, 0.12f, 0}, {0.24f, 0.16f, 0.004f}, m); break;
    default:
      for (int k = 0; k < 6; k++) {
        float a = k * kPi / 3;
        g.scene.tube(f.point({0, h - 0.1f, 0}), thick * 0.7f, f.point({0.15f * std::cos(a), h + 0.05f, 0.15f * std::sin(a)}), thick * 0.7f, m);
      }
  }
}

void wireShelf(Stage& g, const Frame& f) {
  Random& r = g.r;
  int m = g.metal(), levels = r.between(3, 5);
  float w = r.uniform(0.3f, 0.6f), d = r.uniform(0.15f, 0.25f), h = r.uniform(0.9f, 1.9f), thick = r.uniform(0.006f, 0.012f);
  for (float x : {-w, w})
    for (float z : {-d, d}) g.scene.tube(f.point({x, 0, z}), thick, f.point({x, h, z}), thick, m);
  for (int i = 0; i < levels; i++) {
    float y = 0.1f + (h - 0.1f) * i / (levels - 1);
    for (int k = 0; k <= 10; k++) g.scene.tube(f.point({w * (0.2f * k - 1), y, -d}), thick * 0.4f, f.point({w * (0.2f * k - 1), y, d}), thick * 0.4f, m, 4);
    for (float z : {-d, d}) g.scene.tube(f.point({-w, y, z}), thick * 0.6f, f.point({w, y, z}), thick * 0.6f, m, 4);
    if (r.chance(0.75f)) clutter(g, f.at({0, y + 0.005f, 0}), w * 0.8f, d * 0.5f, r.between(1, 4), 0.9f);
  }
}

void foreground(Stage& g, const Vec3& eye, float yaw, float pitch) {
  Random& r = g.r;
  Vec3 forward{std::sin(yaw) * std::cos(pitch), std::sin(pitch), std::cos(yaw) * std::cos(pitch)}, right = normalize(cross({0, 1, 0}, forward)), up = cross(forward, right);
  auto ahead = [&](float x, float y, float d) { return eye + (forward + right * x + up * y) * d; };
  float d = r.uniform(0.8f, 4);
  switch (r.below(4)) {
    case 0: {  // cables across
      int m = g.flat(grey(r.uniform(0.02f, 0.3f)));
      for (int n = r.between(1, 5); n > 0; n--) {
        Vec3 a = ahead(-1.6f, r.normal() * 0.5f, d * r.uniform(0.8f, 1.6f)), b = ahead(1.6f, r.normal() * 0.5f, d * r.uniform(0.8f, 1.6f));
        span(g, a, b, r.uniform(0, 0.15f) * d, d * r.uniform(0.002f, 0.008f), m);
      }
      break;
    }
    case 1: {  // a branch from the side
      int bark = g.bark(), leaf = r.chance(0.6f) ? g.leaf() : -1;
      float side = r.sign();
      twig(g, ahead(side * 1.3f, r.uniform(-0.3f, 0.9f), d), normalize(right * -side + up * r.uniform(-0.5f, 0.3f)), d * r.uniform(0.6f, 1.2f), d * r.uniform(0.006f, 0.02f), 3, bark, leaf);
      break;
    }
    case 2: {  // bars
      int m = g.metal(), count = r.between(2, 9);
      float thick = d * r.uniform(0.005f, 0.02f), lean = r.normal() * 0.1f;
      bool crossed = r.chance(0.4f);
      for (int k = 0; k < count; k++) {
        float x = 2.4f * (k + 0.5f) / count - 1.2f;
        g.scene.tube(ahead(x - lean, -1.6f, d), thick, ahead(x + lean, 1.6f, d), thick, m, 6);
        if (crossed) g.scene.tube(ahead(-1.6f, x, d), thick, ahead(1.6f, x, d), thick, m, 6);
      }
      break;
    }
    default: {  // stalks from below
      int m = g.leaf();
      for (int n = r.between(4, 25); n > 0; n--) {
        float x = r.uniform(-1, 1), z = d * r.uniform(0.7f, 1.5f), top = r.uniform(-0.6f, 0.5f);
        Vec3 tip = ahead(x + r.normal() * 0.15f, top, z);
        g.scene.tube(ahead(x, -1.6f, z), d * 0.005f, tip, d * 0.002f, m, 4);
        if (r.chance(0.4f)) g.scene.ellipsoid(Frame(tip), {}, grey(d * r.uniform(0.01f, 0.03f)), m, 5, 7);
      }
    }
  }
}
