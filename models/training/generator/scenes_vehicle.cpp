// Inside cars, buses and trains, and right beside cars
#include "objects.h"
#include "scenes.h"

namespace {

// The world passes a vehicle that stays at the origin of its lane, so that a readout's rows see it at rest
void pass(Stage& g, const Vec3& shift, float yaw) {
  Frame f(shift, yaw);
  Vec3 pivot{g.eye.x, 0, 0};
  auto moved = [&](const Vec3& p) { return f.point(p - pivot) + pivot; };
  for (Vertex& v : g.scene.vertices) {
    v.position = moved(v.position);
    v.normal = f.direction(v.normal);
  }
  for (PointLight& p : g.scene.light.points) p.position = moved(p.position);
  g.scene.mirror.height += shift.y;
}

struct Ride { float speed, curve, bounce, p1, p2; };

Ride ride(Stage& g, float fastest) {
  Random& r = g.r;
  float clip = 12 * g.interval;
  Ride q;
  q.speed = r.chance(0.2f) ? 0 : std::min(r.logUniform(1, fastest), 35 / clip);
  q.curve = r.chance(0.3f) ? r.normal() * std::min(0.08f, 0.15f / clip) : 0;
  q.bounce = q.speed > 0 ? r.uniform(0, 0.02f) : r.uniform(0, 0.001f);
  q.p1 = r.uniform(0, 6);
  q.p2 = r.uniform(0, 6);
  float t = g.time;
  pass(g, {q.bounce * 0.5f * std::sin(4 * t + q.p2), q.bounce * std::sin(8.5f * t + q.p1), -q.speed * t}, q.curve * t);
  return q;
}

// Hand-held or on a bracket: shakes against the vehicle
void aboard(Stage& g, const View& view, int size, const Ride& q, bool fixed) {
  Random& r = g.r;
  float turn = !fixed && r.chance(0.5f) ? r.normal() * std::min(0.3f, 0.4f / (12 * g.interval)) : 0, hand = fixed ? 0.001f : r.uniform(0.003f, 0.012f), rattle = std::min(0.006f, q.bounce * r.uniform(0.1f, 0.5f)), fast = r.uniform(30, 70), slow = r.uniform(2, 7);
  setCameraAlong(g, view, size, [&](float t) {
    View v = view;
    v.from = view.from + Vec3{std::sin(q.p1 + slow * t), std::sin(q.p2 + slow * 1.3f * t), std::cos(q.p1 + slow * 0.8f * t)} * (hand * 0.6f);
    v.from.y += rattle * 0.3f * std::sin(fast * t + q.p2);
    v.yaw += turn * t + hand * std::sin(q.p2 + slow * 0.7f * t);
    v.pitch += hand * std::sin(q.p1 + slow * t) + rattle * std::sin(fast * t);
    v.roll += hand * 0.5f * std::sin(q.p2 + slow * t) + rattle * 0.5f * std::sin(fast * 0.8f * t + 1);
    return v;
  });
}

void inCar(Stage& g, int size) {
  Random& r = g.r;
  roadside(g, r.chance(0.12f), Standpoint::Driver);
  float x = g.eye.x;
  Ride q = ride(g, 14);
  Lighting& l = g.scene.light;
  l.shadowRadius = r.uniform(6, 14);
  l.shadowCentre = {x, 1, 3};
  l.drops = 0;  // they would fall inside
  l.occlusionRadius = r.uniform(0.1f, 0.3f);
  if (r.chance(0.5f)) {  // one that drives before it
    Frame before({x + r.normal() * 0.2f, 0, r.logUniform(4.5f, 25) + 0.6f * std::sin(0.4f * g.time + q.p1)}, 0);
    car(g, before);
  }
  float driverSide = r.chance(0.75f) ? -1.f : 1.f, way = r.unit();
  View view;
  view.narrowest = 48;
  view.widest = 95;
  view.roll = r.normal() * 0.03f;
  bool driver = way < 0.4f, passenger = way >= 0.4f && way < 0.65f, bracket = way >= 0.65f && way < 0.8f, rear = way >= 0.8f;
  if (driver || passenger) {
    view.from = {x + (driver ? driverSide : -driverSide) * 0.37f, r.uniform(1.12f, 1.24f), r.uniform(-0.18f, 0.06f)};
    view.yaw = r.chance(0.65f) ? r.normal() * 0.25f : r.sign() * r.uniform(0.3f, 1.5f);
    view.pitch = r.uniform(-0.4f, 0.06f);
  } else if (bracket) {
    view.from = {x + r.normal() * 0.15f, r.uniform(1.08f, 1.3f), r.uniform(0.3f, 0.62f)};
    view.yaw = r.normal() * 0.1f;
    view.pitch = r.uniform(-0.2f, 0);
  } else {
    view.from = {x + r.normal() * 0.15f, r.uniform(1.12f, 1.26f), r.uniform(-0.95f, -0.75f)};
    view.yaw = r.normal() * 0.3f;
    view.pitch = r.uniform(-0.3f, 0.03f);
  }
  carCabin(g, Frame({x, 0, 0}), driverSide, driver && r.chance(0.8f), (driver && r.chance(0.3f)), rear);
  if (passenger && r.chance(0.85f)) person(g, Frame({x + driverSide * 0.37f, 0.06f, -0.14f}), Pose::Sitting, true);
  aboard(g, view, size, q, bracket || r.chance(0.3f));
  if (!bracket && !driver) handsAside(g, 0.12f);
}

void inSaloon(Stage& g, int size) {
  Random& r = g.r;
  bool train = r.chance(0.5f);
  SaloonSize q{train ? r.uniform(1.3f, 1.45f) : r.uniform(1.15f, 1.25f), train ? 1.f : r.uniform(0.4f, 0.9f), r.uniform(2.05f, 2.35f), r.uniform(8, 15), r.uniform(0, 0.6f), !train};
  roadside(g, r.chance(0.1f), Standpoint::Driver);
  Ride motion = ride(g, train ? 30 : 12);
  float x = g.eye.x;
  Lighting& l = g.scene.light;
  l.shadowRadius = r.uniform(7, 14);
  l.shadowCentre = {x, 1.5f, 0};
  l.drops = 0;
  l.occlusionRadius = r.uniform(0.15f, 0.4f);
  l.ambientBelow = l.ambientBelow + grey(0.1f);
  for (float z : {-3.f, 0.f, 3.f}) l.points.push_back({{x, q.floor + q.height - 0.2f, z}, grey(r.uniform(0.1f, 0.8f))});
  bool seated = r.chance(0.45f);
  View view;
  view.from = {x + (seated ? r.sign() * r.uniform(0.45f, 0.75f) : r.normal() * 0.08f), q.floor + (seated ? r.uniform(1.05f, 1.25f) : r.uniform(1.3f, 1.75f)), r.uniform(-0.42f, 0.3f) * q.length};
  view.yaw = r.chance(0.7f) ? r.normal() * 0.3f + (r.chance(0.3f) ? kPi : 0) : r.uniform(0, 2 * kPi);
  view.pitch = r.normal() * 0.1f - 0.1f;
  view.roll = r.normal() * 0.04f;
  view.narrowest = 48;
  view.widest = 95;
  g.eye = view.from;
  g.lane = 0;
  saloon(g, Frame({x, 0, 0}), q);
  aboard(g, view, size, motion, r.chance(0.2f));
  handsAside(g, 0.15f);
}

// Parked cars by the camera, within arm's reach to a few metres
void beside(Stage& g, int size) {
  Random& r = g.r;
  roadside(g, r.chance(0.15f), Standpoint::Kerb);
  float inward = g.eye.x > 0 ? -1.f : 1.f;
  Vec3 last = g.eye;
  for (int n = r.between(1, 4), i = 0; i < n; i++) {
    float z = g.eye.z + (i == 0 ? r.uniform(-1.5f, 2.5f) : r.uniform(5.2f, 7) * i);
    Frame f({g.eye.x + inward * r.uniform(1.5f, 3.2f), 0, z}, (r.chance(0.5f) ? 0 : kPi) + r.normal() * 0.06f);
    if (i == 0) last = f.origin;
    car(g, f);
  }
  View view = lookAt(g.eye, last + Vec3{0, r.uniform(0.4f, 1), r.uniform(-1, 2)});
  view.yaw += r.normal() * 0.3f;
  view.roll = r.normal() * 0.05f;
  view.speed = 0.4f;
  setCamera(g, view, size);
  handsAside(g, 0.1f);
}

}  // namespace

void vehicleScene(Stage& g, int size) {
  int kind = g.r.below(20);
  if (kind < 10) inCar(g, size);
  else if (kind < 16) inSaloon(g, size);
  else beside(g, size);
}
