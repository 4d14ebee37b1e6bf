// A scene at one instant: triangles, materials, lights, sky and camera.
#pragma once
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>
#include "sky.h"
#include "vec.h"

struct Material {
  int texture = 0;
  float scale = 1, cosine = 1, sine = 0;  // texture repeats a metre, and its turn
  Vec3 gain{1, 1, 1}, offset;             // albedo = offset + gain * texel
  float specular = 0, gloss = 20, emission = 0, stain = 0;
  float mirror = 0, puddles = 0;  // lies in the scene's mirror plane: strength, and how much of it only in puddles
  float glaze = 0;                // mirrors the sky and roofs around, as window panes do
  bool castsShadow = true;
};

struct Vertex { Vec3 position, normal; float u, v; };
struct Triangle { int a, b, c, material; };
struct PointLight { Vec3 position, colour; };

struct Camera {
  Vec3 eye, right, up, forward;
  float focal = 1, cx = 0, cy = 0;  // pixels
};

struct Lighting {
  Vec3 sunDirection{0, 1, 0}, sun, ambientAbove, ambientBelow;
  std::vector<PointLight> points;
  float shadowRadius = 8, shadowSoftness = 1.5f;  // metres around shadowCentre; texels
  Vec3 shadowCentre;
  float occlusionRadius = 0.3f, occlusion = 1;
  float exposure = 0.2f;  // mean linear light of the picture
  float fog = 0;  // a metre
  Vec3 fogColour;
  int drops = 0;       // falling rain or snow in the picture
  float dropLength = 0; // of its height; 0: round flakes
  uint32_t dropSeed = 0; // another every frame
};

// Wet ground, polished floors, still water: what stands above the plane y = height is seen in it, in the picture alone
struct Mirror {
  bool on = false;
  float height = 0, streak = 0, ripple = 0;  // streak, ripple: of the picture's height
  float lowest = 0.15f;                      // what lies lower than this over the plane, kerbs and rugs, is left out
};

using Profile = std::vector<std::pair<float, float>>;  // (radius, height)

struct Scene {
  std::vector<Vertex> vertices;
  std::vector<Triangle> triangles;
  std::vector<Material> materials;
  Lighting light;
  Sky sky;
  Mirror mirror;
  Camera camera;
  std::vector<Camera> rows;  // rolling shutter: the camera of each row of pixels, all with the optics of `camera`; empty: `camera` sees all rows

  int vertex(const Vec3& p, const Vec3& n, float u, float v);
  void triangle(int a, int b, int c, int material);
  // Corners in order around the face; texture in metres from (u0, v0)
  void quad(const Vec3& a, const Vec3& b, const Vec3& c, const Vec3& d, int material, float u0 = 0, float v0 = 0);
  void box(const Frame& f, const Vec3& centre, const Vec3& half, int material, int top = -1);
  // Surface of revolution about the frame's y axis; rough > 0 makes it lumpy
  void lathe(const Frame& f, const Profile& profile, int sides, int material, float stretchX = 1, float stretchZ = 1, float rough = 0, int seed = 0);
  void cylinder(const Frame& f, float bottom, float top, float height, int sides, int material);
  void ellipsoid(const Frame& f, const Vec3& centre, const Vec3& radii, int material, int rings = 8, int sides = 12, float rough = 0, int seed = 0);
  void capsule(const Vec3& a, float ra, const Vec3& b, float rb, int material, int sides = 8);
  // A capsule without ends, and few faces
  void tube(const Vec3& a, float ra, const Vec3& b, float rb, int material, int sides = 5);
  // Elliptic cross-sections along a line of points; `side` fixes where the wide radius points
  struct Ring { Vec3 centre; float wide, deep; };
  void loft(const std::vector<Ring>& rings, const Vec3& side, int sides, int material, float rough = 0, int seed = 0);
  void grid(const std::function<Vec3(float, float)>& surface, int nx, int ny, int material, float uScale, float vScale);
  // Small leaf-like faces spread through an ellipsoid
  void foliage(class Random& r, const Vec3& centre, const Vec3& radii, int count, float size, int material, bool shell);
};
