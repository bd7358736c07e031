// The door of reporters: one report in the forms that people and programs want.
export { type TextOptions, textReport } from './text-report.ts';
