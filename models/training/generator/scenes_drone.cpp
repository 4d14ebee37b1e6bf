// From a drone: towns, fields with farms, coasts and rivers, looked down upon
#include "noise.h"
#include "objects.h"
#include "scenes.h"

namespace {

struct Flight { float height, focus, clear; };  // above the ground at the origin; how far ahead it looks; how far around it nothing stands high

// Blocks between roads on a turned grid
void town(Stage& g, const Flight& flight) {
  Random& r = g.r;
  RoofPalette palette = roofPalette(g);
  int road = g.road(), pavement = g.road(), lawn = g.ground(), paint = g.withoutShadow(g.flat(grey(0.8f))), bark = g.bark(), leaf[3] = {g.leaf(), g.leaf(), g.leaf()};
  int bodies[5] = {g.metal(), g.metal(), g.plastic(), g.plastic(), g.metal()}, glass = g.glass(), dark = g.flat(grey(0.05f));
  int tops[4] = {g.fabric(), g.fabric(), g.fabric(), g.fabric()}, skin = g.skin();
  bool suburb = r.chance(0.5f);
  float block = suburb ? r.uniform(28, 50) : r.uniform(35, 75), half = suburb ? r.uniform(3, 4.5f) : r.uniform(3.5f, 9), pitch = block + 2 * half, tallest = suburb ? 9 : r.logUniform(12, 70);
  float reach = clamp(flight.height * 3.5f, 70, 230);
  Frame plan({r.uniform(-0.5f, 0.5f) * pitch, 0, r.uniform(-0.5f, 0.5f) * pitch}, r.uniform(0, kPi));
  g.scene.quad({-700, 0, -300}, {700, 0, -300}, {700, 0, 1400}, {-700, 0, 1400}, r.chance(0.7f) ? road : lawn);
  auto seen = [&](const Vec3& p, float margin) { return std::hypot(p.x, p.z - flight.focus * 0.6f) < reach + margin && p.z > -40; };
  int cells = int(reach * 1.6f / pitch) + 2, cars = 0;
  for (int i = -cells; i <= cells; i++)
    for (int j = -cells; j <= cells; j++) {
      Frame cell = plan.at({i * pitch, 0, j * pitch});
      if (!seen(cell.origin, pitch * 0.5f)) continue;
      float b = block / 2;
      bool park = r.chance(0.12f);
      g.scene.box(cell, {0, 0.06f, 0}, {b, 0.06f, b}, park || suburb ? lawn : pavement);
      int across = suburb ? r.between(2, 3) : r.between(1, 3), deep = suburb ? 2 : r.between(1, 3);
      for (int a = 0; a < across && !park; a++)
        for (int c = 0; c < deep; c++) {
          float sx = b / across, sz = b / deep, fill = suburb ? r.uniform(0.3f, 0.6f) : r.uniform(0.6f, 0.97f);
          Frame plot = cell.at({-b + sx * (2 * a + 1), 0.12f, -b + sz * (2 * c + 1)}, r.below(4) * kPi / 2);
          float h = suburb ? r.uniform(3, tallest) : r.logUniform(6, tallest), away = std::hypot(plot.origin.x, plot.origin.z);
          bool turned = std::fabs(dot(plot.ex, cell.ex)) < 0.5f;
          if (away < flight.clear + block * 0.8f) h = std::min(h, flight.height * 0.6f);
          bool empty = r.chance(suburb ? 0.12f : 0.06f);
          if (!empty && h > 2.2f) roofedBuilding(g, plot, {(turned ? sz : sx) * fill, h / 2, (turned ? sx : sz) * fill * r.uniform(0.8f, 1)}, palette);
          if (suburb && away < 130)
            for (int n = r.between(0, 4); n > 0; n--) crown(g, cell.at({-b + sx * (2 * a + 1 + r.uniform(-1, 1)), 0.1f, -b + sz * (2 * c + 1 + r.sign() * r.uniform(0.7f, 1))}), std::min(r.uniform(1.5f, 8), flight.height * 0.6f), bark, leaf[r.below(3)]);
        }
      for (int n = park ? r.between(5, 25) : r.between(0, 5); n > 0; n--) {
        Vec3 at = park ? Vec3{r.uniform(-b, b), 0.1f, r.uniform(-b, b)} : Vec3{r.uniform(-b, b), 0.1f, r.sign() * (b - 0.8f)};
        crown(g, cell.at(at), std::min(r.uniform(3, 9), flight.height * 0.6f), bark, leaf[r.below(3)]);
      }
      for (int k = 0; k < 2; k++) {  // the roads along two of its sides
        Frame lane = (k ? cell.at({}, kPi / 2) : cell).at({b + half, 0, 0});
        if (std::hypot(lane.origin.x, lane.origin.z) < 120)
          for (float z = -b; z < b; z += 6) g.scene.quad(lane.point({-0.09f, 0.02f, z}), lane.point({0.09f, 0.02f, z}), lane.point({0.09f, 0.02f, z + 3}), lane.point({-0.09f, 0.02f, z + 3}), paint);
        for (int n = r.between(0, 7); n > 0; n--, cars++) {
          bool parked = r.chance(0.55f);
          float side = r.sign(), z = r.uniform(-b, b), speed = parked ? 0 : r.uniform(2, 13) * side;
          Frame f = lane.at({side * (parked ? half - 1 : half * 0.4f), 0, z + speed * (g.time - 0.4f)}, side > 0 ? 0 : kPi);
          int body = bodies[r.below(5)];
          if (flight.height < 16 && std::hypot(lane.origin.x, lane.origin.z) < 40) car(g, f);
          else smallCar(g, f, body, glass, dark);
        }
      }
      for (int n = r.between(0, 6); n > 0; n--) {
        float side = r.sign(), speed = r.uniform(0, 1.6f);
        Frame f = cell.at({side * (b - r.uniform(0.5f, 2.5f)), 0.12f, r.uniform(-b, b) + speed * g.time}, 0);
        smallPerson(g, f, r.uniform(1.5f, 1.9f), tops[r.below(4)], tops[r.below(4)], skin, false);
      }
    }
  float near = 0.35f * flight.height + 2;  // never bare ground alone
  for (int n = r.between(3, 8); n > 0; n--) {
    Frame f({r.normal() * near, 0.1f, flight.focus + r.normal() * near}, r.uniform(0, 6.3f));
    if (r.chance(0.35f)) smallCar(g, f, bodies[r.below(5)], glass, dark);
    else smallPerson(g, f, r.uniform(1.5f, 1.9f), tops[r.below(4)], tops[r.below(4)], skin, false);
  }
}

// Fields between crooked lines over gentle ground, woods, a river or a coast, a road, farms
void country(Stage& g, const Flight& flight) {
  Random& r = g.r;
  constexpr int kKinds = 7;
  int fields[kKinds], seed = r.below(99999), bark = g.bark(), leaf[3] = {g.leaf(), g.leaf(), g.leaf()};
  for (int& m : fields) m = r.chance(0.7f) ? g.ground() : g.withoutShadow(g.material({Surface::Stripe, Surface::Weave, Surface::Grass, Surface::Leaves}, r.logUniform(1, 8), {r.uniform(0.25f, 0.75f), r.uniform(0.3f, 0.65f), r.uniform(0.1f, 0.3f)}, 0.9f));
  for (int m : fields) g.scene.materials[m].scale *= r.uniform(0.25f, 1);
  RoofPalette palette = roofPalette(g);
  float relief = r.chance(0.5f) ? r.uniform(0, 2) : r.uniform(2, 0.5f * flight.height + 4), frequency = r.logUniform(0.006f, 0.03f), cell = r.uniform(25, 70);
  float level = fractal(50, 50, 3, seed);
  auto heightAt = [&](float x, float z) { return relief * (fractal(x * frequency + 50, z * frequency + 50, 3, seed) - level); };
  auto corner = [&](int i, int j) { return Vec3{(i + 0.6f * (hashUnit(i, j, seed) - 0.5f)) * cell, 0, (j + 0.6f * (hashUnit(i, j, seed + 1) - 0.5f)) * cell}; };
  bool wild = r.chance(0.35f);  // no fields
  constexpr int kAcross = 9, kBehind = 2, kAhead = 14, kParts = 4;
  float under = -relief * 0.8f - 1;
  g.scene.quad({-900, under, -300}, {900, under, -300}, {900, under, 1500}, {-900, under, 1500}, fields[0]);
  for (int i = -kAcross; i < kAcross; i++)
    for (int j = -kBehind; j < kAhead; j++) {
      Vec3 a = corner(i, j), b = corner(i + 1, j), c = corner(i + 1, j + 1), d = corner(i, j + 1);
      int m = fields[wild ? 0 : r.below(kKinds)];
      size_t first = g.scene.vertices.size();
      g.scene.grid([&](float u, float v) {
        Vec3 p = mix(mix(a, b, u), mix(d, c, u), v);
        p.y = heightAt(p.x, p.z);
        return p;
      }, kParts, kParts, m, 1, 1);
      for (size_t k = first; k < g.scene.vertices.size(); k++) {
        Vertex& q = g.scene.vertices[k];
        q.u = q.position.x;
        q.v = q.position.z;
      }
    }
  auto strip = [&](float wide, float lift, float bend, int m) {  // a road or river, level with the ground across
    float shift = r.uniform(-0.5f, 0.5f) * flight.focus, heading = r.normal() * 0.7f, waves = r.uniform(0.01f, 0.03f), phase = r.uniform(0, 6);
    g.scene.grid([&](float u, float v) {
      float z = -60 + v * 460, x = shift + heading * (z - flight.focus) + bend * std::sin(waves * z + phase) + (u - 0.5f) * wide;
      float y = -1e9f;
      for (float k : {-0.5f, 0.f, 0.5f}) y = std::max(y, heightAt(x - (u - 0.5f) * wide + k * wide, z));
      return Vec3{x, y + lift, z};
    }, 4, 120, m, wide, 460);
  };
  if (r.chance(0.7f)) strip(r.uniform(2.5f, 8), 0.12f + relief * 0.03f, r.uniform(0, 30), g.road());
  float shore = -1e9f;
  if (r.chance(0.45f)) {
    int water = g.withoutShadow(g.material({Surface::Power, Surface::Clouds, Surface::Photo}, r.uniform(3, 15), {r.uniform(0.05f, 0.2f), r.uniform(0.15f, 0.4f), r.uniform(0.2f, 0.45f)}, 0.85f, 0.9f));
    if (r.chance(0.4f)) strip(r.uniform(6, 30), 0.15f + relief * 0.04f, r.uniform(0, 50), water);
    else {  // a lake or the sea where the ground is low
      shore = relief * r.uniform(-0.12f, 0.08f);
      if (flight.height - shore < 6) shore = flight.height - 6;
      wet(g, {water}, shore, 0);
      g.scene.mirror.ripple = r.logUniform(0.01f, 0.2f);
      g.scene.quad({-900, shore, -200}, {900, shore, -200}, {900, shore, 1500}, {-900, shore, 1500}, water);
    }
  }
  auto onLand = [&](float x, float z, float& y) { y = heightAt(x, z); return y > shore; };
  auto plant = [&](float x, float z, float height) {
    height = std::min(height, flight.height * 0.5f);
    float y;
    bool land = onLand(x, z, y);
    size_t before = g.scene.triangles.size();
    crown(g, Frame({x, y - 0.1f, z}, r.uniform(0, 6)), height, bark, leaf[r.below(3)]);
    if (!land || (std::hypot(x, z) < flight.clear && y + height > flight.height * 0.7f)) g.scene.triangles.resize(before);
  };
  float wide = flight.focus * 0.8f + 30;
  for (int n = r.between(0, 4); n > 0; n--) {  // woods
    float x = r.uniform(-1, 1) * wide, z = flight.focus * r.uniform(0, 2), spread = r.uniform(8, 40);
    for (int k = r.between(20, 120); k > 0; k--) plant(x + r.normal() * spread, z + r.normal() * spread, r.uniform(4, 13));
  }
  for (int n = r.between(0, 5); n > 0 && !wild; n--) {  // hedges along the fields
    int i = r.between(-4, 3), j = r.between(0, 6);
    Vec3 a = corner(i, j), b = r.chance(0.5f) ? corner(i + 1, j) : corner(i, j + 1);
    for (int k = 0; k < 14; k++) { Vec3 p = mix(a, b, k / 14.f); plant(p.x, p.z, r.uniform(1.5f, 6)); }
  }
  for (int n = r.between(0, 25); n > 0; n--) { float x = r.uniform(-1, 1) * wide; plant(x, flight.focus * r.uniform(0, 2), r.uniform(2, 11)); }
  float near = 0.4f * flight.height + 3;  // never bare ground alone
  int tops[3] = {g.fabric(), g.fabric(), g.fabric()}, skin = g.skin();
  for (int n = r.between(2, 9); n > 0; n--) { float x = r.normal() * near; plant(x, flight.focus + r.normal() * near, r.uniform(0.6f, 5)); }
  for (int n = r.between(0, 7); n > 0; n--) {
    float x = r.normal() * near, z = flight.focus + r.normal() * near, speed = r.uniform(0, 1.5f), yaw = r.uniform(0, 6.3f), y;
    bool land = onLand(x, z, y), four = r.chance(0.3f);
    Frame f(Vec3{x, y - 0.05f, z} + Vec3{std::sin(yaw), 0, std::cos(yaw)} * (speed * g.time), yaw);
    f.origin.y = heightAt(f.origin.x, f.origin.z);
    size_t before = g.scene.triangles.size();
    if (four) g.scene.ellipsoid(f, {0, 0.8f, 0}, {0.35f, 0.4f, 0.9f}, tops[n % 3], 6, 9);  // grazing
    else smallPerson(g, f, r.uniform(1.5f, 1.9f), tops[r.below(3)], tops[r.below(3)], skin, false);
    if (!land) g.scene.triangles.resize(before);
  }
  int rock = g.rock();
  for (int n = r.chance(0.4f) ? r.between(3, 25) : 0; n > 0; n--) {
    float x = r.uniform(-1, 1) * wide, z = flight.focus * r.uniform(0, 1.7f);
    boulder(g, Frame({x, heightAt(x, z), z}, r.uniform(0, 6)), r.logUniform(0.2f, std::min(3.f, 0.06f * flight.height)), rock);
  }
  for (int n = r.chance(0.55f) ? r.between(1, 7) : 0; n > 0; n--) {
    float x = r.uniform(-0.7f, 0.7f) * wide, z = flight.focus * r.uniform(0.3f, 1.7f), y, h = r.uniform(1.5f, 4);
    bool land = onLand(x, z, y);
    size_t before = g.scene.triangles.size();
    roofedBuilding(g, Frame({x, y - 1, z}, r.uniform(0, 6)), {r.uniform(3, 6), h + 0.5f, r.uniform(4, 12)}, palette);
    if (!land || (std::hypot(x, z) < flight.clear && flight.height < 20)) g.scene.triangles.resize(before);
  }
  if (flight.height > 20 && r.chance(0.25f)) {
    float z = flight.height + flight.focus * r.uniform(0.8f, 2), x = r.uniform(-0.5f, 0.5f) * z;
    pylon(g, Frame({x, heightAt(x, z), z}, r.uniform(0, 6)), std::min(flight.height * 0.6f, 30.f));
  }
}

}  // namespace

