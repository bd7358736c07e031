// The door of judge: from facts to findings.
export { judgeProject } from './judge-project.ts';
export { resolveIncludes } from './resolve-includes.ts';
export { VersionFacts } from './version-facts.ts';
