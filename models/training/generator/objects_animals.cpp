// Dogs and cats: a lofted trunk over posed legs, a head with ears, a tail
#include "objects.h"
#include "scenes.h"

namespace {

struct Coat { int fur, patch, dark, eye; };

Coat coat(Stage& g) {
  Random& r = g.r;
  Vec3 colours[6] = {{0.06f, 0.05f, 0.05f}, {0.85f, 0.8f, 0.72f}, {0.6f, 0.4f, 0.2f}, {0.4f, 0.38f, 0.36f}, {0.3f, 0.18f, 0.09f}, {0.8f, 0.62f, 0.38f}};
  auto fur = [&] { return g.material({Surface::Grass, Surface::Power, Surface::Clouds, Surface::Plain, Surface::Stripe}, r.logUniform(0.08f, 0.5f), colours[r.below(6)] * r.uniform(0.8f, 1.1f), r.uniform(0.8f, 1), r.uniform(0, 0.1f)); };
  Coat c;
  c.fur = fur();
  c.patch = r.chance(0.5f) ? fur() : c.fur;
  c.dark = g.flat(grey(r.uniform(0.02f, 0.12f)), 0.4f);
  c.eye = g.flat(r.chance(0.5f) ? Vec3{0.55f, 0.5f, 0.1f} : Vec3{0.1f, 0.06f, 0.03f}, 0.9f);
  return c;
}

void petHead(Stage& g, const Frame& h, float q, bool cat, const Coat& c) {  // q: the skull's radius
  Random& r = g.r;
  float snout = cat ? 0.35f : r.uniform(0.4f, 1.1f), wide = r.uniform(0.35f, 0.5f);
  g.scene.ellipsoid(h, {}, {q * 0.9f, q * 0.85f, q * 0.95f}, c.fur, 9, 14, 0.04f, 3);
  g.scene.capsule(h.point({0, -q * 0.25f, q * 0.5f}), q * wide * 1.1f, h.point({0, -q * 0.32f, q * (0.85f + snout)}), q * wide * 0.75f, c.patch, 10);
  g.scene.ellipsoid(h, {0, -q * 0.18f, q * (0.9f + snout + wide * 0.7f)}, grey(q * (cat ? 0.1f : 0.17f)), c.dark, 5, 8);
  bool floppy = !cat && r.chance(0.55f);
  float spread = r.uniform(0.5f, 0.75f), tall = r.uniform(0.6f, 1);
  for (float side : {-1.f, 1.f}) {
    g.scene.ellipsoid(h, {side * q * 0.4f, q * 0.12f, q * 0.82f}, grey(q * 0.14f), c.eye, 5, 8);
    if (floppy) g.scene.ellipsoid(h.at({side * q * 0.9f, -q * 0.05f, -q * 0.05f}).rotated({0, 0, 1}, side * 0.25f), {}, {q * 0.16f, q * tall * 0.8f, q * 0.42f}, c.patch, 6, 9);
    else g.scene.lathe(h.at({side * q * spread, q * 0.55f, -q * 0.1f}).rotated({0, 0, 1}, -side * 0.3f), {{q * 0.36f, 0}, {q * 0.22f, q * tall * 0.5f}, {0, q * tall}}, 9, c.patch, 1, 0.5f);
  }
  if (cat)
    for (int k = 0; k < 6; k++) {
      float side = k & 1 ? 1.f : -1.f;
      g.scene.tube(h.point({side * q * 0.25f, -q * 0.3f, q * 1.15f}), q * 0.012f, h.point({side * q * 1.2f, -q * (0.1f + 0.15f * (k / 2)), q * 1.1f}), q * 0.006f, c.patch, 3);
    }
}

void leg(Stage& g, const Frame& f, const Vec3& hip, const Vec3& knee, const Vec3& paw, float thick, const Coat& c) {
  g.scene.loft({{f.point(hip), thick * 1.6f, thick * 1.9f}, {f.point(mix(hip, knee, 0.6f)), thick * 1.2f, thick * 1.3f}, {f.point(knee), thick, thick}}, f.ex, 8, c.fur);
  g.scene.capsule(f.point(knee), thick, f.point(paw), thick * 0.8f, c.fur, 7);
  g.scene.capsule(f.point(paw), thick * 0.95f, f.point(paw + Vec3{0, -thick * 0.1f, thick * 1.3f}), thick * 0.85f, c.patch, 7);
}

}  // namespace