void droneScene(Stage& g, int size) {
  Random& r = g.r;
  float draw = r.unit();
  outdoorLight(g, 40, draw < 0.6f ? Weather::Clear : draw < 0.86f ? Weather::Overcast : draw < 0.95f ? Weather::Dusk : Weather::Night);
  Flight flight;
  flight.height = r.logUniform(8, 80);
  float down = r.chance(0.6f) ? r.uniform(0.35f, 0.9f) : r.uniform(0.8f, 1.48f);
  flight.focus = std::min(flight.height / std::tan(down), 180.f);
  float clip = 12 * g.interval, travel = std::min(r.logUniform(0.5f, 14) * clip, flight.height * 0.5f);
  flight.clear = travel + flight.height * 0.4f + 6;
  g.eye = {0, flight.height, 0};
  if (r.chance(0.55f)) town(g, flight);
  else country(g, flight);
  if (r.chance(0.5f)) farBackground(g, 420);
  Lighting& l = g.scene.light;
  l.fog *= 0.12f;
  l.shadowRadius = clamp(flight.height * 1.4f + flight.focus * 0.4f, 30, 110);
  l.shadowCentre = {0, 0, flight.focus};
  l.occlusionRadius = r.uniform(0.6f, 2.5f);
  for (PointLight& p : l.points) p.position.z += flight.focus * 0.7f;
  bool still = r.chance(0.25f), orbit = r.chance(0.25f);
  float course = r.chance(0.6f) ? r.normal() * 0.2f : r.uniform(-kPi, kPi), speed = still ? 0 : travel / clip, climb = r.chance(0.4f) ? r.uniform(-0.08f, 0.2f) * flight.height / clip : 0;
  float turn = r.chance(0.4f) ? r.normal() * std::min(0.25f, 0.5f / clip) : 0, gimbal = r.chance(0.3f) ? r.normal() * std::min(0.12f, 0.25f / clip) : 0;
  float gust = r.uniform(0, 0.25f), rattle = r.chance(0.3f) ? r.uniform(0.001f, 0.006f) : 0, bank = r.normal() * 0.04f, p1 = r.uniform(0, 6), p2 = r.uniform(0, 6), q = r.uniform(0.5f, 2);
  View view;
  view.narrowest = 35;
  view.widest = 85;
  setCameraAlong(g, view, size, [&](float t) {
    View v;
    float s = speed * t;
    v.from = g.eye + Vec3{std::sin(course) * s, climb * t, std::cos(course) * s} + Vec3{std::sin(p1 + q * t), 0.5f * std::sin(p2 + q * t), std::cos(p2 + q * t * 0.8f)} * gust;
    v.yaw = orbit ? -std::atan2(v.from.x, std::max(8.f, flight.focus)) : turn * t;
    v.pitch = clamp(-down + gimbal * t + rattle * std::sin(p1 + 45 * t), -1.53f, 0.2f);
    v.roll = bank + rattle * std::sin(p2 + 38 * t);
    return v;
  });
}
