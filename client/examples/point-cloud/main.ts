// The camera's picture as points in space. Drag to turn it, roll to come nearer.
import { assumeMetres, connect, DepthError, type Pair } from 'depthcast-client';
import { DepthPointCloud } from 'depthcast-client/three';
import { PerspectiveCamera, Scene, WebGLRenderer } from 'three';
import { OrbitControls } from 'three/addons/controls/OrbitControls.js';

/** Relative depth is taken to reach from here to there (metres). */
const NEAR = 0.8;
const FAR = 4;

const canvas = document.querySelector<HTMLCanvasElement>('#view')!;
const note = document.querySelector<HTMLElement>('#note')!;
const query = new URLSearchParams(location.search);

const renderer = new WebGLRenderer({ canvas, antialias: true, preserveDrawingBuffer: true });
const camera = new PerspectiveCamera(50, 1, 0.05, 50);
camera.position.set(0.9, 0.5, 0.4);
const controls = new OrbitControls(camera, canvas);
controls.target.set(0, 0, -1.6);
controls.enableDamping = true;
const scene = new Scene();
// Surfaces close, whatever the screen's size.
const cloud = new DepthPointCloud({ pointSize: 0, fill: 1.6 });
scene.add(cloud);

renderer.setAnimationLoop(() => {
  renderer.setPixelRatio(Math.min(2, devicePixelRatio));
  renderer.setSize(innerWidth, innerHeight, false);
  camera.aspect = innerWidth / innerHeight;
  camera.updateProjectionMatrix();
  controls.update();
  renderer.render(scene, camera);
});

function show({ picture, depth, ageMs }: Pair): void {
  cloud.update(picture, depth, depth.intrinsics, depth.unit === 'metres' ? undefined : assumeMetres(depth, NEAR, FAR));
  note.textContent = `${depth.width * depth.height} points, ${ageMs.toFixed(0)} ms old`;
  document.body.dataset['frames'] = String(Number(document.body.dataset['frames'] ?? 0) + 1);
}

try {
  const wanted = query.get('source') ?? 'camera';
  await connect({
    server: query.get('server') ?? location.origin,
    source: wanted.startsWith('scene:') ? { kind: 'scene', name: wanted.slice('scene:'.length) } : { kind: 'camera' },
    output: { track: 'off', data: 'u16' },
    onPair: show,
    onError: ({ message }) => {
      note.textContent = message;
    },
  });
} catch (thrown) {
  note.textContent = thrown instanceof DepthError ? thrown.message : String(thrown);
}
