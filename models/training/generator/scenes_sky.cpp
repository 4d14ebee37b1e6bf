// The camera looks up: sky behind, and often below, whatever stands there
#include "objects.h"
#include "scenes.h"

namespace {

// Towers and houses around a yard, so near and tall that their edges lean together
void facades(Stage& g, float yaw) {
  Random& r = g.r;
  for (int n = r.between(1, 4); n > 0; n--) {
    float d = r.logUniform(6, 50), a = yaw + r.normal() * 0.6f, depth = r.uniform(6, 16), wide = r.uniform(8, 30), height = d * r.uniform(0.5f, 2.5f);
    float turn = r.chance(0.6f) ? r.below(4) * kPi / 2 : r.uniform(0, 6.3f), out = d + std::max(depth, wide) * 0.5f;
    building(g, Frame({std::sin(a) * out, 0, std::cos(a) * out}, turn), wide, std::min(height, 150.f), depth, r.sign(), r.chance(0.7f));
    if (r.chance(0.4f)) {  // aerials and pots on the roof
      Frame roof({std::sin(a) * out, std::min(height, 150.f), std::cos(a) * out}, turn);
      int m = g.metal();
      for (int k = r.between(1, 5); k > 0; k--) {
        Vec3 foot{r.uniform(-0.4f, 0.4f) * depth, 0, r.uniform(-0.4f, 0.4f) * wide};
        float high = r.uniform(1, 5);
        g.scene.tube(roof.point(foot), 0.05f, roof.point(foot + Vec3{0, high, 0}), 0.03f, m);
        for (int j = 0; j < 3; j++) g.scene.tube(roof.point(foot + Vec3{-0.5f, high - 0.25f * j, 0}), 0.02f, roof.point(foot + Vec3{0.5f, high - 0.25f * j, 0}), 0.02f, m, 4);
        if (r.chance(0.4f)) g.scene.box(roof, foot + Vec3{1, 0.7f, 0}, {0.4f, 0.7f, 0.4f}, g.facade());
      }
    }
  }
}

// A tall thing at f whose top is to reach `height`
void subject(Stage& g, const Frame& f, float height, int kind) {
  Random& r = g.r;
  switch (kind) {
    case 0: case 1: case 2: case 3: coaster(g, f, height); break;
    case 4: case 26: latticeTower(g, f, height, height * r.uniform(0.08f, 0.4f), height * r.uniform(0.02f, 0.06f)); break;
    case 5: pylon(g, f, height); break;
    case 6: case 7: towerCrane(g, f, height); break;
    case 8: ferrisWheel(g, f, height * 0.45f); break;
    case 9: overpass(g, f, height * r.uniform(0.4f, 0.9f)); break;
    case 10: scaffold(g, f, height * r.uniform(0.5f, 1.5f), height); break;
    case 11: gantry(g, f, std::min(height, 9.f)); break;
    case 12: for (int n = r.between(1, 5), i = 0; i < n; i++) flag(g, f.at({2.5f * i, 0, 0}), height * 0.8f); break;
    case 13: windTurbine(g, f, height * 0.75f); break;
    case 14: steeple(g, f, height); break;
    case 15: chimney(g, f, height); break;
    case 16: cableway(g, f, height * 0.7f); break;
    case 17: case 18: case 19: bareTree(g, f, height); break;
    case 20: case 21: tree(g, f, height); break;
    case 22: case 23: case 24: lampPost(g, f, std::min(height, 14.f)); break;
    default: pole(g, f, std::min(height, 10.f));
  }
}
constexpr int kSubjects = 28;

void flyers(Stage& g, float yaw, float pitch) {
  Random& r = g.r;
  auto aloft = [&](float d) {
    float a = yaw + r.normal() * 0.35f, e = clamp(pitch + r.normal() * 0.3f, 0.05f, 1.4f);
    return g.eye + Vec3{std::sin(a) * std::cos(e), std::sin(e), std::cos(a) * std::cos(e)} * d;
  };
  switch (r.below(6)) {
    case 0: case 1: for (int n = r.between(1, 12); n > 0; n--) { Vec3 p = aloft(r.logUniform(6, 40)); bird(g, p, r.uniform(0.3f, 1.5f)); } break;
    case 2: { float span = r.uniform(8, 35); Vec3 p = aloft(span * r.logUniform(1.5f, 15)); plane(g, p, span); break; }
    case 3: { float span = r.uniform(0.3f, 1); Vec3 p = aloft(r.logUniform(1.5f, 12)); drone(g, p, span); break; }
    case 4: for (int n = r.between(1, 5); n > 0; n--) { Vec3 p = aloft(r.logUniform(25, 150)); hotAirBalloon(g, p, r.uniform(5, 9)); } break;
    default: for (int n = r.between(1, 3); n > 0; n--) { Vec3 p = aloft(r.logUniform(2, 12)); balloons(g, p, r.uniform(0.13f, 0.3f)); }
  }
}

}  // namespace

