// Families of scenes. Each builds everything seen at one instant of a clip, camera included.
#pragma once
#include "stage.h"

void roomScene(Stage& g, int size);
void closeUpScene(Stage& g, int size);   // a wall, door or corner right before the camera
void webcamScene(Stage& g, int size);    // a person at 0.3 to 1.6 m
void gatheringScene(Stage& g, int size); // people walking and standing near the camera, indoors or out
void tabletopScene(Stage& g, int size);
void streetScene(Stage& g, int size);
void landscapeScene(Stage& g, int size);
void nightStreetScene(Stage& g, int size);  // neon, lit windows, wet ground
void skywardScene(Stage& g, int size);      // the camera looks up: structures, crowns, facades before sky that reaches the picture's bottom
void droneScene(Stage& g, int size);        // from 8 to 80 m, looking down: towns, fields, coasts
void robotScene(Stage& g, int size);        // from 8 to 40 cm above the floor: rooms, corridors, warehouses
void vehicleScene(Stage& g, int size);      // inside a car, bus or train, or right beside one
void venueScene(Stage& g, int size);        // stadiums by long lenses, television studios
void clutterScene(Stage& g, int size);   // shapes without meaning: geometry has to be read from shading and occlusion alone

// The camera at `from`, looking along yaw and pitch, moving and shaking as a hand, a robot or a tripod would
struct View { Vec3 from; float yaw = 0, pitch = 0, roll = 0, speed = 0.5f, narrowest = 35, widest = 95; };
void setCamera(Stage& g, const View& view, int size);
// The camera where `pose` says it is at a time; of `view` the angles of its lens alone
void setCameraAlong(Stage& g, const View& view, int size, const std::function<View(float)>& pose);
View lookAt(const Vec3& from, const Vec3& at);

void indoorLight(Stage& g, float halfWidth, float height, float halfDepth);
void outdoorLight(Stage& g, float shadowRadius, Weather weather);
void outdoorLight(Stage& g, float shadowRadius);  // in any weather

// A room centred on the origin: floor, ceiling, walls with windows and doors, lamps, pictures, skirting
void roomShell(Stage& g, float halfWidth, float halfDepth, float height);
void furnish(Stage& g, float halfWidth, float halfDepth, int alongWalls, int inTheMiddle, int people);
// Floors and ground that mirror what stands on them; the depth stays theirs
void wet(Stage& g, std::initializer_list<int> materials, float height, float puddles);
void polish(Stage& g, int material, float height);
// A street along z with all that stands and moves on it. Driver: the eye is in the right lane, which stays free
struct Roadside { float half, walk, radius; };  // of the road; of a pavement; of its shadows
enum class Standpoint { Anywhere, Driver, Kerb };
Roadside roadside(Stage& g, bool neon, Standpoint where);
// Pets in the room or beside the camera, hands before it; after the camera is set. Existing scenes stay as they are otherwise
void petsAside(Stage& g, const Vec3& low, const Vec3& high);
void handsAside(Stage& g, float share);
// Ground to the horizon in the sky's fog, hills, tree lines and houses far away
void farBackground(Stage& g, float nearest);
