// What a scene's builders share: the scene, its random stream, the instant, where the camera stands; and a palette of materials.
// A clip's frames are built anew with the same stream and another `time`, so builders draw the same numbers every frame.
#pragma once
#include <initializer_list>
#include "random.h"
#include "scene.h"
#include "texture.h"

struct Stage {
  Scene scene;
  Random r;
  float time;      // seconds
  float interval;  // between the clip's frames
  float readout;   // from the first row's instant to the last's, around `time`; 0: all rows at once
  Vec3 eye;    // where the camera stands at time 0: objects keep clear of it
  bool wild;   // any texture on any surface, so that a texture never tells the shape

  bool night = false;
  bool extras = true;  // pets and hands, in the families that may have them
  float lane = 0;      // half as wide a strip along z stays free of all that is placed, for a vehicle with the eye in it
  float berth = 0;     // metres around the eye, and around `ahead` of it, that nothing settled reaches into
  Vec3 ahead;

  Stage(uint64_t seed, float seconds, float between, float reading = 0)
      : r(seed), time(seconds), interval(between), readout(reading), wild(r.chance(0.07f)) {}

  // `recolour` 0: the texture's own colours; 1: its mean becomes `tint`. metres: size of one repeat
  int material(Surface kind, float metres, const Vec3& tint, float recolour, float specular = 0);
  int material(std::initializer_list<Surface> kinds, float metres, const Vec3& tint, float recolour, float specular = 0) {
    return material(r.pick(kinds), metres, tint, recolour, specular);
  }
  int flat(const Vec3& colour, float specular = 0);
  int withoutShadow(int m) { scene.materials[m].castsShadow = false; return m; }
  int glowing(int m, float emission) { scene.materials[m].emission = emission; return m; }

  int wall(), flooring(), ceiling(), wood(), fabric(), anything(), metal(), plastic(), picture(), screen(), skin(), hair();
  int leaf(), bark(), ground(), road(), facade(), glass(), rock();
  Vec3 paint();

  bool nearEye(const Vec3& p, float distance) const {
    return std::hypot(p.x - eye.x, p.z - eye.z) < distance || (lane > 0 && std::fabs(p.x - eye.x) < lane + std::min(distance, 1.f));
  }
  // Build something, unless its place is too near the camera: then the random stream advances all the same
  template <class Build> void place(const Vec3& where, float clearance, Build build) {
    size_t before = scene.triangles.size();
    build();
    if (nearEye(where, clearance)) scene.triangles.resize(before);
  }
  // Place what does not move, out of the eye's berth by its own size
  template <class Build> void settle(const Vec3& where, float clearance, Build build) {
    size_t triangles = scene.triangles.size(), vertices = scene.vertices.size();
    place(where, clearance, build);
    if (berth > 0 && reaches(vertices)) scene.triangles.resize(triangles);
  }
  // Build something by a stream of random numbers of its own: what comes after it is as if it were not there
  template <class Build> void aside(Build build) {
    Random kept = r;
    r = Random(r.bits());
    build();
    r = kept;
  }

 private:
  bool reaches(size_t firstVertex) const;
};
