// Vehicles from within: a car's cabin, a bus's or train's saloon. Frames: on the ground below the middle, front along +z
#include "objects.h"

namespace {

void seat(Stage& g, const Frame& f, int soft, int hard, bool headrest) {  // seat at 0.45 m over the frame
  auto cushion = [&](const Frame& at, float reach, float wide, float deep) {  // along the frame's y
    auto ring = [&](float v, float k) { return Scene::Ring{at.point({0, v * reach, 0}), wide * k, deep * (0.6f + 0.4f * k)}; };
    g.scene.loft({ring(0, 0.85f), ring(0.08f, 0.95f), ring(0.5f, 1), ring(0.85f, 0.95f), ring(0.96f, 0.8f), ring(1, 0.65f)}, at.ex, 14, soft);
  };
  cushion(f.at({0, 0.41f, -0.16f}).rotated({1, 0, 0}, 1.5f), 0.5f, 0.25f, 0.085f);
  g.scene.box(f, {0, 0.25f, 0.08f}, {0.2f, 0.14f, 0.2f}, hard);
  Frame back = f.at({0, 0.42f, -0.16f}).rotated({1, 0, 0}, -0.2f);
  cushion(back, 0.66f, 0.24f, 0.085f);
  if (!headrest) return;
  g.scene.ellipsoid(back, {0, 0.78f, 0}, {0.13f, 0.09f, 0.055f}, soft, 7, 12);
  for (float x : {-0.05f, 0.05f}) g.scene.tube(back.point({x, 0.62f, 0}), 0.007f, back.point({x, 0.74f, 0}), 0.007f, hard, 5);
}

void steeringWheel(Stage& g, const Frame& f, int m, float turned) {  // its axle along the frame's y
  float radius = g.r.uniform(0.175f, 0.195f);
  constexpr int kPieces = 22;
  auto rim = [&](float a) { return f.point({std::cos(a) * radius, 0, std::sin(a) * radius}); };
  for (int i = 0; i < kPieces; i++) g.scene.capsule(rim(2 * kPi * i / kPieces), 0.015f, rim(2 * kPi * (i + 1) / kPieces), 0.015f, m, 7);
  g.scene.ellipsoid(f, {0, -0.025f, 0}, {0.075f, 0.03f, 0.065f}, m, 7, 12);
  for (float a : {0.f, kPi, -kPi / 2}) g.scene.tube(f.point({0, -0.025f, 0}), 0.022f, rim(a + turned), 0.013f, m, 6);
  g.scene.tube(f.point({0, -0.03f, 0}), 0.035f, f.point({0, -0.35f, 0}), 0.04f, m, 8);
}

}  // namespace

