// Structures that are mostly gaps, and what hangs or flies: seen from below against the sky
#include "objects.h"

namespace {

int paintedSteel(Stage& g) {
  Random& r = g.r;
  Vec3 tint = r.chance(0.45f) ? grey(r.uniform(0.06f, 0.9f)) : fromHsv(r.unit(), r.uniform(0.5f, 1), r.uniform(0.2f, 0.95f));
  return g.material({Surface::Plain, Surface::Plain, Surface::Plaster, Surface::Power}, r.uniform(0.5f, 3), tint, r.uniform(0.85f, 1), r.uniform(0, 0.5f));
}

// A box truss from a to b: four chords, cross-braced
void boxTruss(Stage& g, const Vec3& a, const Vec3& b, const Vec3& side, float wide, float high, float thick, int m, int panels, bool triangular = false) {
  Vec3 along = normalize(b - a), across = normalize(side - along * dot(side, along)), up = cross(along, across);
  if (up.y < 0) up = -up;
  auto corner = [&](float v, int k) {
    Vec3 offset = triangular ? (k == 0 ? across * (-wide / 2) : k == 1 ? across * (wide / 2) : up * high)
                             : across * ((k == 0 || k == 3 ? -0.5f : 0.5f) * wide) + up * (k > 1 ? high : 0);
    return mix(a, b, v) + offset;
  };
  int corners = triangular ? 3 : 4;
  for (int k = 0; k < corners; k++) g.scene.tube(corner(0, k), thick, corner(1, k), thick, m);
  for (int i = 0; i < panels; i++)
    for (int k = 0; k < corners; k++) {
      int next = (k + 1) % corners;
      float v0 = float(i) / panels, v1 = float(i + 1) / panels;
      g.scene.tube(corner(v0, k), thick * 0.6f, corner(v0, next), thick * 0.6f, m, 4);
      g.scene.tube(corner(v0, i & 1 ? k : next), thick * 0.6f, corner(v1, i & 1 ? next : k), thick * 0.6f, m, 4);
    }
}

}  // namespace

void span(Stage& g, const Vec3& from, const Vec3& to, float sag, float thick, int material) {
  constexpr int pieces = 10;
  Vec3 before = from;
  for (int k = 1; k <= pieces; k++) {
    float v = float(k) / pieces;
    Vec3 p = mix(from, to, v) - Vec3{0, sag * 4 * v * (1 - v), 0};
    g.scene.tube(before, thick, p, thick, material, 4);
    before = p;
  }
}

void latticeTower(Stage& g, const Frame& f, float height, float base, float top) {
  Random& r = g.r;
  int m = paintedSteel(g), m2 = r.chance(0.7f) ? m : paintedSteel(g), panels = r.between(4, 12);
  float thick = base * r.uniform(0.015f, 0.05f), curve = r.uniform(0.7f, 2);
  bool crossed = r.chance(0.6f);
  auto corner = [&](int level, int k) {
    float v = float(level) / panels, half = 0.5f * (top + (base - top) * std::pow(1 - v, curve));
    return f.point({(k == 0 || k == 3 ? -half : half), height * v, (k > 1 ? -half : half)});
  };
  for (int i = 0; i < panels; i++)
    for (int k = 0; k < 4; k++) {
      int next = (k + 1) % 4;
      g.scene.tube(corner(i, k), thick, corner(i + 1, k), thick, m);
      g.scene.tube(corner(i, k), thick * 0.55f, corner(i + 1, next), thick * 0.55f, m2, 4);
      if (crossed) g.scene.tube(corner(i, next), thick * 0.55f, corner(i + 1, k), thick * 0.55f, m2, 4);
      g.scene.tube(corner(i + 1, k), thick * 0.6f, corner(i + 1, next), thick * 0.6f, m2, 4);
    }
  switch (r.below(4)) {
    case 0: g.scene.tube(f.point({0, height, 0}), top * 0.15f, f.point({0, height * r.uniform(1.1f, 1.4f), 0}), top * 0.05f, m); break;
    case 1: g.scene.cylinder(f.at({0, height, 0}), top, top * 0.8f, top * r.uniform(0.5f, 2), 12, paintedSteel(g)); break;  // a tank
    case 2:
      for (int n = r.between(1, 5); n > 0; n--) {  // dishes and aerials
        Frame x = f.at({0, height * r.uniform(0.6f, 1), 0}, r.uniform(0, 6.3f));
        g.scene.ellipsoid(x, {0, 0, top * 0.7f}, Vec3{1, 1, 0.3f} * (top * r.uniform(0.3f, 0.7f)), g.flat(grey(r.uniform(0.6f, 0.95f))), 6, 12);
      }
      break;
    default: g.scene.box(f, {0, height, 0}, {top * 0.8f, top * 0.1f, top * 0.8f}, m);
  }
}

