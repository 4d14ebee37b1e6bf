// Things that stand in scenes. Frames: origin on the surface that carries the thing, front along +z.
#pragma once
#include "stage.h"

// Small things on tables and shelves; size 1 is life-size
void item(Stage& g, const Frame& f, float size);
void clutter(Stage& g, const Frame& f, float halfWidth, float halfDepth, int count, float size);
void bookRow(Stage& g, const Frame& f, float width, float height, float depth);
void monitor(Stage& g, const Frame& f);
void laptop(Stage& g, const Frame& f, float size);
void tableLamp(Stage& g, const Frame& f);

void table(Stage& g, const Frame& f, bool withClutter);
void desk(Stage& g, const Frame& f);
void chair(Stage& g, const Frame& f);
void sofa(Stage& g, const Frame& f);
void bed(Stage& g, const Frame& f);
void shelf(Stage& g, const Frame& f);
void cabinet(Stage& g, const Frame& f);
void kitchen(Stage& g, const Frame& f);
void plant(Stage& g, const Frame& f);
void floorLamp(Stage& g, const Frame& f);
void boxes(Stage& g, const Frame& f);
void stairs(Stage& g, const Frame& f, float width, int steps);
void ladder(Stage& g, const Frame& f, float height);
void railing(Stage& g, const Vec3& from, const Vec3& to, float height);
void coatRack(Stage& g, const Frame& f);
void radiator(Stage& g, const Frame& f);
void tripod(Stage& g, const Frame& f);
void curtain(Stage& g, const Frame& wall, float centre, float width, float bottom, float top);

void tree(Stage& g, const Frame& f, float height);
void bush(Stage& g, const Frame& f, float radius);
void boulder(Stage& g, const Frame& f, float radius, int material);
void car(Stage& g, const Frame& f);
void bicycle(Stage& g, const Frame& f);
void pole(Stage& g, const Frame& f, float height);
void bench(Stage& g, const Frame& f);
void fence(Stage& g, const Vec3& from, const Vec3& to);
void truss(Stage& g, const Vec3& origin);
void building(Stage& g, const Frame& f, float width, float height, float depth, float facing, bool detailed);

// Tall things, seen against the sky. Sizes in metres
void latticeTower(Stage& g, const Frame& f, float height, float base, float top);
void pylon(Stage& g, const Frame& f, float height);  // with its wires
void towerCrane(Stage& g, const Frame& f, float height);
void coaster(Stage& g, const Frame& f, float height);
void ferrisWheel(Stage& g, const Frame& f, float radius);
void overpass(Stage& g, const Frame& f, float height);
void scaffold(Stage& g, const Frame& f, float width, float height);
void gantry(Stage& g, const Frame& f, float height);  // signs over a road
void flag(Stage& g, const Frame& f, float height);
void windTurbine(Stage& g, const Frame& f, float height);
void steeple(Stage& g, const Frame& f, float height);
void chimney(Stage& g, const Frame& f, float height);
void cableway(Stage& g, const Frame& f, float height);
void hotAirBalloon(Stage& g, const Vec3& at, float radius);
void balloons(Stage& g, const Vec3& at, float size);
void bird(Stage& g, const Vec3& at, float span);
void plane(Stage& g, const Vec3& at, float span);
void drone(Stage& g, const Vec3& at, float span);
void bareTree(Stage& g, const Frame& f, float height);
void lampPost(Stage& g, const Frame& f, float height);
void span(Stage& g, const Vec3& from, const Vec3& to, float sag, float thick, int material);  // a wire

// Of few triangles, for towns from above and crowds
struct RoofPalette { static constexpr int kKinds = 5; int walls[kKinds], roofs[kKinds], metal, glass; };
RoofPalette roofPalette(Stage& g);
void roofedBuilding(Stage& g, const Frame& f, const Vec3& half, const RoofPalette& palette);
void smallCar(Stage& g, const Frame& f, int body, int glass, int dark);
void crown(Stage& g, const Frame& f, float height, int bark, int leaf);
void smallPerson(Stage& g, const Frame& f, float height, int top, int bottom, int skin, bool seated);

// Vehicles from within. A driver sits at driverSide * 0.37 m, eyes about 1.2 m over the ground
void carCabin(Stage& g, const Frame& f, float driverSide, bool wheelHeld, bool companion, bool behind);
struct SaloonSize { float half, floor, height, length, crowd; bool open; };  // half its width; share of taken seats; a pane in front
void saloon(Stage& g, const Frame& f, const SaloonSize& size);

// Venues
void lineOn(Stage& g, const Frame& f, const Vec3& a, const Vec3& b, float wide, int paint);
void ringOn(Stage& g, const Frame& f, const Vec3& centre, float radius, float from, float to, float wide, int paint);
void goal(Stage& g, const Frame& f, float wide, float high, float deep);
// filled, standing: shares; most: people; people farther than `angle` from the eye's `yaw` are left out
struct StandSize { float length; int rows; float filled, standing; int most; bool roofed; float yaw, angle; };
void grandstand(Stage& g, const Frame& f, const StandSize& size);  // rising towards +z, its front at the origin
void spotlight(Stage& g, const Vec3& at, const Vec3& towards, int body, int lamp);
void studioCamera(Stage& g, const Frame& f);

// Thin things
void dryingRack(Stage& g, const Frame& f);
void stand(Stage& g, const Frame& f);  // for notes, a microphone, coats
void twigs(Stage& g, const Frame& f, float height);
void wireShelf(Stage& g, const Frame& f);
// Cables, stalks or bars right before the camera
void foreground(Stage& g, const Vec3& eye, float yaw, float pitch);

enum class Pose { Standing, Walking, Sitting };
// A person of random build and dress; near: with a face. Returns the height of the head's centre above the frame.
float person(Stage& g, const Frame& f, Pose pose, bool near);
enum class PetPose { Standing, Walking, Sitting, Lying };
// A dog or cat; height: of its shoulders
void pet(Stage& g, const Frame& f, PetPose pose, bool cat, float height);
// A hand of whoever holds or wears the camera, in the camera's frame: holding something, pointing, open
void handBefore(Stage& g, const Camera& camera);
// An arm and hand reaching from the camera's side to a point
void reachingArm(Stage& g, const Vec3& from, const Vec3& to);
