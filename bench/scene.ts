// Processor milliseconds to build and to draw each synthetic scene, on one thread: `npx tsx bench/scene.ts [WIDTHxHEIGHT] [scene...]`.
import { createScene, listScenes } from '../src/scene/scene.ts';

const [size = '640x480', ...names] = process.argv.slice(2);
const [width = 640, height = 480] = size.split('x').map(Number);
const FRAMES = 120;
const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

console.log(`${width}x${height}, ${FRAMES} frames over 12 s of scene time`);
console.log('scene            build ms   median ms   p95 ms  (CPU)');
for (const name of names.length ? names : listScenes().map((s) => s.name)) {
  const begin = cpu();
  const scene = createScene(name, { width, height });
  const built = cpu() - begin;
  const target = scene.render(0);
  const times: number[] = [];
  for (let n = 0; n < FRAMES; n++) {
    const start = cpu();
    scene.render(n / 10, target);
    times.push(cpu() - start);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor(share * (FRAMES - 1))]!.toFixed(1);
  console.log(`${name.padEnd(16)} ${built.toFixed(0).padStart(8)} ${at(0.5).padStart(11)} ${at(0.95).padStart(8)}`);
}