void pylon(Stage& g, const Frame& f, float height) {
  Random& r = g.r;
  float base = height * r.uniform(0.12f, 0.25f);
  latticeTower(g, f, height, base, base * r.uniform(0.15f, 0.3f));
  int m = g.metal(), wire = g.flat(grey(r.uniform(0.03f, 0.4f))), arms = r.between(1, 3);
  float reach = height * r.uniform(0.12f, 0.3f), thick = height * 0.003f, far = r.uniform(40, 120), sag = r.uniform(1, 6);
  for (int i = 0; i < arms; i++) {
    float y = height * (0.65f + 0.14f * i), out = reach * r.uniform(0.7f, 1);
    for (float side : {-1.f, 1.f}) {
      Vec3 tip = f.point({side * out, y, 0});
      for (float z : {-0.3f, 0.3f}) {
        g.scene.tube(f.point({0, y, z}), thick * 1.6f, tip, thick, m, 4);
        g.scene.tube(f.point({0, y + height * 0.05f, z}), thick * 1.6f, tip, thick, m, 4);
      }
      Vec3 low = tip - Vec3{0, height * 0.04f, 0};
      g.scene.tube(tip, 0.06f, low, 0.06f, wire, 6);
      for (float z : {-far, far}) span(g, low, low + f.ez * z, sag, 0.02f + thick * 0.3f, wire);
    }
  }
}

void towerCrane(Stage& g, const Frame& f, float height) {
  Random& r = g.r;
  int m = paintedSteel(g), cable = g.flat(grey(0.08f)), block = g.flat(grey(r.uniform(0.3f, 0.7f)));
  float wide = r.uniform(1.2f, 2.4f), thick = wide * r.uniform(0.03f, 0.07f), jib = height * r.uniform(0.6f, 1.3f), back = jib * r.uniform(0.25f, 0.4f), peak = height * r.uniform(0.08f, 0.2f);
  Frame top = f.at({0, height, 0}, r.uniform(0, 2 * kPi) + 0.08f * g.time * r.uniform(-1, 1));
  boxTruss(g, f.origin, f.point({0, height, 0}), f.ex, wide, wide, thick, m, int(height / wide / 1.2f) + 2);
  bool luffing = r.chance(0.25f);
  float lift = luffing ? r.uniform(0.3f, 1) : 0;
  Vec3 end = top.point({0, jib * std::sin(lift), jib * std::cos(lift)});
  boxTruss(g, top.origin, end, top.ex, wide * 0.7f, wide * 0.8f, thick * 0.8f, m, int(jib / wide) + 3, true);
  boxTruss(g, top.origin, top.point({0, 0, -back}), top.ex, wide * 0.7f, wide * 0.4f, thick, m, 5);
  Vec3 apex = top.point({0, peak, 0});
  for (float x : {-0.4f, 0.4f}) g.scene.tube(top.point({x * wide, 0, 0}), thick, apex, thick, m);
  for (float v : {0.45f, 0.85f}) g.scene.tube(apex, 0.04f, mix(top.origin, end, v) + Vec3{0, wide * 0.7f, 0}, 0.04f, cable, 4);
  g.scene.tube(apex, 0.05f, top.point({0, 0, -back}), 0.05f, cable, 4);
  g.scene.box(top, {0, -0.6f, -back * 0.9f}, {wide * 0.4f, 1.1f, back * 0.12f}, block);
  g.scene.box(top, {wide, 0.3f, 0.8f}, {0.7f, 1, 0.9f}, g.glass());
  Vec3 trolley = mix(top.origin, end, r.uniform(0.4f, 0.9f)), hook = trolley - Vec3{0, height * r.uniform(0.2f, 0.7f), 0};
  g.scene.tube(trolley, 0.04f, hook, 0.04f, cable, 4);
  if (r.chance(0.5f)) g.scene.box(Frame(hook, r.uniform(0, 6)), {0, -0.4f, 0}, {r.uniform(0.3f, 2), r.uniform(0.2f, 0.8f), 0.4f}, g.anything());
}

