import {
  CanvasTexture,
  Color,
  DoubleSide,
  Group,
  Mesh,
  MeshStandardMaterial,
  RingGeometry,
  SphereGeometry,
  SRGBColorSpace,
  type Texture,
} from 'three';

/** A planet of radius 1 with rings: round things show best what is before and what is behind them. */
export class Planet extends Group {
  readonly #ball: Mesh;

  constructor() {
    super();
    this.#ball = new Mesh(
      new SphereGeometry(1, 64, 48),
      new MeshStandardMaterial({ map: bands(), roughness: 0.75, metalness: 0 }),
    );
    const ring = new Mesh(
      flatRing(1.35, 2.15),
      new MeshStandardMaterial({
        map: grooves(),
        transparent: true,
        side: DoubleSide,
        roughness: 0.9,
        depthWrite: false,
      }),
    );
    ring.rotation.x = -Math.PI / 2;
    // After the ball, which it is blended with.
    ring.renderOrder = 1;
    this.add(this.#ball, ring);
    this.rotation.set(0.42, 0, -0.32);
  }

  /** @param seconds of any clock */
  turn(seconds: number): void {
    this.#ball.rotation.y = seconds * 0.5;
  }
}

/** A ring whose texture runs from its inner edge to its outer one. */
function flatRing(inner: number, outer: number): RingGeometry {
  const ring = new RingGeometry(inner, outer, 128, 1);
  const { position, uv } = ring.attributes;
  for (let i = 0; i < uv!.count; i++) {
    const away = Math.hypot(position!.getX(i), position!.getY(i));
    uv!.setXY(i, (away - inner) / (outer - inner), 0.5);
  }
  return ring;
}

function paintTexture(width: number, height: number, paint: (context: CanvasRenderingContext2D) => void): Texture {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d');
  if (context) paint(context);
  const texture = new CanvasTexture(canvas);
  texture.colorSpace = SRGBColorSpace;
  return texture;
}

const BANDS = ['#e9d8b4', '#d7a86e', '#efe3c8', '#c98b5a', '#e6c896', '#b8734a', '#ecdcb9', '#d09c66', '#f0e6cf'];

function bands(): Texture {
  return paintTexture(512, 256, (context) => {
    const sky = context.createLinearGradient(0, 0, 0, 256);
    for (const [i, colour] of BANDS.entries()) sky.addColorStop(i / (BANDS.length - 1), colour);
    context.fillStyle = sky;
    context.fillRect(0, 0, 512, 256);
    // Clouds that show that it turns.
    for (let i = 0; i < 90; i++) {
      const colour = new Color(BANDS[i % BANDS.length]!);
      context.fillStyle = `rgb(${[colour.r, colour.g, colour.b].map((c) => Math.round(255 * c ** 0.45)).join(' ')} / 0.35)`;
      const [x, y] = [(i * 197) % 512, 20 + ((i * 71) % 216)];
      context.beginPath();
      context.ellipse(x, y, 14 + ((i * 13) % 40), 2 + (i % 4), 0, 0, 2 * Math.PI);
      context.fill();
    }
  });
}

function grooves(): Texture {
  return paintTexture(256, 4, (context) => {
    for (let x = 0; x < 256; x++) {
      const wave = 0.5 + 0.3 * Math.sin(x * 0.11) + 0.2 * Math.sin(x * 0.37 + 1);
      const gap = x > 150 && x < 164 ? 0.08 : 1;
      const edge = Math.min(1, x / 10, (255 - x) / 18);
      context.fillStyle = `rgb(236 216 178 / ${(edge * gap * (0.7 + 0.3 * wave)).toFixed(3)})`;
      context.fillRect(x, 0, 1, 4);
    }
  });
}
