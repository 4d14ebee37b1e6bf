export const VIEWS = ['compare', 'space', 'insert', 'key', 'matte'] as const;
export type View = (typeof VIEWS)[number];

interface ViewText {
  label: string;
  /** What one sees, and what one can do, in plain words. */
  explain: string;
  /** Paths of a 20 x 20 drawing. */
  icon: string;
}

export const VIEW_TEXTS: Record<View, ViewText> = {
  compare: {
    label: 'Compare',
    explain: 'Drag the line. Left of it is the picture; right of it, what is bright is near.',
    icon: '<rect x="2.5" y="4" width="15" height="12" rx="2"/><path d="M10 2v16M13 8l1.5 2-1.5 2"/>',
  },
  space: {
    label: 'In space',
    explain: 'Every point of the picture, moved to its depth. Drag to turn it; scroll or pinch to come nearer.',
    icon: '<path d="M10 2.5l6.5 3.75v7.5L10 17.5l-6.5-3.75v-7.5zM10 10v7.5M10 10l6.5-3.75M10 10L3.5 6.25"/>',
  },
  insert: {
    label: 'Insert',
    explain: 'The planet is not there, and yet nearer things hide it. Click where it shall stand, or drag it.',
    icon: '<circle cx="10" cy="10" r="4"/><ellipse cx="10" cy="10" rx="8" ry="2.6" transform="rotate(-22 10 10)"/>',
  },
  key: {
    label: 'Key',
    explain: 'Near is white, far is black: what a vision mixer takes as a key.',
    icon: '<circle cx="10" cy="10" r="7"/><path d="M10 3a7 7 0 010 14z" fill="currentColor"/>',
  },
  matte: {
    label: 'Cut out',
    explain: 'Only what stands between two distances stays, without a green wall.',
    icon: '<circle cx="5.5" cy="14.5" r="2.5"/><circle cx="5.5" cy="5.5" r="2.5"/><path d="M7.5 7L17 15.5M7.5 13L17 4.5"/>',
  },
};