void coaster(Stage& g, const Frame& f, float height) {
  Random& r = g.r;
  int rail = paintedSteel(g), column = r.chance(0.4f) ? rail : paintedSteel(g), tie = r.chance(0.5f) ? rail : paintedSteel(g);
  float gauge = height * r.uniform(0.03f, 0.06f), thick = gauge * r.uniform(0.1f, 0.22f), spine = thick * r.uniform(1, 2.5f), length = height * r.uniform(2, 5), bank = r.uniform(0, 1.1f);
  float p1 = r.uniform(0, 6), p2 = r.uniform(0, 6), w1 = r.uniform(1.5f, 5), w2 = r.uniform(1.5f, 6), sway = height * r.uniform(0.2f, 1), rise = r.uniform(0.2f, 0.42f);
  bool loop = r.chance(0.25f), wooden = r.chance(0.2f);
  float loopRadius = height * r.uniform(0.18f, 0.3f);
  auto track = [&](float v) {
    float x = (v - 0.5f) * length, z = sway * std::sin(p1 + w1 * v), y = height * (0.55f + rise * std::sin(p2 + w2 * v));
    if (loop && v > 0.4f && v < 0.6f) {
      float a = (v - 0.4f) * 5 * 2 * kPi;
      return Vec3{(0.4f - 0.5f) * length + (v - 0.4f) * length * 0.3f + loopRadius * std::sin(a), height * 0.35f + loopRadius * (1 - std::cos(a)), sway * std::sin(p1 + w1 * 0.4f) + (v - 0.4f) * gauge * 20};
    }
    return Vec3{x, y, z};
  };
  const int pieces = 90;
  auto frameAt = [&](float v, Vec3& right, Vec3& up) {
    Vec3 along = normalize(track(v + 0.004f) - track(v - 0.004f)), before = normalize(track(v - 0.02f) - track(v - 0.03f)), after = normalize(track(v + 0.03f) - track(v + 0.02f));
    Vec3 bend = after - before, want = normalize(Vec3{0, 1, 0} + Vec3{bend.x, loop && v > 0.38f && v < 0.62f ? bend.y * 40 : 0, bend.z} * (bank * 4));
    right = normalize(cross(want, along));
    up = cross(along, right);
    return track(v);
  };
  Vec3 oldLeft, oldRight, oldSpine, oldJoint;
  int every = r.between(5, 10);
  bool braced = wooden || r.chance(0.5f), standing = false;
  for (int i = 0; i <= pieces; i++) {
    float v = float(i) / pieces;
    if (loop && (i == int(0.4f * pieces) + 1 || i == int(0.6f * pieces) + 1)) {  // the loop leaves the track's line here
      Vec3 right, up, p = frameAt(v, right, up);
      oldLeft = f.point(p - right * (gauge / 2));
      oldRight = f.point(p + right * (gauge / 2));
      oldSpine = f.point(p - up * (gauge * 0.7f));
      continue;
    }
    Vec3 right, up, p = frameAt(v, right, up);
    Vec3 left = f.point(p - right * (gauge / 2)), other = f.point(p + right * (gauge / 2)), under = f.point(p - up * (gauge * 0.7f));
    if (i) {
      g.scene.tube(oldLeft, thick, left, thick, rail, 6);
      g.scene.tube(oldRight, thick, other, thick, rail, 6);
      g.scene.tube(oldSpine, spine, under, spine, rail, 7);
    }
    g.scene.tube(left, thick * 0.6f, other, thick * 0.6f, tie, 4);
    g.scene.tube(left, thick * 0.6f, under, thick * 0.6f, tie, 4);
    g.scene.tube(other, thick * 0.6f, under, thick * 0.6f, tie, 4);
    if (i % every == 0) {
      float lean = r.normal() * 0.15f, lean2 = r.normal() * 0.15f, stout = spine * r.uniform(0.7f, 1.4f);
      Vec3 joint = p - up * (gauge * 0.8f);
      if (braced && standing && std::fabs(joint.y - oldJoint.y) < height * 0.4f)  // struts from bent to bent
        for (float q : {0.2f, 0.6f}) {
          Vec3 a = oldJoint * Vec3{1, q, 1}, b = joint * Vec3{1, q, 1}, c = joint * Vec3{1, q + 0.4f, 1};
          g.scene.tube(f.point(a), stout * 0.6f, f.point(b), stout * 0.6f, column, 5);
          g.scene.tube(f.point(a), stout * 0.6f, f.point(c), stout * 0.6f, column, 5);
        }
      oldJoint = joint;
      standing = true;
      for (int k = 0, legs = wooden ? 4 : r.between(1, 3); k < legs; k++) {
        Vec3 foot{joint.x + (k & 1 ? 1.f : k ? -1.f : 0.f) * height * 0.12f + lean * joint.y, -3, joint.z + (k & 2 ? 1.f : -1.f) * height * 0.1f + lean2 * joint.y};
        g.scene.tube(f.point(foot), stout, f.point(joint), stout * 0.8f, column, 7);
        if (k && r.chance(0.7f)) g.scene.tube(f.point(mix(foot, joint, 0.5f)), stout * 0.6f, f.point({joint.x, joint.y * 0.45f, joint.z}), stout * 0.6f, column, 5);
      }
    }
    oldLeft = left;
    oldRight = other;
    oldSpine = under;
  }
  if (r.chance(0.65f)) {  // the train
    int body = g.plastic(), seat = g.flat(grey(0.06f)), shirts[3] = {g.fabric(), g.fabric(), g.fabric()}, skin = g.skin();
    float start = r.uniform(0.1f, 0.8f), speed = r.uniform(0, 0.12f) * r.sign(), pitch = gauge * 1.9f / length;
    for (int k = 0, cars = r.between(3, 8); k < cars; k++) {
      float v = clamp(start + speed * g.time + pitch * k, 0.03f, 0.97f);
      Vec3 right, up, p = frameAt(v, right, up);
      Frame car;
      car.origin = f.point(p + up * (gauge * 0.3f));
      car.ex = f.direction(right);
      car.ey = f.direction(up);
      car.ez = cross(car.ex, car.ey);
      g.scene.box(car, {0, gauge * 0.2f, 0}, {gauge * 0.6f, gauge * 0.25f, gauge * 0.8f}, body);
      for (float x : {-0.3f, 0.3f}) {
        g.scene.box(car, {x * gauge, gauge * 0.65f, -gauge * 0.3f}, {gauge * 0.22f, gauge * 0.4f, gauge * 0.1f}, seat);
        g.scene.ellipsoid(car, {x * gauge, gauge * 0.6f, 0}, {gauge * 0.18f, gauge * 0.35f, gauge * 0.15f}, shirts[(k + (x > 0)) % 3], 5, 8);
        g.scene.ellipsoid(car, {x * gauge, gauge * 1.05f, 0}, {gauge * 0.12f, gauge * 0.15f, gauge * 0.13f}, skin, 5, 8);
      }
    }
  }
}

