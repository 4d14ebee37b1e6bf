// A room's shell and what stands in it
#include "noise.h"
#include "objects.h"
#include "scenes.h"

namespace {

// What is behind a window or open door: a lit pane, another room, or the street outside
void outlook(Stage& g, const Frame& x, float a, float b, float y0, float y1, bool door, float deep, int floorMaterial) {
  Random& r = g.r;
  float c = (a + b) / 2, w = (b - a) / 2;
  int frame = g.withoutShadow(g.wood());
  for (int side = 0; side < 2; side++) {
    g.scene.box(x, {side ? b : a, (y0 + y1) / 2, deep / 2 - 0.02f}, {0.025f, (y1 - y0) / 2 + 0.03f, deep / 2 + 0.02f}, frame);
    g.scene.box(x, {c, side ? y1 : y0, deep / 2 - 0.02f}, {w, 0.025f, deep / 2 + 0.02f}, frame);
  }
  int kind = r.below(5);
  if (kind < 2) {
    int pane = door ? g.wood() : g.glowing(g.material({Surface::Photo, Surface::Plain, Surface::Clouds, Surface::Facade}, r.uniform(1, 4), {0.8f, 0.85f, 0.9f}, r.unit(), 0.3f), r.logUniform(0.3f, 4));
    g.withoutShadow(pane);
    g.scene.quad(x.point({b, y0, deep}), x.point({a, y0, deep}), x.point({a, y1, deep}), x.point({b, y1, deep}), pane);
    if (door) {
      g.scene.ellipsoid(x, {a + 0.08f, 1, deep - 0.05f}, {0.03f, 0.03f, 0.04f}, g.metal(), 6, 8);
      if (r.chance(0.6f))
        for (float y : {0.55f, 1.5f}) g.scene.box(x, {c, y, deep - 0.005f}, {w * 0.65f, 0.35f, 0.012f}, pane);
    } else if (r.chance(0.6f)) {
      int bars = r.between(1, 3);
      for (int j = 1; j <= bars; j++) g.scene.box(x, {a + (b - a) * j / (bars + 1), (y0 + y1) / 2, deep - 0.02f}, {0.018f, (y1 - y0) / 2, 0.018f}, frame);
      if (r.chance(0.5f)) g.scene.box(x, {c, mix(y0, y1, r.uniform(0.3f, 0.7f)), deep - 0.02f}, {w, 0.018f, 0.018f}, frame);
    }
  } else if (kind == 2 || door) {  // the next room
    float far = r.uniform(1.2f, 5);
    int wall = g.wall();
    g.scene.quad(x.point({b + 3, -0.2f, far}), x.point({a - 3, -0.2f, far}), x.point({a - 3, y1 + 1, far}), x.point({b + 3, y1 + 1, far}), wall);
    g.scene.quad(x.point({a - 3, 0, 0.02f}), x.point({b + 3, 0, 0.02f}), x.point({b + 3, 0, far}), x.point({a - 3, 0, far}), floorMaterial);
    if (r.chance(0.5f)) cabinet(g, x.at({c, 0, far - 0.4f}, kPi));
    if (door && r.chance(0.4f)) {  // its leaf, ajar
      Frame leaf = x.at({b, 0, deep}, r.uniform(-1.4f, 0.6f));
      g.scene.box(leaf, {-w, y1 / 2, 0}, {w, y1 / 2 - 0.02f, 0.02f}, g.wood());
    }
  } else {
    float low = -r.uniform(0.2f, 9);
    int ground = g.ground();
    g.scene.quad(x.point({-60, low, 0.3f}), x.point({60, low, 0.3f}), x.point({60, low, 90}), x.point({-60, low, 90}), ground);
    for (int n = r.between(0, 4); n > 0; n--) building(g, x.at({r.uniform(-25, 25), low, r.uniform(12, 60)}), r.uniform(4, 12), r.uniform(5, 20), 6, 1, false);
    for (int n = r.between(0, 3); n > 0; n--) tree(g, x.at({r.uniform(-6, 6), low, r.uniform(4, 25)}), r.uniform(3, 9));
  }
  if (!door && r.chance(0.4f))
    for (float side : {-1.f, 1.f}) {
      float wide = r.uniform(0.3f, 0.8f);
      curtain(g, x, c + side * (w + wide * 0.15f), wide, 0.05f, y1 + 0.1f);
    }
  if (!door && r.chance(0.12f)) {  // slats
    int slat = g.withoutShadow(g.wood());
    for (float y = y0; y < y1; y += 0.06f) g.scene.box(x, {c, y, -0.02f}, {w, 0.012f, 0.02f}, slat);
  }
}

void wallThings(Stage& g, const Frame& x, float hw, float height) {  // on the wall at local z = 0, room towards -z
  Random& r = g.r;
  for (int n = r.between(0, 3); n > 0; n--) {
    float w = r.logUniform(0.1f, 0.9f), h = r.logUniform(0.1f, 0.8f);
    Vec3 c{r.uniform(-hw + w, hw - w), clamp(r.uniform(1, 1.9f), h + 0.1f, height - h - 0.05f), -0.02f};
    int picture = g.picture(), frame = g.wood();
    g.scene.materials[picture].scale = 0.5f / std::max(w, h);
    g.scene.box(x, c, {w + 0.03f, h + 0.03f, 0.015f}, frame);
    g.scene.quad(x.point(c + Vec3{w, -h, -0.017f}), x.point(c + Vec3{-w, -h, -0.017f}), x.point(c + Vec3{-w, h, -0.017f}), x.point(c + Vec3{w, h, -0.017f}), picture);
  }
  int white = g.flat(grey(r.uniform(0.7f, 0.95f)), 0.2f);
  for (int n = r.between(0, 2); n > 0; n--)  // switches and sockets
    g.scene.box(x, {r.uniform(-hw, hw), r.chance(0.5f) ? 0.3f : 1.1f, -0.006f}, {0.04f, 0.04f, 0.006f}, white);
  Frame facing = x.at({}, kPi);  // front into the room
  if (r.chance(0.15f)) radiator(g, facing.at({r.uniform(-hw, hw) * 0.7f, 0, 0}));
  if (r.chance(0.1f)) coatRack(g, facing.at({r.uniform(-hw, hw) * 0.7f, 0, 0}));
  if (r.chance(0.15f)) {  // a board of shelves
    float y = r.uniform(1.2f, 1.8f), w = r.uniform(0.2f, 0.6f);
    Frame board = facing.at({r.uniform(-hw, hw) * 0.7f, y, 0.12f});
    g.scene.box(board, {}, {w, 0.015f, 0.12f}, g.wood());
    if (r.chance(0.5f)) bookRow(g, board.at({-w * 0.9f, 0.015f, 0}), w * 1.6f, 0.28f, 0.11f);
    else clutter(g, board.at({0, 0.015f, 0}), w * 0.8f, 0.05f, r.between(1, 4), 1);
  }
  if (r.chance(0.08f)) {  // a clock
    float q = r.uniform(0.12f, 0.2f);
    g.scene.cylinder(facing.at({r.uniform(-hw, hw) * 0.6f, r.uniform(1.7f, 2), 0}).rotated({1, 0, 0}, kPi / 2), q, q, 0.03f, 20, g.plastic());
  }
  if (r.chance(0.12f)) g.scene.box(x, {r.uniform(-hw, hw) * 0.8f, height / 2, -0.1f}, {r.uniform(0.1f, 0.35f), height / 2, 0.15f}, g.wall());  // pillar
  if (r.chance(0.08f)) {  // pipes
    int m = g.metal();
    float q = r.uniform(-hw, hw) * 0.9f, thick = r.uniform(0.01f, 0.04f);
    g.scene.capsule(x.point({q, 0, -0.08f}), thick, x.point({q, height, -0.08f}), thick, m, 8);
  }
}

}  // namespace