void carCabin(Stage& g, const Frame& f, float driverSide, bool wheelHeld, bool companion, bool behind) {
  Random& r = g.r;
  float w = r.uniform(0.7f, 0.78f), dash = r.uniform(0.9f, 0.98f), sill = r.uniform(0.86f, 0.95f), roof = r.uniform(1.46f, 1.56f), nose = r.uniform(0.95f, 1.2f);
  Vec3 tint = r.chance(0.7f) ? grey(r.uniform(0.02f, 0.2f)) : grey(r.uniform(0.3f, 0.6f));
  auto trimOf = [&](float more) { return g.material({Surface::Plain, Surface::Plaster, Surface::Weave}, 0.3f, tint * more, 0.95f, r.uniform(0.02f, 0.3f)); };
  int trim = trimOf(1), low = trimOf(r.uniform(0.6f, 2)), soft = g.fabric(), hard = g.flat(grey(r.uniform(0.02f, 0.15f)), 0.3f), lining = g.withoutShadow(g.flat(grey(r.uniform(0.25f, 0.75f)))), body = g.metal(), chrome = g.metal();
  g.withoutShadow(trim);
  g.scene.box(f, {0, 0.25f, -0.1f}, {w, 0.03f, 1.7f}, low);
  Vec3 profile[6] = {{0, 0.3f, 0.75f}, {0, dash - 0.38f, 0.6f}, {0, dash - 0.16f, 0.52f}, {0, dash - 0.05f, 0.56f}, {0, dash, 0.7f}, {0, dash - 0.02f, nose + 0.03f}};
  g.scene.grid([&](float u, float v) {
    float s = v * 5;
    int k = std::min(4, int(s));
    Vec3 p = mix(profile[k], profile[k + 1], s - k);
    float x = 2 * u - 1;
    return f.point({x * w, p.y - 0.025f * x * x, p.z + 0.1f * (1 - x * x) * (v > 0.9f ? 1.f : 0.f)});
  }, 8, 15, trim, 2 * w, 1);
  float xd = driverSide * 0.37f;
  g.scene.ellipsoid(f, {xd, dash - 0.02f, 0.6f}, {0.19f, r.uniform(0.05f, 0.09f), 0.12f}, trim, 8, 14);
  int dials = g.glowing(g.material({Surface::Text, Surface::Cells, Surface::Collage}, 0.3f, grey(0.08f), 0.7f), r.uniform(0.2f, 1));
  g.scene.box(f.at({xd, dash - 0.08f, 0.515f}).rotated({1, 0, 0}, -0.3f), {}, {0.15f, 0.05f, 0.015f}, dials);
  float high = r.uniform(0.04f, 0.1f), wide = r.uniform(0.08f, 0.16f), y = r.chance(0.5f) ? dash + high * 0.6f : dash - 0.2f;
  g.scene.box(f, {0, y, 0.53f}, {wide + 0.008f, high + 0.008f, 0.015f}, hard);
  g.scene.quad(f.point({-wide, y - high, 0.513f}), f.point({wide, y - high, 0.513f}), f.point({wide, y + high, 0.513f}), f.point({-wide, y + high, 0.513f}), g.screen());
  for (float x : {-0.64f, -0.2f, 0.2f, 0.64f})
    for (int k = 0; k < 3; k++) g.scene.box(f, {x * w / 0.72f, dash - 0.1f - 0.022f * k, 0.53f}, {0.06f, 0.006f, 0.02f}, hard);
  g.scene.box(f, {-xd, dash - 0.3f, 0.575f}, {0.2f, 0.07f, 0.02f}, low);
  g.scene.box(f, {0, 0.42f, 0.2f}, {0.11f, 0.14f, 0.55f}, trim);  // between the seats
  g.scene.capsule(f.point({0, 0.55f, 0.4f}), 0.012f, f.point({0, 0.68f, 0.38f}), 0.025f, hard, 8);
  Frame axle = f.at({xd, dash - 0.1f, 0.36f}).rotated({1, 0, 0}, -r.uniform(1, 1.25f));
  float turned = 0.25f * std::sin(g.time * r.uniform(0.3f, 1.2f) + r.uniform(0, 6));
  steeringWheel(g, axle, hard, turned);
  if (wheelHeld)
    for (float s : {-1.f, 1.f})
      if (r.chance(0.8f)) {
        float a = turned + (s > 0 ? 0.2f : kPi - 0.2f);
        reachingArm(g, f.point({xd + s * 0.3f, dash - 0.3f, 0.0f}), axle.point({std::cos(a) * 0.18f, 0.03f, std::sin(a) * 0.18f - 0.03f}));
      }
  float inner = w - 0.13f;
  for (float s : {-1.f, 1.f}) {  // pillars, roof rails, doors, mirrors outside
    auto at = [&](float x, float py, float z) { return f.point({s * x, py, z}); };
    auto bar = [&](const Vec3& a, const Vec3& b, float thick) { g.scene.loft({{a, thick, thick * 0.7f}, {mix(a, b, 0.5f), thick * 0.95f, thick * 0.65f}, {b, thick, thick * 0.7f}}, f.ez, 9, lining); };
    bar(at(w, sill, nose), at(inner, roof - 0.04f, 0.36f), 0.05f);
    bar(at(inner, roof - 0.04f, 0.38f), at(inner, roof - 0.03f, -1.5f), 0.045f);
    bar(at(w, sill, -0.3f), at(inner, roof - 0.04f, -0.35f), 0.07f);
    bar(at(w, sill, -1.45f), at(inner, roof - 0.04f, -1.2f), 0.09f);
    g.scene.box(f, {s * (w + 0.02f), (sill + 0.25f) / 2, -0.25f}, {0.03f, (sill - 0.25f) / 2, 1.3f}, low);
    g.scene.box(f, {s * (w - 0.04f), sill - 0.22f, 0.1f}, {0.05f, 0.03f, 0.28f}, trim);
    g.scene.capsule(at(w - 0.03f, sill - 0.1f, 0.25f), 0.012f, at(w - 0.03f, sill - 0.1f, 0.38f), 0.012f, chrome, 6);
    Frame outside = f.at({s * (w + 0.2f), sill + 0.06f, 0.72f});
    g.scene.ellipsoid(outside, {}, {0.12f, 0.075f, 0.06f}, body, 7, 12);
    g.scene.box(outside, {0, 0, -0.055f}, {0.095f, 0.055f, 0.006f}, g.picture());
  }
  g.scene.grid([&](float u, float v) { float x = 2 * u - 1; return f.point({x * inner, roof + 0.03f * (1 - x * x), 0.38f - 2 * v}); }, 6, 4, lining, 2 * inner, 2);
  for (float x : {-0.37f, 0.37f}) g.scene.box(f.at({x, roof - 0.015f, 0.3f}).rotated({1, 0, 0}, 0.1f), {}, {0.19f, 0.01f, 0.08f}, lining);
  g.scene.tube(f.point({0, roof, 0.36f}), 0.008f, f.point({0, roof - 0.09f, 0.4f}), 0.008f, hard, 5);
  Frame mirror = f.at({0, roof - 0.11f, 0.38f}, xd > 0 ? 0.3f : -0.3f);
  g.scene.box(mirror, {}, {0.12f, 0.034f, 0.012f}, hard);
  g.scene.box(mirror, {0, 0, -0.013f}, {0.112f, 0.028f, 0.002f}, g.picture());
  if (r.chance(0.25f)) g.scene.tube(mirror.point({0, -0.03f, 0}), 0.002f, mirror.point({0.02f * std::sin(5 * g.time), -0.14f, 0}), 0.002f, hard, 4);
  g.scene.grid([&](float u, float v) {  // the bonnet
    float x = 2 * u - 1;
    return f.point({x * (w + 0.05f - 0.1f * v), sill - 0.02f + 0.05f * (1 - x * x) - 0.16f * v * v, nose + 0.02f + v * 0.95f});
  }, 8, 6, body, 1.5f, 1);
  if (r.chance(0.2f)) item(g, f.at({r.uniform(-0.5f, 0.5f), dash, 0.78f}, r.uniform(0, 6)), 0.5f);
  auto sits = [&](float x, float z) { person(g, f.at({x, 0.06f, z}), Pose::Sitting, true); };
  if (companion) sits(-xd, -0.14f);
  if (behind) {
    seat(g, f.at({xd, 0.14f, 0}), soft, hard, true);
    seat(g, f.at({-xd, 0.14f, 0}), soft, hard, true);
    if (r.chance(0.9f)) sits(xd, -0.14f);
  } else if (!companion || r.chance(0.5f)) seat(g, f.at({-xd, 0.14f, -0.05f}), soft, hard, true);
}

