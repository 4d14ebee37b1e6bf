// Software rasteriser: colour (sRGB bytes) and exact disparity of a scene.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>
#include "scene.h"

class Renderer {
 public:
  // rgb [size,size,3]; disparity [size,size] in 1/m along the optical axis, 0 = infinitely far
  // exposure: 0 measures the image; the value used is returned, so that a clip keeps its first frame's
  float render(const Scene& scene, int size, float exposure, uint8_t* rgb, float* disparity);

 private:
  static constexpr int kShadowSize = 320;
  // Barycentric weights over depth are affine in the pixel: three (a, b, c) rows a triangle
  struct Plane { float a, b, c; float at(float x, float y) const { return a * x + b * y + c; } };
  struct Setup { Plane weight[3]; };

  void illuminate(const Scene& scene, int size, float* disparity);
  void reflect(const Scene& scene);
  Vec3 reflected(const Mirror& mirror, const Vec3& point, float x, float y) const;
  void rasterise(const Scene& scene);
  void rasteriseRolling(const Scene& scene);
  static Vec3 seen(const Camera& camera, const Vec3& point);
  static bool prepare(const Camera& camera, const Vec3& a, const Vec3& b, const Vec3& c, Setup& setup);
  void fillRow(int id, const Setup& setup, int y, float left, float right);
  void drawShadows(const Scene& scene);
  void resolveDisparity(float* disparity);
  void occlude(const Scene& scene, const float* disparity);
  Vec3 shade(const Scene& scene, int id, float x, float y, int px, int py) const;
  void fall(const Lighting& light);
  float meter(float target) const;
  float shadowed(const Scene& scene, const Vec3& point, int px, int py) const;

  int size_ = 0;
  std::vector<float> nearness_;  // 1/z, two samples a pixel along each axis
  std::vector<int> ids_;
  std::vector<Setup> setups_;
  std::vector<float> shadowMap_, occlusion_;
  std::vector<Vec3> light_;
  Vec3 lightX_, lightY_;
  std::unique_ptr<Renderer> below_;  // the scene as the mirror plane shows it, at half the size
};