void roomShell(Stage& g, float W, float D, float height) {
  Random& r = g.r;
  int floorMaterial = g.flooring(), common = g.wall(), trim = g.withoutShadow(g.wood()), top = g.ceiling();
  g.scene.quad({-W, 0, -D}, {W, 0, -D}, {W, 0, D}, {-W, 0, D}, floorMaterial);
  if (r.chance(0.18f)) polish(g, floorMaterial, 0);
  bool attic = r.chance(0.06f);
  float knee = attic ? height * r.uniform(0.3f, 0.6f) : height;
  if (attic)
    for (float side : {-1.f, 1.f}) g.scene.quad({side * W, knee, -D}, {side * W, knee, D}, {side * W * 0.2f, height, D}, {side * W * 0.2f, height, -D}, top);
  if (!r.chance(0.03f)) g.scene.quad({-W, height, -D}, {-W, height, D}, {W, height, D}, {W, height, -D}, top);
  bool windowed = r.chance(0.7f);
  for (int k = 0; k < 4; k++) {
    float hw = k & 1 ? D : W, distance = k & 1 ? W : D;
    Frame x = Frame({}, k * kPi / 2).at({0, 0, distance});
    int m = r.chance(0.75f) ? common : g.wall();
    auto panel = [&](float a, float b, float y0, float y1) {
      if (b - a > 0.01f && y1 - y0 > 0.01f)
        g.scene.quad(x.point({b, y0, 0}), x.point({a, y0, 0}), x.point({a, y1, 0}), x.point({b, y1, 0}), m, b, y0);
    };
    float done = -hw;
    int openings = windowed && r.chance(0.55f) ? r.between(1, std::max(1, int(hw * 0.8f))) : 0;
    for (int i = 0; i < openings; i++) {
      float slot = 2 * hw / openings, c = -hw + slot * (i + 0.5f), w = std::min(slot * 0.42f, r.uniform(0.25f, 1));
      bool door = r.chance(0.3f);
      float y0 = door ? 0 : r.uniform(0.3f, 1.1f), y1 = std::min(height - 0.1f, door ? 2.1f : y0 + r.uniform(0.7f, 1.6f));
      panel(done, c - w, 0, height);
      panel(c - w, c + w, 0, y0);
      panel(c - w, c + w, y1, height);
      done = c + w;
      outlook(g, x, c - w, c + w, y0, y1, door, r.uniform(0.03f, 0.2f), floorMaterial);
      if (!door && r.chance(0.5f) && g.scene.light.points.size() < 5)  // daylight that falls off into the room
        g.scene.light.points.push_back({x.point({c, (y0 + y1) / 2, -0.25f}), Vec3{r.uniform(0.8f, 1), r.uniform(0.9f, 1), 1} * r.logUniform(0.3f, 2.5f)});
    }
    panel(done, hw, 0, height);
    if (r.chance(0.6f)) g.scene.box(x, {0, 0.05f, -0.008f}, {hw, 0.05f, 0.01f}, trim);
    if (r.chance(0.12f)) g.scene.box(x, {0, height - 0.05f, -0.03f}, {hw, 0.05f, 0.03f}, trim);
    if (r.chance(0.1f)) {  // panelling to half height
      int panelling = g.withoutShadow(g.wood());
      g.scene.box(x, {0, 0.5f, -0.005f}, {hw, 0.5f, 0.012f}, panelling);
    }
    wallThings(g, x, hw, height);
  }
  if (r.chance(0.2f)) {  // beams or ducts
    int beam = g.withoutShadow(r.chance(0.5f) ? g.wood() : g.metal()), n = r.between(2, 6);
    bool across = r.chance(0.5f);
    for (int i = 0; i < n; i++) {
      float q = 2 * (i + 0.5f) / n - 1;
      if (across) g.scene.box(Frame(), {q * W, height - 0.08f, 0}, {0.06f, 0.08f, D}, beam);
      else g.scene.box(Frame(), {0, height - 0.08f, q * D}, {W, 0.08f, 0.06f}, beam);
    }
  }
  for (int n = r.between(0, 4); n > 0; n--) {  // lamps
    int shade = g.withoutShadow(g.glowing(g.fabric(), r.chance(0.6f) ? r.uniform(0.5f, 4) : 0));
    Vec3 c{r.uniform(-W, W) * 0.7f, height, r.uniform(-D, D) * 0.7f};
    if (r.chance(0.5f)) g.scene.box(Frame(c), {0, -0.03f, 0}, {r.uniform(0.08f, 0.6f), 0.03f, r.uniform(0.08f, 0.3f)}, shade);
    else {
      float drop = r.uniform(0.2f, 0.9f);
      Frame lamp(c - Vec3{0, drop, 0});
      g.scene.cylinder(lamp, 0.006f, 0.006f, drop, 4, g.metal());
      if (r.chance(0.5f)) g.scene.ellipsoid(lamp, {}, {0.15f, r.uniform(0.08f, 0.15f), 0.15f}, shade, 7, 12);
      else g.scene.lathe(lamp, {{r.uniform(0.12f, 0.25f), -0.15f}, {0.04f, 0.05f}}, 14, shade);
    }
  }
  if (r.chance(0.45f)) {  // rug
    int m = g.withoutShadow(g.fabric());
    float w = r.uniform(0.5f, std::max(0.6f, W * 0.8f)), d = r.uniform(0.5f, std::max(0.6f, D * 0.8f));
    Frame x({r.uniform(-0.4f, 0.4f) * W, 0.006f, r.uniform(-0.4f, 0.4f) * D}, r.chance(0.8f) ? 0 : r.uniform(0, 3));
    if (r.chance(0.8f)) g.scene.quad(x.point({-w, 0, -d}), x.point({w, 0, -d}), x.point({w, 0, d}), x.point({-w, 0, d}), m);
    else g.scene.cylinder(x, w, w, 0.005f, 20, m);
  }
}

