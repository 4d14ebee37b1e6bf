// Rooms, close-ups, webcams and table tops
#include "objects.h"
#include "scenes.h"

void roomScene(Stage& g, int size) {
  Random& r = g.r;
  float W = r.uniform(1.2f, 4), D = r.uniform(1.2f, 4), height = r.uniform(2.2f, 3.4f);
  int kind = r.below(20);
  if (kind < 2) { W *= 2.5f; D *= 2.5f; height *= r.uniform(1, 2.5f); }  // hall
  else if (kind < 5) { W = r.uniform(0.6f, 1.1f); D = r.uniform(3, 9); }  // corridor
  else if (kind == 5) { W = r.uniform(0.8f, 1.3f); D = r.uniform(0.8f, 1.5f); }  // closet, bathroom, lift
  float eyeHeight = r.chance(0.75f) ? r.uniform(1, 1.9f) : r.uniform(0.15f, std::min(2.6f, height - 0.3f));
  g.eye = {r.uniform(-W, W) * 0.85f, eyeHeight, r.uniform(-D, D) * 0.85f};
  Vec3 target{-g.eye.x * r.uniform(-0.2f, 0.8f) + r.uniform(-W, W) * 0.3f, r.uniform(0.2f, 1.4f), -g.eye.z * r.uniform(-0.2f, 0.8f) + r.uniform(-D, D) * 0.3f};
  View view = lookAt(g.eye, target);
  if (r.chance(0.2f)) view.yaw = r.uniform(0, 2 * kPi);
  if (kind >= 2 && kind < 5 && r.chance(0.6f)) view.yaw = (g.eye.z > 0 ? kPi : 0) + r.normal() * 0.2f;
  if (r.chance(0.7f)) view.pitch = r.normal() * 0.18f - 0.14f;
  view.pitch = clamp(view.pitch, -1.1f, 0.5f);
  view.roll = r.normal() * 0.05f;
  view.speed = 0.9f;
  indoorLight(g, W, height, D);
  roomShell(g, W, D, height);
  float area = W * D;
  furnish(g, W, D, r.between(1, int(std::min(14.f, 5 + area))), r.between(0, int(std::min(10.f, 2 + area * 0.7f))), r.chance(0.35f) ? r.between(1, 3) : 0);
  if (r.chance(0.08f)) {
    Frame x({r.uniform(-W, W) * 0.4f, 0, r.uniform(-D, D) * 0.4f}, r.uniform(0, 6.3f));
    g.place(x.origin, 2.2f, [&] { stairs(g, x, r.uniform(0.8f, 1.4f), r.between(5, 14)); });
  }
  if (r.chance(0.06f)) {
    float z = r.uniform(-D, D) * 0.5f;
    g.place({0, 0, z}, 1, [&] { railing(g, {-W, 0, z}, {W, 0, z}, 1); });
  }
  setCamera(g, view, size);
  petsAside(g, {-W * 0.85f, 0, -D * 0.85f}, {W * 0.85f, 0, D * 0.85f});
  handsAside(g, 0.07f);
}

void closeUpScene(Stage& g, int size) {
  Random& r = g.r;
  float W = r.uniform(1, 3.5f), D = r.uniform(1, 3.5f), height = r.uniform(2.2f, 3.2f), distance = r.logUniform(0.35f, 1.5f);
  g.eye = {r.uniform(-W, W) * 0.9f, r.uniform(0.3f, 1.9f), D - distance};
  indoorLight(g, W, height, D);
  roomShell(g, W, D, height);
  furnish(g, W, D, r.between(0, 5), r.between(0, 2), 0);
  for (int n = r.between(0, 2); n > 0; n--) {  // something just beside
    Frame x({g.eye.x + r.normal() * 0.7f, 0, D - r.uniform(0.2f, 0.4f)}, kPi + r.normal() * 0.2f);
    switch (r.below(6)) {
      case 0: plant(g, x); break;
      case 1: chair(g, x); break;
      case 2: shelf(g, x); break;
      case 3: cabinet(g, x); break;
      case 4: floorLamp(g, x); break;
      default: boxes(g, x);
    }
  }
  View view;
  view.from = g.eye;
  view.yaw = r.normal() * 0.55f;
  view.pitch = r.normal() * 0.3f - 0.1f;
  view.roll = r.normal() * 0.06f;
  view.speed = 0.35f;
  setCamera(g, view, size);
}