void ferrisWheel(Stage& g, const Frame& f, float radius) {
  Random& r = g.r;
  int m = paintedSteel(g), legs = r.chance(0.5f) ? m : paintedSteel(g), spoke = g.flat(grey(r.uniform(0.2f, 0.9f)));
  int count = r.between(10, 28), cabins[3] = {paintedSteel(g), paintedSteel(g), g.glass()};
  float wide = radius * r.uniform(0.06f, 0.15f), thick = radius * r.uniform(0.006f, 0.015f), axle = radius * r.uniform(1.1f, 1.3f), turn = r.uniform(0, 6) + g.time * r.uniform(-0.1f, 0.1f);
  auto rim = [&](float a, float q, float z) { return f.point({q * std::cos(a), axle + q * std::sin(a), z}); };
  bool round = r.chance(0.5f);
  for (int i = 0; i < count; i++) {
    float a = turn + 2 * kPi * i / count, b = turn + 2 * kPi * (i + 1) / count;
    for (float z : {-wide, wide}) {
      for (int k = 0; k < 2; k++) {
        float c = mix(a, b, k * 0.5f), d = mix(a, b, k * 0.5f + 0.5f);
        g.scene.tube(rim(c, radius, z), thick, rim(d, radius, z), thick, m);
        g.scene.tube(rim(c, radius * 0.9f, z), thick * 0.7f, rim(d, radius * 0.9f, z), thick * 0.7f, m, 4);
        g.scene.tube(rim(c, radius * 0.9f, z), thick * 0.5f, rim(d, radius, z), thick * 0.5f, m, 4);
      }
      g.scene.tube(rim(a, radius, z), thick * 0.5f, f.point({0, axle, z * 0.5f}), thick * 0.5f, spoke, 4);
    }
    g.scene.tube(rim(a, radius, -wide), thick * 0.7f, rim(a, radius, wide), thick * 0.7f, m, 4);
    Vec3 hang = rim(a, radius, 0) - Vec3{0, wide * 0.9f, 0};
    Frame cabin = f;
    cabin.origin = hang;
    if (round) g.scene.ellipsoid(cabin, {}, {wide * 0.7f, wide * 0.8f, wide * 0.7f}, cabins[i % 3], 7, 10);
    else g.scene.box(cabin, {}, {wide * 0.6f, wide * 0.6f, wide * 0.6f}, cabins[i % 3]);
  }
  g.scene.capsule(f.point({0, axle, -wide * 1.5f}), radius * 0.05f, f.point({0, axle, wide * 1.5f}), radius * 0.05f, legs, 10);
  for (float z : {-1.5f, 1.5f})
    for (float x : {-0.55f, 0.55f}) g.scene.tube(f.point({x * radius, -3, z * wide * 1.6f}), thick * 3, f.point({0, axle, z * wide}), thick * 2, legs, 7);
}

