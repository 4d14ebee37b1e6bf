// People: lofted limbs and torso over a posed skeleton, dressed, with a face when near
#include "objects.h"

namespace {

struct Dress { int skin, hair, top, bottom, shoes; bool longSleeves, skirt, coat; };

// Tapering limb through the joints a, b with a rounded bend
void limb(Stage& g, const Frame& f, const Vec3& a, float ra, const Vec3& b, float rb, const Vec3& c, float rc, int upper, int lower, int sides) {
  auto ring = [&](const Vec3& p, float r) { return Scene::Ring{f.point(p), r, r}; };
  Vec3 side = cross(f.direction(b - a), f.direction(c - b));
  if (length(side) < 1e-5f) side = f.ex;
  g.scene.loft({ring(a, ra), ring(mix(a, b, 0.35f), ra * 1.03f), ring(mix(a, b, 0.8f), mix(ra, rb, 0.75f)), ring(b, rb)}, side, sides, upper, 0.06f, 7);
  g.scene.loft({ring(b, rb), ring(mix(b, c, 0.3f), rb * 1.04f), ring(mix(b, c, 0.7f), mix(rb, rc, 0.6f)), ring(c, rc)}, side, sides, lower, 0.05f, 9);
}

void hand(Stage& g, const Vec3& wrist, const Vec3& heading, const Vec3& palmSide, float k, int skin, bool fingers) {
  Vec3 along = normalize(heading), across = normalize(palmSide - along * dot(palmSide, along));
  Frame f;
  f.origin = wrist;
  f.ey = along;
  f.ex = across;
  f.ez = cross(f.ex, f.ey);
  g.scene.ellipsoid(f, {0, 0.045f * k, 0}, {0.04f * k, 0.055f * k, 0.02f * k}, skin, 6, 9);
  if (!fingers) return;
  float curl = g.r.uniform(0, 0.8f);
  for (int i = 0; i < 4; i++) {
    Vec3 base{(i - 1.5f) * 0.019f * k, 0.085f * k, 0}, middle = base + Vec3{0, 0.035f * k * std::cos(curl * 0.5f), 0.035f * k * std::sin(curl * 0.5f)};
    Vec3 tip = middle + Vec3{0, 0.04f * k * std::cos(curl), 0.04f * k * std::sin(curl)};
    g.scene.capsule(f.point(base), 0.009f * k, f.point(middle), 0.0085f * k, skin, 6);
    g.scene.capsule(f.point(middle), 0.0085f * k, f.point(tip), 0.007f * k, skin, 6);
  }
  g.scene.capsule(f.point({0.035f * k, 0.02f * k, 0}), 0.011f * k, f.point({0.065f * k, 0.06f * k, 0.015f * k}), 0.009f * k, skin, 6);
}

void face(Stage& g, const Frame& h, float s, const Dress& d, float phase) {
  Random& r = g.r;
  int white = g.flat({0.85f, 0.84f, 0.82f}, 0.3f), iris = g.flat({r.uniform(0.03f, 0.3f), r.uniform(0.05f, 0.25f), r.uniform(0.03f, 0.3f)}, 0.5f);
  int lips = g.flat({r.uniform(0.45f, 0.75f), 0.27f, 0.25f}, 0.1f);
  bool blink = std::sin(g.time * 2.1f + phase) > 0.97f;
  for (float side : {-1.f, 1.f}) {
    g.scene.ellipsoid(h, {side * s * 0.32f, s * 0.1f, s * 0.76f}, {s * 0.15f, s * 0.075f, s * 0.08f}, blink ? d.skin : white, 6, 8);
    if (!blink) g.scene.ellipsoid(h, {side * s * 0.32f, s * 0.1f, s * 0.81f}, {s * 0.065f, s * 0.065f, s * 0.05f}, iris, 6, 8);
    g.scene.ellipsoid(h, {side * s * 0.33f, s * 0.3f, s * 0.78f}, {s * 0.22f, s * 0.035f, s * 0.06f}, d.hair, 5, 8);
    g.scene.ellipsoid(h, {side * s * 0.78f, 0, -s * 0.05f}, {s * 0.08f, s * 0.25f, s * 0.15f}, d.skin, 6, 8);
    g.scene.ellipsoid(h, {side * s * 0.38f, -s * 0.2f, s * 0.58f}, {s * 0.25f, s * 0.22f, s * 0.25f}, d.skin, 6, 8);
  }
  g.scene.ellipsoid(h.at({0, -s * 0.08f, s * 0.86f}).rotated({1, 0, 0}, 0.35f), {}, {s * 0.11f, s * 0.26f, s * 0.13f}, d.skin, 7, 8);
  g.scene.ellipsoid(h, {0, -s * 0.23f, s * 0.93f}, {s * 0.15f, s * 0.09f, s * 0.11f}, d.skin, 6, 8);
  float open = 0.05f + 0.06f * std::fabs(std::sin(g.time * 7 + phase));
  g.scene.ellipsoid(h, {0, -s * 0.55f, s * 0.76f}, {s * 0.25f, s * open, s * 0.08f}, lips, 6, 10);
  if (r.chance(0.3f)) {  // glasses
    int rim = g.plastic();
    for (float side : {-1.f, 1.f}) {
      for (int j = 0; j < 10; j++) {
        float a = j * kPi / 5, b = (j + 1) * kPi / 5;
        g.scene.capsule(h.point({side * s * 0.34f + std::cos(a) * s * 0.26f, s * 0.1f + std::sin(a) * s * 0.2f, s * 0.94f}), 0.003f,
                        h.point({side * s * 0.34f + std::cos(b) * s * 0.26f, s * 0.1f + std::sin(b) * s * 0.2f, s * 0.94f}), 0.003f, rim, 4);
      }
      g.scene.capsule(h.point({side * s * 0.6f, s * 0.12f, s * 0.92f}), 0.003f, h.point({side * s * 0.8f, s * 0.08f, 0}), 0.003f, rim, 4);
    }
  }
  if (r.chance(0.2f)) g.scene.ellipsoid(h, {0, -s * 0.75f, s * 0.35f}, {s * 0.6f, s * 0.5f, s * 0.56f}, d.hair, 8, 14, 0.05f, 3);
  if (r.chance(0.12f)) {  // headphones
    int m = g.plastic();
    for (float side : {-1.f, 1.f}) g.scene.ellipsoid(h, {side * s * 0.85f, 0, 0}, {s * 0.2f, s * 0.35f, s * 0.3f}, m, 6, 10);
    for (int j = 0; j < 8; j++) {
      float a = j * kPi / 8, b = (j + 1) * kPi / 8;
      g.scene.capsule(h.point({std::cos(a) * s * 0.9f, std::sin(a) * s * 1.3f, 0}), 0.01f, h.point({std::cos(b) * s * 0.9f, std::sin(b) * s * 1.3f, 0}), 0.01f, m, 5);
    }
  }
}

void head(Stage& g, const Frame& h, float s, const Dress& d, bool near, float phase) {
  Random& r = g.r;
  int sides = near ? 16 : 9;
  g.scene.ellipsoid(h, {}, {s * 0.78f, s * 1.16f, s * 0.92f}, d.skin, near ? 12 : 8, sides);
  g.scene.ellipsoid(h, {0, -s * 0.58f, s * 0.2f}, {s * 0.56f, s * 0.56f, s * 0.6f}, d.skin, 8, sides);
  int style = r.below(7);
  if (style > 0) {
    float up = r.uniform(0.1f, 0.3f), back = r.uniform(0.12f, 0.25f), rough = r.uniform(0, 0.1f);
    Vec3 size{r.uniform(0.84f, 1.06f), r.uniform(1, 1.2f), r.uniform(0.86f, 1.06f)};
    g.scene.ellipsoid(h, {0, s * up, -s * back}, size * s, d.hair, 8, sides, rough, r.below(99));
  }
  if (style >= 4) {
    float low = r.uniform(0.3f, 1);
    g.scene.ellipsoid(h, {0, -s * low, -s * 0.45f}, {s * r.uniform(0.8f, 1.15f), s * r.uniform(1.2f, 2.3f), s * 0.5f}, d.hair, 8, sides, 0.07f, r.below(99));
  }
  if (style == 3) g.scene.ellipsoid(h, {0, s * 1.15f, -s * 0.5f}, {s * 0.4f, s * 0.4f, s * 0.4f}, d.hair, 6, 9);
  if (r.chance(0.15f)) {  // hat
    int m = g.fabric();
    g.scene.ellipsoid(h, {0, s * 0.55f, -s * 0.05f}, {s * 0.97f, s * 0.75f, s * 1.04f}, m, 8, sides);
    if (r.chance(0.6f)) g.scene.cylinder(h.at({0, s * 0.55f, s * r.uniform(0, 0.4f)}), s * r.uniform(0.95f, 1.6f), s * 0.95f, s * 0.07f, 14, m);
  }
  if (near) face(g, h, s, d, phase);
}

Dress dress(Stage& g) {
  Dress d{g.skin(), g.hair(), g.fabric(), g.fabric(), g.plastic(), g.r.chance(0.55f), g.r.chance(0.15f), g.r.chance(0.25f)};
  if (g.r.chance(0.15f)) d.bottom = d.top;
  return d;
}

}  // namespace

