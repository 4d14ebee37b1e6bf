#include "stage.h"

using Kind = Surface;

int Stage::material(Surface kind, float metres, const Vec3& tint, float recolour, float specular) {
  Material m;
  m.texture = wild || r.chance(0.06f) ? gTextures.any(r) : gTextures.of(r, kind);
  m.scale = 1 / metres;
  float turn = r.chance(0.7f) ? r.below(4) * kPi / 2 : r.uniform(0, 2 * kPi);
  m.cosine = std::cos(turn);
  m.sine = std::sin(turn);
  float contrast = r.uniform(0.3f, 1.1f);
  const Vec3& mean = gTextures[m.texture].mean;
  m.gain = grey(contrast);
  m.offset = mix(mean, tint, recolour) - mean * contrast;
  m.specular = specular;
  m.gloss = r.logUniform(4, 80);
  m.stain = r.chance(0.3f) ? r.uniform(0, 0.25f) : 0;
  scene.materials.push_back(m);
  return int(scene.materials.size()) - 1;
}

bool Stage::reaches(size_t firstVertex) const {
  Vec3 low = grey(1e9f), high = grey(-1e9f);
  for (size_t i = firstVertex; i < scene.vertices.size(); i++) {
    const Vec3& p = scene.vertices[i].position;
    low = {std::min(low.x, p.x), std::min(low.y, p.y), std::min(low.z, p.z)};
    high = {std::max(high.x, p.x), std::max(high.y, p.y), std::max(high.z, p.z)};
  }
  constexpr int kSteps = 8;
  for (int k = 0; k <= kSteps; k++) {
    Vec3 p = eye + ahead * (float(k) / kSteps);
    if (p.x > low.x - berth && p.x < high.x + berth && p.y > low.y - berth && p.y < high.y + berth && p.z > low.z - berth && p.z < high.z + berth) return true;
  }
  return false;
}

int Stage::flat(const Vec3& colour, float specular) {
  Material m;
  m.texture = gTextures.of(r, Surface::Plain);
  m.gain = {};
  m.offset = colour;
  m.specular = specular;
  scene.materials.push_back(m);
  return int(scene.materials.size()) - 1;
}

Vec3 Stage::paint() {
  if (!r.chance(0.65f)) return randomColour(r);
  float v = r.uniform(0.5f, 0.98f), g = r.uniform(0.9f, 1), b = r.uniform(0.8f, 1.02f);
  return {v, v * g, v * b};
}

int Stage::wall() {
  Surface kind = r.chance(0.55f) ? r.pick({Kind::Plain, Kind::Plaster})
                                 : r.pick({Kind::Plaster, Kind::Clouds, Kind::Brick, Kind::Tile, Kind::Stripe, Kind::Power, Kind::Wood, Kind::Photo});
  Vec3 tint = paint();
  float size = r.logUniform(0.3f, 3), keep = r.uniform(0.3f, 1), shine = r.chance(0.3f) ? r.uniform(0, 0.15f) : 0;
  int m = withoutShadow(material(kind, size, tint, keep, shine));
  if (kind == Surface::Plain || kind == Surface::Plaster) scene.materials[m].gain = grey(r.uniform(0.05f, 0.5f));
  return m;
}

int Stage::flooring() {
  Vec3 tint = r.chance(0.6f) ? Vec3{r.uniform(0.25f, 0.75f), r.uniform(0.2f, 0.6f), r.uniform(0.12f, 0.5f)} : randomColour(r);
  float size = r.logUniform(0.3f, 3), keep = r.uniform(0.2f, 1), shine = r.chance(0.5f) ? r.uniform(0, 0.5f) : 0;
  return withoutShadow(material({Kind::Wood, Kind::Wood, Kind::Tile, Kind::Plain, Kind::Weave, Kind::Weave, Kind::Asphalt,
                                 Kind::Clouds, Kind::Power, Kind::Cells, Kind::Photo, Kind::Collage}, size, tint, keep, shine));
}

int Stage::ceiling() {
  Vec3 tint = paint();
  float size = r.logUniform(0.4f, 2);
  return withoutShadow(material({Kind::Plain, Kind::Plaster, Kind::Plaster, Kind::Tile, Kind::Wood}, size, tint, 0.8f));
}

int Stage::wood() {
  Vec3 tint = r.chance(0.7f) ? Vec3{r.uniform(0.2f, 0.85f), r.uniform(0.15f, 0.6f), r.uniform(0.1f, 0.4f)} : randomColour(r);
  if (r.chance(0.25f)) tint = grey(r.uniform(0.05f, 0.95f));
  float size = r.logUniform(0.2f, 1.5f), keep = r.uniform(0.4f, 1), shine = r.chance(0.5f) ? r.uniform(0, 0.4f) : 0;
  return material({Kind::Wood, Kind::Wood, Kind::Plain, Kind::Power}, size, tint, keep, shine);
}

int Stage::fabric() {
  Vec3 tint = randomColour(r);
  float size = r.logUniform(0.1f, 1.5f), keep = r.uniform(0.2f, 1);
  if (r.chance(0.4f)) return material({Kind::Plain, Kind::Plaster, Kind::Weave}, size, tint, r.uniform(0.8f, 1));
  return material({Kind::Plain, Kind::Weave, Kind::Clouds, Kind::Stripe, Kind::Power, Kind::Tile,
                   Kind::Collage, Kind::Photo, Kind::Cells}, size, tint, keep);
}

int Stage::anything() {
  if (r.chance(0.3f)) return plastic();
  Vec3 tint = randomColour(r);
  float size = r.logUniform(0.1f, 2), keep = r.unit(), shine = r.chance(0.4f) ? r.uniform(0, 0.6f) : 0;
  return material(Surface(r.below(int(Surface::Count))), size, tint, keep, shine);
}

