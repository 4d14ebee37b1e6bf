// Stands full of people, pitches and their lines, what hangs over studios
#include "objects.h"

void lineOn(Stage& g, const Frame& f, const Vec3& a, const Vec3& b, float wide, int paint) {
  Vec3 along = normalize(b - a), side = Vec3{along.z, 0, -along.x} * (wide / 2), up{0, 0.012f, 0};
  g.scene.quad(f.point(a - side + up), f.point(b - side + up), f.point(b + side + up), f.point(a + side + up), paint);
}

void ringOn(Stage& g, const Frame& f, const Vec3& c, float radius, float from, float to, float wide, int paint) {
  constexpr int kPieces = 32;
  auto at = [&](int k) { float a = mix(from, to, float(k) / kPieces); return c + Vec3{std::cos(a), 0, std::sin(a)} * radius; };
  for (int k = 0; k < kPieces; k++) lineOn(g, f, at(k), at(k + 1), wide, paint);
}

void goal(Stage& g, const Frame& f, float wide, float high, float deep) {  // open towards +z
  int post = g.flat(grey(0.92f), 0.3f), net = g.flat(grey(g.r.uniform(0.6f, 0.95f)));
  float thick = wide * 0.008f + 0.02f;
  for (float s : {-1.f, 1.f}) {
    g.scene.tube(f.point({s * wide / 2, 0, 0}), thick, f.point({s * wide / 2, high, 0}), thick, post, 7);
    g.scene.tube(f.point({s * wide / 2, high, 0}), thick * 0.5f, f.point({s * wide / 2, 0, -deep}), thick * 0.5f, post, 5);
  }
  g.scene.tube(f.point({-wide / 2, high, 0}), thick, f.point({wide / 2, high, 0}), thick, post, 7);
  float mesh = wide / 26;
  for (float x = -wide / 2; x <= wide / 2; x += mesh) g.scene.tube(f.point({x, high, 0}), thick * 0.1f, f.point({x, 0, -deep}), thick * 0.1f, net, 3);
  for (int k = 1; k < 9; k++) g.scene.tube(f.point({-wide / 2, high * k / 9, -deep * (1 - k / 9.f)}), thick * 0.1f, f.point({wide / 2, high * k / 9, -deep * (1 - k / 9.f)}), thick * 0.1f, net, 3);
}

