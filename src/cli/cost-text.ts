// The report of `airlock cost` as a table for people.
import { numberText } from '../cost/index.ts';
import type { CostNumber, SignatureCostReport } from './cost-report.ts';
import { formatBytes } from './progress-bar.ts';

const reasons: Readonly<Record<string, string>> = {
  op: 'its cost is not known',
  shape: 'its sizes depend on data',
  loop: 'how often it runs depends on data',
  recursion: 'it calls itself',
};
const maxShownGaps = 10;

/** Everything in the report is printable. */
export function costText(weightBytes: number, reports: readonly SignatureCostReport[]): string {
  return `weights ${formatBytes(weightBytes)}\n${reports.map((report) => `\n${signatureText(report)}`).join('')}`;
}

function signatureText(report: SignatureCostReport): string {
  const { name, sizes, flops, bytes, peakBytes, isBounded } = report;
  const at = sizes.length === 0 ? 'every request alike' : `at ${sizes.map((size) => `${size.name} = ${size.value}`).join(', ')}`;
  const lines = [
    `${name}, ${at}${isBounded ? '' : '; not all of it is bounded'}`,
    ...table([
      ['floating-point operations', countText(flops), flops.formula],
      ['bytes read and written', sizeText(bytes), bytes.formula],
      ['peak memory', sizeText(peakBytes), peakBytes.formula],
    ]),
    ...measuredLines(report),
    ...topLines(report),
    ...gapLines(report),
  ];
  return `${lines.join('\n')}\n`;
}

function measuredLines({ measured, peakBytes }: SignatureCostReport): readonly string[] {
  if (measured === undefined) return [];
  const { milliseconds, predictedMilliseconds, peakBytes: seenBytes } = measured;
  const times = predictedMilliseconds === undefined ? '' : `, predicted ${numberText(predictedMilliseconds)} ms`;
  const share =
    peakBytes.value !== null && seenBytes !== undefined && seenBytes > 0
      ? `, predicted ${numberText(peakBytes.value / seenBytes)} times that`
      : '';
  const memory = seenBytes === undefined ? [] : [`  measured peak memory ${formatBytes(seenBytes)}${share}`];
  return [`  measured time ${numberText(milliseconds)} ms${times}`, ...memory];
}

function topLines({ top }: SignatureCostReport): readonly string[] {
  if (top.length === 0) return [];
  const rows = top.map(({ op, node, share, flops, bytes, memoryBytes }) => [
    `${(share * 100).toFixed(1)} %`,
    op,
    countText({ value: flops }),
    sizeText({ value: bytes }),
    sizeText({ value: memoryBytes }),
    node === '' ? '(the others)' : node,
  ]);
  return table([['share', 'operation', 'operations', 'bytes', 'memory', 'node'], ...rows]);
}

function gapLines({ gaps }: SignatureCostReport): readonly string[] {
  const shown = gaps.slice(0, maxShownGaps).map(({ op, node, why }) => `  not bounded: ${op} ${node}: ${reasons[why] ?? why}`);
  return gaps.length > maxShownGaps ? [...shown, `  and ${gaps.length - maxShownGaps} more`] : shown;
}

function countText({ value }: Pick<CostNumber, 'value'>): string {
  return value === null ? 'beyond all numbers' : numberText(value);
}

function sizeText({ value }: Pick<CostNumber, 'value'>): string {
  // Above this the units of bytes end.
  return value === null || value > 1e15 ? countText({ value }) : formatBytes(value);
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column])).join('  ')}`.trimEnd());
}
