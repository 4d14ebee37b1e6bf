// Skies: gradients, clouds of many kinds, sun, moon, stars. All of it infinitely far: appearance only.
#pragma once
#include <vector>
#include "vec.h"

struct Lighting;
struct Stage;

// A single cloud around a direction: half its width and height as tangents of angles
struct Puff { Vec3 centre, right, up; float wide, high; };

struct CloudLayer {
  enum Kind { Textured, Puffs, Cumulus, Cirrus, Ripples, Overcast, Trail } kind = Textured;
  float cover = 0.5f, scale = 1, softness = 0.1f, opacity = 1, heading = 0, stretch = 1;
  Vec3 lit, dark;
  int seed = 0, texture = -1;
  std::vector<Puff> puffs;
  Vec3 pole;  // Trail: of its great circle
};

struct Sky {
  Vec3 zenith, horizon, glow;  // glow: added around the sun's azimuth, low down
  float bend = 0.5f;           // how fast horizon gives way to zenith
  float haze = 0;              // how far up clouds fade into the horizon's colour
  float disc = 0;              // brightness of the sun or moon
  float stars = 0;
  std::vector<CloudLayer> layers;  // farthest first
};

enum class Weather { Clear, Overcast, Dusk, Night };

Vec3 skyColour(const Sky& sky, const Lighting& light, const Vec3& direction);
// Colours and clouds; `towards`: where single clouds gather
void paintSky(Stage& g, Weather weather, const Vec3& above);
void scatterPuffs(Stage& g, const Vec3& towards, float spread);