void saloon(Stage& g, const Frame& f, const SaloonSize& q) {
  Random& r = g.r;
  float w = q.half, top = q.floor + q.height, sill = q.floor + r.uniform(0.7f, 0.95f), head = std::min(top - 0.35f, sill + r.uniform(0.8f, 1.1f)), back = -q.length / 2, front = q.length / 2, pitch = r.uniform(0.72f, 0.95f);
  int wall = g.withoutShadow(g.flat(r.chance(0.7f) ? grey(r.uniform(0.5f, 0.9f)) : randomColour(r), 0.15f)), ground = g.flooring(), soft = g.fabric(), hard = g.plastic(), pole = r.chance(0.5f) ? g.flat({0.9f, 0.7f, 0.08f}, 0.4f) : g.metal(), dark = g.withoutShadow(g.flat(grey(0.06f), 0.3f));
  int lamp = g.withoutShadow(g.glowing(g.flat(grey(0.95f)), r.uniform(0.6f, 3)));
  g.scene.box(f, {0, q.floor - 0.03f, 0}, {w, 0.03f, q.length / 2}, ground);
  float bay = r.uniform(1.2f, 2);
  for (float s : {-1.f, 1.f}) {
    g.scene.box(f, {s * w, (q.floor + sill) / 2, 0}, {0.03f, (sill - q.floor) / 2, q.length / 2}, wall);
    g.scene.box(f, {s * w, (head + top) / 2, 0}, {0.03f, (top - head) / 2, q.length / 2}, wall);
    for (float z = back; z <= front; z += bay) g.scene.box(f, {s * w, (sill + head) / 2, z}, {0.035f, (head - sill) / 2, r.uniform(0.04f, 0.12f)}, r.chance(0.5f) ? wall : dark);
    g.scene.grid([&](float u, float v) {
      float a = u * kPi / 2;
      return f.point({s * (w - 0.45f * (1 - std::cos(a))), top - 0.3f + 0.3f * std::sin(a), mix(back, front, v)});
    }, 5, 3, wall, 0.6f, q.length);
    g.scene.box(f, {s * w * 0.45f, top - 0.03f, 0}, {0.08f, 0.02f, q.length * 0.48f}, lamp);
    g.scene.tube(f.point({s * w * 0.42f, top - 0.35f, back}), 0.016f, f.point({s * w * 0.42f, top - 0.35f, front}), 0.016f, pole, 7);
    if (r.chance(0.5f))
      for (float z = back + 0.4f; z < front; z += 0.55f) {  // straps
        float a = 0.15f * std::sin(g.time * 3 + z);
        Vec3 p{s * w * 0.42f, top - 0.36f, z}, e = p + Vec3{0.2f * std::sin(a), -0.2f, 0};
        g.scene.tube(f.point(p), 0.008f, f.point(e), 0.008f, hard, 4);
        g.scene.box(f, e, {0.012f, 0.03f, 0.05f}, hard);
      }
  }
  g.scene.quad(f.point({-w + 0.4f, top, back}), f.point({-w + 0.4f, top, front}), f.point({w - 0.4f, top, front}), f.point({w - 0.4f, top, back}), wall);
  for (float z : {back, front}) {  // ends: a pane over a panel, or a wall with a door
    bool open = q.open && z > 0;
    g.scene.box(f, {0, (q.floor + sill) / 2, z}, {w, (sill - q.floor) / 2 - 0.1f, 0.04f}, wall);
    g.scene.box(f, {0, (head + top) / 2 + 0.1f, z}, {w, (top - head) / 2, 0.04f}, dark);
    if (!open) {
      for (float s : {-1.f, 1.f}) g.scene.box(f, {s * w * 0.7f, (q.floor + top) / 2, z}, {w * 0.32f, q.height / 2, 0.05f}, wall);
      g.scene.box(f, {0, (q.floor + top) / 2, z}, {w * 0.4f, q.height / 2, 0.03f}, g.picture());
    }
  }
  bool facing = r.chance(0.3f);
  float aisle = r.uniform(0.3f, 0.4f), seatAt = (w + aisle) / 2;
  for (float z = back + 0.6f; z < front - (q.open ? 2 : 0.6f); z += pitch)
    for (float s : {-1.f, 1.f}) {
      bool free = r.chance(0.12f), taken = r.chance(q.crowd), poled = r.chance(0.35f);
      float turn = facing && int((z - back) / pitch) % 2 ? kPi : 0;
      Frame place = f.at({s * seatAt, q.floor, z});
      if (poled) g.scene.tube(f.point({s * aisle, q.floor, z + 0.3f}), 0.017f, f.point({s * aisle, top - 0.3f, z + 0.3f}), 0.017f, pole, 8);
      if (free || std::fabs(place.origin.z - g.eye.z) < 0.35f) continue;
      for (float k : {-0.21f, 0.21f}) seat(g, place.at({k, 0, 0}, turn), soft, hard, r.chance(0.3f));
      if (taken && std::hypot(place.origin.x - g.eye.x, place.origin.z - g.eye.z) > 0.8f) person(g, place.at({r.sign() * 0.2f, -0.02f, -0.1f}, turn), Pose::Sitting, std::fabs(z - g.eye.z) < 3);
    }
  for (int n = r.chance(0.5f) ? r.between(1, 3) : 0; n > 0; n--) {
    Vec3 p{r.uniform(-0.15f, 0.15f), q.floor, r.uniform(back + 1, front - 1)};
    g.place(f.point(p), 1, [&] { person(g, f.at(p, r.uniform(0, 6.3f)), Pose::Standing, true); });
  }
}
