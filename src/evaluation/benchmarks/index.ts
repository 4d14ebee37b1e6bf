import type { SequenceEntry, SequenceSelection } from '../types.ts';
import { openDiode } from './diode.ts';
import { openKitti } from './kitti.ts';
import { openNyu } from './nyu.ts';
import { openScannet } from './scannet.ts';
import { openSevenScenes } from './seven-scenes.ts';
import { openSintel } from './sintel.ts';
import { openBonn, openTum } from './tum.ts';

type Open = (folder: string, selection: SequenceSelection) => Promise<SequenceEntry[]>;

/** Public benchmarks that are read in the layout in which they are handed out. */
export const BENCHMARKS: Readonly<Record<string, Open>> = {
  kitti: openKitti,
  nyu: openNyu,
  scannet: openScannet,
  sintel: (folder, selection) => openSintel(folder, selection, 'clean'),
  'sintel-final': (folder, selection) => openSintel(folder, selection, 'final'),
  bonn: openBonn,
  tum: openTum,
  diode: openDiode,
  '7scenes': openSevenScenes,
};
