// A rehearsal as one HTML file that loads nothing, for a person who has to decide: the verdict and its reasons first, then a picture of each thing that was compared.
// Every string is escaped, and a policy in the page forbids scripts and connections: names of models and outputs are other people's.
import { escapeHtml } from '../core/index.ts';
import type { RehearsalRecord } from '../runtime/index.ts';
import { differenceBins, type OutputComparison } from './compare-outputs.ts';
import { type ModelRehearsal, requestSources, type SideReport } from './rehearsal-types.ts';
import { colours, columnPlot, flipMatrix, pairPlot, spreadPlot } from './svg-plots.ts';

const style = `body{font:15px/1.45 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#1d2327}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.5rem;border-top:1px solid #d5dadd;padding-top:1rem}h3{font-size:1rem}
.verdict{padding:.1em .6em;border-radius:.3em;color:#fff}.same{background:#2d7a46}.changed{background:#b5741c}.failed{background:#8b0a1a}
code{background:#f0f2f3;padding:0 .25em;overflow-wrap:anywhere}.plots{display:flex;flex-wrap:wrap;gap:2rem;margin:1rem 0}figure{margin:0}
figcaption{font-weight:600}text{font:12px system-ui,sans-serif}table{border-collapse:collapse;margin:.6rem 0}
td,th{padding:.2rem .9rem .2rem 0;text-align:left;vertical-align:top}td code{white-space:nowrap}td.n{text-align:right;font-variant-numeric:tabular-nums}.note{color:#56616a}`;

const meanings = {
  same: 'Within the tolerances everywhere. Nothing speaks against a promotion.',
  changed: 'It works and answers differently. Look at the reasons: a person has to decide.',
  failed: 'Something did not load, did not answer, or could not be compared. Not to be promoted.',
} as const;