void skywardScene(Stage& g, int size) {
  Random& r = g.r;
  float draw = r.unit();
  Weather weather = draw < 0.6f ? Weather::Clear : draw < 0.8f ? Weather::Overcast : draw < 0.92f ? Weather::Dusk : Weather::Night;
  float yaw = r.uniform(-kPi, kPi), pitch = r.chance(0.7f) ? r.uniform(0.09f, 0.65f) : r.uniform(0.5f, 1.22f), wide = r.chance(0.5f) ? r.uniform(28, 60) : r.uniform(50, 95);
  outdoorLight(g, 20, weather);
  if (g.scene.light.fog > 0.006f) g.scene.light.fog *= 0.1f;
  Vec3 heading{std::sin(yaw) * std::cos(pitch), std::sin(pitch), std::cos(yaw) * std::cos(pitch)};
  if (r.chance(weather == Weather::Overcast ? 0.1f : 0.55f)) scatterPuffs(g, heading, r.uniform(0.15f, 0.6f));
  g.eye = {0, r.uniform(1, 2), 0};
  bool grounded = r.chance(0.4f);  // else from a height: sky or haze all the way down
  if (grounded) {
    int ground = r.chance(0.5f) ? g.road() : g.ground();
    g.scene.quad({-300, 0, -300}, {300, 0, -300}, {300, 0, 300}, {-300, 0, 300}, ground);
    if (r.chance(0.4f)) farBackground(g, 70);
  } else g.eye.y = r.uniform(3, 8);

  float top = pitch + wide * kPi / 360 * r.uniform(-0.3f, 1.3f), reach = r.logUniform(5, 70), side = r.normal() * 0.3f, largest = 3;
  int kinds = r.between(1, 3), what[3] = {r.below(kSubjects), r.below(kSubjects), r.below(kSubjects)};
  bool yard = r.chance(0.3f);
  if (yard) facades(g, yaw);
  for (int k = 0; k < (yard ? kinds - 1 : kinds); k++) {
    float d = k ? reach * r.logUniform(0.5f, 3) : reach, a = yaw + (k ? r.normal() * 0.5f : side), e = clamp(k ? pitch + r.normal() * 0.3f : top, 0.15f, 1.25f);
    float height = clamp(d * std::tan(e), 2.5f, 90);
    Frame f({std::sin(a) * d, grounded ? 0 : -r.uniform(0, 0.5f) * height, std::cos(a) * d}, r.chance(0.4f) ? yaw + r.normal() * 0.3f : r.uniform(0, 2 * kPi));
    if (!grounded) height *= 1.25f;
    largest = std::max(largest, height);
    g.place(f.origin, 1.5f, [&] { subject(g, f, height, what[k]); });
    if (what[k] >= 17 && r.chance(0.6f))  // trees, lamps and poles come in rows
      for (int n = r.between(1, 6); n > 0; n--) {
        float b = yaw + r.normal() * 0.5f, q = d * r.logUniform(0.6f, 3);
        Frame x({std::sin(b) * q, f.origin.y, std::cos(b) * q}, f.ez.x > 0 ? 0.3f : 2);
        g.place(x.origin, 1.2f, [&] { subject(g, x, height * r.uniform(0.6f, 1.1f), what[k]); });
      }
  }
  if (r.chance(0.3f)) {  // wires overhead
    int m = g.flat(grey(0.04f));
    float across = yaw + kPi / 2 + r.normal() * 0.4f, d = r.logUniform(4, 20), y = d * std::tan(clamp(pitch, 0.1f, 1)) + g.eye.y;
    Vec3 middle{std::sin(yaw) * d, y, std::cos(yaw) * d}, half = Vec3{std::sin(across), 0, std::cos(across)} * 25;
    for (int n = r.between(1, 8); n > 0; n--) {
      Vec3 shift{r.normal() * 0.8f, r.normal() * 1.2f, r.normal() * 0.8f};
      span(g, middle + shift - half, middle + shift + half, r.uniform(0, 3), r.uniform(0.006f, 0.03f), m);
    }
  }
  if (r.chance(0.35f)) flyers(g, yaw, pitch);
  if (grounded && r.chance(0.25f))
    for (int n = r.between(1, 4); n > 0; n--) {
      float b = yaw + r.normal() * 0.4f, q = r.logUniform(1.5f, 12);
      Frame x({std::sin(b) * q, 0, std::cos(b) * q}, r.uniform(0, 6.3f));
      person(g, x, Pose(r.below(2)), q < 3);
    }
  if (r.chance(0.12f)) foreground(g, g.eye, yaw, pitch);
  Lighting& l = g.scene.light;
  l.exposure *= r.uniform(1, 2.4f);  // a sky is brighter than what light meters take for grey
  l.shadowRadius = clamp(largest * 0.9f, 12, 60);
  l.shadowCentre = Vec3{std::sin(yaw + side), 0, std::cos(yaw + side)} * reach + Vec3{0, largest * 0.4f, 0};
  l.occlusionRadius = 0.1f * std::sqrt(largest);
  View view;
  view.from = g.eye;
  view.yaw = yaw;
  view.pitch = pitch;
  view.roll = r.normal() * 0.08f;
  view.speed = r.chance(0.6f) ? 1.4f : 5;
  view.narrowest = wide * 0.9f;
  view.widest = wide * 1.05f;
  setCamera(g, view, size);
}
