// The door of advisories: published vulnerabilities, judged for one model.
export { collectUses } from './collect-uses.ts';
export { type AdvisoryJudgement, judgeAdvisories } from './judge-advisories.ts';
export { advisoryRules } from './rules.ts';