export function rehearsalHtml(record: RehearsalRecord, models: readonly ModelRehearsal[]): string {
  const { from, to, verdict, reasons, startedAt, endedAt, id } = record;
  const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TensorFlow ${escapeHtml(from)} to ${escapeHtml(to)}: ${verdict}</title><style>${style}</style></head><body>
<h1>TensorFlow ${escapeHtml(from)} → ${escapeHtml(to)} <span class="verdict ${verdict}">${verdict}</span></h1>
<p>${meanings[verdict]}</p>
<p class="note">Rehearsal <code>${escapeHtml(id)}</code>, ${escapeHtml(startedAt)}, ${seconds.toFixed(0)} s</p>
${reasons.length === 0 ? '' : `<ul>${reasons.map((reason) => `<li>${escapeHtml(reason)}</li>`).join('')}</ul>`}
${summary(models)}
${models.map((model) => modelHtml(model, from, to)).join('\n')}
</body></html>
`;
}

function summary(models: readonly ModelRehearsal[]): string {
  const rows = models.map(({ name, version, verdict, answered, outputs, old, now }) => {
    const worst = Math.max(0, ...outputs.map(({ maxAbsolute }) => maxAbsolute));
    const flips = outputs.reduce((sum, { classFlips }) => sum + classFlips, 0);
    return `<tr><td>${escapeHtml(name)}</td><td>${escapeHtml(version)}</td><td><span class="verdict ${verdict}">${verdict}</span></td>${numbers(
      String(answered),
      number(worst),
      String(flips),
      time(old.times.median),
      time(now.times.median),
      memory(old),
      memory(now),
    )}</tr>`;
  });
  return `<table><tr><th>model</th><th>version</th><th></th><th>compared</th><th>largest difference</th><th>class flips</th><th>median, old</th><th>median, new</th><th>memory, old</th><th>memory, new</th></tr>${rows.join('')}</table>`;
}

function modelHtml(model: ModelRehearsal, from: string, to: string): string {
  const { name, version, verdict, reasons, notes, sources, endings, outputs, old, now, identity } = model;
  const came = requestSources.filter((source) => sources[source] > 0).map((source) => `${sources[source]} ${source}`);
  return `<h2>${escapeHtml(name)} version ${escapeHtml(version)} <span class="verdict ${verdict}">${verdict}</span></h2>
<p class="note">content <code>${escapeHtml(identity)}</code>; requests: ${came.length === 0 ? 'none' : came.join(', ')}</p>
${list(reasons)}${notes.length === 0 ? '' : `<div class="note">${list(notes)}</div>`}
${endings.length === 0 ? '' : `<table><tr><th>on ${escapeHtml(from)}</th><th>on ${escapeHtml(to)}</th><th>requests</th></tr>${endings.map(({ old: a, now: b, count }) => `<tr><td>${a}</td><td>${b}</td>${numbers(String(count))}</tr>`).join('')}</table>`}
<section class="plots">${spreadPlot(
    'Time of a request',
    [
      { label: from, values: old.times.all, colour: colours.old },
      { label: to, values: now.times.all, colour: colours.now },
    ],
    'ms',
  )}${memoryPlot(old, now)}</section>
${outputs.length === 0 ? '' : outputTable(outputs)}
<section class="plots">${outputs.map(outputPlots).join('')}</section>`;
}

const list = (texts: readonly string[]): string =>
  texts.length === 0 ? '' : `<ul>${texts.map((text) => `<li>${escapeHtml(text)}</li>`).join('')}</ul>`;

const numbers = (...cells: readonly string[]): string => cells.map((cell) => `<td class="n">${escapeHtml(cell)}</td>`).join('');

function outputTable(outputs: readonly OutputComparison[]): string {
  const rows = outputs.map((one) => {
    const changes = one.typeChanges + one.shapeChanges + one.stringChanges;
    return `<tr><td><code>${escapeHtml(one.name)}</code></td>${numbers(
      String(one.compared),
      String(one.identical),
      String(one.undecidable),
      String(one.outside),
      String(one.nonFiniteChanges),
      String(changes),
      number(one.maxAbsolute),
      number(one.maxRelative),
      `${number(one.tolerance.absolute)} + ${number(one.tolerance.relative)}·|x|`,
      one.rows === 0 ? '–' : `${one.classFlips} of ${one.rows}`,
    )}</tr>`;
  });
  return `<table><tr><th>output</th><th>answers</th><th>identical</th><th>undecidable</th><th>numbers outside</th><th>NaN, infinite</th><th>type, shape, text</th><th>largest difference</th><th>relative</th><th>tolerance</th><th>class flips</th></tr>${rows.join('')}</table>`;
}

function outputPlots(output: OutputComparison): string {
  const { name, histogram, flips, tolerance, numbers: count } = output;
  const columns = histogram.map((value, index) => ({
    label: binLabel(index),
    value,
    // The absolute part of the tolerance; the relative one depends on each number.
    colour: index === 0 ? colours.good : (differenceBins[index - 1] ?? 0) >= tolerance.absolute ? colours.now : colours.old,
  }));
  const differences = count === 0 ? '' : columnPlot(`${name}: numbers by their difference`, columns);
  return differences + (flips.length === 0 ? '' : flipMatrix(`${name}: rows by old and new class`, flips));
}

function binLabel(index: number): string {
  const end = differenceBins[index];
  if (end === undefined) return 'more';
  return end === 0 ? '0' : `≤${end >= 0.001 ? String(end) : end.toExponential(0)}`;
}

function memoryPlot(old: SideReport, now: SideReport): string {
  if (old.memoryBytes === undefined || now.memoryBytes === undefined) return '';
  const mebibytes = (bytes: number): number => bytes / (1024 * 1024);
  return pairPlot(
    'Memory of the worker',
    [
      { label: old.tensorflow, value: mebibytes(old.memoryBytes), colour: colours.old },
      { label: now.tensorflow, value: mebibytes(now.memoryBytes), colour: colours.now },
    ],
    'MiB',
  );
}

const number = (value: number): string =>
  value === 0 ? '0' : value >= 0.01 && value < 10_000 ? value.toPrecision(3) : value.toExponential(1);
const time = (value: number): string => (value === 0 ? '–' : `${value.toFixed(2)} ms`);
const memory = ({ memoryBytes }: SideReport): string =>
  memoryBytes === undefined ? '–' : `${Math.round(memoryBytes / (1024 * 1024))} MiB`;
