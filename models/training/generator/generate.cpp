// Clips for Python: deterministic by seed, many threads.
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include "render.h"
#include "scenes.h"

namespace {

using Family = void (*)(Stage&, int);
struct Share { const char* name; Family build; float weight; };
const Share kFamilies[] = {{"room", roomScene, 0.18f}, {"closeup", closeUpScene, 0.06f}, {"webcam", webcamScene, 0.09f}, {"gathering", gatheringScene, 0.07f},
                           {"tabletop", tabletopScene, 0.07f}, {"street", streetScene, 0.09f}, {"nightstreet", nightStreetScene, 0.04f},
                           {"landscape", landscapeScene, 0.06f}, {"skyward", skywardScene, 0.07f}, {"clutter", clutterScene, 0.05f},
                           {"drone", droneScene, 0.05f}, {"robot", robotScene, 0.06f}, {"vehicle", vehicleScene, 0.06f}, {"venue", venueScene, 0.05f}};
constexpr int kFamilyCount = sizeof(kFamilies) / sizeof(kFamilies[0]);
constexpr int kAttempts = 8;
constexpr int kCameraFloats = 15;

Family familyOf(Random& r, const float* weights) {
  float total = 0;
  for (int k = 0; k < kFamilyCount; k++) total += weights[k];
  float draw = r.unit() * total;
  for (int k = 0; k < kFamilyCount; k++)
    if ((draw -= weights[k]) < 0) return kFamilies[k].build;
  return roomScene;
}

// Not buried in an object, not flat, not bare of all detail, neither black nor burnt out
bool usable(const uint8_t* rgb, const float* disparity, int pixels) {
  std::vector<float> d(disparity, disparity + pixels);
  int touching = 0;
  for (float v : d) touching += v > 6;
  std::nth_element(d.begin(), d.begin() + pixels / 20, d.end());
  float farEnd = d[pixels / 20];
  std::nth_element(d.begin(), d.begin() + pixels * 49 / 50, d.end());
  float nearEnd = d[pixels * 49 / 50];
  double light = 0, square = 0;
  int samples = 0;
  for (int i = 1; i < pixels * 3; i += 21, samples++) {
    light += rgb[i];
    square += double(rgb[i]) * rgb[i];
  }
  light /= samples;
  if (square / samples - light * light < 36) return false;
  return touching < pixels * 0.35f && nearEnd > farEnd * 1.12f + 1e-4f && light > 14 && light < 246;
}

void writeCamera(const Camera& c, float* out) {
  const float values[kCameraFloats] = {c.eye.x, c.eye.y, c.eye.z, c.right.x, c.right.y, c.right.z, c.up.x, c.up.y, c.up.z,
                                       c.forward.x, c.forward.y, c.forward.z, c.focal, c.cx, c.cy};
  std::memcpy(out, values, sizeof values);
}

void makeClip(Renderer& renderer, uint64_t seed, int frames, float interval, float readout, int size, const float* weights, bool extras, uint8_t* rgb, uint16_t* disparity, float* cameras) {
  std::vector<float> buffer(size_t(size) * size);
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    uint64_t own = seed * 131 + attempt * 7919;
    bool good = true;
    float exposure = 0;
    for (int f = 0; f < frames && good; f++) {
      Stage stage(own, f * interval, interval, readout);
      stage.extras = extras;
      familyOf(stage.r, weights)(stage, size);
      uint8_t* image = rgb + size_t(f) * size * size * 3;
      stage.scene.light.exposure *= std::exp(stage.r.normal() * 0.35f);
      exposure = renderer.render(stage.scene, size, exposure, image, buffer.data());
      good = attempt == kAttempts - 1 || usable(image, buffer.data(), size * size);
      _Float16* out = reinterpret_cast<_Float16*>(disparity) + size_t(f) * size * size;
      for (size_t k = 0; k < buffer.size(); k++) out[k] = _Float16(std::min(buffer[k], 100.f));
      writeCamera(stage.scene.camera, cameras + f * kCameraFloats);
    }
    if (good) return;
  }
}

}  // namespace

// photos: uint8 RGB [count,128,128,3]
extern "C" void load_textures(int procedural, const uint8_t* photos, int count) { gTextures.build(procedural, photos, count); }

extern "C" int family_count() { return kFamilyCount; }
extern "C" const char* family_name(int family) { return kFamilies[family].name; }
extern "C" float family_share(int family) { return kFamilies[family].weight; }

// Clips of seeds first, first + 1, ...: rgb [count,frames,size,size,3], half-precision disparity [count,frames,size,size] in 1/m,
// cameras [count,frames,15] (eye, right, up, forward, focal, cx, cy). intervals: seconds between frames, one a clip.
// readouts: seconds from a frame's first row to its last, one a clip; 0: a global shutter. The cameras are those of the middle row.
// weights: a family's share of the clips, one a family; they need not sum to one. extras: pets and hands in some families.
extern "C" void make_clips(uint64_t first, int count, int frames, const float* intervals, const float* readouts, int size, const float* weights, int extras, int threads,
                           uint8_t* rgb, uint16_t* disparity, float* cameras) {
  std::atomic<int> next(0);
  auto work = [&] {
    auto renderer = std::make_unique<Renderer>();
    for (int i; (i = next++) < count;) {
      size_t frame = size_t(i) * frames;
      makeClip(*renderer, first + i, frames, intervals[i], readouts[i], size, weights, extras != 0, rgb + frame * size * size * 3, disparity + frame * size * size, cameras + frame * kCameraFloats);
    }
  };
  std::vector<std::thread> pool;
  for (int i = 1; i < threads; i++) pool.emplace_back(work);
  work();
  for (auto& t : pool) t.join();
}
