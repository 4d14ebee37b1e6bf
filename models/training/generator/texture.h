// Tiling 128x128 textures with mip maps, procedural or cut from photographs.
#pragma once
#include <cstdint>
#include <vector>
#include "random.h"
#include "vec.h"

enum class Surface { Plain, Plaster, Clouds, Brick, Tile, Wood, Stripe, Weave, Text, Power, Cells, Facade, Collage, Grass, Leaves, Asphalt, Photo, Count };

struct Texture {
  static constexpr int kSize = 128, kLevels = 8;
  std::vector<uint8_t> texels;  // RGBA, all levels
  int offset[kLevels];
  Vec3 mean;
  // Bilinear, u and v in repeats, level rounded
  Vec3 sample(float u, float v, float level) const;
};

Vec3 fromHsv(float h, float s, float v);
Vec3 randomColour(Random& r);

class TextureLibrary {
 public:
  // photos: uint8 RGB [photoCount,128,128,3]
  void build(int procedural, const uint8_t* photos, int photoCount);
  const Texture& operator[](int index) const { return textures_[index]; }
  int any(Random& r) const { return r.below(int(textures_.size())); }
  int of(Random& r, Surface kind) const;
  bool ready() const { return !textures_.empty(); }

 private:
  std::vector<Texture> textures_;
  std::vector<std::vector<int>> byKind_;
};

extern TextureLibrary gTextures;
