// Profiles of a model as one HTML file: a flame view by name scopes, a time line, and tables. It runs no script and loads nothing, and says so in a policy of its own;
// every text in it may have been chosen by a model's author and is escaped.
import { createHash } from 'node:crypto';
import { escapeHtml, printable } from '../core/index.ts';
import { flameFrames } from './flame.ts';
import type { OpProfile, OpStats } from './op-profile.ts';
import type { RunProfile } from './run-profile.ts';

export interface ProfiledSignature {
  readonly name: string;
  readonly profile: OpProfile;
  /** The run that took longest, for the time line. */
  readonly slowest: RunProfile | undefined;
}

const width = 1_200;
const rowHeight = 18;
const maxTextChars = 512;
/** Of a time line: the longest ones are drawn. */
const maxMarks = 2_000;
const maxLanes = 64;
const maxRows = 50;

const style = `body{font:14px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:${width}px;padding:0 1rem;color:#1c2733;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2rem}h3{font-size:1rem;margin:1.2rem 0 .3rem}
svg{width:100%;height:auto;background:#f4f6f8}svg text{font:11px ui-monospace,monospace;fill:#1c2733;pointer-events:none}
svg rect{stroke:#fff;stroke-width:.5}svg rect:hover{stroke:#1c2733}
table{border-collapse:collapse;width:100%}th,td{text-align:right;padding:.15rem .6rem;border-bottom:1px solid #e3e8ed;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left;word-break:break-all;font-family:ui-monospace,monospace}p{color:#52606d}
@media(prefers-color-scheme:dark){body{background:#14191f;color:#e3e8ed}svg{background:#1f262e}svg rect{stroke:#14191f}th,td{border-color:#323b45}p{color:#9aa8b5}}`;

const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`;

function safe(text: string): string {
  return escapeHtml(printable(text, maxTextChars));
}

/** @param facts lines below the title; they may hold anything. */
export function profileHtml(title: string, facts: readonly string[], signatures: readonly ProfiledSignature[]): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width"><title>${safe(title)}</title><style>${style}</style></head><body>
<h1>${safe(title)}</h1>
${facts.map((fact) => `<p>${safe(fact)}</p>`).join('\n')}
${signatures.map(section).join('\n')}
</body></html>
`;
}

function section({ name, profile, slowest }: ProfiledSignature): string {
  const { runs, totalUs, peakBytes } = profile;
  return `<section><h2>${safe(name)}</h2>
<p>${runs} traced runs, ${formatUs(totalUs / Math.max(1, runs))} each; at most ${formatMemory(peakBytes)} allocated at one time.</p>
<h3>Where the time goes</h3>
${flame(profile)}
${slowest === undefined ? '' : `<h3>The slowest run</h3>\n${timeLine(slowest)}`}
<h3>Operations</h3>
${table('operation', profile.ops, runs)}
<h3>Nodes</h3>
${table('node', profile.nodes, runs)}
</section>`;
}

/** The same operation has the same colour everywhere. */
function colourOf(op: string): string {
  let hash = 0;
  for (let i = 0; i < op.length; i++) hash = (hash * 31 + op.charCodeAt(i)) >>> 0;
  return op === '' ? '#c9d2da' : `hsl(${hash % 360} 60% 72%)`;
}

function mark(x: number, y: number, wide: number, label: string, hint: string, op: string): string {
  // A character takes about 6.6 units.
  const room = Math.floor((wide - 6) / 6.6);
  const shown = room < 3 ? '' : label.length > room ? `${label.slice(0, room - 1)}…` : label;
  const text = shown === '' ? '' : `<text x="${(x + 3).toFixed(2)}" y="${y + 13}">${safe(shown)}</text>`;
  return `<rect x="${x.toFixed(2)}" y="${y}" width="${Math.max(0.3, wide).toFixed(2)}" height="${rowHeight}" fill="${colourOf(op)}"><title>${safe(hint)}</title></rect>${text}`;
}

function drawing(rows: number, label: string, marks: readonly string[]): string {
  return `<svg viewBox="0 0 ${width} ${Math.max(1, rows) * rowHeight}" role="img" aria-label="${safe(label)}">${marks.join('')}</svg>`;
}

function flame({ nodes, runs }: OpProfile): string {
  const frames = flameFrames(nodes, runs);
  const rows = frames.reduce((most, { depth }) => Math.max(most, depth + 1), 0);
  const marks = frames.map(({ name, op, depth, from, share, us }) => {
    const hint = `${name}${op === '' ? '' : ` (${op})`}: ${formatUs(us)}, ${(share * 100).toFixed(1)} %`;
    return mark(from * width, depth * rowHeight, share * width, name, hint, op);
  });
  return drawing(rows, 'Time by name scope', marks);
}

function timeLine({ nodes, durationUs }: RunProfile): string {
  const lanes = new Map<number, number>();
  const shown = [...nodes].sort((a, b) => b.durationUs - a.durationUs).slice(0, maxMarks);
  const marks = shown.flatMap(({ node, op, startUs, durationUs: us, peakBytes, thread }) => {
    const lane = lanes.get(thread) ?? lanes.size;
    if (lane >= maxLanes) return [];
    lanes.set(thread, lane);
    const scale = durationUs > 0 ? width / durationUs : 0;
    const hint = `${node} (${op}): ${formatUs(us)} from ${formatUs(startUs)}, ${formatMemory(peakBytes)}`;
    return [mark(startUs * scale, lane * rowHeight, us * scale, op, hint, op)];
  });
  const left = nodes.length - shown.length;
  return `<p>${formatUs(durationUs)}, a row for each thread${left > 0 ? `; ${left} short ones are not drawn` : ''}.</p>\n${drawing(lanes.size, 'Nodes over time', marks)}`;
}

function table(what: string, all: ReadonlyMap<string, OpStats>, runs: number): string {
  let allUs = 0;
  for (const { totalUs } of all.values()) allUs += totalUs;
  const rows = [...all].sort(([, a], [, b]) => b.totalUs - a.totalUs).slice(0, maxRows);
  const cells = rows.map(([name, { op, times, totalUs, maxUs, peakBytes }]) => {
    const label = name === '' ? 'others' : what === 'node' ? `${name} (${op})` : name;
    const share = allUs > 0 ? (totalUs / allUs) * 100 : 0;
    const numbers = [
      `${share.toFixed(1)} %`,
      formatUs(totalUs / Math.max(1, runs)),
      formatUs(maxUs),
      (times / Math.max(1, runs)).toFixed(1),
      formatMemory(peakBytes),
    ];
    return `<tr><td>${safe(label)}</td>${numbers.map((number) => `<td>${number}</td>`).join('')}</tr>`;
  });
  const left = all.size - rows.length;
  return `<table><tr><th>${what}</th><th>share</th><th>per run</th><th>longest</th><th>times</th><th>memory</th></tr>
${cells.join('\n')}</table>${left > 0 ? `<p>${left} more took less.</p>` : ''}`;
}

/** `0.8 µs`, `12 µs`, `3.4 ms`, `2.1 s`. */
export function formatUs(us: number): string {
  const [value, unit] = us < 1_000 ? [us, 'µs'] : us < 1_000_000 ? [us / 1_000, 'ms'] : [us / 1_000_000, 's'];
  return `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`;
}

/** In powers of 1024, as limits are given. */
export function formatMemory(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(unit === 0 || value >= 10 ? 0 : 1)} ${units[unit]}`;
}
