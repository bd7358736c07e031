// The door of report: one audit in the forms that people and programs want.
import type { SupplyChainReport } from '../supply-chain-types.ts';
import { markdownReport } from './markdown-report.ts';
import { sarifReport } from './sarif-report.ts';

export { type TextOptions, textReport } from './text-report.ts';

export const supplyChainFormats = ['text', 'json', 'sarif', 'markdown'] as const;
export type SupplyChainFormat = (typeof supplyChainFormats)[number];

export function formatSupplyChain(report: SupplyChainReport, format: Exclude<SupplyChainFormat, 'text'>): string {
  if (format === 'sarif') return sarifReport(report);
  return format === 'markdown' ? markdownReport(report) : `${JSON.stringify(report, undefined, 2)}\n`;
}
