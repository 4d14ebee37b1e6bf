// A cube that turns behind whoever sits before the camera: what is nearer than the cube hides it. It shows each picture with its own
// depth, a little late; with ?newest in the address the newest picture, with the depth carried over to it.
import { assumeMetres, connect, DepthError, type DepthFrame } from 'depthcast-client';
import { DepthOccluder, matchCamera } from 'depthcast-client/three';
import { followNewest } from 'depthcast-client/warp';
import { coverRegion } from 'depthcast-client/webxr';
import {
  AmbientLight,
  BoxGeometry,
  DirectionalLight,
  Mesh,
  MeshStandardMaterial,
  PerspectiveCamera,
  Scene,
  WebGLRenderer,
} from 'three';

/** Relative depth is taken to reach from here to there (metres); the cube stands between. */
const NEAR = 0.7;
const FAR = 4;
const CUBE_AT = 2.4;

const canvas = document.querySelector<HTMLCanvasElement>('#view')!;
const note = document.querySelector<HTMLElement>('#note')!;
const query = new URLSearchParams(location.search);
const newest = query.has('newest');

const renderer = new WebGLRenderer({ canvas, antialias: true, preserveDrawingBuffer: true });
const camera = new PerspectiveCamera();
camera.near = 0.1;
camera.far = 50;
const scene = new Scene();
const occluder = new DepthOccluder();
const cube = new Mesh(new BoxGeometry(0.8, 0.8, 0.8), new MeshStandardMaterial({ color: '#ff6a00', roughness: 0.55 }));
cube.position.set(0.3, 0.25, -CUBE_AT);
const sun = new DirectionalLight('#ffffff', 2.2);
sun.position.set(1, 2, 2);
scene.add(occluder, cube, sun, new AmbientLight('#ffffff', 1.1));

interface Shown {
  picture: VideoFrame | HTMLVideoElement;
  depth: DepthFrame;
  ageMs: number;
}

function draw({ picture, depth, ageMs }: Shown): void {
  const aspect = innerWidth / innerHeight;
  renderer.setPixelRatio(Math.min(2, devicePixelRatio));
  renderer.setSize(innerWidth, innerHeight, false);
  occluder.setView(coverRegion(depth.sourceWidth / depth.sourceHeight, aspect));
  matchCamera(camera, depth.intrinsics, depth, aspect);
  cube.rotation.set(0.35, performance.now() / 1500, 0);
  occluder.update(picture, depth, depth.unit === 'metres' ? undefined : assumeMetres(depth, NEAR, FAR));
  renderer.render(scene, camera);
  const age = `${ageMs.toFixed(0)} ms old`;
  note.textContent = newest
    ? `Depth is ${age}, carried over to the newest picture`
    : `The picture is ${age}, and so is its depth`;
  document.body.dataset['frames'] = String(Number(document.body.dataset['frames'] ?? 0) + 1);
}

try {
  const wanted = query.get('source') ?? 'camera';
  const session = await connect({
    server: query.get('server') ?? location.origin,
    source: wanted.startsWith('scene:') ? { kind: 'scene', name: wanted.slice('scene:'.length) } : { kind: 'camera' },
    output: { track: 'off', data: 'u16' },
    ...(newest ? { pairing: true } : { onPair: draw }),
    onError: ({ message }) => {
      note.textContent = message;
    },
  });
  if (newest) followNewest(session, draw);
} catch (thrown) {
  note.textContent = thrown instanceof DepthError ? thrown.message : String(thrown);
}