void webcamScene(Stage& g, int size) {
  Random& r = g.r;
  float W = r.uniform(1.2f, 3.5f), D = r.uniform(1.2f, 3.5f), height = r.uniform(2.2f, 3.2f), distance = r.logUniform(0.35f, 1.6f);
  Frame x({r.uniform(-0.3f, 0.3f) * W, 0, r.uniform(-0.2f, 0.6f) * D * 0.5f}, kPi + r.uniform(-0.3f, 0.3f));
  g.eye = {99, 0, 99};
  Pose pose = r.chance(0.75f) ? Pose::Sitting : Pose::Standing;
  indoorLight(g, W, height, D);
  roomShell(g, W, D, height);
  Frame moving = x.at({0.04f * std::sin(g.time * r.uniform(0.3f, 2)), 0, 0.04f * std::sin(g.time * r.uniform(0.3f, 2) + 1)});
  float headHeight = person(g, moving, pose, true);
  if (pose == Pose::Sitting && r.chance(0.65f)) chair(g, x);
  if (r.chance(0.15f)) person(g, x.at({r.sign() * r.uniform(0.5f, 0.9f), 0, r.uniform(-0.6f, 0.1f)}, r.uniform(-0.4f, 0.4f)), pose, true);
  Vec3 headAt = x.point({0, headHeight, 0});
  Vec3 eye = x.point({r.normal() * 0.15f, headHeight + r.uniform(-0.35f, 0.15f), distance});
  g.eye = eye;
  furnish(g, W, D, r.between(0, 6), r.between(0, 2), r.chance(0.2f) ? 1 : 0);
  View view = lookAt(eye, headAt + Vec3{r.normal() * 0.1f, r.uniform(-0.3f, 0.08f), 0});
  if (r.chance(0.35f)) {  // the desk in front
    Frame desk({eye.x, 0, eye.z}, view.yaw);
    g.scene.box(desk.at({0, headHeight - r.uniform(0.4f, 0.55f), distance * 0.5f}), {}, {r.uniform(0.4f, 0.8f), 0.015f, distance * 0.35f}, g.wood());
  }
  if (r.chance(0.12f)) reachingArm(g, headAt + Vec3{r.sign() * 0.3f, -0.4f, 0}, mix(headAt, eye, r.uniform(0.4f, 0.75f)) + Vec3{r.normal() * 0.1f, r.uniform(-0.2f, 0.05f), 0});
  view.yaw += r.normal() * 0.05f;
  view.roll = r.normal() * 0.05f;
  view.speed = r.chance(0.7f) ? 0.04f : 0.3f;
  view.narrowest = 45;
  view.widest = 90;
  setCamera(g, view, size);
  if (g.extras)
    g.aside([&] {  // a pet in the arms, on the lap, or between camera and person
      if (!r.chance(0.12f)) return;
      bool cat = r.chance(0.6f);
      float q = r.uniform(0.2f, 0.27f), turn = r.sign() * r.uniform(0.9f, 1.6f);
      PetPose posture = r.chance(0.5f) ? PetPose::Lying : PetPose::Sitting;
      if (r.chance(0.6f)) pet(g, moving.at({r.normal() * 0.05f, headHeight - r.uniform(0.5f, 0.62f), r.uniform(0.2f, 0.26f)}, turn), posture, cat, q);
      else if (distance > 0.75f) pet(g, x.at({r.uniform(-0.2f, 0.2f), headHeight - r.uniform(0.42f, 0.55f), distance * 0.5f}, turn), posture, cat, q);
    });
  handsAside(g, 0.08f);
}

void tabletopScene(Stage& g, int size) {
  Random& r = g.r;
  float W = r.uniform(1.5f, 3.5f), D = r.uniform(1.5f, 3.5f), height = r.uniform(2.2f, 3.2f);
  g.eye = {0, 1.2f, 99};
  indoorLight(g, W, height, D);
  roomShell(g, W, D, height);
  float h = r.uniform(0.4f, 0.95f), w = r.uniform(0.4f, 1.2f), d = r.uniform(0.35f, 0.8f), scale = r.logUniform(0.8f, 3);
  Frame x({r.uniform(-0.4f, 0.4f) * W, 0, r.uniform(-0.4f, 0.4f) * D}, r.uniform(0, 2 * kPi)), top = x.at({0, h, 0});
  int wood = r.chance(0.5f) ? g.wood() : g.anything();
  g.scene.box(x, {0, h - 0.02f, 0}, {w, 0.02f, d}, wood);
  for (int i = 0; i < 4; i++) g.scene.box(x, {(i & 1 ? 1 : -1) * (w - 0.04f), h / 2 - 0.02f, (i & 2 ? 1 : -1) * (d - 0.04f)}, {0.03f, h / 2 - 0.02f, 0.03f}, wood);
  if (r.chance(0.15f)) polish(g, wood, h);
  clutter(g, top, w * 0.9f, d * 0.9f, r.between(3, 20), scale);
  if (r.chance(0.3f)) monitor(g, top.at({0, 0, -d * 0.6f}));
  if (r.chance(0.2f)) tableLamp(g, top.at({w * 0.7f, 0, -d * 0.5f}));
  float around = r.uniform(-1.2f, 1.2f), elevation = r.uniform(0.05f, 1.25f), reach = r.logUniform(0.3f, 1.6f);
  Vec3 target = x.point({r.uniform(-0.4f, 0.4f) * w, h + r.uniform(0, 0.2f), r.uniform(-0.4f, 0.4f) * d});
  Vec3 eye = target + x.direction({std::sin(around) * std::cos(elevation), std::sin(elevation), std::cos(around) * std::cos(elevation)}) * reach;
  eye.y = std::max(eye.y, h + 0.08f);
  g.eye = eye;
  furnish(g, W, D, r.between(0, 6), r.between(0, 2), r.chance(0.15f) ? 1 : 0);
  for (int n = r.chance(0.25f) ? r.between(1, 2) : 0; n > 0; n--) {
    float drift = std::sin(g.time * r.uniform(1, 4) + r.uniform(0, 6)) * 0.05f;
    reachingArm(g, eye + Vec3{r.uniform(-0.35f, 0.35f), -0.3f, 0}, mix(eye, target, r.uniform(0.45f, 1)) + Vec3{drift, drift * 0.5f, 0});
  }
  View view = lookAt(eye, target);
  view.roll = r.normal() * 0.08f;
  view.speed = 0.25f;
  setCamera(g, view, size);
}
