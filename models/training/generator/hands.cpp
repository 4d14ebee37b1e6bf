// Hands before the camera: what its wearer or holder sees of himself
#include "objects.h"
#include "scenes.h"

namespace {

// Fingers along +y, palm towards +z, thumb at +x (mirrored: -x). curl: radians a joint
void fineHand(Stage& g, const Frame& f, float k, const float curl[5], float mirrored, int skin) {
  g.scene.loft({{f.origin, 0.03f * k, 0.02f * k}, {f.point({0, 0.03f * k, 0}), 0.036f * k, 0.019f * k}, {f.point({0, 0.075f * k, 0}), 0.042f * k, 0.017f * k}, {f.point({0, 0.092f * k, 0}), 0.038f * k, 0.013f * k}}, f.ex, 14, skin);
  float lengths[4] = {0.066f, 0.078f, 0.08f, 0.073f};
  for (int i = 0; i < 4; i++) {
    Vec3 p{mirrored * (i - 1.5f) * 0.0205f * k, (0.088f - 0.004f * std::fabs(i - 1.7f)) * k, 0};
    float angle = curl[i] * 0.7f, lean = mirrored * (i - 1.5f) * 0.05f, thick = 0.0092f * k * (i == 0 ? 0.85f : 1);
    for (int j = 0; j < 3; j++) {
      float reach = lengths[i] * k * (j == 0 ? 0.48f : j == 1 ? 0.3f : 0.22f);
      Vec3 q = p + Vec3{lean * reach, std::cos(angle) * reach, std::sin(angle) * reach};
      g.scene.capsule(f.point(p), thick, f.point(q), thick * 0.93f, skin, 9);
      p = q;
      angle += curl[i];
      thick *= 0.92f;
    }
  }
  float out = 0.9f - 0.5f * curl[4], in = 0.3f * curl[4] + 0.15f;
  Vec3 p{mirrored * 0.028f * k, 0.018f * k, 0.004f * k};
  for (int j = 0; j < 3; j++) {
    float reach = (j == 0 ? 0.045f : 0.031f) * k;
    Vec3 q = p + Vec3{mirrored * std::sin(out) * std::cos(in), std::cos(out) * std::cos(in), std::sin(in)} * reach;
    g.scene.capsule(f.point(p), (0.0135f - 0.0017f * j) * k, f.point(q), (0.012f - 0.0017f * j) * k, skin, 9);
    p = q;
    out -= 0.35f;
    in += curl[4] * 0.2f;
  }
}

}  // namespace

void handBefore(Stage& g, const Camera& camera) {
  Random& r = g.r;
  int skin = g.skin(), sleeve = r.chance(0.6f) ? g.fabric() : skin;
  float side = r.sign(), sway = std::sin(g.time * r.uniform(0.5f, 4) + r.uniform(0, 6)) * r.uniform(0, 0.03f), k = r.uniform(0.8f, 1.1f), d = r.uniform(0.25f, 0.6f);
  Frame view;
  view.origin = camera.eye;
  view.ex = camera.right;
  view.ey = camera.up;
  view.ez = camera.forward;
  Vec3 at{side * r.uniform(-0.02f, 0.4f) * d, r.uniform(-0.4f, 0.05f) * d + sway, d + sway * 0.5f};
  int kind = r.below(4);
  Vec3 along = kind == 1 ? Vec3{-side * 0.25f + r.normal() * 0.1f, 0.25f + r.normal() * 0.15f, 1} : Vec3{-side * 0.3f + r.normal() * 0.25f, 1, r.uniform(0, 0.7f)};
  Frame f;  // thumb towards the other hand, palm away from the camera unless it holds something
  f.origin = view.point(at);
  f.ey = normalize(view.direction(along));
  Vec3 palm = view.direction(kind == 0 ? Vec3{-side * 0.4f, 0.25f, -1} : kind == 1 ? Vec3{-side * 0.5f, -1, 0} : Vec3{r.normal() * 0.4f, -0.3f, r.chance(0.6f) ? 1.f : -1.f});
  f.ez = normalize(palm - f.ey * dot(palm, f.ey));
  f.ex = cross(f.ey, f.ez);
  float mirrored = dot(f.ex, camera.right) * side < 0 ? 1 : -1;
  float curl[5];
  for (int i = 0; i < 5; i++) curl[i] = kind == 0 ? r.uniform(0.5f, 0.7f) : kind == 1 ? (i == 0 ? 0.06f : r.uniform(1.1f, 1.4f)) : r.uniform(0, 0.5f);
  fineHand(g, f, k, curl, mirrored, skin);
  if (kind == 0) {  // a phone, a cup or some other thing held by it
    Frame held = f.at({0, 0.085f * k, 0.03f * k});
    if (r.chance(0.65f)) {
      int body = g.plastic(), face = g.screen();
      float w = r.uniform(0.034f, 0.04f), h = r.uniform(0.07f, 0.082f);
      Vec3 half{w, h, 0.0045f};
      g.scene.box(held, {}, half, body);
      if (r.chance(0.6f)) g.scene.quad(held.point({-w * 0.94f, -h * 0.96f, 0.0048f}), held.point({w * 0.94f, -h * 0.96f, 0.0048f}), held.point({w * 0.94f, h * 0.96f, 0.0048f}), held.point({-w * 0.94f, h * 0.96f, 0.0048f}), face);
    } else item(g, f.at({0, 0.02f * k, 0.045f * k}), 0.7f);
  }
  Vec3 elbow = view.point({at.x + side * r.uniform(0.05f, 0.2f), at.y - r.uniform(0.22f, 0.3f), std::max(0.08f, at.z - r.uniform(0, 0.25f))});
  if (kind == 1) elbow = view.point({at.x + side * 0.1f, at.y - 0.16f, at.z - 0.25f});
  Vec3 wrist = f.origin, cuff = mix(wrist, elbow, r.uniform(0.12f, 0.5f));
  g.scene.loft({{wrist, 0.028f * k, 0.021f * k}, {cuff, 0.033f * k, 0.028f * k}, {elbow, 0.046f * k, 0.044f * k}}, f.ex, 14, skin);
  g.scene.loft({{cuff, 0.041f * k, 0.037f * k}, {mix(cuff, elbow, 0.5f), 0.047f * k, 0.044f * k}, {elbow, 0.055f * k, 0.053f * k}}, f.ex, 14, sleeve, 0.06f, 3);
}

void handsAside(Stage& g, float share) {
  if (!g.extras) return;
  g.aside([&] {
    for (int n = g.r.chance(share) ? (g.r.chance(0.2f) ? 2 : 1) : 0; n > 0; n--) handBefore(g, g.scene.camera);
  });
}
