// The door of reporters: one report in the forms that people and programs want.
import type { Report, Rule } from '../scan-types.ts';
import { cyclonedxReport } from './cyclonedx-report.ts';
import { htmlReport } from './html-report.ts';
import { markdownReport } from './markdown-report.ts';
import { openvexReport } from './openvex-report.ts';
import { predicateReport } from './predicate-report.ts';
import { sarifReport } from './sarif-report.ts';

export { rulesMarkdown, rulesText } from './rules-text.ts';
export { type TextOptions, textReport } from './text-report.ts';

export const reportFormats = ['text', 'json', 'sarif', 'markdown', 'html', 'cyclonedx', 'openvex', 'attestation'] as const;
export type ReportFormat = (typeof reportFormats)[number];

/** A report in every form but the one for a terminal. */
export function formatReport(report: Report, format: Exclude<ReportFormat, 'text'>, rules: ReadonlyMap<string, Rule>): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(report, undefined, 2)}\n`;
    case 'sarif':
      return sarifReport(report, rules);
    case 'markdown':
      return markdownReport(report, rules);
    case 'html':
      return htmlReport(report, rules);
    case 'cyclonedx':
      return cyclonedxReport(report);
    case 'attestation':
      return predicateReport(report);
    case 'openvex':
      return openvexReport(report);
  }
}
