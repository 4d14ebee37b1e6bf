// Hashed value noise
#pragma once
#include <cmath>
#include <cstdint>
#include "vec.h"

inline uint32_t hash(int x, int y, int z) {
  uint32_t h = uint32_t(x) * 374761393u + uint32_t(y) * 668265263u + uint32_t(z) * 2147483647u;
  h = (h ^ (h >> 13)) * 1274126177u;
  h ^= h >> 16;
  h *= 2246822519u;
  return h ^ (h >> 15);
}
inline float hashUnit(int x, int y, int z) { return float(hash(x, y, z) & 0xffff) / 65535.f; }

// In [0,1]; repeats after `period` cells when it is positive
inline float valueNoise(float x, float y, int seed, int period = 0) {
  int xi = int(std::floor(x)), yi = int(std::floor(y));
  float fx = x - xi, fy = y - yi;
  fx = fx * fx * (3 - 2 * fx);
  fy = fy * fy * (3 - 2 * fy);
  auto wrap = [&](int a) { return period > 0 ? ((a % period) + period) % period : a; };
  auto at = [&](int a, int b) { return hashUnit(wrap(a), wrap(b), seed); };
  float top = at(xi, yi) + (at(xi + 1, yi) - at(xi, yi)) * fx;
  float bottom = at(xi, yi + 1) + (at(xi + 1, yi + 1) - at(xi, yi + 1)) * fx;
  return top + (bottom - top) * fy;
}
// Sum of octaves, about [0,1] around 0.47
inline float fractal(float x, float y, int octaves, int seed, int period = 0) {
  float amplitude = 0.5f, sum = 0;
  for (int o = 0; o < octaves; o++) {
    sum += amplitude * valueNoise(x, y, seed + o * 17, period);
    x *= 2; y *= 2; period *= 2;
    amplitude *= 0.5f;
  }
  return sum;
}

inline float valueNoise3(const Vec3& p, int seed) {
  int xi = int(std::floor(p.x)), yi = int(std::floor(p.y)), zi = int(std::floor(p.z));
  float fx = p.x - xi, fy = p.y - yi, fz = p.z - zi;
  fx = fx * fx * (3 - 2 * fx);
  fy = fy * fy * (3 - 2 * fy);
  fz = fz * fz * (3 - 2 * fz);
  auto layer = [&](int z) {
    int s = seed + z * 7919;
    float top = mix(hashUnit(xi, yi, s), hashUnit(xi + 1, yi, s), fx), bottom = mix(hashUnit(xi, yi + 1, s), hashUnit(xi + 1, yi + 1, s), fx);
    return mix(top, bottom, fy);
  };
  return mix(layer(zi), layer(zi + 1), fz);
}
