// Deterministic random numbers: splitmix64, the same on every machine.
#pragma once
#include <cmath>
#include <cstdint>
#include <initializer_list>

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ull + 0x1234567ull) { bits(); bits(); }

  uint64_t bits() {
    state_ += 0x9E3779B97F4A7C15ull;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
  }
  float unit() { return float(bits() >> 40) * (1.f / 16777216.f); }
  float uniform(float low, float high) { return low + (high - low) * unit(); }
  float logUniform(float low, float high) { return low * std::pow(high / low, unit()); }
  bool chance(float probability) { return unit() < probability; }
  int below(int count) { return count <= 0 ? 0 : int(bits() % uint64_t(count)); }
  int between(int low, int high) { return low + below(high - low + 1); }
  float sign() { return chance(0.5f) ? 1.f : -1.f; }
  // Near-normal with unit variance, bounded by 3.5
  float normal() {
    float sum = 0;
    for (int k = 0; k < 4; k++) sum += unit();
    return (sum - 2.f) * 1.7320508f;
  }
  template <class T> T pick(std::initializer_list<T> options) { return *(options.begin() + below(int(options.size()))); }

 private:
  uint64_t state_;
};
