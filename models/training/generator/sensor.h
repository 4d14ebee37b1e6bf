// Noise of a small image sensor.
#pragma once
#include "image.h"
#include "random.h"

// Deviations in linear light, where 1 is white
struct Sensor {
  float shot;  // of white; grows with the root of the light
  float read;  // of black
  Sensor amplified(float gain) const;  // of a picture made brighter by `gain`
};

// image: display values in 0..1; each frame calls it anew
void sensorNoise(Image& image, const Sensor& sensor, Random& r);
