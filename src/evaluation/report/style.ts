/** Line colours, told apart also by eyes that see few: for light and for dark pages. */
const LIGHT = ['#2463c4', '#d1600c', '#0b7f5d', '#a13a9a', '#98740a', '#c0273f', '#0b839b', '#5c6470'];
const DARK = ['#78aeff', '#ff9f52', '#4fc99f', '#e38ddd', '#e0bd4d', '#ff8291', '#55cfe4', '#aeb5c0'];
/** Contenders whose colours there are; more begin anew. */
const CONTENDERS = 12;

const palette = (colours: readonly string[]) =>
  Array.from({ length: CONTENDERS }, (_, n) => `--c${n}:${colours[n % colours.length]}`).join(';');
const classes = Array.from(
  { length: CONTENDERS },
  (_, n) => `.c${n}{stroke:var(--c${n})}.b${n}{background:var(--c${n})}`,
).join('');

export const STYLE = `
:root{--page:#fbfbf9;--ink:#1c1e21;--soft:#62676f;--rule:#dcdcd6;--panel:#fff;--good:#0b7f5d;--bad:#c0273f;${palette(LIGHT)}}
@media (prefers-color-scheme:dark){:root{--page:#15171a;--ink:#e6e7e9;--soft:#9aa1ab;--rule:#32363c;--panel:#1c1f23;--good:#4fc99f;--bad:#ff8291;${palette(DARK)}}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1500px;padding:24px 28px 60px;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{margin:0;font-size:26px;letter-spacing:-.01em}
h2{margin:44px 0 6px;font-size:19px}
a{color:inherit}
.note,small{color:var(--soft);font-size:13px;font-weight:400}
.contenders{display:flex;flex-wrap:wrap;gap:4px 28px;margin:14px 0 0;padding:0;list-style:none}
.swatch{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:7px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
table.narrow{width:auto}
th,td{padding:4px 10px;text-align:right;white-space:nowrap}
tbody th,td.label,thead th:first-child,thead th:nth-child(2){text-align:left}
thead th{color:var(--soft);font-weight:500;font-size:13px;border-bottom:1px solid var(--rule);vertical-align:bottom}
thead th[colspan]{text-align:center;border-left:12px solid transparent}
tbody th{font-weight:600}
tbody tr.first>*{border-top:1px solid var(--rule)}
tbody tr.mean>*{font-weight:600}
.better{color:var(--good)}.worse{color:var(--bad)}
.interval{display:block;width:160px;height:18px}
.interval line{stroke:var(--soft);stroke-width:2}.interval circle{fill:var(--soft)}
.interval .zero{stroke:var(--rule);stroke-width:1}
.interval.better line:not(.zero){stroke:var(--good)}.interval.better circle{fill:var(--good)}
.interval.worse line:not(.zero){stroke:var(--bad)}.interval.worse circle{fill:var(--bad)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,315px),1fr));gap:14px;margin:12px 0}
.chart{margin:0;padding:10px 12px 4px;border:1px solid var(--rule);border-radius:8px;background:var(--panel)}
.chart figcaption{font-weight:600;font-size:14px}
.level-note{float:right}
.chart svg{display:block;width:100%;height:auto}
.chart text{fill:var(--soft);font:11px system-ui,sans-serif}
.line{fill:none;stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}
.grid{stroke:var(--rule);stroke-width:1}
.mark{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 3}
.level{stroke:var(--soft);stroke-width:1.2;stroke-dasharray:1 3}
.pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,380px),1fr));gap:12px 22px;margin:12px 0;padding-top:12px;border-top:1px solid var(--rule)}
.pictures>div{display:grid;grid-template-columns:1fr 1fr;gap:6px}
.pictures figure{margin:0}
.pictures img{display:block;width:100%;border-radius:5px;background:var(--rule)}
.pictures figcaption{margin-top:3px;font-size:13px;color:var(--soft);overflow-wrap:anywhere}
.legend{display:flex;flex-wrap:wrap;align-items:center;gap:6px 8px;font-size:13px;color:var(--soft)}
.legend i{width:120px;height:12px;border-radius:3px}
.legend i.unknown{width:12px;margin-left:18px;background:rgb(96 96 96)}
.gap{margin-left:22px}
${classes}
`.trim();