void pet(Stage& g, const Frame& f, PetPose pose, bool cat, float height) {
  Random& r = g.r;
  Coat c = coat(g);
  float H = height, L = H * r.uniform(1.05f, cat ? 1.3f : 1.5f), fat = r.uniform(0.2f, 0.3f) * H, thick = H * r.uniform(0.055f, 0.085f);
  float phase = r.uniform(0, 6.3f), stride = r.uniform(5, 9), wag = std::sin(g.time * r.uniform(3, 14) + phase) * (cat ? 0.3f : 0.6f);
  float low = 0.8f * thick, w = fat * 0.6f;
  Vec3 rump, withers, hip, head;
  if (pose == PetPose::Sitting) {
    rump = {0, 0.27f * H, -0.25f * H};
    withers = {0, 0.85f * H, 0.2f * H};
  } else {
    float y = pose == PetPose::Lying ? fat * 1.05f : 0.9f * H;
    rump = {0, y, -L / 2};
    withers = {0, y + (pose == PetPose::Lying ? 0.05f : 0.03f) * H, L / 2};
  }
  auto ring = [&](float t, float wide, float deep, float sag) { return Scene::Ring{f.point(mix(rump, withers, t) + Vec3{0, -sag * H, 0}), fat * wide, fat * deep}; };
  g.scene.loft({ring(-0.08f, 0.55f, 0.6f, 0), ring(0.1f, 0.95f, 1, 0), ring(0.4f, 0.95f, 0.95f, 0.01f), ring(0.75f, 1.05f, 1.15f, 0.03f), ring(1.02f, 0.75f, 0.9f, 0), ring(1.12f, 0.4f, 0.5f, 0)}, f.ex, 14, c.fur, 0.06f, r.below(99));
  for (float side : {-1.f, 1.f}) {
    float swing = pose == PetPose::Walking ? 0.22f * H * std::sin(stride * g.time + phase) * side : 0;
    Vec3 shoulder = withers + Vec3{side * w, -0.05f * H, -0.05f * H}, haunch = rump + Vec3{side * w, -0.02f * H, 0.05f * H};
    if (pose == PetPose::Lying) {
      leg(g, f, shoulder, {side * w * 1.2f, low * 1.6f, shoulder.z - 0.02f * H}, {side * w * 1.1f, low, shoulder.z + 0.4f * H}, thick, c);
      g.scene.ellipsoid(f, haunch + Vec3{side * w * 0.5f, -fat * 0.25f, 0.05f * H}, {fat * 0.5f, fat * 0.75f, fat * 1.05f}, c.fur, 8, 10);
      leg(g, f, {side * w * 1.6f, low * 1.8f, rump.z}, {side * w * 1.7f, low * 1.5f, rump.z + 0.1f * H}, {side * w * 1.7f, low, rump.z + 0.4f * H}, thick, c);
    } else if (pose == PetPose::Sitting) {
      leg(g, f, shoulder, {side * w, 0.45f * H, withers.z + 0.02f * H}, {side * w * 0.9f, low, withers.z + 0.08f * H}, thick, c);
      g.scene.ellipsoid(f, {side * fat * 0.8f, 0.25f * H, -0.12f * H}, {fat * 0.45f, fat * 0.95f, fat * 0.95f}, c.fur, 8, 10);
      leg(g, f, {side * fat, 0.12f * H, -0.15f * H}, {side * fat, 0.08f * H, 0}, {side * fat, low, 0.16f * H}, thick, c);
    } else {
      leg(g, f, shoulder, {side * w, 0.45f * H, withers.z + swing * 0.6f}, {side * w, low, withers.z + swing}, thick, c);
      leg(g, f, haunch, {side * w, 0.42f * H, rump.z + 0.05f * H - swing * 0.6f}, {side * w, low, rump.z - 0.05f * H - swing}, thick, c);
    }
  }
  Vec3 rise = pose == PetPose::Lying ? Vec3{0, r.uniform(0.05f, 0.4f), 0.3f} : Vec3{0, r.uniform(0.14f, 0.36f), pose == PetPose::Sitting ? 0.16f : 0.28f};
  head = withers + rise * H;
  g.scene.loft({{f.point(withers + Vec3{0, 0, -0.04f * H}), fat * 0.8f, fat * 0.85f}, {f.point(mix(withers, head, 0.6f)), fat * 0.6f, fat * 0.6f}, {f.point(head), fat * 0.5f, fat * 0.5f}}, f.ex, 10, c.fur, 0.05f, 5);
  float yaw = r.uniform(-0.9f, 0.9f) + 0.3f * std::sin(g.time * r.uniform(0.4f, 2) + phase), nod = r.uniform(-0.2f, 0.4f);
  petHead(g, f.at(head + Vec3{0, 0.03f * H, 0.04f * H}, yaw).rotated({1, 0, 0}, nod), H * (cat ? 0.2f : r.uniform(0.17f, 0.22f)), cat, c);
  if (!cat && r.chance(0.3f)) return;
  Vec3 root = rump + Vec3{0, pose == PetPose::Sitting ? -0.15f * H : 0.1f * fat, -0.06f * H}, from = root;
  float lift = pose == PetPose::Walking || pose == PetPose::Standing ? r.uniform(-0.5f, 1.2f) : -0.05f, reach = H * r.uniform(0.12f, 0.2f);
  for (int k = 0; k < 4; k++) {
    float a = wag * (k + 1) * 0.35f;
    Vec3 to = from + Vec3{std::sin(a) * reach, lift * reach * (0.4f + 0.25f * k), -std::cos(a) * reach * (1 - 0.2f * std::fabs(lift))};
    to.y = std::max(to.y, low);
    g.scene.capsule(f.point(from), thick * (0.85f - 0.1f * k), f.point(to), thick * (0.75f - 0.1f * k), c.fur, 7);
    from = to;
  }
}