float person(Stage& g, const Frame& f, Pose pose, bool near) {
  Random& r = g.r;
  float height = r.chance(0.1f) ? r.uniform(0.85f, 1.45f) : r.uniform(1.5f, 1.95f), k = height / 1.75f, fat = r.logUniform(0.85f, 1.4f);
  Dress d = dress(g);
  int sides = near ? 14 : 9;
  float phase = r.uniform(0, 2 * kPi), cadence = r.uniform(4, 7.5f), swing = pose == Pose::Walking ? r.uniform(0.35f, 0.6f) : r.uniform(0, 0.1f);
  float w = std::sin(phase + (pose == Pose::Walking ? cadence * g.time : 0)), bob = pose == Pose::Walking ? 0.02f * std::fabs(w) : 0;
  float sway = pose == Pose::Walking ? 0 : r.uniform(0, 0.06f) * std::sin(g.time * r.uniform(0.5f, 2) + phase), lean = r.uniform(-0.1f, 0.18f);
  float hipHeight = pose == Pose::Sitting ? 0.5f * k : 0.9f * k;
  Vec3 pelvis{0, hipHeight + bob, 0}, chest{sway, hipHeight + 0.36f * k + bob, lean * 0.35f}, neck{sway * 1.3f, hipHeight + 0.56f * k + bob, lean * 0.55f};

  for (float side : {-1.f, 1.f}) {
    float a = swing * w * side, crossed = r.uniform(-0.03f, 0.1f);
    Vec3 hip = pelvis + Vec3{side * 0.09f * k, 0, 0}, knee, ankle;
    if (pose == Pose::Sitting) {
      knee = hip + Vec3{side * crossed, 0.03f, 0.42f * k};
      ankle = knee + Vec3{0, -0.43f * k, r.uniform(-0.12f, 0.12f)};
    } else {
      knee = hip + Vec3{0, -0.43f * k * std::cos(a), 0.43f * k * std::sin(a)};
      float b = a - (pose == Pose::Walking ? std::max(0.f, -w * side) * 0.7f : 0);
      ankle = knee + Vec3{0, -0.42f * k * std::cos(b), 0.42f * k * std::sin(b)};
    }
    limb(g, f, hip, 0.085f * k * fat, knee, 0.06f * k * std::sqrt(fat), ankle, 0.048f * k, d.bottom, d.skirt ? d.skin : d.bottom, sides);
    g.scene.capsule(f.point(ankle + Vec3{0, -0.02f, -0.02f}), 0.048f * k, f.point(ankle + Vec3{0, -0.03f, 0.15f * k}), 0.036f * k, d.shoes, 8);
  }
  auto ring = [&](const Vec3& p, float wide, float deep) { return Scene::Ring{f.point(p), wide * k, deep * k}; };
  float belly = r.chance(0.3f) ? r.uniform(1, 1.3f) : 1;
  g.scene.loft({ring(pelvis + Vec3{0, -0.1f * k, 0}, 0.15f * fat, 0.11f * fat), ring(pelvis + Vec3{0, 0.03f * k, 0}, 0.17f * fat, 0.125f * fat),
                ring(pelvis + Vec3{0, 0.12f * k, 0}, 0.155f * fat, 0.115f * fat * belly)}, f.ex, sides, d.bottom, 0.04f, 3);
  g.scene.loft({ring(mix(pelvis, chest, 0.18f), 0.165f * fat, 0.125f * fat * belly), ring(mix(pelvis, chest, 0.5f), 0.15f * fat, 0.115f * fat * belly),
                ring(mix(pelvis, chest, 0.9f), 0.175f * std::sqrt(fat), 0.12f * fat), ring(chest + Vec3{0, 0.1f * k, 0}, 0.185f, 0.105f),
                ring(chest + Vec3{0, 0.165f * k, 0}, 0.13f, 0.075f), ring(neck, 0.06f, 0.06f)}, f.ex, sides + 2, d.top, 0.07f, r.below(99));
  if (d.skirt || d.coat) {
    float drop = r.uniform(0.25f, 0.75f) * k, flare = r.uniform(1, 1.4f);
    if (pose != Pose::Sitting)
      g.scene.loft({ring(pelvis + Vec3{0, 0.12f * k, 0}, 0.17f * fat, 0.13f * fat), ring(pelvis + Vec3{0, -drop, 0}, 0.2f * fat * flare, 0.15f * fat * flare)},
                   f.ex, sides, d.skirt ? d.bottom : d.top, 0.15f, r.below(99));
  }
  for (float side : {-1.f, 1.f}) {
    Vec3 shoulder = chest + Vec3{side * 0.175f * k, 0.11f * k, 0}, elbow, wrist;
    float a = -swing * w * side * 0.9f, out = r.uniform(0.05f, 0.4f), wave = std::sin(g.time * r.uniform(1.5f, 5) + r.uniform(0, 6));
    int gesture = pose == Pose::Sitting ? r.below(5) : r.below(9);
    if (gesture == 0) {  // raised
      elbow = shoulder + Vec3{side * 0.2f, r.uniform(-0.22f, 0.05f), 0.1f} * k;
      wrist = elbow + Vec3{side * 0.02f + 0.06f * wave, 0.23f, 0.08f} * k;
    } else if (gesture == 1 || pose == Pose::Sitting) {  // forearm forward, as at a desk or holding something
      elbow = shoulder + Vec3{side * 0.08f, -0.26f, 0.06f} * k;
      wrist = elbow + Vec3{-side * r.uniform(0, 0.15f), r.uniform(-0.08f, 0.1f) + 0.02f * wave, 0.24f} * k;
    } else if (gesture == 2) {  // on the hip or at the ear
      elbow = shoulder + Vec3{side * 0.16f, -0.24f, -0.03f} * k;
      wrist = r.chance(0.5f) ? pelvis + Vec3{side * 0.17f, 0.12f, 0.06f} * k : neck + Vec3{side * 0.1f, 0.12f, 0.05f} * k;
    } else {
      elbow = shoulder + Vec3{side * out * 0.3f, -0.28f * std::cos(a), 0.28f * std::sin(a)} * k;
      wrist = elbow + Vec3{side * 0.02f, -0.25f * std::cos(a + 0.2f), 0.25f * std::sin(a + 0.3f)} * k;
    }
    limb(g, f, shoulder + Vec3{-side * 0.02f * k, 0.005f, 0}, 0.056f * k * std::sqrt(fat), elbow, 0.042f * k * std::sqrt(fat), wrist, 0.03f * k, d.top, d.longSleeves ? d.top : d.skin, sides);
    Vec3 heading = f.direction(wrist - elbow);
    hand(g, f.point(wrist), heading, f.direction({0, 0.2f, 1}), k, d.skin, near);
    if (r.chance(0.12f)) item(g, f.at(wrist + Vec3{0, 0, 0.05f * k}, r.uniform(0, 6)), 0.9f);
    if (pose != Pose::Sitting && r.chance(0.08f)) {  // bag
      Vec3 half{0.06f, r.uniform(0.1f, 0.2f), r.uniform(0.1f, 0.2f)};
      g.scene.box(f, wrist + Vec3{0, -half.y - 0.12f, 0}, half, g.fabric());
    }
  }
  if (pose != Pose::Sitting && r.chance(0.15f)) g.scene.ellipsoid(f, chest + Vec3{0, -0.05f * k, -0.2f * k}, Vec3{0.16f, 0.24f, 0.13f} * k, g.fabric(), 8, 12, 0.06f, 5);
  g.scene.capsule(f.point(neck + Vec3{0, -0.06f * k, 0}), 0.06f * k, f.point(neck + Vec3{0, 0.05f * k, 0.01f}), 0.052f * k, d.skin, 10);
  float yaw = r.uniform(-0.6f, 0.6f) + 0.25f * std::sin(g.time * r.uniform(0.3f, 1.5f) + phase), nod = r.uniform(-0.2f, 0.35f) + 0.08f * std::sin(g.time * r.uniform(0.5f, 2));
  float size = 0.105f * (0.5f + 0.5f * k) * r.uniform(0.92f, 1.1f);
  Vec3 centre = neck + Vec3{0, 0.06f * k + size * 1.05f, 0.02f};
  head(g, f.at(centre, yaw).rotated({1, 0, 0}, nod).rotated({0, 0, 1}, r.normal() * 0.08f), size, d, near, phase);
  return centre.y;
}

void reachingArm(Stage& g, const Vec3& from, const Vec3& to) {
  int skin = g.skin(), sleeve = g.r.chance(0.5f) ? g.fabric() : skin;
  Vec3 elbow = mix(from, to, 0.55f) + Vec3{g.r.normal() * 0.04f, -0.06f, g.r.normal() * 0.04f};
  g.scene.loft({{from, 0.055f, 0.055f}, {mix(from, elbow, 0.6f), 0.05f, 0.05f}, {elbow, 0.042f, 0.042f}}, {1, 0, 0}, 12, sleeve, 0.08f, 3);
  g.scene.loft({{elbow, 0.042f, 0.042f}, {mix(elbow, to, 0.5f), 0.036f, 0.033f}, {to, 0.028f, 0.022f}}, {1, 0, 0}, 12, g.r.chance(0.5f) ? sleeve : skin, 0.03f, 4);
  hand(g, to, to - elbow, {g.r.normal(), 0.3f, g.r.normal()}, 1, skin, true);
}
