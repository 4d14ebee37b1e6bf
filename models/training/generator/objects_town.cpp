// Towns as seen from above: roofs and what is on them, cars, crowns; few triangles each
#include "objects.h"

void roofedBuilding(Stage& g, const Frame& f, const Vec3& half, const RoofPalette& p) {
  Random& r = g.r;
  int walls = p.walls[r.below(RoofPalette::kKinds)], roof = p.roofs[r.below(RoofPalette::kKinds)];
  float h = 2 * half.y, w = half.x, d = half.z;
  g.scene.box(f, {0, half.y, 0}, half, walls, roof);
  Frame top = f.at({0, h, 0});
  if (std::min(w, d) < 7 && h < 14 && r.chance(0.65f)) {  // a pitched roof with eaves
    float rise = std::min(w, d) * r.uniform(0.4f, 0.9f), out = r.uniform(0.2f, 0.6f), hip = r.chance(0.4f) ? std::min(w, d) * r.uniform(0.5f, 0.9f) : 0;
    bool alongZ = d > w;
    auto at = [&](float along, float y, float across) { return top.point(alongZ ? Vec3{across, y, along} : Vec3{along, y, across}); };
    float a = (alongZ ? d : w) + out, b = (alongZ ? w : d) + out, drop = -rise * out / b;
    Vec3 e = at(-a + hip, rise, 0), q = at(a - hip, rise, 0);
    g.scene.quad(at(-a, drop, -b), at(a, drop, -b), q, e, roof);
    g.scene.quad(at(a, drop, b), at(-a, drop, b), e, q, roof);
    for (float s : {-1.f, 1.f}) {
      Vec3 left = at(s * a, drop, -b), right = at(s * a, drop, b), peak = s < 0 ? e : q, n = normalize(cross(right - left, peak - left));
      int i = g.scene.vertex(left, n.y < 0 ? -n : n, 0, 0);
      g.scene.vertex(right, g.scene.vertices[i].normal, 2 * b, 0);
      g.scene.vertex(peak, g.scene.vertices[i].normal, b, rise);
      g.scene.triangle(i, i + 1, i + 2, hip > 0 ? roof : walls);
    }
    if (r.chance(0.7f)) g.scene.box(top, {r.uniform(-0.4f, 0.4f) * w, rise * 0.8f, r.uniform(-0.4f, 0.4f) * d}, {0.3f, rise * 0.5f + 0.3f, 0.3f}, walls);
    if (r.chance(0.25f)) {  // panels in the roof's plane
      float slope = rise / b;
      for (int k = r.between(2, 6); k > 0; k--) {
        float u = r.uniform(-0.6f, 0.6f) * a, v = r.uniform(0.25f, 0.7f) * b, y = rise - slope * v + 0.06f, s = 0.5f;
        g.scene.quad(at(u - s, y - slope * s, v + s), at(u + s, y - slope * s, v + s), at(u + s, y + slope * s, v - s), at(u - s, y + slope * s, v - s), p.glass);
      }
    }
    return;
  }
  float parapet = r.uniform(0.2f, 1);
  for (float s : {-1.f, 1.f}) {
    g.scene.box(top, {s * (w - 0.15f), parapet / 2, 0}, {0.15f, parapet / 2, d}, walls);
    g.scene.box(top, {0, parapet / 2, s * (d - 0.15f)}, {w, parapet / 2, 0.15f}, walls);
  }
  if (r.chance(0.6f)) g.scene.box(top, {r.uniform(-0.4f, 0.4f) * w, 1.3f, r.uniform(-0.4f, 0.4f) * d}, {r.uniform(1, 2.5f), 1.3f, r.uniform(1, 2.5f)}, walls, roof);
  for (int n = r.between(0, 8); n > 0; n--) {
    Vec3 c{r.uniform(-0.75f, 0.75f) * w, 0, r.uniform(-0.75f, 0.75f) * d};
    switch (r.below(4)) {
      case 0: g.scene.cylinder(top.at(c), 0.3f, 0.3f, r.uniform(0.4f, 1.5f), 8, p.metal); break;
      case 1: g.scene.tube(top.point(c), 0.05f, top.point(c + Vec3{0, r.uniform(2, 6), 0}), 0.03f, p.metal, 4); break;
      case 2: {  // tilted panels
        Frame panel = top.at(c, 0).rotated({1, 0, 0}, -0.4f);
        for (int k = 0; k < 3; k++) g.scene.box(panel, {1.7f * k, 0.6f, 0}, {0.8f, 0.03f, 0.5f}, p.glass);
        break;
      }
      default: { float y = r.uniform(0.4f, 0.9f); g.scene.box(top, c + Vec3{0, y, 0}, {r.uniform(0.5f, 1.5f), y, r.uniform(0.5f, 1.2f)}, p.metal); }
    }
  }
}