void overpass(Stage& g, const Frame& f, float height) {  // a bridge along x, seen from beneath
  Random& r = g.r;
  int deck = g.material({Surface::Asphalt, Surface::Plaster, Surface::Power, Surface::Plain}, 4, grey(r.uniform(0.3f, 0.7f)), 0.8f), pier = r.chance(0.7f) ? deck : paintedSteel(g), girder = r.chance(0.5f) ? deck : paintedSteel(g);
  float wide = r.uniform(2, 8), pitch = r.uniform(10, 30), curve = r.chance(0.4f) ? r.normal() * 0.01f : 0;
  const float reach = 90;
  auto at = [&](float x, float y, float z) { return f.point({x, y, z + curve * x * x}); };
  for (float x = -reach; x < reach; x += 6)
    for (int k = 0; k < 4; k++) {  // underside, sides, top
      float y0 = k == 3 ? height + 0.8f : height, y1 = k == 0 ? height : height + 0.8f, z0 = k == 1 ? wide / 2 : -wide / 2, z1 = k == 2 ? -wide / 2 : wide / 2;
      g.scene.quad(at(x, y0, z0), at(x + 6, y0, z0), at(x + 6, y1, z1), at(x, y1, z1), deck, x);
    }
  for (float z : {-0.35f, 0.f, 0.35f})
    for (float x = -reach; x < reach; x += 6) g.scene.box(f, {x + 3, height - 0.4f, z * wide + curve * (x + 3) * (x + 3)}, {3.05f, 0.4f, 0.25f}, girder);
  for (float x = -reach + r.uniform(0, pitch); x < reach; x += pitch) g.scene.cylinder(f.at({x, -3, curve * x * x}), wide * 0.12f, wide * 0.12f, height + 3, 12, pier);
  int kind = r.below(4);
  for (float z : {-wide / 2, wide / 2}) {
    if (kind == 0) for (float x = -reach; x < reach; x += 2) g.scene.tube(at(x, height + 0.8f, z), 0.04f, at(x, height + 2, z), 0.04f, girder, 4);
    if (kind <= 1) for (float x = -reach; x < reach; x += 6) g.scene.tube(at(x, height + 2, z), 0.06f, at(x + 6, height + 2, z), 0.06f, girder, 5);
    if (kind == 2) boxTruss(g, f.point({-reach, height + 1, z}), f.point({reach, height + 1, z}), f.ez, 0.4f, r.uniform(2.5f, 5), 0.13f, girder, 34);
    if (kind == 3) {  // hung on cables from a mast
      float mast = r.uniform(12, 30);
      g.scene.tube(f.point({0, 0, z}), 0.7f, f.point({0, height + mast, z}), 0.4f, pier, 8);
      for (int k = 1; k <= 9; k++)
        for (float side : {-1.f, 1.f}) g.scene.tube(f.point({0, height + mast * (1 - 0.04f * k), z}), 0.05f, f.point({side * 8.f * k, height + 0.8f, z}), 0.05f, girder, 4);
    }
  }
}

void scaffold(Stage& g, const Frame& f, float width, float height) {
  Random& r = g.r;
  int m = g.metal(), board = g.wood();
  float bay = r.uniform(1.5f, 2.5f), storey = r.uniform(1.8f, 2.2f), deep = r.uniform(0.7f, 1.2f), thick = 0.025f;
  int bays = std::min(9, int(width / bay) + 1), storeys = std::min(12, int(height / storey) + 1);
  for (int i = 0; i <= bays; i++)
    for (float z : {0.f, deep}) g.scene.tube(f.point({i * bay, 0, z}), thick, f.point({i * bay, storeys * storey + 1, z}), thick, m);
  for (int j = 0; j <= storeys; j++) {
    for (float z : {0.f, deep})
      for (float y : {0.f, 1.f}) g.scene.tube(f.point({0, j * storey + y, z}), thick, f.point({bays * bay, j * storey + y, z}), thick, m, 4);
    if (j && r.chance(0.8f)) g.scene.box(f, {bays * bay / 2, j * storey, deep / 2}, {bays * bay / 2, 0.03f, deep / 2}, board);
    for (int i = 0; i < bays; i++)
      if (r.chance(0.4f)) g.scene.tube(f.point({i * bay, j * storey, deep}), thick, f.point({(i + 1) * bay, (j + 1) * storey, deep}), thick, m, 4);
  }
}

void gantry(Stage& g, const Frame& f, float height) {
  Random& r = g.r;
  int m = g.metal();
  float wide = r.uniform(4, 14);
  bool single = r.chance(0.4f);
  for (float x : {-wide / 2, wide / 2}) {
    if (single && x > 0) continue;
    g.scene.cylinder(f.at({x, 0, 0}), 0.2f, 0.14f, height + 0.5f, 10, m);
  }
  if (r.chance(0.5f)) boxTruss(g, f.point({-wide / 2, height - 0.5f, 0}), f.point({wide / 2, height - 0.5f, 0}), f.ez, 0.6f, 0.8f, 0.06f, m, int(wide));
  else g.scene.tube(f.point({-wide / 2, height, 0}), 0.12f, f.point({wide / 2, height, 0}), 0.1f, m, 8);
  for (int n = r.between(1, 3), i = 0; i < n; i++) {
    int board = r.chance(0.5f) ? g.picture() : g.material({Surface::Text, Surface::Plain}, 2, r.pick({Vec3{0.05f, 0.25f, 0.6f}, Vec3{0.05f, 0.45f, 0.25f}, Vec3{0.9f, 0.9f, 0.9f}, Vec3{0.9f, 0.7f, 0.1f}}), 0.7f);
    float x = (i - (n - 1) * 0.5f) * wide / n;
    g.scene.box(f, {x, height + r.uniform(-0.4f, 0.4f), 0.4f}, {wide / n * r.uniform(0.2f, 0.42f), r.uniform(0.5f, 1.3f), 0.06f}, board);
  }
}

