// Vectors and local frames. World: metres, y up, right-handed as seen by a camera looking along +z with +x to its right.
#pragma once
#include <algorithm>
#include <cmath>

constexpr float kPi = 3.14159265f;

struct Vec3 {
  float x = 0, y = 0, z = 0;
  Vec3 operator+(const Vec3& o) const { return {x + o.x, y + o.y, z + o.z}; }
  Vec3 operator-(const Vec3& o) const { return {x - o.x, y - o.y, z - o.z}; }
  Vec3 operator*(float s) const { return {x * s, y * s, z * s}; }
  Vec3 operator*(const Vec3& o) const { return {x * o.x, y * o.y, z * o.z}; }
  Vec3 operator-() const { return {-x, -y, -z}; }
};

inline float dot(const Vec3& a, const Vec3& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
inline Vec3 cross(const Vec3& a, const Vec3& b) {
  return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
inline float length(const Vec3& a) { return std::sqrt(dot(a, a)); }
inline Vec3 normalize(const Vec3& a) {
  float l = length(a);
  return l > 1e-12f ? a * (1 / l) : Vec3{0, 1, 0};
}
inline Vec3 mix(const Vec3& a, const Vec3& b, float t) { return a * (1 - t) + b * t; }
inline float mix(float a, float b, float t) { return a + (b - a) * t; }
inline float clamp(float v, float low, float high) { return v < low ? low : (v > high ? high : v); }
inline Vec3 grey(float v) { return {v, v, v}; }

// A local coordinate system: objects stand at its origin, y up, front along +z
struct Frame {
  Vec3 origin, ex{1, 0, 0}, ey{0, 1, 0}, ez{0, 0, 1};
  Frame() = default;
  explicit Frame(const Vec3& o, float yaw = 0)
      : origin(o), ex{std::cos(yaw), 0, -std::sin(yaw)}, ez{std::sin(yaw), 0, std::cos(yaw)} {}
  Vec3 direction(const Vec3& a) const { return ex * a.x + ey * a.y + ez * a.z; }
  Vec3 point(const Vec3& a) const { return origin + direction(a); }
  Frame at(const Vec3& a, float yaw = 0) const {
    Frame f = *this;
    f.origin = point(a);
    f.ex = direction({std::cos(yaw), 0, -std::sin(yaw)});
    f.ez = direction({std::sin(yaw), 0, std::cos(yaw)});
    return f;
  }
  Frame rotated(const Vec3& axis, float angle) const {
    Vec3 k = normalize(axis);
    auto turn = [&](const Vec3& v) {
      return v * std::cos(angle) + cross(k, v) * std::sin(angle) + k * (dot(k, v) * (1 - std::cos(angle)));
    };
    Frame f = *this;
    f.ex = direction(turn({1, 0, 0}));
    f.ey = direction(turn({0, 1, 0}));
    f.ez = direction(turn({0, 0, 1}));
    return f;
  }
};