static PetPose anyPose(Random& r) { return PetPose(r.below(4)); }
static float petHeight(Random& r, bool cat) { return cat ? r.uniform(0.2f, 0.28f) : r.uniform(0.2f, 0.65f); }

void petsAside(Stage& g, const Vec3& low, const Vec3& high) {
  if (!g.extras) return;
  g.aside([&] {
    Random& r = g.r;
    for (int n = r.chance(0.14f) ? r.between(1, 3) : 0; n > 0; n--) {
      bool cat = r.chance(0.45f);
      // Most of them before the camera, where they can be seen
      const Camera& camera = g.scene.camera;
      float d = r.logUniform(0.9f, 4), a = std::atan2(camera.forward.x, camera.forward.z) + r.normal() * 0.35f, height = petHeight(r, cat);
      Vec3 p{g.eye.x + std::sin(a) * d, low.y, g.eye.z + std::cos(a) * d};
      p.x = clamp(p.x, low.x, high.x);
      p.z = clamp(p.z, low.z, high.z);
      PetPose pose = anyPose(r);
      float yaw = r.uniform(0, 2 * kPi), speed = pose == PetPose::Walking ? r.uniform(0.2f, 1) : 0;
      bool onSofa = pose != PetPose::Walking && r.chance(0.35f) && low.y < 1;
      Frame f(p + Vec3{std::sin(yaw), 0, std::cos(yaw)} * (speed * (g.time - 0.4f)), yaw);
      g.place(p, onSofa ? 1.3f : 0.75f, [&] {
        if (onSofa) sofa(g, Frame(p, yaw + r.normal() * 0.2f));
        pet(g, onSofa ? f.at({r.uniform(-0.2f, 0.2f), 0.47f, 0.05f}, r.uniform(-1, 1)) : f, pose, cat, onSofa ? std::min(height, 0.4f) : height);
      });
    }
  });
}
