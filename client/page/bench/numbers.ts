import type { LiveStats } from 'depthcast-client';
import { byId, make } from '../dom.ts';

type Reading = readonly [value: string, unit: string];

const NONE: Reading = ['–', ''];
const count = (value: number): string => value.toFixed(value >= 100 || Number.isInteger(value) ? 0 : 1);
const rate = (value: number): Reading => [count(value), 'fps'];
const milliseconds = (value: number | undefined): Reading =>
  value === undefined || !Number.isFinite(value) ? NONE : [value.toFixed(value < 9.95 ? 1 : 0), 'ms'];
const bits = (value: number): Reading =>
  value >= 1e6 ? [(value / 1e6).toFixed(value >= 1e7 ? 1 : 2), 'Mbit/s'] : [(value / 1e3).toFixed(0), 'kbit/s'];
const size = ({ width, height }: { width: number; height: number }, more = ''): Reading =>
  width > 0 ? [`${width} × ${height}`, more] : NONE;

const CELLS: readonly { label: string; title: string; read: (stats: LiveStats) => Reading }[] = [
  { label: 'Frames in', title: 'Pictures that reached the server', read: (s) => rate(s.framesIn) },
  { label: 'Depth out', title: 'Depth maps that left the server', read: (s) => rate(s.framesOut) },
  { label: 'Dropped', title: 'Pictures dropped because a newer one had come', read: (s) => rate(s.framesDropped) },
  {
    label: 'Latency p50',
    title: 'Last packet in to first packet out, median of the last second',
    read: (s) => milliseconds(s.latency.p50),
  },
  { label: 'Latency p95', title: 'The same, 95th percentile', read: (s) => milliseconds(s.latency.p95) },
  {
    label: 'End to end',
    title: 'From a picture’s capture to its depth reaching this page, median',
    read: (s) => milliseconds(s.client.captureToDepth),
  },
  { label: 'Video in', title: 'Video that reached the server', read: (s) => bits(s.bitrate.video) },
  { label: 'Gray track', title: 'Depth returned as video', read: (s) => bits(s.bitrate.track) },
  { label: 'Depth data', title: 'Depth returned over the data channel', read: (s) => bits(s.bitrate.data) },
  { label: 'Source', title: 'Size and codec that reached the server', read: (s) => size(s.source, s.source.codec) },
  { label: 'Depth map', title: 'Size of the depth maps', read: (s) => size(s.depth) },
  { label: 'Epoch', title: 'Counts how often temporal memory was reset', read: (s) => [String(s.epoch), ''] },
];

/** The grid of numbers. */
export class Numbers {
  readonly #cells = CELLS.map(({ label, title, read }) => {
    const value = make('dd');
    byId('numbers', HTMLDListElement).append(make('div', { title }, make('dt', {}, label), value));
    return { value, read };
  });

  constructor() {
    this.clear();
  }

  show(stats: LiveStats): void {
    for (const { value, read } of this.#cells) write(value, read(stats));
  }

  clear(): void {
    for (const { value } of this.#cells) write(value, NONE);
  }
}

function write(cell: HTMLElement, [value, unit]: Reading): void {
  cell.replaceChildren(value, ...(unit ? [make('small', {}, unit)] : []));
}