RoofPalette roofPalette(Stage& g) {
  Random& r = g.r;
  RoofPalette p;
  Vec3 red{r.uniform(0.45f, 0.7f), r.uniform(0.2f, 0.35f), r.uniform(0.12f, 0.25f)};
  bool tiled = r.chance(0.6f);
  for (int k = 0; k < RoofPalette::kKinds; k++) {
    p.walls[k] = g.facade();
    Vec3 tint = tiled && r.chance(0.7f) ? red * r.uniform(0.8f, 1.2f) : grey(r.uniform(0.1f, 0.85f));
    p.roofs[k] = g.material({Surface::Stripe, Surface::Brick, Surface::Asphalt, Surface::Plain, Surface::Tile, Surface::Power}, r.logUniform(1, 6), tint, 0.9f);
  }
  p.metal = g.metal();
  p.glass = g.glass();
  return p;
}

void smallCar(Stage& g, const Frame& f, int body, int glass, int dark) {
  bool van = g.r.chance(0.15f);
  float w = 0.9f, half = van ? 2.8f : g.r.uniform(1.9f, 2.3f), waist = van ? 1.1f : 0.9f, roof = van ? g.r.uniform(2.1f, 2.9f) : 1.45f;
  g.scene.box(f, {0, (waist + 0.3f) / 2, 0}, {w, (waist - 0.3f) / 2, half}, body);
  g.scene.box(f, {0, 0.2f, 0}, {w * 0.9f, 0.2f, half * 0.85f}, dark);
  float rear = van ? -half : -half * 0.8f, front = half * (van ? 0.75f : 0.4f);
  Vec3 p[8] = {{-w, waist, rear}, {w, waist, rear}, {w, waist, front}, {-w, waist, front},
               {-w * 0.82f, roof, rear + 0.4f}, {w * 0.82f, roof, rear + 0.4f}, {w * 0.82f, roof, front - 0.7f}, {-w * 0.82f, roof, front - 0.7f}};
  for (Vec3& v : p) v = f.point(v);
  int side = van ? body : glass;
  g.scene.quad(p[0], p[1], p[5], p[4], side);
  g.scene.quad(p[1], p[2], p[6], p[5], side);
  g.scene.quad(p[2], p[3], p[7], p[6], glass);
  g.scene.quad(p[3], p[0], p[4], p[7], side);
  g.scene.quad(p[4], p[5], p[6], p[7], body);
}

void crown(Stage& g, const Frame& f, float height, int bark, int leaf) {
  Random& r = g.r;
  float wide = height * r.uniform(0.2f, 0.4f);
  g.scene.tube(f.origin, height * 0.03f, f.point({0, height * 0.5f, 0}), height * 0.02f, bark, 5);
  if (r.chance(0.25f)) {
    g.scene.lathe(f.at({0, height * 0.15f, 0}), {{wide, 0}, {wide * 0.55f, height * 0.4f}, {0, height * 0.85f}}, 9, leaf, 1, 1, 0.25f, r.below(99));
    return;
  }
  for (int n = r.between(1, 3); n > 0; n--)
    g.scene.ellipsoid(f, {r.normal() * wide * 0.4f, height * r.uniform(0.55f, 0.75f), r.normal() * wide * 0.4f}, {wide, height * 0.28f, wide * r.uniform(0.7f, 1)}, leaf, 5, 9, 0.35f, r.below(999));
  if (height > 3) g.scene.foliage(r, f.point({0, height * 0.65f, 0}), {wide, height * 0.3f, wide}, 20, height * 0.06f, leaf, true);
}

void smallPerson(Stage& g, const Frame& f, float height, int top, int bottom, int skin, bool seated) {
  float k = height / 1.75f, low = seated ? 0.35f * k : 0.8f * k, neck = low + 0.62f * k;
  if (seated) g.scene.box(f, {0, low, 0.2f * k}, {0.17f * k, 0.09f * k, 0.25f * k}, bottom);
  else g.scene.tube(f.point({}), 0.13f * k, f.point({0, low, 0}), 0.17f * k, bottom, 5);
  g.scene.lathe(f.at({0, low, 0}), {{0.17f * k, 0}, {0.21f * k, 0.45f * k}, {0.07f * k, 0.62f * k}}, 5, top, 1.1f, 0.7f);
  g.scene.ellipsoid(f, {0, neck + 0.12f * k, 0}, Vec3{0.1f, 0.13f, 0.11f} * k, skin, 4, 6);
}
