// Stadiums and arenas by long lenses, television studios: wide plain surfaces, people far away
#include "objects.h"
#include "scenes.h"

namespace {

// Panned after the play, from a heavy head
void panned(Stage& g, const View& view, int size, float most) {
  Random& r = g.r;
  float clip = 12 * g.interval, turn = r.chance(0.7f) ? r.normal() * std::min(most, most * 2 / clip) : 0, tilt = r.chance(0.3f) ? r.normal() * std::min(most, most / clip) * 0.3f : 0;
  float shake = r.chance(0.5f) ? r.uniform(0, most * 0.02f) : 0, p1 = r.uniform(0, 6), p2 = r.uniform(0, 6), q = r.uniform(2, 9), slide = r.chance(0.3f) ? r.normal() * std::min(0.5f, 0.8f / clip) : 0;
  Vec3 right{std::cos(view.yaw), 0, -std::sin(view.yaw)};
  setCameraAlong(g, view, size, [&](float t) {
    View v = view;
    v.from = view.from + right * (slide * t);
    v.yaw += turn * t + shake * std::sin(p1 + q * t);
    v.pitch += tilt * t + shake * std::sin(p2 + q * 1.2f * t);
    return v;
  });
}

void markings(Stage& g, const Frame& f, float L, float W, int paint, float wide) {
  for (float s : {-1.f, 1.f}) {
    lineOn(g, f, {-L, 0, s * W}, {L, 0, s * W}, wide, paint);
    lineOn(g, f, {s * L, 0, -W}, {s * L, 0, W}, wide, paint);
    float a = L * 0.31f, b = W * 0.59f, c = L * 0.105f, d = W * 0.27f;
    for (float e : {-1.f, 1.f}) {
      lineOn(g, f, {s * L, 0, e * b}, {s * (L - a), 0, e * b}, wide, paint);
      lineOn(g, f, {s * L, 0, e * d}, {s * (L - c), 0, e * d}, wide, paint);
    }
    lineOn(g, f, {s * (L - a), 0, -b}, {s * (L - a), 0, b}, wide, paint);
    lineOn(g, f, {s * (L - c), 0, -d}, {s * (L - c), 0, d}, wide, paint);
    ringOn(g, f, {s * (L - L * 0.21f), 0, 0}, L * 0.175f, s > 0 ? 2.2f : -0.93f, s > 0 ? 4.08f : 0.93f, wide, paint);
  }
  lineOn(g, f, {0, 0, -W}, {0, 0, W}, wide, paint);
  ringOn(g, f, {}, W * 0.27f, 0, 2 * kPi, wide, paint);
}

void stadium(Stage& g, int size) {
  Random& r = g.r;
  bool arena = r.chance(0.35f);  // a court in a hall
  float L = arena ? r.uniform(12, 20) : r.uniform(45, 55), W = arena ? L * 0.5f : r.uniform(30, 37), margin = arena ? r.uniform(2, 4) : r.uniform(4, 14);
  if (arena) indoorLight(g, L, 12, W);
  else {
    float draw = r.unit();
    outdoorLight(g, 60, draw < 0.5f ? Weather::Clear : draw < 0.7f ? Weather::Overcast : draw < 0.8f ? Weather::Dusk : Weather::Night);
    g.scene.light.fog *= 0.06f;
    if (g.night) {  // floodlit
      g.scene.light.ambientAbove = grey(r.uniform(0.4f, 0.9f));
      g.scene.light.ambientBelow = g.scene.light.ambientAbove * r.uniform(0.3f, 0.6f);
      g.scene.light.exposure = r.uniform(0.15f, 0.25f);
    }
  }
  Lighting& l = g.scene.light;
  int around = r.chance(0.5f) ? g.road() : g.ground(), stripes[2], paint = g.withoutShadow(g.flat(grey(r.uniform(0.8f, 0.95f))));
  Vec3 green = arena ? (r.chance(0.5f) ? Vec3{0.75f, 0.5f, 0.28f} : randomColour(r)) : Vec3{r.uniform(0.12f, 0.3f), r.uniform(0.35f, 0.55f), r.uniform(0.08f, 0.2f)};
  float shade = r.chance(0.7f) && !arena ? r.uniform(0.75f, 0.95f) : 1;
  Surface kind = arena ? (r.chance(0.5f) ? Surface::Wood : Surface::Plain) : r.pick({Surface::Grass, Surface::Plain, Surface::Asphalt});
  stripes[0] = g.withoutShadow(g.material(kind, r.uniform(1, 4), green, 1, arena ? 0.4f : 0));
  stripes[1] = g.withoutShadow(g.material(kind, 2, green * shade, 1, arena ? 0.4f : 0));
  for (int m : stripes) g.scene.materials[m].gain = grey(r.uniform(0.05f, 0.4f));
  g.scene.materials[stripes[1]] = g.scene.materials[stripes[0]];
  g.scene.materials[stripes[1]].offset = g.scene.materials[stripes[0]].offset - green * (1 - shade);
  g.scene.quad({-400, -0.02f, -300}, {400, -0.02f, -300}, {400, -0.02f, 500}, {-400, -0.02f, 500}, around);
  int bands = shade < 1 ? r.between(12, 24) : 1;
  for (int k = 0; k < bands; k++) {
    float a = -L - 2 + (2 * L + 4) * k / bands, b = -L - 2 + (2 * L + 4) * (k + 1) / bands;
    g.scene.quad({a, 0, -W - 2}, {b, 0, -W - 2}, {b, 0, W + 2}, {a, 0, W + 2}, stripes[k & 1], a, 0);
  }
  if (arena && r.chance(0.6f)) polish(g, stripes[0], 0);
  markings(g, Frame(), L, W, paint, arena ? 0.06f : 0.12f);

  bool low = r.chance(0.25f);
  float back = W + margin + (low ? -margin * 0.5f : arena ? r.uniform(2, 12) : r.uniform(5, 35));
  g.eye = {r.uniform(-0.7f, 0.7f) * L, low ? r.uniform(0.9f, 2.2f) : arena ? r.uniform(2.5f, 8) : r.uniform(5, 22), -back};
  Vec3 target{r.uniform(-0.85f, 0.85f) * L, low ? r.uniform(0.5f, 2.5f) : r.uniform(-1, 4), r.uniform(-0.5f, 0.9f) * W};
  View view = lookAt(g.eye, target);
  view.narrowest = view.widest = arena ? r.logUniform(14, 50) : r.logUniform(8, 28);
  view.roll = r.normal() * 0.01f;
  float angle = view.widest * kPi / 360 * 1.2f + 0.1f;

  int rows = arena ? r.between(5, 14) : r.between(10, 26);
  StandSize q{2 * (L + margin), rows, r.uniform(0.2f, 0.95f), r.uniform(0, 0.5f), 1500, r.chance(0.6f) && !arena, view.yaw, angle};
  grandstand(g, Frame({0, 0, W + margin}), q);
  q.length = 2 * W;
  for (float s : {-1.f, 1.f})
    if (r.chance(0.75f)) grandstand(g, Frame({s * (L + margin), 0, 0}, s * kPi / 2), q);
  for (float s : {-1.f, 1.f}) {
    if (!arena) goal(g, Frame({s * L, 0, 0}, -s * kPi / 2), 7.32f, 2.44f, 1.8f);
    else if (r.chance(0.5f)) goal(g, Frame({s * L, 0, 0}, -s * kPi / 2), 3, 2, 1);
    else {
      int post = g.metal();
      g.scene.tube({s * (L + 0.6f), 0, 0}, 0.1f, {s * (L + 0.3f), 2.9f, 0}, 0.1f, post, 8);
      g.scene.box(Frame(), {s * (L - 0.6f), 3.4f, 0}, {0.03f, 0.53f, 0.9f}, g.plastic());
      g.scene.tube({s * (L + 0.3f), 2.9f, 0}, 0.08f, {s * (L - 0.57f), 3.3f, 0}, 0.08f, post, 6);
      ringOn(g, Frame(), {s * (L - 0.85f), 3.05f, 0}, 0.23f, 0, 2 * kPi, 0.04f, g.flat({0.9f, 0.35f, 0.1f}));
    }
  }
  int ad = g.withoutShadow(g.glowing(g.picture(), r.chance(0.6f) ? r.uniform(0.3f, 1.5f) : 0));
  if (r.chance(0.7f)) g.scene.box(Frame(), {0, 0.45f, W + margin * 0.55f}, {L, 0.45f, 0.05f}, ad);
  for (int n = r.between(3, 14); n > 0; n--) {
    float yaw = r.uniform(0, 2 * kPi), speed = r.uniform(0, 5), spread = arena ? 5 : 13;
    Vec3 p{target.x + r.normal() * spread, 0, target.z + r.normal() * spread * 0.7f};
    p.x = clamp(p.x, -L, L);
    p.z = clamp(p.z, -W, W);
    bool runs = speed > 0.8f;
    Vec3 now = p + Vec3{std::sin(yaw), 0, std::cos(yaw)} * (runs ? speed * (g.time - 0.4f) : 0);
    g.place(p, 3, [&] { person(g, Frame(now, yaw), runs ? Pose::Walking : Pose::Standing, false); });
  }
  float high = r.uniform(0, 3), a = r.uniform(0, 6.3f), pace = r.uniform(0, 9);
  Vec3 ball{target.x + std::cos(a) * pace * (g.time - 0.5f), 0.15f + high * std::fabs(std::sin(1.5f * g.time + a)), std::min(W + 1, target.z + std::sin(a) * pace * (g.time - 0.5f))};
  g.scene.ellipsoid(Frame(ball, 3 * g.time), {}, grey(0.12f), g.material({Surface::Cells, Surface::Plain}, 0.2f, grey(0.85f), 0.8f), 7, 10);
  if (!arena && r.chance(0.5f)) farBackground(g, 220);
  if (!arena && r.chance(0.6f))
    for (float s : {-1.f, 1.f}) {  // masts
      Frame mast({s * (L + margin + 12), 0, W + margin + 18});
      latticeTower(g, mast, 38, 4, 2);
      g.scene.box(mast, {0, 40, 0}, {4, 2.5f, 0.4f}, g.glowing(g.flat(grey(0.9f)), g.night ? 8 : 0));
    }
  if (arena) {
    float H = r.uniform(9, 16), X = L + margin + rows, Z = W + margin + rows;
    int wall = g.wall(), roof = g.ceiling(), beam = g.metal(), lamp = g.withoutShadow(g.glowing(g.plastic(), r.uniform(2, 6)));
    g.scene.quad({-X, H, -Z - 14}, {-X, H, Z}, {X, H, Z}, {X, H, -Z - 14}, roof);
    g.scene.quad({X, 0, Z}, {-X, 0, Z}, {-X, H, Z}, {X, H, Z}, wall);
    for (float s : {-1.f, 1.f}) g.scene.quad({s * X, 0, -Z - 14}, {s * X, 0, Z}, {s * X, H, Z}, {s * X, H, -Z - 14}, wall);
    g.scene.quad({X, 0, -Z - 14}, {-X, 0, -Z - 14}, {-X, H, -Z - 14}, {X, H, -Z - 14}, wall);
    for (float x = -X + 3; x < X; x += 5) {
      g.scene.box(Frame(), {x, H - 0.6f, 0}, {0.12f, 0.5f, Z}, beam);
      for (float z = -Z; z < Z; z += 6) g.scene.box(Frame(), {x + 1.5f, H - 0.8f, z}, {0.5f, 0.06f, 0.25f}, lamp);
    }
  }
  l.shadowRadius = arena ? L : 45;
  l.shadowCentre = target;
  l.occlusionRadius = r.uniform(0.4f, 1);
  panned(g, view, size, view.widest * kPi / 180 * 0.12f);
}

void studio(Stage& g, int size) {
  Random& r = g.r;
  float W = r.uniform(4, 8), D = r.uniform(2.5f, 4.5f), height = r.uniform(3.5f, 6), front = -9;  // the set ends at z = D
  indoorLight(g, W, height, D);
  Lighting& l = g.scene.light;
  int dark = g.withoutShadow(g.flat(grey(r.uniform(0.02f, 0.12f)))), metal = g.flat(grey(r.uniform(0.04f, 0.3f)), 0.3f), lamp = g.withoutShadow(g.glowing(g.flat({1, 0.97f, 0.9f}), r.uniform(2, 8)));
  for (int k = 0; k < 4; k++) {  // the hall around
    Frame x = Frame({0, 0, front + 9}, k * kPi / 2).at({0, 0, 12});
    g.scene.quad(x.point({12, 0, 0}), x.point({-12, 0, 0}), x.point({-12, height + 2, 0}), x.point({12, height + 2, 0}), dark);
  }
  g.scene.quad({-12, height + 2, -12}, {-12, height + 2, 12}, {12, height + 2, 12}, {12, height + 2, -12}, dark);
  g.scene.quad({-12, -0.01f, -12}, {12, -0.01f, -12}, {12, -0.01f, 12}, {-12, -0.01f, 12}, r.chance(0.5f) ? dark : g.flooring());
  float kind = r.unit();
  if (kind < 0.45f) {  // a cyclorama: the floor bends up into the wall
    Vec3 key[5] = {{0.1f, 0.6f, 0.2f}, {0.1f, 0.25f, 0.75f}, grey(0.85f), grey(0.4f), {0.75f, 0.7f, 0.62f}};
    int plain = g.withoutShadow(g.flat(key[r.below(5)] * r.uniform(0.8f, 1.1f))), bendMaterial = plain;
    float bend = r.uniform(0.3f, 1.2f), tall = r.uniform(2.6f, height), curve = r.uniform(0, 0.08f);
    g.scene.grid([&](float u, float v) {
      float x = (2 * u - 1) * W, flatPart = 6 + D - bend, arc = bend * kPi / 2, s = v * (flatPart + arc + tall - bend);
      float y = 0, z = -6 + s;
      if (s > flatPart + arc) { y = bend + s - flatPart - arc; z = D; }
      else if (s > flatPart) { float a = (s - flatPart) / bend; y = bend * (1 - std::cos(a)); z = D - bend + bend * std::sin(a); }
      return Vec3{x, y, z - curve * x * x};
    }, 10, 60, bendMaterial, 2 * W, 12);
  } else if (kind < 0.8f) {  // LED walls
    int panels = r.between(1, 5), wall = g.screen();
    g.scene.materials[wall].emission = r.uniform(0.5f, 1.6f);
    g.scene.materials[wall].scale = r.uniform(0.12f, 0.5f);
    bool common = r.chance(0.5f);
    float tall = r.uniform(1.8f, 3.2f), base = r.uniform(0, 0.5f), fold = panels > 1 ? r.uniform(0, 0.5f) : 0;
    int shiny = g.withoutShadow(g.flat(grey(r.uniform(0.05f, 0.6f)), 0.5f));
    g.scene.quad({-W, 0, -6}, {W, 0, -6}, {W, 0, D + 1}, {-W, 0, D + 1}, shiny);
    if (r.chance(0.7f)) polish(g, shiny, 0);
    for (int k = 0; k < panels; k++) {
      float u = panels > 1 ? 2.f * k / (panels - 1) - 1 : 0, half = W / panels * 0.97f;
      int face = common ? wall : g.glowing(g.screen(), r.uniform(0.4f, 1.5f));
      Frame x({u * W * (panels - 1.f) / panels, base, D - fold * u * u * 1.5f}, kPi + u * fold);
      g.scene.box(x, {0, tall / 2, -0.06f}, {half, tall / 2, 0.05f}, dark);
      g.scene.quad(x.point({-half, 0, 0}), x.point({half, 0, 0}), x.point({half, tall, 0}), x.point({-half, tall, 0}), face, common ? -u * W : 0, 0);
    }
  } else {  // built walls
    int wall = g.wall(), floorMaterial = g.flooring();
    g.scene.quad({-W, 0, -6}, {W, 0, -6}, {W, 0, D}, {-W, 0, D}, floorMaterial);
    if (r.chance(0.5f)) polish(g, floorMaterial, 0);
    for (int n = r.between(2, 5), k = 0; k < n; k++) {
      float half = W / n;
      g.scene.box(Frame({-W + half * (2 * k + 1), 0, D - (k & 1) * r.uniform(0, 0.5f)}), {0, 1.5f, 0}, {half, 1.5f, 0.1f}, r.chance(0.6f) ? wall : g.glowing(g.fabric(), r.uniform(0, 0.7f)));
    }
    for (int n = r.between(0, 3); n > 0; n--) plant(g, Frame({r.uniform(-W, W) * 0.8f, 0, D - 0.6f}));
  }
  Frame set({r.normal() * 0.4f, 0, D - r.uniform(1.6f, 2.4f)}, kPi);  // its front, +z, towards the camera
  int presenters = r.between(1, 4), posts = g.r.below(3);
  if (posts < 2) {  // behind a desk, straight or bent; a riser under it
    float half = 0.55f * presenters + 0.3f, bow = r.uniform(0, 0.35f), high = r.uniform(0.75f, 1.05f);
    int top = r.chance(0.5f) ? g.wood() : g.plastic(), panel = r.chance(0.4f) ? g.glowing(g.screen(), r.uniform(0.3f, 1.2f)) : g.metal();
    if (r.chance(0.4f)) g.scene.cylinder(set, half + 1.3f, half + 1.3f, 0.12f, 40, g.plastic());
    auto edge = [&](float u, float out) { float x = 2 * u - 1; return Vec3{x * (half + out * 0.3f), 0, 0.55f + out - bow * x * x}; };
    g.scene.grid([&](float u, float v) { Vec3 p = edge(u, 0); p.y = high * v; return set.point(p); }, 14, 1, panel, 2 * half, high);
    for (float y : {high, high + 0.04f}) g.scene.grid([&](float u, float v) { Vec3 p = edge(u, 0.12f - 0.6f * v); p.y = y; return set.point(p); }, 14, 1, top, 2 * half, 0.6f);
    g.scene.grid([&](float u, float v) { Vec3 p = edge(u, 0.12f); p.y = high + 0.04f * v; return set.point(p); }, 14, 1, top, 2 * half, 0.04f);
    clutter(g, set.at({0, high + 0.04f, 0.3f - bow * 0.3f}), half * 0.6f, 0.1f, r.between(0, 4), 0.8f);
    for (int k = 0; k < presenters; k++) {
      float x = presenters > 1 ? (2.f * k / (presenters - 1) - 1) * (half - 0.4f) : r.normal() * 0.1f;
      bool sits = high < 0.9f;
      Frame place = set.at({x, sits ? 0.12f : 0.f, -0.15f - bow * 0.5f}, r.normal() * 0.3f);
      if (sits) chair(g, place);
      person(g, place, sits ? Pose::Sitting : Pose::Standing, true);
    }
  } else
    for (int k = 0; k < presenters; k++) {
      float x = (k - (presenters - 1) * 0.5f) * r.uniform(0.8f, 1.3f);
      Frame place = set.at({x, 0, r.uniform(-0.2f, 0.5f)}, r.normal() * 0.3f);
      bool sits = r.chance(0.4f);
      if (sits) { if (r.chance(0.5f)) chair(g, place); else sofa(g, place.at({0, 0, 0.1f})); }
      person(g, place, sits ? Pose::Sitting : Pose::Standing, true);
    }
  // Pipes with lamps over it, towards the set
  for (int k = 0; k < 4; k++) {
    float z = D - 1 - 1.8f * k;
    for (float y : {height, height + 0.3f}) g.scene.tube({-W, y, z}, 0.025f, {W, y, z}, 0.025f, metal, 5);
    for (float x = -W; x < W; x += 0.6f) g.scene.tube({x, height, z}, 0.012f, {x + 0.3f, height + 0.3f, z}, 0.012f, metal, 3);
    for (int n = r.between(2, 7); n > 0; n--) spotlight(g, {r.uniform(-W, W), height - 0.35f, z}, set.point({r.normal(), 1, 0}), metal, lamp);
  }
  for (float s : {-1.f, 1.f}) l.points.push_back({set.point({s * 2, 3.2f, 2.5f}), grey(r.uniform(0.5f, 4))});
  float reach = r.uniform(2.8f, 7.5f), off = r.normal() * 0.25f;
  bool jib = r.chance(0.15f);
  g.eye = set.point({std::sin(off) * reach, jib ? r.uniform(2.2f, 3.2f) : r.uniform(1.1f, 1.75f), std::cos(off) * reach});
  for (int n = r.chance(0.4f) ? r.between(1, 2) : 0; n > 0; n--) {
    Frame x = set.at({r.sign() * r.uniform(1.2f, 2.8f), 0, r.uniform(2, 4)});
    View towards = lookAt(x.origin, set.origin);
    g.place(x.origin, 1.2f, [&] { studioCamera(g, Frame(x.origin, towards.yaw)); });
  }
  View view = lookAt(g.eye, set.point({r.normal() * 0.4f, r.uniform(0.9f, 1.5f), 0}));
  view.roll = r.normal() * 0.008f;
  view.narrowest = 12;
  view.widest = reach > 4 ? 40 : 55;
  l.shadowRadius = W;
  l.shadowCentre = set.origin;
  l.occlusionRadius = r.uniform(0.04f, 0.12f);
  l.occlusion *= 0.6f;
  panned(g, view, size, 0.06f);
}

}  // namespace

void venueScene(Stage& g, int size) {
  if (g.r.chance(0.55f)) stadium(g, size);
  else studio(g, size);
}