void grandstand(Stage& g, const Frame& f, const StandSize& q) {
  Random& r = g.r;
  int step = g.road(), board = g.withoutShadow(g.glowing(g.material({Surface::Text, Surface::Photo, Surface::Collage, Surface::Plain}, r.uniform(1, 4), randomColour(r), r.uniform(0.2f, 1)), r.chance(0.5f) ? r.uniform(0.3f, 1.5f) : 0));
  int tops[8], bottoms[3] = {g.fabric(), g.fabric(), g.fabric()}, skins[3] = {g.skin(), g.skin(), g.skin()}, seats = g.plastic(), roof = g.metal(), dark = g.facade();
  Vec3 club = randomColour(r);
  for (int& m : tops) m = g.flat(r.chance(0.4f) ? club : randomColour(r));
  float deep = r.uniform(0.75f, 0.9f), rise = r.uniform(0.25f, 0.5f), gap = r.uniform(0.5f, 0.62f), base = r.uniform(0.8f, 1.6f);
  g.scene.box(f, {0, base * 0.45f, -0.6f}, {q.length / 2, base * 0.45f, 0.04f}, board);
  g.scene.box(f, {0, base / 2, 0.1f}, {q.length / 2, base / 2, 0.1f}, dark);
  int left = q.most;
  for (int k = 0; k < q.rows; k++) {
    float y = base + rise * k, z = 0.2f + deep * k;
    g.scene.box(f, {0, y / 2, z + deep / 2}, {q.length / 2, y / 2, deep / 2}, step);
    for (float x = -q.length / 2 + gap; x < q.length / 2; x += gap) {
      bool here = r.chance(q.filled), stairs = int(x / gap + 500) % 24 == 0;
      float tall = r.uniform(1.5f, 1.9f), jitter = r.normal() * 0.05f, sway = r.uniform(0, 0.06f) * std::sin(g.time * r.uniform(0.5f, 4) + r.uniform(0, 6));
      int top = tops[r.below(8)], bottom = bottoms[r.below(3)], skin = skins[r.below(3)];
      bool stands = r.chance(q.standing);
      Frame place = f.at({x + jitter + sway, y, z + deep * 0.6f}, kPi);
      Vec3 d = place.origin - g.eye;
      bool seen = std::fabs(std::atan2(d.x * std::cos(q.yaw) - d.z * std::sin(q.yaw), d.x * std::sin(q.yaw) + d.z * std::cos(q.yaw))) < q.angle;
      if (!seen || stairs) continue;
      if (here && left > 0) {
        left--;
        smallPerson(g, place, tall, top, bottom, skin, !stands);
      } else if (left > 0) g.scene.box(place, {0, 0.55f, -0.2f}, {gap * 0.42f, 0.25f, 0.04f}, seats);
    }
    if (k % 8 == 7) railing(g, f.point({-q.length / 2, y + 0.02f, z + 0.1f}), f.point({-q.length / 2 + 6, y + 0.02f, z + 0.1f}), 0.9f);
  }
  float end = 0.2f + deep * q.rows, height = base + rise * q.rows;
  g.scene.box(f, {0, (height + 5) / 2, end + 0.4f}, {q.length / 2, (height + 5) / 2, 0.3f}, dark);
  if (q.roofed) {
    g.scene.box(f, {0, height + 5, end * 0.55f}, {q.length / 2, 0.25f, end * 0.55f}, roof);
    for (float x = -q.length / 2; x <= q.length / 2; x += 12) g.scene.tube(f.point({x, height + 5, 0}), 0.25f, f.point({x, height + 7, end}), 0.25f, roof, 6);
  }
}

void spotlight(Stage& g, const Vec3& at, const Vec3& towards, int body, int lamp) {
  Vec3 d = normalize(towards - at);
  g.scene.tube(at + Vec3{0, 0.35f, 0}, 0.015f, at, 0.015f, body, 4);
  g.scene.tube(at - d * 0.15f, 0.07f, at + d * 0.15f, 0.11f, body, 9);
  g.scene.ellipsoid(Frame(at + d * 0.14f), {}, grey(0.09f), lamp, 5, 9);
}

void studioCamera(Stage& g, const Frame& f) {  // on its pedestal, lens along +z
  int body = g.flat(grey(g.r.uniform(0.03f, 0.12f)), 0.3f), metal = g.metal();
  float h = g.r.uniform(1.1f, 1.6f);
  for (int k = 0; k < 3; k++) {
    float a = k * 2 * kPi / 3;
    g.scene.box(f.at({0.3f * std::cos(a), 0.12f, 0.3f * std::sin(a)}), {}, {0.1f, 0.12f, 0.1f}, metal);
    g.scene.tube(f.point({0.3f * std::cos(a), 0.2f, 0.3f * std::sin(a)}), 0.04f, f.point({0, 0.3f, 0}), 0.06f, metal);
  }
  g.scene.tube(f.point({0, 0.25f, 0}), 0.09f, f.point({0, h, 0}), 0.06f, metal, 10);
  g.scene.box(f, {0, h + 0.15f, 0}, {0.11f, 0.14f, 0.26f}, body);
  g.scene.tube(f.point({0, h + 0.15f, 0.25f}), 0.08f, f.point({0, h + 0.15f, 0.6f}), 0.1f, body, 10);
  g.scene.box(f, {0, h + 0.38f, -0.15f}, {0.13f, 0.09f, 0.03f}, body);
  if (g.r.chance(0.6f)) g.scene.box(f, {0, h + 0.05f, 0.75f}, {0.2f, 0.16f, 0.02f}, body);  // a prompter
  g.scene.tube(f.point({0.1f, h, -0.2f}), 0.012f, f.point({0.25f, h - 0.15f, -0.6f}), 0.012f, metal, 5);
}
