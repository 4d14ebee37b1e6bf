// Robots on the floor: rooms, corridors, warehouses from 8 to 40 cm
#include "objects.h"
#include "scenes.h"

namespace {

void pallet(Stage& g, const Frame& f, int wood, bool loaded) {
  Random& r = g.r;
  for (float x : {-0.5f, 0.f, 0.5f}) g.scene.box(f, {x, 0.05f, 0}, {0.05f, 0.05f, 0.4f}, wood);
  for (int k = 0; k < 5; k++) g.scene.box(f, {0, 0.12f, -0.36f + 0.18f * k}, {0.6f, 0.012f, 0.06f}, wood);
  if (!loaded) return;
  Vec3 card{r.uniform(0.5f, 0.75f), r.uniform(0.4f, 0.55f), r.uniform(0.25f, 0.4f)};
  int m = r.chance(0.7f) ? g.material({Surface::Plaster, Surface::Plain, Surface::Text}, r.uniform(0.4f, 1), card, 0.9f) : g.anything(), across = r.between(1, 3), deep = r.between(1, 2), layers = r.between(1, 4);
  float w = 0.58f / across, d = 0.39f / deep, h = r.uniform(0.1f, 0.2f);
  for (int k = 0; k < layers; k++)
    for (int i = 0; i < across; i++)
      for (int j = 0; j < deep; j++) {
        bool missing = k == layers - 1 && r.chance(0.25f);
        if (!missing) g.scene.box(f.at({-0.58f + w * (2 * i + 1), 0.135f + h * (2 * k + 1), -0.39f + d * (2 * j + 1)}, r.normal() * 0.02f), {}, {w * 0.98f, h * 0.99f, d * 0.98f}, m);
      }
}

// Pallet racks along z from 0 to `length`, their front at local x = 0.5
void rack(Stage& g, const Frame& f, float length, int levels, int post, int beam, int wood) {
  Random& r = g.r;
  float bay = r.uniform(2, 2.8f), gap = r.uniform(1.3f, 1.9f), first = r.chance(0.5f) ? 0 : r.uniform(0.15f, 0.5f);
  for (float z = 0; z <= length; z += bay) {
    for (float x : {-0.5f, 0.5f}) g.scene.box(f, {x, levels * gap / 2, z}, {0.04f, levels * gap / 2, 0.04f}, post);
    for (int k = 0; k < levels * 2; k++) g.scene.tube(f.point({-0.5f, k * gap / 2, z}), 0.015f, f.point({0.5f, (k + 1) * gap / 2, z}), 0.015f, post, 4);
    if (z + bay > length) break;
    for (int k = 0; k < levels; k++) {
      float y = first + k * gap;
      if (y > 0.1f)
        for (float x : {-0.5f, 0.5f}) g.scene.box(f, {x, y - 0.06f, z + bay / 2}, {0.025f, 0.06f, bay / 2}, beam);
      for (int n = 0; n < 2; n++) {
        Frame place = f.at({r.normal() * 0.03f, y, z + bay * (0.27f + 0.46f * n)}, kPi / 2);
        if (r.chance(0.75f)) pallet(g, place, wood, r.chance(0.9f));
      }
    }
  }
}

void warehouse(Stage& g) {
  Random& r = g.r;
  float W = r.uniform(5, 14), D = r.uniform(9, 24), height = r.uniform(4, 10), aisle = r.uniform(1.3f, 2.4f);
  indoorLight(g, W, height, D);
  int ground = g.road(), wall = g.wall(), top = g.ceiling(), post = g.metal(), beam = g.flat(fromHsv(r.uniform(0, 0.14f), 0.9f, r.uniform(0.5f, 1)), 0.2f), wood = g.wood(), lamp = g.withoutShadow(g.glowing(g.plastic(), r.uniform(1, 5)));
  g.scene.quad({-W, 0, -D}, {W, 0, -D}, {W, 0, D}, {-W, 0, D}, ground);
  if (r.chance(0.5f)) polish(g, ground, 0);
  g.scene.quad({-W, height, -D}, {-W, height, D}, {W, height, D}, {W, height, -D}, top);
  for (int k = 0; k < 4; k++) {
    float hw = k & 1 ? D : W, out = k & 1 ? W : D;
    Frame x = Frame({}, k * kPi / 2).at({0, 0, out});
    g.scene.quad(x.point({hw, 0, 0}), x.point({-hw, 0, 0}), x.point({-hw, height, 0}), x.point({hw, height, 0}), wall);
    if (r.chance(0.5f)) g.scene.box(x, {r.uniform(-0.5f, 0.5f) * hw, 1.7f, 0}, {1.6f, 1.7f, 0.05f}, g.metal());  // a gate
  }
  for (float z = -D + 2; z < D; z += 4) {
    g.scene.box(Frame(), {0, height - 0.25f, z}, {W, 0.12f, 0.1f}, post);
    for (float x = -W + 2; x < W; x += 5) g.scene.box(Frame(), {x, height - 0.5f, z + 1}, {0.12f, 0.04f, 0.7f}, lamp);
  }
  float pitch = 2 * aisle + 2.15f, offset = r.uniform(-0.3f, 0.3f) * aisle;
  int rows = int(W / pitch) + 1;
  g.eye = {offset, r.uniform(0.08f, 0.4f), r.uniform(-0.9f, 0.2f) * D};
  int levels = std::max(1, std::min(4, int((height - 1) / 1.9f)));
  for (int i = -rows; i < rows; i++)
    for (float back : {-1.f, 1.f}) {  // back to back between the aisles; the camera's is the one at x = 0
      float x = (i + 0.5f) * pitch + back * 0.52f;
      if (std::fabs(x) > W - 0.6f) continue;
      float start = -D + 1.5f + r.uniform(0, 2), length = 2 * D - 4 - r.uniform(0, D * 0.6f);
      rack(g, Frame({x, 0, start}), length, levels, post, beam, wood);
    }
  int paint = g.withoutShadow(g.flat({0.8f, 0.7f, 0.1f}));
  for (float s : {-1.f, 1.f}) g.scene.quad({s * aisle * 0.9f - 0.05f, 0.004f, -D}, {s * aisle * 0.9f + 0.05f, 0.004f, -D}, {s * aisle * 0.9f + 0.05f, 0.004f, D}, {s * aisle * 0.9f - 0.05f, 0.004f, D}, paint);
  for (int n = r.between(0, 6); n > 0; n--) {
    Frame x({r.uniform(-0.8f, 0.8f) * aisle, 0, g.eye.z + r.sign() * r.uniform(1.2f, 10)}, r.uniform(0, 6.3f));
    g.settle(x.origin, 0.9f, [&] {
      switch (r.below(5)) {
        case 0: pallet(g, x, wood, r.chance(0.6f)); break;
        case 1: boxes(g, x); break;
        case 2: ladder(g, x, r.uniform(1.2f, 2.4f)); break;
        case 3: {  // a pillar, guarded
          g.scene.cylinder(x, 0.08f, 0.08f, 1.1f, 12, beam);
          break;
        }
        default: {  // a trolley
          int m = g.metal();
          g.scene.box(x, {0, 0.18f, 0}, {0.3f, 0.02f, 0.5f}, m);
          for (float sx : {-0.25f, 0.25f})
            for (float sz : {-0.42f, 0.42f}) g.scene.ellipsoid(x, {sx, 0.08f, sz}, {0.025f, 0.08f, 0.08f}, m, 6, 9);
          g.scene.tube(x.point({-0.28f, 0.2f, -0.48f}), 0.015f, x.point({-0.28f, 0.95f, -0.55f}), 0.015f, m);
          g.scene.tube(x.point({0.28f, 0.2f, -0.48f}), 0.015f, x.point({0.28f, 0.95f, -0.55f}), 0.015f, m);
          g.scene.tube(x.point({-0.28f, 0.95f, -0.55f}), 0.015f, x.point({0.28f, 0.95f, -0.55f}), 0.015f, m);
        }
      }
    });
  }
  for (int n = r.chance(0.5f) ? r.between(1, 3) : 0; n > 0; n--) {
    Vec3 p{r.uniform(-0.8f, 0.8f) * aisle, 0, g.eye.z + r.uniform(1.5f, 12)};
    float yaw = r.chance(0.7f) ? (r.chance(0.5f) ? 0 : kPi) : r.uniform(0, 6.3f), speed = r.uniform(0.5f, 1.5f);
    Pose pose = Pose(r.below(2));
    Vec3 now = pose == Pose::Walking ? p + Vec3{std::sin(yaw), 0, std::cos(yaw)} * (speed * (g.time - 0.4f)) : p;
    g.place(p, 0.8f, [&] { person(g, Frame(now, yaw), pose, false); });
  }
}

}  // namespace