void flag(Stage& g, const Frame& f, float height) {
  Random& r = g.r;
  int m = g.metal(), cloth = g.fabric();
  float thick = height * r.uniform(0.004f, 0.012f), wide = height * r.uniform(0.15f, 0.35f), tall = wide * r.uniform(0.5f, 1.2f), wind = r.uniform(0.2f, 1), phase = r.uniform(0, 6);
  g.scene.tube(f.origin, thick, f.point({0, height, 0}), thick * 0.6f, m, 7);
  g.scene.ellipsoid(f, {0, height, 0}, grey(thick * 2), m, 6, 8);
  g.scene.grid([&](float u, float v) {
    float wave = 0.12f * std::sin(phase + 7 * u - 6 * g.time) * u * wind, droop = (1 - wind) * u * 0.9f;
    return f.point({wide * u * (1 - 0.5f * droop), height * 0.99f - tall * v - wide * droop, wide * (wave + 0.2f * wave * std::sin(v * 4 + phase))});
  }, 16, 6, cloth, wide, tall);
}

void windTurbine(Stage& g, const Frame& f, float height) {
  Random& r = g.r;
  int m = g.flat(grey(r.uniform(0.7f, 0.95f)), 0.2f);
  float reach = height * r.uniform(0.4f, 0.65f), turn = r.uniform(0, 6) + g.time * r.uniform(0.2f, 2);
  g.scene.cylinder(f, height * 0.025f, height * 0.014f, height, 12, m);
  Frame hub = f.at({0, height, height * 0.03f});
  g.scene.ellipsoid(hub, {0, 0, -height * 0.03f}, {height * 0.02f, height * 0.022f, height * 0.06f}, m, 7, 10);
  for (int k = 0; k < 3; k++) {
    float a = turn + k * 2 * kPi / 3;
    Vec3 out{std::cos(a), std::sin(a), 0}, side{-std::sin(a), std::cos(a), 0};
    g.scene.grid([&](float u, float v) { return hub.point(out * (reach * v) + side * ((u - 0.4f) * reach * 0.09f * (1 - 0.85f * v)) + Vec3{0, 0, height * 0.03f + (u - 0.4f) * reach * 0.03f}); }, 2, 8, m, 1, 1);
  }
}

void steeple(Stage& g, const Frame& f, float height) {
  Random& r = g.r;
  int wall = g.facade(), roof = r.chance(0.5f) ? g.fabric() : g.metal(), dark = g.flat(grey(0.04f));
  float half = height * r.uniform(0.06f, 0.14f), shaft = height * r.uniform(0.5f, 0.75f);
  g.scene.box(f, {0, shaft / 2, 0}, {half, shaft / 2, half}, wall);
  for (int k = 0; k < 4; k++) {
    Frame x = f.at({}, k * kPi / 2);
    g.scene.box(x, {0, shaft * 0.85f, half}, {half * 0.35f, shaft * 0.08f, 0.05f}, dark);
    if (r.chance(0.4f)) g.scene.cylinder(x.at({0, shaft * 0.68f, half}).rotated({1, 0, 0}, kPi / 2), half * 0.45f, half * 0.45f, 0.1f, 16, g.flat(grey(0.85f)));
  }
  g.scene.box(f, {0, shaft, 0}, {half * 1.12f, height * 0.01f, half * 1.12f}, wall);
  Frame top = f.at({0, shaft, 0}, kPi / 4);
  if (r.chance(0.6f)) g.scene.lathe(top, {{half * 1.4f, 0}, {half * r.uniform(0.3f, 1.1f), (height - shaft) * 0.4f}, {0, height - shaft}}, r.chance(0.5f) ? 4 : 8, roof);
  else g.scene.ellipsoid(top, {}, {half * 1.1f, (height - shaft) * 0.6f, half * 1.1f}, roof, 10, 16);
  g.scene.tube(f.point({0, height * 0.98f, 0}), height * 0.003f, f.point({0, height * 1.1f, 0}), height * 0.002f, g.metal());
}

void chimney(Stage& g, const Frame& f, float height) {
  Random& r = g.r;
  float low = height * r.uniform(0.03f, 0.08f), high = low * r.uniform(0.5f, 0.9f);
  g.scene.cylinder(f, low, high, height, 16, g.facade());
  int band = g.flat({0.7f, 0.15f, 0.1f});
  if (r.chance(0.5f))
    for (float v : {0.72f, 0.84f, 0.96f}) g.scene.cylinder(f.at({0, height * v, 0}), mix(low, high, v) * 1.02f, mix(low, high, v) * 1.02f, height * 0.05f, 16, band);
}