void furnish(Stage& g, float W, float D, int alongWalls, int inTheMiddle, int people) {
  Random& r = g.r;
  for (int i = 0; i < alongWalls; i++) {
    int k = r.below(4);
    float hw = k & 1 ? D : W, distance = k & 1 ? W : D;
    Frame x = Frame({}, k * kPi / 2).at({r.uniform(-std::max(0.1f, hw - 0.5f), std::max(0.1f, hw - 0.5f)), 0, distance - r.uniform(0.25f, 0.55f)}, kPi);
    if (r.chance(0.1f)) x = x.at({}, r.uniform(-0.6f, 0.6f));
    g.settle(x.origin, 0.9f, [&] {
      switch (r.below(13)) {
        case 0: case 1: shelf(g, x); break;
        case 2: case 3: cabinet(g, x); break;
        case 4: sofa(g, x); break;
        case 5: bed(g, x.at({0, 0, 0.5f})); break;
        case 6: case 7: desk(g, x); break;
        case 8: kitchen(g, x); break;
        case 9: plant(g, x); break;
        case 10: boxes(g, x); break;
        case 11: if (r.chance(0.5f)) floorLamp(g, x); else ladder(g, x, r.uniform(1.2f, 2.2f)); break;
        default: table(g, x, true);
      }
    });
  }
  for (int i = 0; i < inTheMiddle; i++) {
    Frame x({r.uniform(-W, W) * 0.75f, 0, r.uniform(-D, D) * 0.75f}, r.chance(0.5f) ? r.below(4) * kPi / 2 : r.uniform(0, 2 * kPi));
    g.settle(x.origin, 0.8f, [&] {
      switch (r.below(13)) {
        case 0: case 1: case 2: {
          table(g, x, true);
          for (int n = r.between(0, 4), j = 0; j < n; j++) {
            float a = j * kPi / 2;
            chair(g, x.at({std::sin(a) * r.uniform(0.6f, 1), 0, std::cos(a) * r.uniform(0.6f, 1)}, a + kPi + r.uniform(-0.5f, 0.5f)));
          }
          break;
        }
        case 3: case 4: chair(g, x); break;
        case 5: sofa(g, x); break;
        case 6: desk(g, x); chair(g, x.at({0, 0, 0.6f}, kPi)); break;
        case 7: if (r.chance(0.4f)) twigs(g, x, r.uniform(0.6f, 1.5f)); else plant(g, x); break;
        case 8: boxes(g, x); break;
        case 11: if (r.chance(0.5f)) dryingRack(g, x); else stand(g, x); break;
        case 12: if (r.chance(0.5f)) bicycle(g, x); else wireShelf(g, x); break;
        case 9: if (r.chance(0.6f)) tripod(g, x); else item(g, x, r.uniform(2, 5)); break;
        default: clutter(g, x, 0.5f, 0.5f, r.between(1, 6), r.uniform(1, 2.5f));
      }
    });
  }
  for (int i = 0; i < people; i++) {
    Vec3 p{r.uniform(-W, W) * 0.7f, 0, r.uniform(-D, D) * 0.7f};
    float yaw = r.uniform(0, 2 * kPi), speed = r.uniform(0.3f, 1.3f);
    Pose pose = Pose(r.below(3));
    bool near = length(p - g.eye) < 2.5f;
    Vec3 now = pose == Pose::Walking ? p + Vec3{std::sin(yaw), 0, std::cos(yaw)} * (speed * (g.time - 0.4f)) : p;
    g.place(p, 0.8f, [&] {
      if (pose == Pose::Sitting && r.chance(0.8f)) chair(g, Frame(now, yaw));
      person(g, Frame(now, yaw), pose, near);
    });
  }
}
