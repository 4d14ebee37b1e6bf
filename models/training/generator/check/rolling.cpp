// Rolling shutter against its definition: each row of the picture, and of the truth, is that row of the whole frame as the row's own
// camera sees it. Exits with 1 where it is not.
#include <cmath>
#include <cstdio>
#include "../render.h"
#include "../scenes.h"

namespace {

constexpr int kSize = 96;
constexpr float kInterval = 0.04f, kReadout = 0.03f;
constexpr int kStep = 7;  // rows between those that are compared

struct Shot {
  std::vector<uint8_t> rgb = std::vector<uint8_t>(kSize * kSize * 3);
  std::vector<float> disparity = std::vector<float>(kSize * kSize);
};

Shot rendered(Renderer& renderer, const Scene& scene) {
  Shot frame;
  renderer.render(scene, kSize, 1, frame.rgb.data(), frame.disparity.data());
  return frame;
}

int differing(const Shot& a, const Shot& b, int row) {
  int count = 0;
  for (int i = row * kSize; i < (row + 1) * kSize; i++)
    count += std::fabs(a.disparity[i] - b.disparity[i]) > 1e-3f * std::max(a.disparity[i], b.disparity[i]) + 1e-5f;
  return count;
}

}  // namespace

int main() {
  gTextures.build(60, nullptr, 0);
  using Family = void (*)(Stage&, int);
  const Family families[] = {roomScene, closeUpScene, webcamScene, gatheringScene, tabletopScene, streetScene, nightStreetScene,
                             landscapeScene, skywardScene, clutterScene, droneScene, robotScene, vehicleScene, venueScene};
  constexpr int kFamilies = sizeof(families) / sizeof(families[0]);
  Renderer renderer;
  int compared = 0, wrong = 0, sheared = 0, scenes = 0;
  for (uint64_t seed = 1; seed <= 70; seed++) {
    Stage stage(seed, kInterval, kInterval, kReadout);
    families[seed % kFamilies](stage, kSize);
    Scene& scene = stage.scene;
    Shot rolling = rendered(renderer, scene);
    Scene still = scene;
    still.rows.clear();
    Shot middle = rendered(renderer, still);
    for (int row = seed % kStep; row < kSize; row += kStep) {
      still.camera = scene.rows[row];
      wrong += differing(rolling, rendered(renderer, still), row);
      sheared += differing(rolling, middle, row);
      compared += kSize;
    }
    scenes++;
  }
  std::printf("%d scenes, %d pixels: %d differ from their row's camera, %d from the middle row's\n", scenes, compared, wrong, sheared);
  // Rounding decides some samples on edges; most of the cameras move
  return wrong < compared / 2000 && sheared > compared / 10 ? 0 : 1;
}