void cableway(Stage& g, const Frame& f, float height) {  // along x
  Random& r = g.r;
  int m = paintedSteel(g), rope = g.flat(grey(0.1f)), cabin = paintedSteel(g), glass = g.glass();
  float slope = r.uniform(-0.3f, 0.3f), wide = r.uniform(1, 2), pitch = r.uniform(6, 16), drift = g.time * r.uniform(-3, 3), size = r.uniform(0.5f, 1.2f);
  bool lift = r.chance(0.5f);
  g.scene.tube(f.origin, 0.4f, f.point({0, height, 0}), 0.25f, m, 8);
  g.scene.box(f, {0, height, 0}, {0.25f, 0.2f, wide * 1.1f}, m);
  for (float z : {-wide, wide}) {
    g.scene.tube(f.point({-90, height - 90 * slope, z}), 0.04f, f.point({90, height + 90 * slope, z}), 0.04f, rope, 4);
    for (float x = -60; x < 60; x += pitch) {
      float at = x + drift * (z > 0 ? 1 : -1);
      Frame hang = f.at({at, height + at * slope, z});
      g.scene.tube(hang.origin, 0.04f, hang.point({0, -2 * size, 0}), 0.04f, m, 5);
      if (lift) {
        for (float y : {-2.f, -1.3f}) g.scene.box(hang, {y < -1.5f ? 0 : -0.25f * size, y * size, 0}, {0.25f * size, 0.04f, 0.7f * size}, cabin);
      } else {
        g.scene.box(hang, {0, -2.6f * size, 0}, {0.8f * size, 0.6f * size, 0.7f * size}, cabin);
        g.scene.box(hang, {0, -2.4f * size, 0}, {0.83f * size, 0.25f * size, 0.73f * size}, glass);
      }
    }
  }
}

void hotAirBalloon(Stage& g, const Vec3& at, float radius) {
  Random& r = g.r;
  int cloth = g.material({Surface::Stripe, Surface::Plain, Surface::Collage, Surface::Tile}, radius, fromHsv(r.unit(), 0.8f, 0.9f), r.uniform(0.2f, 0.9f)), basket = g.wood(), rope = g.flat(grey(0.1f));
  Frame f(at + Vec3{r.uniform(-0.5f, 0.5f), r.uniform(-0.3f, 0.3f), 0} * g.time, r.uniform(0, 6));
  Profile p;
  for (int k = 0; k <= 14; k++) {
    float v = k / 14.f;
    p.push_back({radius * std::sin(kPi * std::pow(v, 0.75f)) * (v < 0.5f ? 0.6f + 0.8f * v : 1) + (k == 0 ? radius * 0.15f : 0), radius * 2.3f * v});
  }
  g.scene.lathe(f, p, 24, cloth);
  float low = -radius * 0.6f, half = radius * 0.11f;
  g.scene.box(f, {0, low, 0}, {half, half * 0.8f, half}, basket);
  for (float x : {-half, half})
    for (float z : {-half, half}) g.scene.tube(f.point({x, low, z}), radius * 0.006f, f.point({x * 1.4f, 0.05f, z * 1.4f}), radius * 0.006f, rope, 4);
}

void balloons(Stage& g, const Vec3& at, float size) {
  Random& r = g.r;
  int thread = g.flat(grey(r.uniform(0.1f, 0.9f)));
  Vec3 knot = at - Vec3{0, size * 8, 0};
  for (int n = r.between(1, 9); n > 0; n--) {
    Vec3 c = at + Vec3{r.normal(), r.normal(), r.normal()} * (size * 1.2f);
    int m = g.flat(fromHsv(r.unit(), r.uniform(0.3f, 1), r.uniform(0.5f, 1)), r.uniform(0.2f, 0.8f));
    g.scene.ellipsoid(Frame(c), {}, {size, size * 1.2f, size}, m, 9, 14);
    g.scene.tube(c - Vec3{0, size * 1.2f, 0}, size * 0.015f, knot, size * 0.015f, thread, 3);
  }
}

void bird(Stage& g, const Vec3& at, float span) {
  Random& r = g.r;
  int m = r.chance(0.6f) ? g.flat(grey(r.uniform(0.02f, 0.3f))) : g.flat(grey(r.uniform(0.6f, 0.95f)));
  float yaw = r.uniform(0, 2 * kPi), beat = 0.5f * std::sin(r.uniform(0, 6) + g.time * r.uniform(4, 14)) + r.uniform(-0.1f, 0.3f);
  Frame f(at + Vec3{std::sin(yaw), 0, std::cos(yaw)} * (r.uniform(2, 9) * g.time), yaw);
  f = f.rotated({0, 0, 1}, r.normal() * 0.3f);
  g.scene.ellipsoid(f, {}, Vec3{0.06f, 0.06f, 0.22f} * span, m, 6, 8);
  for (float side : {-1.f, 1.f}) {
    auto wing = [&](float v, float z) { return f.point(Vec3{side * 0.5f * v, 0.5f * beat * v * (1.4f - 0.7f * v), z} * span); };
    g.scene.quad(wing(0, 0.1f), wing(0.5f, 0.12f), wing(0.5f, -0.06f), wing(0, -0.09f), m);
    g.scene.quad(wing(0.5f, 0.12f), wing(1, -0.02f), wing(0.98f, -0.06f), wing(0.5f, -0.06f), m);
  }
}