int Stage::metal() {
  Vec3 tint = r.chance(0.6f) ? grey(r.uniform(0.08f, 0.9f)) : randomColour(r);
  return material(Surface::Plain, 1, tint, r.uniform(0.7f, 1), r.uniform(0.1f, 0.9f));
}

int Stage::plastic() { return flat(r.chance(0.5f) ? grey(r.uniform(0.03f, 0.95f)) : randomColour(r), r.uniform(0.05f, 0.6f)); }

int Stage::picture() {
  Vec3 tint = randomColour(r);
  return withoutShadow(material({Kind::Photo, Kind::Photo, Kind::Photo, Kind::Collage, Kind::Power, Kind::Facade, Kind::Text},
                                r.uniform(0.5f, 1.5f), tint, r.uniform(0, 0.2f), r.chance(0.3f) ? 0.3f : 0));
}

int Stage::screen() {
  Vec3 tint = r.chance(0.25f) ? grey(0.05f) : randomColour(r);
  int m = material({Kind::Photo, Kind::Text, Kind::Collage, Kind::Plain}, r.uniform(0.4f, 1), tint, r.chance(0.2f) ? 1 : 0, 0.2f);
  return glowing(m, r.chance(0.6f) ? r.uniform(0.3f, 1.5f) : 0);
}

int Stage::skin() {
  float q = r.unit();
  Vec3 tint = mix(Vec3{0.95f, 0.78f, 0.66f}, Vec3{0.35f, 0.22f, 0.15f}, q * q);
  if (r.chance(0.04f)) tint = randomColour(r);
  return material({Kind::Plain, Kind::Plaster}, 1, tint, 0.97f, r.uniform(0, 0.15f));
}

int Stage::hair() {
  float dark = r.unit();
  Vec3 tint = mix(Vec3{0.05f, 0.04f, 0.03f}, Vec3{0.5f, 0.35f, 0.2f}, dark * dark);
  if (r.chance(0.25f)) tint = r.chance(0.5f) ? Vec3{0.8f, 0.7f, 0.45f} : randomColour(r);
  return material({Kind::Grass, Kind::Wood, Kind::Power}, 0.3f, tint, 0.9f, r.uniform(0, 0.25f));
}

int Stage::leaf() {
  Vec3 tint = r.chance(0.8f) ? Vec3{r.uniform(0.08f, 0.45f), r.uniform(0.2f, 0.6f), r.uniform(0.03f, 0.25f)} : randomColour(r);
  float size = r.logUniform(0.3f, 2), keep = r.uniform(0.6f, 1);
  return material({Kind::Leaves, Kind::Leaves, Kind::Clouds, Kind::Power, Kind::Grass, Kind::Photo}, size, tint, keep);
}

int Stage::bark() {
  Vec3 tint{r.uniform(0.15f, 0.5f), r.uniform(0.12f, 0.4f), r.uniform(0.1f, 0.3f)};
  float size = r.logUniform(0.3f, 1), keep = r.uniform(0.5f, 1);
  return material({Kind::Wood, Kind::Power, Kind::Clouds, Kind::Photo}, size, tint, keep);
}

int Stage::ground() {
  Vec3 tint = r.chance(0.5f) ? Vec3{r.uniform(0.15f, 0.45f), r.uniform(0.25f, 0.5f), r.uniform(0.08f, 0.25f)}
                             : Vec3{r.uniform(0.3f, 0.75f), r.uniform(0.25f, 0.65f), r.uniform(0.2f, 0.55f)};
  if (r.chance(0.08f)) tint = grey(r.uniform(0.8f, 0.97f));  // snow
  float size = r.logUniform(0.6f, 5), keep = r.uniform(0.3f, 1);
  return withoutShadow(material({Kind::Grass, Kind::Grass, Kind::Leaves, Kind::Clouds, Kind::Power, Kind::Asphalt, Kind::Photo,
                                 Kind::Cells}, size, tint, keep));
}

int Stage::road() {
  float v = r.uniform(0.15f, 0.65f), g = r.uniform(0.93f, 1), b = r.uniform(0.85f, 1.02f);
  float size = r.logUniform(0.8f, 5), keep = r.uniform(0.6f, 1), shine = r.chance(0.3f) ? r.uniform(0, 0.6f) : 0;
  int m = withoutShadow(material({Kind::Asphalt, Kind::Asphalt, Kind::Plain, Kind::Power, Kind::Tile, Kind::Brick, Kind::Cells,
                                  Kind::Photo}, size, {v, v * g, v * b}, keep, shine));
  scene.materials[m].stain = r.uniform(0, 0.3f);
  return m;
}

int Stage::facade() {
  Vec3 tint = paint();
  float size = r.logUniform(3, 14), keep = r.uniform(0.1f, 0.9f), shine = r.chance(0.3f) ? r.uniform(0, 0.3f) : 0;
  return material({Kind::Facade, Kind::Facade, Kind::Facade, Kind::Brick, Kind::Plaster, Kind::Power, Kind::Photo, Kind::Tile},
                  size, tint, keep, shine);
}

int Stage::glass() {
  int m = flat({r.uniform(0.03f, 0.2f), r.uniform(0.04f, 0.22f), r.uniform(0.06f, 0.28f)}, r.uniform(0.4f, 0.95f));
  scene.materials[m].glaze = r.chance(0.6f) ? r.uniform(0.3f, 1) : 0;
  return m;
}

int Stage::rock() {
  Vec3 tint{r.uniform(0.3f, 0.6f), r.uniform(0.3f, 0.58f), r.uniform(0.27f, 0.55f)};
  return material({Kind::Power, Kind::Clouds, Kind::Asphalt, Kind::Photo}, r.logUniform(0.4f, 2), tint, 0.6f);
}
