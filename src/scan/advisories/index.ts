// The door of advisories: published vulnerabilities, judged for one model by what it uses. It reads no model, so whoever makes reports may come in.
export { type AdvisoryJudgement, judgeAdvisories } from './judge-advisories.ts';
export { advisoryRules } from './rules.ts';