void robotScene(Stage& g, int size) {
  Random& r = g.r;
  int kind = r.below(10);
  float clip = 12 * g.interval, travel = std::min(r.logUniform(0.05f, 1.2f) * clip, kind < 3 ? 1.5f : 0.6f), yaw = r.uniform(0, 2 * kPi);
  g.berth = 0.16f;
  if (kind < 3) {
    yaw = (r.chance(0.5f) ? 0 : kPi) + r.normal() * 0.25f;
    g.ahead = Vec3{std::sin(yaw), 0, std::cos(yaw)} * travel;
    warehouse(g);
  } else {
    bool corridor = kind < 5;
    float W = corridor ? r.uniform(0.75f, 1.4f) : r.uniform(1.5f, 4.5f), D = corridor ? r.uniform(3, 10) : r.uniform(1.5f, 4.5f), height = r.uniform(2.2f, 3.4f);
    g.eye = {r.uniform(-0.6f, 0.6f) * W, r.uniform(0.08f, 0.4f), r.uniform(-0.7f, 0.7f) * D};
    if (corridor) yaw = (g.eye.z > 0 ? kPi : 0) + r.normal() * 0.25f;
    else if (r.chance(0.75f)) yaw = std::atan2(-g.eye.x, -g.eye.z) + r.normal() * 0.5f;
    g.ahead = Vec3{std::sin(yaw), 0, std::cos(yaw)} * travel;
    indoorLight(g, W, height, D);
    roomShell(g, W, D, height);
    float area = W * D;
    furnish(g, W, D, r.between(corridor ? 0 : 2, int(std::min(14.f, 5 + area))), corridor ? r.between(0, 3) : r.between(1, int(std::min(12.f, 3 + area * 0.7f))), r.chance(0.35f) ? r.between(1, 2) : 0);
    for (int n = r.between(0, 5); n > 0; n--) {  // what lies about: shoes, toys, balls, cables
      Vec3 p{g.eye.x + r.normal() * 1.2f, 0, g.eye.z + r.normal() * 1.2f};
      Frame x({clamp(p.x, -W * 0.9f, W * 0.9f), 0, clamp(p.z, -D * 0.9f, D * 0.9f)}, r.uniform(0, 6.3f));
      g.settle(x.origin, 0.3f, [&] { item(g, x, r.uniform(0.8f, 1.6f)); });
    }
    if (!corridor && r.chance(0.3f)) {  // under a table or between a chair's legs
      Frame x({g.eye.x + r.normal() * 0.15f, 0, g.eye.z + r.normal() * 0.15f}, r.uniform(0, 6.3f));
      size_t first = g.scene.triangles.size();
      bool low = g.eye.y < 0.22f;
      if (r.chance(0.7f)) table(g, x, false);
      else chair(g, x.at(g.ahead * 0.5f + Vec3{0, 0, 0.5f}));
      if (!low) g.scene.triangles.resize(first);
    }
  }
  Vec3 heading{std::sin(yaw), 0, std::cos(yaw)};
  bool walker = r.chance(0.3f), stands = r.chance(0.2f);  // on legs: it bobs and sways
  float speed = stands ? 0 : travel / clip, turn = r.chance(0.5f) ? r.normal() * std::min(0.6f, 0.5f / clip) : 0, pitch = r.chance(0.6f) ? r.normal() * 0.06f : r.uniform(-0.15f, 0.35f);
  float bob = walker ? r.uniform(0.003f, 0.012f) : 0, rattle = r.chance(0.6f) ? r.uniform(0.001f, 0.006f) : 0, gait = r.uniform(7, 14), p1 = r.uniform(0, 6), p2 = r.uniform(0, 6), lean = r.normal() * 0.012f, wheels = r.uniform(25, 60);
  View view;
  view.narrowest = 45;
  view.widest = 100;
  setCameraAlong(g, view, size, [&](float t) {
    View v;
    v.from = g.eye + heading * (speed * t);
    v.from.y += bob * std::sin(gait * t + p1) + rattle * 0.2f * std::sin(wheels * t + p2);
    v.yaw = yaw + turn * t + bob * 0.8f * std::sin(gait * 0.5f * t + p2);
    v.pitch = pitch + rattle * std::sin(wheels * t + p1) + bob * std::sin(gait * t + p2);
    v.roll = lean + bob * std::sin(gait * 0.5f * t + p1) + rattle * 0.7f * std::sin(wheels * 0.8f * t);
    return v;
  });
  petsAside(g, g.eye + Vec3{-1.4f, -g.eye.y, -1.4f}, g.eye + Vec3{1.4f, -g.eye.y, 1.4f});
}