void plane(Stage& g, const Vec3& at, float span) {
  Random& r = g.r;
  int m = g.flat(grey(r.uniform(0.6f, 0.95f)), 0.4f), fin = g.plastic(), engine = g.metal();
  float yaw = r.uniform(0, 2 * kPi);
  Frame f(at + Vec3{std::sin(yaw), 0, std::cos(yaw)} * (r.uniform(0.2f, 0.8f) * span * g.time), yaw);
  f = f.rotated({1, 0, 0}, r.uniform(-0.25f, 0.1f)).rotated({0, 0, 1}, r.normal() * 0.2f);
  float k = span;
  g.scene.loft({{f.point({0, 0, -0.5f * k}), 0.015f * k, 0.02f * k}, {f.point({0, 0, -0.3f * k}), 0.05f * k, 0.05f * k}, {f.point({0, 0, 0.4f * k}), 0.052f * k, 0.052f * k}, {f.point({0, 0, 0.52f * k}), 0.02f * k, 0.02f * k}}, f.ex, 12, m);
  auto blade = [&](const Vec3& root, const Vec3& tip, float chord, int material) {
    g.scene.quad(f.point(root), f.point(tip), f.point(tip - Vec3{0, 0, chord * 0.4f}), f.point(root - Vec3{0, 0, chord}), material);
  };
  for (float side : {-1.f, 1.f}) {
    blade(Vec3{0, -0.02f, 0.12f} * k, Vec3{side * 0.5f, 0.03f, -0.12f} * k, 0.16f * k, m);
    blade(Vec3{0, 0.02f, -0.38f} * k, Vec3{side * 0.18f, 0.03f, -0.46f} * k, 0.08f * k, m);
    g.scene.capsule(f.point(Vec3{side * 0.17f, -0.05f, 0.1f} * k), 0.025f * k, f.point(Vec3{side * 0.17f, -0.05f, 0} * k), 0.02f * k, engine, 8);
  }
  blade(Vec3{0, 0.03f, -0.36f} * k, Vec3{0, 0.18f, -0.48f} * k, 0.1f * k, fin);
}

void drone(Stage& g, const Vec3& at, float span) {
  Random& r = g.r;
  int m = g.plastic(), blade = g.flat(grey(0.15f));
  Frame f(at + Vec3{r.normal(), r.normal() * 0.3f, r.normal()} * g.time, r.uniform(0, 6));
  g.scene.box(f, {}, Vec3{0.14f, 0.07f, 0.2f} * span, m);
  for (int k = 0; k < 4; k++) {
    float a = kPi / 4 + k * kPi / 2;
    Vec3 tip = Vec3{std::cos(a) * 0.5f, 0.06f, std::sin(a) * 0.5f} * span;
    g.scene.tube(f.origin, 0.025f * span, f.point(tip), 0.02f * span, m);
    g.scene.cylinder(f.at(tip), 0.22f * span, 0.22f * span, 0.004f * span, 12, blade);
  }
  for (float side : {-1.f, 1.f}) g.scene.tube(f.point(Vec3{side * 0.12f, -0.16f, -0.15f} * span), 0.012f * span, f.point(Vec3{side * 0.12f, -0.16f, 0.15f} * span), 0.012f * span, m, 4);
}

void lampPost(Stage& g, const Frame& f, float height) {
  Random& r = g.r;
  int m = paintedSteel(g), light = g.glowing(g.flat({0.9f, 0.88f, 0.8f}), g.night ? r.uniform(4, 15) : 0);
  float thick = height * r.uniform(0.006f, 0.014f);
  g.scene.tube(f.origin, thick * 1.5f, f.point({0, height, 0}), thick, m, 8);
  int arms = r.between(1, 3), style = r.below(3);
  for (int k = 0; k < arms; k++) {
    Frame x = f.at({0, height, 0}, k * 2 * kPi / arms);
    if (style == 0) {  // a curved arm
      Vec3 before = x.origin;
      float reach = height * 0.25f;
      for (int j = 1; j <= 6; j++) {
        float a = j / 6.f * kPi / 2;
        Vec3 p = x.point({0, reach * 0.5f * std::sin(a), reach * (1 - std::cos(a))});
        g.scene.tube(before, thick * 0.8f, p, thick * 0.8f, m);
        before = p;
      }
      g.scene.ellipsoid(Frame(before, 0), {}, Vec3{0.6f, 0.25f, 1} * (height * 0.05f), light, 6, 10);
    } else if (style == 1) {
      Vec3 p = x.point({0, height * 0.03f, height * 0.12f});
      g.scene.tube(x.origin, thick * 0.8f, p, thick * 0.8f, m);
      g.scene.ellipsoid(Frame(p), {}, grey(height * r.uniform(0.02f, 0.04f)), light, 8, 12);
    } else {
      g.scene.tube(x.origin, thick * 0.7f, x.point({0, height * 0.02f, height * 0.2f}), thick * 0.7f, m);
      g.scene.box(x, {0, height * 0.02f, height * 0.22f}, Vec3{0.4f, 0.12f, 1} * (height * 0.05f), light);
    }
  }
}
